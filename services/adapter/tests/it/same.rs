//! One batch by every transport: the same counts, the same refused rows in the same words, the same records for
//! monitoring, the same receipt but for what has to differ.

use std::collections::BTreeMap;

use minqing_adapter::{
    Bureau,
    receipt::verify::read,
    row::schema::{About, Column, Form, Schema},
    tables::Dialect,
    template::Way,
};
use minqing_proto::minqing::{
    bureau::v1::{BatchHeader, DigestForm, Receipt},
    monitoring::v1::{CloseBatchRequest, Record},
    types::v1::BatchMode,
};
use minqing_test_kit::TestService;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, Value};
use prost_types::Any;
use uuid::Uuid;

use crate::{
    bureau_db::BureauDb,
    bureaus::{all, sample},
    mesh::{Mesh, header},
    rows::{any, csv, id_number, student, table, xlsx},
};

/// What became of a batch, without what names the one way it came.
#[derive(Debug, PartialEq)]
struct Became {
    counts: [String; 4],
    /// Row, column, reason, both messages.
    refused: Vec<[String; 5]>,
    records: BTreeMap<String, Vec<u8>>,
    closed: Vec<CloseBatchRequest>,
    receipt: Receipt,
}

fn taken(mesh: &Mesh) -> (BTreeMap<String, Vec<u8>>, Vec<CloseBatchRequest>) {
    let records: BTreeMap<String, Record> = std::mem::take(&mut *mesh.monitor.records.lock().unwrap());
    let closes = std::mem::take(&mut *mesh.monitor.closes.lock().unwrap());
    let plain = |mut close: CloseBatchRequest| {
        close.request_id.clear();
        close.batch.as_mut().unwrap().batch_id.clear();
        close
    };
    let records = records.into_iter().map(|(key, record)| (key, record.encode_to_vec())).collect();
    (records, closes.into_iter().map(plain).collect())
}

/// A receipt without its subject and what depends on it, and on which bytes came.
fn plain(receipt: &Receipt, form: DigestForm) -> Receipt {
    assert_eq!(receipt.digest_form(), form);
    assert_eq!(receipt.digest.len(), 64);
    Receipt {
        name: String::new(),
        subject: String::new(),
        digest_form: 0,
        digest: String::new(),
        signature: Vec::new(),
        ..receipt.clone()
    }
}

/// Rows of a dataset, good and bad, as texts and typed.
struct Batch {
    dataset: String,
    lines: Vec<Vec<String>>,
    typed: Vec<Any>,
    bad: usize,
}

impl Batch {
    /// A good row with each value spoilt in its turn, between good ones.
    fn of(schema: &Schema) -> Batch {
        let header = schema.columns.iter().map(|c| c.header.clone()).collect();
        let mut batch = Batch { dataset: schema.name().to_owned(), lines: vec![header], typed: Vec::new(), bad: 0 };
        batch.add(schema, None);
        for column in &schema.columns {
            for text in spoilt(schema.about, column) {
                batch.add(schema, Some((column, &text)));
                batch.bad += 1;
            }
            batch.add(schema, None);
        }
        // The first again, and where rows name somebody the first under another name.
        batch.lines.push(batch.lines[1].clone());
        batch.typed.push(batch.typed[0].clone());
        batch.bad += 1;
        batch
    }

    fn add(&mut self, schema: &Schema, change: Option<(&Column, &str)>) {
        let n = u32::try_from(self.typed.len()).unwrap();
        let (mut texts, mut message) = (Vec::new(), DynamicMessage::new(schema.message.clone()));
        for (column, cell) in schema.columns.iter().zip(sample(schema)) {
            let mut text = match column.form {
                Form::IdNumber => id_number(n),
                Form::Name => format!("张三{n}"),
                // A record's own number, where it has one.
                Form::Text if column.field.name() != "certificate_suffix" => (2026 + n).to_string(),
                // What tells two rows about one division apart.
                Form::Number if column.key && column.field.name().ends_with("_month") && is_of_division(schema) => {
                    (200_001 + n / 12 * 100 + n % 12).to_string()
                }
                _ => plain_text(cell),
            };
            if let Some((changed, to)) = change
                && changed.field == column.field
            {
                to.clone_into(&mut text);
            }
            message.set_field(&column.field, value(&column.field.kind(), &text));
            texts.push(text);
        }
        self.lines.push(texts);
        self.typed.push(any(&message));
    }
}

fn is_of_division(schema: &Schema) -> bool {
    matches!(schema.about, About::County | About::Township)
}

