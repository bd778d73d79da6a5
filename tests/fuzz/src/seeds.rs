//! Inputs to begin with: what the decoders are for, and the edges that were met.

use std::io::{Cursor, Write as _};

use encoding_rs::GB18030;
use minqing_adapter::row::schema::{About, Column, Form, Schema};
use minqing_kit::page;
use minqing_proto::minqing::{
    bureau::v1::{
        BatchHeader, BatchRows, DigestForm, Receipt, ReceiptKind, SubmitBatchRequest, submit_batch_request::Part,
    },
    types::v1::{BatchMode, Bureau},
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, Value};
use prost_types::Any;
use rust_xlsxwriter::Workbook;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    policy::{FILES, archive},
    rows::SCHEMAS,
};

const ID: &str = "62120219900101019X";

/// Every tenth dataset, with the two bytes that choose it.
fn some() -> impl Iterator<Item = ([u8; 2], &'static Schema)> {
    SCHEMAS.iter().enumerate().step_by(10).map(|(at, schema)| (u16::try_from(at).unwrap().to_be_bytes(), schema))
}

/// A good value, as a bureau may write it.
fn text(schema: &Schema, column: &Column) -> String {
    match column.form {
        Form::IdNumber => ID.to_owned(),
        Form::Name => "张三".to_owned(),
        Form::Date => "2026-10-01".to_owned(),
        Form::AnyDate => "2036/10/1".to_owned(),
        Form::Month => "2026年9月".to_owned(),
        Form::Division if schema.about == About::County => "621202".to_owned(),
        Form::Division => "621202001".to_owned(),
        Form::Code => column.codes.keys().min().unwrap().clone(),
        Form::Number => column.min.unwrap_or(0).max(1).to_string(),
        Form::Truth => "是".to_owned(),
        Form::Text if column.field.name() == "certificate_suffix" => "11".to_owned(),
        Form::Text => "2026\"，\"".chars().take(column.max_length).collect(),
    }
}

fn lines(schema: &Schema) -> [Vec<String>; 2] {
    let columns = schema.columns.iter();
    [columns.clone().map(|c| c.header.clone()).collect(), columns.map(|c| text(schema, c)).collect()]
}

