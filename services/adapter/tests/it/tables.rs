//! Batches and feeds by the tables of a bureau's own database, on both servers: what is taken, when, and what is told.

use minqing_adapter::{tables::Dialect, template::Way};
use minqing_kit::keys::VerifyingKey;
use minqing_test_kit::until;
use sha2::{Digest as _, Sha256};

use crate::{
    bureau_db::{BureauDb, SERVERS},
    mesh::Mesh,
    raw::replay,
    rows::{id_number, student, table},
};

const SET: &str = "student_enrolment";

/// A bureau with text columns under Chinese headers, and its adapter.
pub async fn begin(dialect: Dialect) -> (BureauDb, Mesh) {
    let bureau = minqing_adapter_education::bureau();
    let db = BureauDb::start(dialect, bureau, Way::Numbered).await;
    db.of_texts(SET, &table(&[student(1)])[0]).await;
    let mesh = Mesh::with_database(bureau, &db.url).await;
    (db, mesh)
}

pub fn students(numbers: impl Iterator<Item = u32>) -> Vec<Vec<String>> {
    table(&numbers.map(student).collect::<Vec<_>>())
}

/// Passes until nothing waits any more.
pub async fn until_caught_up(mesh: &Mesh) {
    until("the batches to be taken", async || {
        let told = mesh.adapter.running.reconcile_once("tables").await;
        told.is_ok_and(|pass| pass.caught_up).then_some(())
    })
    .await;
}

pub fn records(mesh: &Mesh) -> usize {
    mesh.monitor.records.lock().unwrap().len()
}

/// Rows of one of the adapter's own tables that hold for a condition.
pub async fn own(mesh: &Mesh, rest: &str) -> i64 {
    let mut conn = mesh.adapter.running.context.db.acquire().await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from {rest}"));
    sqlx::query_scalar(sql).fetch_one(&mut *conn).await.unwrap()
}

#[tokio::test]
async fn a_batch_is_taken_only_when_it_is_declared_ready_and_only_once() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let lines = students(1..4);
        db.insert(SET, ("mq_batch_no", "B-1"), 5, &lines).await;
        db.announce("B-1", SET, "changes", 3).await;
        db.run("update mq_batch set ready_at = null").await;
        until_caught_up(&mesh).await;
        assert_eq!((records(&mesh), db.result("B-1").await), (0, None), "{dialect:?}");

        db.run("update mq_batch set ready_at = '2026-10-26 09:00:00'").await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("B-1").await, ["3", "3", "0", "3"]);
        let parts = mesh.monitor.parts.lock().unwrap().len();

        // The number again, for other rows: what was told stands, and nothing is taken.
        db.insert(SET, ("mq_batch_no", "B-1"), 1_000, &students(4..6)).await;
        db.run("update mq_batch set row_count = 5, ready_at = '2026-10-26 10:00:00'").await;
        until_caught_up(&mesh).await;
        assert_eq!(mesh.monitor.parts.lock().unwrap().len(), parts);
        assert_eq!(db.counts("B-1").await, ["3", "3", "0", "3"]);
        assert_eq!(own(&mesh, "table_batch where state = 'told' and batch_id is not null").await, 1);
    }
}

#[tokio::test]
async fn numbers_mean_what_they_say_whatever_the_servers_collation() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        if dialect == Dialect::MySql {
            db.run("alter table mq_student_enrolment convert to character set utf8mb4 collate utf8mb4_general_ci")
                .await;
        }
        db.insert(SET, ("mq_batch_no", "b-1"), 1, &students(1..3)).await;
        db.insert(SET, ("mq_batch_no", "B-1"), 2, &students(3..6)).await;
        db.insert(SET, ("mq_batch_no", "B-1 "), 1_000, &students(6..7)).await;
        db.announce("b-1", SET, "changes", 2).await;
        db.announce("B-1", SET, "changes", 3).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("b-1").await, ["2", "2", "0", "2"], "{dialect:?} {:?}", db.result("b-1").await);
        assert_eq!(db.counts("B-1").await, ["3", "3", "0", "3"], "{dialect:?} {:?}", db.result("B-1").await);
        assert_eq!(records(&mesh), 5);
    }
}