fn plain_text(cell: minqing_adapter::row::Cell) -> String {
    match cell {
        minqing_adapter::row::Cell::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

fn value(kind: &Kind, text: &str) -> Value {
    match kind {
        Kind::String => Value::String(text.to_owned()),
        Kind::Bool => Value::Bool(text == "是"),
        Kind::Int32 => Value::I32(text.parse().unwrap()),
        Kind::Int64 => Value::I64(text.parse().unwrap()),
        other => panic!("{other:?}"),
    }
}

/// Values a column must refuse on every transport.
fn spoilt(about: About, column: &Column) -> Vec<String> {
    let texts: &[&str] = match column.form {
        Form::IdNumber => &["62120219800101", "621202198001010019", "６２１２０２x"],
        Form::Name => &["", "=HYPERLINK(\"x\")\u{fffd}"],
        Form::Date => &["2026-02-30", "2026-10-27", "昨天"],
        Form::AnyDate => &["2026-02-30", "'); drop table mq_batch; --"],
        Form::Month => &["2026-13"],
        Form::Division => match about {
            About::Person { .. } => &["621202987", "621221100", "陇南"],
            About::County => &["621202987", "621221", "陇南", "621202001", "621202001201"],
            About::Township => &["621202987", "621221100", "陇南", "621202", "621202001201"],
        },
        Form::Code => &["不详\"", "Robert'); --"],
        Form::Number => &["-9223372036854775807"],
        Form::Truth => &[],
        Form::Text => &["高\nx\u{fffd}"],
    };
    let mut texts: Vec<_> = texts.iter().map(|t| (*t).to_owned()).collect();
    if column.form == Form::Number && column.field.kind() == Kind::Int32 {
        texts = vec!["-2147483648".to_owned()];
    }
    if column.form == Form::Text {
        texts.push("长".repeat(column.max_length + 1));
    }
    texts
}

async fn by_grpc(mesh: &Mesh, batch: &Batch) -> Became {
    let header = BatchHeader {
        request_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, batch.dataset.as_bytes()).to_string(),
        ..header(&batch.dataset, batch.typed.len())
    };
    let answer = mesh.submit(&header, &batch.typed).await.unwrap();
    let refused = answer.errors.iter().map(|e| {
        let reason = e.reason().as_str_name().trim_start_matches("ROW_REASON_").to_owned();
        [e.row.to_string(), e.header.clone(), reason, e.message_zh.clone(), e.message.clone()]
    });
    let (records, closed) = taken(mesh);
    let b = answer.batch.unwrap();
    Became {
        counts: [b.sent, b.accepted, b.refused, b.changed].map(|n| n.to_string()),
        refused: refused.collect(),
        records,
        closed,
        receipt: plain(&answer.receipt.unwrap(), DigestForm::Rows),
    }
}

async fn by_file(mesh: &Mesh, batch: &Batch, ending: &str) -> Became {
    let name = format!("{}__621202__2026-10-26__changes__B-1__{}.{ending}", batch.dataset, batch.typed.len());
    let content = if ending == "csv" { csv(&batch.lines) } else { xlsx(&batch.lines) };
    let told = mesh.take_file(&name, &content).await;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(told.text.as_bytes());
    let lines: Vec<csv::StringRecord> = reader.records().map(|r| r.unwrap()).collect();
    let count = |key: &str| {
        let line = lines.iter().find(|l| l.get(0).is_some_and(|k| k.ends_with(key)));
        line.unwrap_or_else(|| panic!("{}", told.text))[1].to_owned()
    };
    let head = lines.iter().position(|l| l.get(0) == Some("行号 row")).unwrap();
    let refused = lines[head + 1..].iter().map(|l| [0, 1, 2, 3, 4].map(|at| unescaped(&l[at])));
    let (records, closed) = taken(mesh);
    let receipt = read(&mesh.read("result", &format!("{name}.receipt.json"))).unwrap().remove(0);
    Became {
        counts: ["sent", "accepted", "refused", "changed"].map(count),
        refused: refused.collect(),
        records,
        closed,
        receipt: plain(&receipt, DigestForm::File),
    }
}

/// A result file keeps a spreadsheet from taking a text for a formula.
fn unescaped(text: &str) -> String {
    text.strip_prefix('\'').unwrap_or(text).to_owned()
}

async fn by_table(mesh: &Mesh, db: &BureauDb, adapter: &TestService, batch: &Batch) -> Became {
    db.of_texts(&batch.dataset, &batch.lines[0]).await;
    // Every dataset's batch here has the same number, as on the other ways.
    db.run(
        "delete from mq_batch; delete from mq_batch_result; delete from mq_row_result; delete from mq_signed_receipt",
    )
    .await;
    db.send("B-1", &batch.dataset, &batch.lines).await;
    let pass = adapter.running.reconcile_once("tables").await.unwrap();
    assert!(pass.caught_up && pass.did == 1, "{pass:?}");
    assert_eq!(db.result("B-1").await.unwrap()[0], "taken", "{:?}", db.result("B-1").await);
    let refused = db.refused("B-1").await.into_iter().map(|row| {
        let [no, seq, column, reason, zh, en]: [String; 6] = row.try_into().unwrap();
        assert_eq!(seq, (10 + 3 * (no.parse::<i64>().unwrap() - 1)).to_string(), "the bureau's own number of the row");
        [no, column, reason, zh, en]
    });
    let refused = refused.collect();
    let (records, closed) = taken(mesh);
    let receipts = db.receipts("B-1").await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].batch_no, "B-1");
    Became {
        counts: db.counts("B-1").await.try_into().unwrap(),
        refused,
        records,
        closed,
        receipt: plain(&receipts[0], DigestForm::Table),
    }
}