fn comma_separated(schema: &Schema) -> String {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    lines(schema).map(|line| line.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n").concat()
}

fn after(which: &[u8], rest: impl AsRef<[u8]>) -> Vec<u8> {
    [which, rest.as_ref()].concat()
}

pub fn csv() -> Vec<Vec<u8>> {
    let each = some().flat_map(|(which, schema)| {
        let text = comma_separated(schema);
        [after(&which, &text), after(&which, GB18030.encode(&text).0)]
    });
    let odd = ["", "a,b\n", "\u{feff}\n", "\"\n", "a\n\n\n,\n"].map(|text| after(&[0, 0], text));
    each.chain(odd).collect()
}

pub fn xlsx() -> Vec<Vec<u8>> {
    let book = |schema: &Schema| {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        for (row, line) in (0..).zip(lines(schema)) {
            for (column, cell) in (0..).zip(line) {
                sheet.write_string(row, column, cell).unwrap();
            }
        }
        book.save_to_buffer().unwrap()
    };
    some().step_by(3).map(|(which, schema)| after(&which, book(schema))).collect()
}

/// The two lines as a sheet's XML.
fn inline(schema: &Schema) -> String {
    let cell = |text: &String| format!("<c t=\"inlineStr\"><is><t>{}</t></is></c>", text.replace('"', ""));
    let row = |line: Vec<String>| format!("<row>{}</row>", line.iter().map(cell).collect::<String>());
    lines(schema).map(row).concat()
}

pub fn xlsx_parts() -> Vec<Vec<u8>> {
    let mixed = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" s=\"1\"><v>44927.5</v></c></row>\
                 <row r=\"3\"><c r=\"A3\" t=\"b\"><v>1</v></c><c r=\"B3\" t=\"e\"><v>#N/A</v></c><c r=\"XFD3\" t=\"d\"><v>2026-10-01</v></c></row>\0\
                  count=\"2\" uniqueCount=\"2\"><si><t>身份证号</t></si><si><r><t>a</t></r></si>\0\
                 <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs>";
    some().map(|(which, schema)| after(&which, inline(schema) + "\0>")).chain([after(&[0, 0], mixed)]).collect()
}

fn packed(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn zip() -> Vec<Vec<u8>> {
    let (stored, deflated) = (CompressionMethod::Stored, CompressionMethod::Deflated);
    let zeros = [0; 20_000];
    vec![
        packed(&[("receipt_1.csv", b"x\n"), ("feedback_1.csv", b"y\n")], stored),
        packed(&[("学籍信息__621202__2026-10-26__增量__B1.csv", b"x\n"), ("b.xlsx", &zeros)], deflated),
        packed(&[("a/b.csv", b"x\n")], stored),
        packed(&[("a.zip", b"")], stored),
        packed(&[], stored),
    ]
}

pub fn form() -> Vec<Vec<u8>> {
    let feedback = "记录编号,转介编号,身份证号,项目代码,处理结果,救助金额元,服务次数,办理日期\n\
                    F-1,referrals/0198,62120219900101019X,medical_aid,准予,\"1,234.50\",1,2026-10-01\n,,,,,,,\n";
    vec![
        after(&[0], "转介编号,签收人\nreferrals/0198,u-1\n"),
        after(&[1], feedback),
        after(&[1], GB18030.encode(feedback).0),
        after(&[1], "record_no,programme,decision,handled_on,amount_fen\n1,a,granted,2026-10-01,-5\n"),
    ]
}

pub fn table_rows() -> Vec<Vec<u8>> {
    [
        "mq_seq,id_number,name\n\"1\",\"62120219900101019X\",\"张\"\"三\"\n\"2\",,\"\"\n",
        "mq_seq\n\"1\"\n",
        "mq_seq,\"a,b\"\n",
        "",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// A good row as its message.
fn message(schema: &Schema) -> Vec<u8> {
    let mut message = DynamicMessage::new(schema.message.clone());
    for column in &schema.columns {
        let value = match column.field.kind() {
            Kind::Bool => Value::Bool(true),
            Kind::Int32 => Value::I32(i32::try_from(column.min.unwrap_or(0).max(1)).unwrap()),
            Kind::Int64 => Value::I64(column.min.unwrap_or(0).max(1)),
            _ => Value::String(text(schema, column)),
        };
        message.set_field(&column.field, value);
    }
    message.encode_to_vec()
}

pub fn proto_row() -> Vec<Vec<u8>> {
    some().map(|(which, schema)| after(&which, message(schema))).collect()
}

pub fn proto_batch() -> Vec<Vec<u8>> {
    let header = BatchHeader {
        request_id: "01980000-0000-7000-8000-000000000001".to_owned(),
        batch_no: "B-1".to_owned(),
        dataset: "student_enrolment".to_owned(),
        mode: BatchMode::Changes as i32,
        division_code: "621202".to_owned(),
        as_of: "2026-10-26".to_owned(),
        row_count: 1,
        signature: None,
    };
    let row = |schema: &Schema| Any {
        type_url: format!("type.googleapis.com/{}", schema.message.full_name()),
        value: message(schema),
    };
    let rows = BatchRows { rows: some().map(|(_, schema)| row(schema)).take(3).collect() };
    [Part::Header(header), Part::Rows(rows)].map(|part| SubmitBatchRequest { part: Some(part) }.encode_to_vec()).into()
}

pub fn receipt() -> Vec<Vec<u8>> {
    let receipt = Receipt {
        name: "receipts/01980000-0000-7000-8000-000000000001".to_owned(),
        kind: ReceiptKind::Batch as i32,
        bureau: Bureau::Education as i32,
        subject: "batches/01980000-0000-7000-8000-000000000001".to_owned(),
        batch_no: "B-1".to_owned(),
        dataset: "student_enrolment".to_owned(),
        mode: BatchMode::Changes as i32,
        division_code: "621202000000".to_owned(),
        as_of: "2026-10-26".to_owned(),
        sent: 3,
        accepted: 2,
        refused: 1,
        digest_form: DigestForm::File as i32,
        digest: "00".repeat(32),
        issued_time: "2026-10-26T08:00:00Z".to_owned(),
        ..Receipt::default()
    };
    let json = |receipts: &[Receipt]| minqing_adapter::receipt::to_json(receipts).unwrap();
    let one = std::slice::from_ref(&receipt);
    vec![after(&[0], receipt.encode_to_vec()), json(one), json(&[receipt.clone(), receipt.clone()]), b"[]".to_vec()]
}

pub fn id_number() -> Vec<Vec<u8>> {
    [
        ID,
        "621202900101019",
        "６２１２０２１９９００１０１０１９Ｘ",
        " 62120219900101019x ",
        "6.21202E+17",
        "62120219900230001X",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub fn values() -> Vec<Vec<u8>> {
    [
        "2026-01-31",
        "20260131",
        "2026年1月31日",
        "２０２６／１／３１",
        "2026-01-31T08:00:00",
        "202601",
        "2026年1月",
        "1,234.50",
        "-0.07",
        "98%",
        "99999999999999999999",
        "是",
        "×",
        "621202",
        "621202001",
        "6.2E+17",
        "身份证号",
        "1",
        "\u{200b} x\u{feff}",
    ]
    .map(|text| after(&[0, 0], text))
    .into()
}

pub fn names() -> Vec<Vec<u8>> {
    let token = page::next_token("row", "filter");
    [
        "student_enrolment__621202__2026-10-26__snapshot__B_01__120.CSV",
        "学籍信息__621202__20261026__增量__B1.xlsx",
        "receipt_1.csv",
        "feedback_1.xlsx",
        "day.zip",
        "x.txt",
        "batches/01980000-0000-7000-8000-000000000001",
        "bureau/outside/police",
        "service/dispatch",
        &token,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub fn policy_yaml() -> Vec<Vec<u8>> {
    let each = (0_u8..).zip(FILES.values()).map(|(which, text)| after(&[which], text));
    let two = archive(["calendar.yaml", "pack.yaml"].map(|name| (name, FILES[name])));
    each.chain([after(&[255], two), vec![255]]).collect()
}

pub fn policy_expression() -> Vec<Vec<u8>> {
    let person = [
        "full_years(birth_on, as_of)",
        "case when birth_on < date '2000-01-01' then 1 else 2 end",
        "((((1))))",
        "coalesce(full_years(birth_on, as_of), 0) * 2",
        "extract(year from birth_on)",
        "-1",
        "'a' = 'b'",
        "null",
        "birth_on is not null and not (1 = 2) or true",
        "(select 1)",
        "pg_sleep(1)",
    ];
    let rows = [
        "bool_or(assistance_class = 'minimum_living')",
        "count(*)",
        "count(*) > 1 and max(amount_fen) is null",
        "bool_or(assistance_class in ('minimum_living', 'destitute') and amount_fen > 0)",
    ];
    let facts = [
        "age >= adult_age",
        "age between 18 and 59 and not own_minimum_living",
        "age / 0 > 1",
        "age * 9223372036854775807 > 1",
    ];
    let amounts = [
        "ceil(minimum_living_standard * age / 100) * 100",
        "greatest(minimum_living_standard, minimum_living_standard / 3 * age)",
        "case when age > 60 then minimum_living_standard else round(minimum_living_standard * 0.35) end",
    ];
    let places = [person.as_slice(), &rows, &facts, &amounts];
    (0..).zip(places).flat_map(|(which, texts)| texts.iter().map(move |text| after(&[which], text))).collect()
}

pub fn bureau_yaml() -> Vec<Vec<u8>> {
    [
        "datasets: [police_household_register, civil_marriage]\nheaders: {登记证号: registration_no}\n\
         code_tables: {marriage_event: {divorce: [协议离婚, 诉讼离婚]}}\n",
        "{}",
        "datasets: [nothing]\n",
        "headers: &a {x: *a}\n",
        "code_tables: {marriage_event: {widowed: [丧偶]}}\n",
    ]
    .map(|text| after(&[9], text))
    .into()
}

pub fn gateway_json() -> Vec<Vec<u8>> {
    let receipt = receipt().swap_remove(1);
    vec![
        after(&[0], r#"{"idNumber": "62120219900101019X"}"#),
        after(&[1], r#"{"pageSize": 20, "division_code": "621202", "assistanceClass": "ASSISTANCE_CLASS_EDGE"}"#),
        after(&[1], "pageSize=20\ndivision_code=621202\nassistanceClass=ASSISTANCE_CLASS_EDGE"),
        after(&[2], r#"{"parent": "households/01980000-0000-7000-8000-000000000001", "pageToken": ""}"#),
        after(&[3], "state=1\nstate=2\npageSize=-1"),
        after(&[4], receipt),
        after(&[4], "sent=1\nmode=BATCH_MODE_CHANGES\nsignature=x"),
    ]
}

#[cfg(test)]
mod tests {
    use minqing_adapter::{RawRow, files::archive::members, trial};
    use minqing_policy::Pack;

    use super::*;
    use crate::{policy::SMALL, rows::checks, tables::workbook};

    #[test]
    fn seeds_are_what_the_decoders_are_for() {
        for (_, schema) in some() {
            let type_url = format!("type.googleapis.com/{}", schema.message.full_name());
            let row = RawRow::of_any(schema, 1, &Any { type_url, value: message(schema) }).unwrap();
            let clean = row.check(1, &checks());
            assert!(clean.is_ok(), "{:?}", clean.map_err(|fault| fault.explain(schema)));
            let bureau = minqing_bureaus::by_name(&schema.dataset.bureau).unwrap();
            let csv = comma_separated(schema).into_bytes();
            for file in [csv, workbook((inline(schema) + "\0>").as_bytes())] {
                let file = trial::file(bureau, schema.name(), &file, checks().today).unwrap();
                assert_eq!((file.good, file.errors), (1, Vec::new()), "{}", schema.name());
            }
        }
        assert_eq!(members(Cursor::new(&zip()[1])).unwrap().len(), 2);
        for (files, examples) in [(&FILES, 2), (&SMALL, 1)] {
            let files = files.iter().map(|(name, text)| (*name, *text));
            let pack = Pack::from_archive(&archive(files)).unwrap_or_else(|errors| panic!("{errors}"));
            let worked = pack.work_examples();
            assert!(worked.len() == examples && worked.iter().all(|w| w.failure.is_none()), "{worked:?}");
        }
    }
}