#[tokio::test]
async fn the_bureau_can_make_the_bytes_its_receipt_is_for() {
    let (db, mesh) = begin(Dialect::Postgres).await;
    let mut lines = students(1..600);
    lines[3][1] = "引\"号,逗号".to_owned();
    db.send("B-1", SET, &lines).await;
    until_caught_up(&mesh).await;
    let receipt = db.receipts("B-1").await.remove(0);
    // As COPY writes it, by hand.
    let rest = "from mq_student_enrolment where mq_batch_no = 'B-1' order by mq_seq";
    let columns: Vec<_> = std::iter::once("mq_seq".to_owned()).chain(lines[0].iter().map(|h| db.quoted(h))).collect();
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    let quoted = |v: &String| if v == "∅" { String::new() } else { format!("\"{}\"", v.replace('"', "\"\"")) };
    let mut text = format!("mq_seq,{}\n", lines[0].join(","));
    for row in db.texts(&columns, rest).await {
        text.push_str(&row.iter().map(quoted).collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    let digest: String = Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(receipt.digest, digest);
    assert_eq!((receipt.sent, receipt.operator.as_str()), (599, ""));
    let key: &VerifyingKey = &mesh.adapter.receipt_key;
    let rows: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    assert_eq!(minqing_adapter::receipt::verify::check(&receipt, key, Some(rows), None).word(), "GOOD");
    // Nothing of a person is kept but sealed.
    assert!(!mesh.database_holds(&id_number(1)).await);
    assert!(own(&mesh, "raw where transport = 'table' and batch_id is not null").await == 1);
}

#[tokio::test]
async fn a_table_batch_is_run_again_from_what_was_sealed() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let mut lines = students(1..30);
        lines[3][3] = "?".to_owned();
        lines[7][1] = "引\"号,\n换行".to_owned();
        db.send("B-1", SET, &lines).await;
        until_caught_up(&mesh).await;
        let first = std::mem::take(&mut *mesh.monitor.records.lock().unwrap());
        let receipt = db.receipts("B-1").await.remove(0);
        db.run("delete from mq_student_enrolment").await;
        let again = replay(&mesh, 1, &receipt.subject).await.unwrap();
        assert_eq!(*mesh.monitor.records.lock().unwrap(), first, "{dialect:?}");
        let told: Vec<_> =
            again.errors.iter().map(|e| [e.row.to_string(), e.header.clone(), e.message_zh.clone()]).collect();
        let refused = db.refused("B-1").await;
        let kept: Vec<_> = refused.iter().map(|r| [r[0].clone(), r[2].clone(), r[4].clone()]).collect();
        assert_eq!(told, kept);
        assert_eq!(told.len(), 2);
        let (batch, signed) = (again.batch.unwrap(), again.receipt.unwrap());
        assert_eq!((batch.sent, batch.accepted, batch.refused), (29, 27, 2));
        assert_eq!((signed.digest, signed.digest_form), (receipt.digest, receipt.digest_form));
    }
}

#[tokio::test]
async fn a_feed_is_taken_from_mark_to_mark_and_no_change_is_lost_or_taken_twice() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let mark = async |seq: i64, as_of: &str| {
            db.run("delete from mq_feed").await;
            db.run(&format!(
                "insert into mq_feed (dataset, county, as_of, settled_seq) values ('{SET}', '621202', '{as_of}', {seq})"
            ))
            .await;
            until_caught_up(&mesh).await;
        };
        db.insert(SET, ("mq_county", "621202"), 10, &students(1..4)).await; // 10, 13, 16
        db.insert(SET, ("mq_county", "621221"), 11, &students(50..52)).await;
        // The last is not final yet.
        mark(13, "2026-10-25").await;
        assert_eq!(records(&mesh), 2, "{dialect:?}");
        let first = "student_enrolment.621202.2026-10-25.13";
        assert_eq!(db.counts(first).await, ["2", "2", "0", "2"]);
        assert_eq!(db.receipts(first).await.len(), 1);

        mark(13, "2026-10-25").await;
        assert_eq!(mesh.monitor.closes.lock().unwrap().len(), 1, "nothing new, nothing taken");
        // A day later without changes: the feed is fresh.
        mark(13, "2026-10-26").await;
        assert_eq!(mesh.monitor.closes.lock().unwrap().len(), 2);
        assert_eq!(db.counts("student_enrolment.621202.2026-10-26.13").await, ["0", "0", "0", "0"]);

        // A stretch that is refused whole stays: what it held comes with the next mark.
        db.run(&format!(
            "alter table mq_student_enrolment add extra {}",
            if dialect == Dialect::Postgres { "bytea" } else { "blob" }
        ))
        .await;
        mark(16, "2026-10-26").await;
        assert_eq!(db.result("student_enrolment.621202.2026-10-26.16").await.unwrap()[..2], ["refused", "COLUMN_TYPE"]);
        assert_eq!(records(&mesh), 2);
        db.run("alter table mq_student_enrolment drop column extra").await;
        db.insert(SET, ("mq_county", "621202"), 20, &students(7..9)).await; // 20, 23
        mark(23, "2026-10-26").await;
        assert_eq!(db.counts("student_enrolment.621202.2026-10-26.23").await, ["3", "3", "0", "3"]);
        assert_eq!(records(&mesh), 5);
        assert_eq!(own(&mesh, "table_feed where taken_seq = 23 and open_no is null").await, 1);
    }
}