async fn all_ways_agree(bureau: Bureau) {
    let postgres = BureauDb::start(Dialect::Postgres, bureau, Way::Numbered).await;
    let maria = BureauDb::start(Dialect::MySql, bureau, Way::Numbered).await;
    let mesh = Mesh::with_database(bureau, &postgres.url).await;
    let second = mesh.another(&maria.url).await;
    for schema in Schema::all(bureau).unwrap() {
        let batch = Batch::of(&schema);
        let first = by_grpc(&mesh, &batch).await;
        assert_eq!(first.refused.len(), batch.bad, "{} {:#?}", batch.dataset, first.refused);
        assert_eq!(first.records.len(), batch.typed.len() - batch.bad);
        // An archive cannot hold the characters that stand for unreadable bytes in the other ways' texts, and keeps
        // them as they are; everything else is one text.
        assert_eq!(by_file(&mesh, &batch, "csv").await, first, "{} csv", batch.dataset);
        assert_eq!(by_file(&mesh, &batch, "xlsx").await, first, "{} xlsx", batch.dataset);
        let mut third = by_table(&mesh, &postgres, &mesh.adapter, &batch).await;
        assert_eq!(third, first, "{} PostgreSQL", batch.dataset);
        third = by_table(&mesh, &maria, &second, &batch).await;
        // Each process has a key of its own here.
        third.receipt.key_id.clone_from(&first.receipt.key_id);
        assert_eq!(third, first, "{} MariaDB", batch.dataset);
    }
}

#[tokio::test]
async fn one_batch_of_every_dataset_has_one_outcome_on_every_way() {
    for bureau in all() {
        all_ways_agree(bureau).await;
    }
}

#[tokio::test]
async fn typed_columns_of_the_ddl_hold_what_the_contract_says() {
    let bureau = minqing_adapter_education::bureau();
    let rows: Vec<_> = (1..=7).map(student).collect();
    let mut lines = table(&rows);
    for (at, field) in
        ["id_number", "name", "division_code", "stage", "school_code", "grade", "boarding", "enrolled_on", "status"]
            .into_iter()
            .enumerate()
    {
        field.clone_into(&mut lines[0][at]);
    }
    for line in &mut lines[1..] {
        line[6] = if line[6] == "是" { "1" } else { "0" }.to_owned();
    }
    for dialect in crate::bureau_db::SERVERS {
        // Feeds' tables are made of the same columns.
        BureauDb::start(dialect, bureau, Way::Feed).await;
        let db = BureauDb::start(dialect, bureau, Way::Numbered).await;
        let mesh = Mesh::with_database(bureau, &db.url).await;
        let typed: Vec<_> = rows.iter().map(any).collect();
        mesh.submit(&header("student_enrolment", rows.len()), &typed).await.unwrap();
        let (sent, mut closed) = taken(&mesh);
        if dialect == Dialect::Postgres {
            // Its boolean is written as such.
            db.run("alter table mq_student_enrolment alter boarding type smallint using null").await;
            db.insert("student_enrolment", ("mq_batch_no", "T-1"), 1, &lines).await;
            db.run("alter table mq_student_enrolment alter boarding type boolean using boarding = 1").await;
        } else {
            db.insert("student_enrolment", ("mq_batch_no", "T-1"), 1, &lines).await;
        }
        db.announce("T-1", "学籍信息", "全量", rows.len()).await;
        mesh.adapter.running.reconcile_once("tables").await.unwrap();
        assert_eq!(db.result("T-1").await.unwrap()[0], "taken", "{:?}", db.result("T-1").await);
        assert_eq!(db.refused("T-1").await, Vec::<Vec<String>>::new());
        let (by_table, again) = taken(&mesh);
        assert_eq!(by_table, sent, "{dialect:?}");
        closed[0].batch.as_mut().unwrap().mode = BatchMode::Snapshot as i32;
        assert_eq!(again, closed);
    }
}
