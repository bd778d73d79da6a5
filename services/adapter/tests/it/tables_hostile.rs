//! Tables that are not what they should be: the batch is refused or waits, says why where the bureau looks, and nothing
//! else is harmed.

use minqing_adapter::tables::{Control, Database, Dialect, Step, Watcher};
use std::sync::Arc;

use crate::{
    bureau_db::{BureauDb, SERVERS},
    mesh::Mesh,
    rows::id_number,
    tables::{begin, own, records, students, until_caught_up},
};

const SET: &str = "student_enrolment";

/// A watcher as another process of the same adapter has it.
pub fn watcher(db: &BureauDb, mesh: &Mesh) -> Watcher {
    let cx = mesh.adapter.running.context.clone();
    let database = Database::new(&db.url, &minqing_kit::metrics::Metrics::new()).unwrap();
    let core = minqing_adapter::core::Core::new(mesh.bureau, cx).unwrap();
    Watcher::new(Arc::new(core), Arc::new(database))
}

pub async fn one_ready(watcher: &Watcher) -> Control {
    let mut ready = watcher.ready().await.unwrap();
    assert_eq!(ready.len(), 1);
    ready.remove(0)
}

#[tokio::test]
async fn a_table_that_cannot_be_read_refuses_the_batch_and_names_what_to_mend() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let kind =
            |postgres: &'static str, mysql: &'static str| if dialect == Dialect::Postgres { postgres } else { mysql };
        let boarding = db.quoted("是否寄宿");
        let cases = [
            (
                "lacks",
                format!("drop column {boarding}"),
                format!("add {boarding} varchar(20)"),
                "REQUIRED_VALUE_MISSING",
                "是否寄宿",
            ),
            (
                "bits",
                format!("add bits {}", kind("bit(8)", "bit(8)")),
                "drop column bits".to_owned(),
                "COLUMN_TYPE",
                "bits",
            ),
            (
                "json",
                "add extra json".to_owned(),
                "drop column extra".to_owned(),
                kind("COLUMN_TYPE", "UNKNOWN_COLUMN"),
                "extra",
            ),
            ("more", "add phone varchar(20)".to_owned(), "drop column phone".to_owned(), "UNKNOWN_COLUMN", "phone"),
            (
                "seq",
                kind("alter mq_seq type varchar(20)", "modify mq_seq varchar(20)").to_owned(),
                kind("alter mq_seq type bigint using mq_seq::bigint", "modify mq_seq bigint").to_owned(),
                "COLUMN_TYPE",
                "mq_seq",
            ),
        ];
        for (no, harm, mend, reason, column) in cases {
            db.send(no, SET, &students(1..4)).await;
            db.run(&format!("alter table mq_{SET} {harm}")).await;
            until_caught_up(&mesh).await;
            assert_eq!(db.result(no).await.unwrap(), ["refused", reason, column], "{dialect:?} {no}");
            db.run(&format!("alter table mq_{SET} {mend}")).await;
        }
        db.announce("other", "settlement", "changes", 1).await;
        db.announce("mode", SET, "whole", 1).await;
        db.run("insert into mq_batch (batch_no, dataset, row_count, ready_at) values ('bare', 'student_enrolment', 1, '2026-10-26 08:00:00')").await;
        until_caught_up(&mesh).await;
        assert_eq!(db.result("other").await.unwrap()[..2], ["refused", "INVALID_BATCH_HEADER"]);
        assert_eq!(db.result("mode").await.unwrap(), ["refused", "CONTROL_ROW", "mode"]);
        assert_eq!(db.result("bare").await.unwrap()[0], "refused");
        db.run(&format!("drop table mq_{SET}")).await;
        db.announce("gone", SET, "changes", 1).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.result("gone").await.unwrap()[..2], ["refused", "EXCHANGE_TABLE_MISSING"]);
        // Not one row was taken from any of them, and nothing that came with them is kept.
        assert_eq!((records(&mesh), own(&mesh, "raw").await), (0, 0));
        assert_eq!(own(&mesh, "table_batch where state <> 'told' or reason = ''").await, 0);
    }
}

#[tokio::test]
async fn rows_that_do_not_fit_their_announcement_refuse_the_batch() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        // Two rows lack a number, as a half-written batch may.
        db.insert(SET, ("mq_batch_no", "B-1"), 1, &students(1..6)).await;
        db.run(&format!("update mq_{SET} set mq_batch_no = null where mq_seq > 8")).await;
        db.announce("B-1", SET, "changes", 5).await;
        // One number twice, on both sides of a page's end.
        db.insert(SET, ("mq_batch_no", "B-2"), 1, &students(1..601)).await;
        db.run(&format!("update mq_{SET} set mq_seq = 1498 where mq_batch_no = 'B-2' and mq_seq = 1501")).await;
        db.announce("B-2", SET, "changes", 600).await;
        // More rows than are announced are not even read.
        db.insert(SET, ("mq_batch_no", "B-3"), 1, &students(1..601)).await;
        db.announce("B-3", SET, "changes", 1).await;
        db.announce("B-4", SET, "changes", 600_001).await;
        until_caught_up(&mesh).await;
        for (no, reason) in [
            ("B-1", "ROW_COUNT_MISMATCH"),
            ("B-2", "DUPLICATE_SEQ"),
            ("B-3", "ROW_COUNT_MISMATCH"),
            ("B-4", "INVALID_BATCH_HEADER"),
        ] {
            assert_eq!(db.result(no).await.unwrap()[..2], ["refused", reason], "{dialect:?} {no}");
        }
        assert_eq!((records(&mesh), own(&mesh, "raw").await), (0, 0));
        // Mended, and its result taken away: tried again under its number.
        db.run(&format!("update mq_{SET} set mq_batch_no = 'B-1' where mq_batch_no is null; delete from mq_batch_result where batch_no = 'B-1'")).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("B-1").await, ["5", "5", "0", "5"]);
    }
}

#[tokio::test]
async fn a_huge_value_refuses_its_row_and_fills_no_memory() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let grade = db.quoted("年级");
        let text = if dialect == Dialect::Postgres {
            format!("alter {grade} type text")
        } else {
            format!("modify {grade} longtext")
        };
        db.run(&format!("alter table mq_{SET} {text}")).await;
        db.send("B-1", SET, &students(1..4)).await;
        db.run(&format!("update mq_{SET} set {grade} = repeat('x', 60000000) where mq_seq = 13")).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("B-1").await, ["3", "2", "1", "2"], "{dialect:?}");
        assert_eq!(db.refused("B-1").await[0][1..4], ["13", "年级", "TEXT_TOO_LONG"]);
        assert!(own(&mesh, "raw where bytes < 10000").await == 1, "what is sealed is cut, too");
    }
}

#[tokio::test]
async fn a_view_that_errs_refuses_its_batch_and_one_that_is_closed_waits() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        db.send("B-1", SET, &students(1..4)).await;
        let (fails, account) = match dialect {
            Dialect::Postgres => ("1 / (mq_seq - 13)", "minqing_exchange"),
            Dialect::MySql => ("fails(mq_seq)", "minqing_exchange"),
        };
        if dialect == Dialect::MySql {
            // MySQL divides by zero without a word, but a function may raise an error.
            db.run(
                "create function fails(seq bigint) returns bigint deterministic begin \
                      if seq = 13 then signal sqlstate '45000' set message_text = 'no'; end if; return seq; end",
            )
            .await;
        }
        db.run(&format!(
            "alter table mq_{SET} rename to kept; \
             create view mq_{SET} as select * from kept where {fails} is not null"
        ))
        .await;
        // Without the privilege: PostgreSQL shows the view and refuses to read it, MySQL does not show it.
        until_settled(&mesh).await;
        let told = db.result("B-1").await;
        match dialect {
            Dialect::Postgres => assert_eq!(told, None, "a privilege can be granted while the batch waits"),
            Dialect::MySql => assert_eq!(told.unwrap()[..2], ["refused", "EXCHANGE_TABLE_MISSING"]),
        }
        db.run(&format!("grant select on mq_{SET} to {account}; delete from mq_batch_result")).await;
        if dialect == Dialect::MySql {
            // It shows a view only to who may call its functions, too.
            db.run("grant execute on function fails to minqing_exchange").await;
        }
        until_caught_up(&mesh).await;
        assert_eq!(db.result("B-1").await.unwrap()[..2], ["refused", "EXCHANGE_VIEW_FAILS"], "{dialect:?}");
        assert_eq!(records(&mesh), 0);
        assert!(!mesh.database_holds(&id_number(1)).await);
    }
}

/// One pass, whatever becomes of it.
async fn until_settled(mesh: &Mesh) {
    let _ = mesh.adapter.running.reconcile_once("tables").await;
}

#[tokio::test]
async fn a_control_row_altered_under_way_is_another_batch_and_gets_its_own_result() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        db.send("B-1", SET, &students(1..4)).await;
        let watcher = watcher(&db, &mesh);
        let before = one_ready(&watcher).await;
        watcher.advance(&before, Step::Noted).await.unwrap();
        db.insert(SET, ("mq_batch_no", "B-1"), 1_000, &students(4..6)).await;
        db.run("update mq_batch set row_count = 5, ready_at = '2026-10-26 09:30:00'").await;
        let told = watcher.advance(&before, Step::Closed).await.unwrap_err();
        assert_eq!(told.reason(), "CONTROL_ROW_CHANGED", "{dialect:?}");
        assert_eq!(db.result("B-1").await, None);
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("B-1").await, ["5", "5", "0", "5"]);
        assert_eq!((records(&mesh), own(&mesh, "table_batch where state = 'taken'").await), (5, 0));

        // A control row that is gone takes nothing back: the result is told.
        db.send("B-2", SET, &students(10..12)).await;
        let before = one_ready(&watcher).await;
        watcher.advance(&before, Step::Taken).await.unwrap();
        db.run("delete from mq_batch").await;
        watcher.advance(&before, Step::Closed).await.unwrap();
        assert_eq!(db.counts("B-2").await, ["2", "2", "0", "2"]);
    }
}

#[tokio::test]
async fn two_processes_take_one_batch_once() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let (one, two) = (watcher(&db, &mesh), watcher(&db, &mesh));
        for n in 0..6 {
            let no = format!("B-{n}");
            let mut lines = students(10 * n + 1..10 * n + 9);
            lines[3][0] = "x".to_owned();
            db.send(&no, SET, &lines).await;
            let (a, b) = (one_ready(&one).await, one_ready(&two).await);
            assert_eq!(a, b);
            let (first, second) = tokio::join!(one.advance(&a, Step::Closed), two.advance(&b, Step::Closed));
            assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
            assert!(one.ready().await.unwrap().is_empty());
            assert_eq!(db.counts(&no).await, ["8", "7", "1", "7"], "{dialect:?}");
            assert_eq!((db.refused(&no).await.len(), db.receipts(&no).await.len()), (1, 1));
        }
        assert_eq!(records(&mesh), 6 * 7);
        assert_eq!(own(&mesh, "batch").await, 6);
        assert_eq!(own(&mesh, "table_batch where state = 'told'").await, 6);
        assert_eq!(own(&mesh, "raw where batch_id is null").await, 0);
    }
}
