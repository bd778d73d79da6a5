//! The tables' other direction: referrals and lists out, receipts and feedback in.

use std::sync::atomic::Ordering;

use minqing_adapter::tables::Dialect;
use minqing_proto::minqing::types::v1::FeedbackDecision;
use minqing_test_kit::until;
use uuid::Uuid;

use crate::{
    bureau_db::SERVERS,
    referral::{end, issue, issued},
    rows::id_number,
    tables::{begin, own, students, until_caught_up},
};

const SET: &str = "student_enrolment";

fn line(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

#[tokio::test]
async fn a_referral_goes_out_as_rows_and_its_receipt_and_feedback_come_back_as_rows() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let home = Uuid::from_u128(77);
        let person = mesh.on_file(&id_number(1), "张三一", home);
        mesh.on_file(&id_number(2), "𠮷母", home);
        issue(&mesh, &issued(1, &person, false)).await.unwrap();
        issue(&mesh, &issued(2, &person, true)).await.unwrap();
        assert_eq!(mesh.adapter.running.carry_once().await.unwrap(), 2);
        // There is a folder, too: the database alone gets them.
        assert!(mesh.files("outbox").is_empty());
        let columns = ["person_no", "level", "reason", "issued_on", "due_on", "id_number", "name", "phone", "address"];
        let name = format!("referrals/{}", Uuid::from_u128(1));
        let rest = |name: &str| format!("from mq_referral where referral = '{name}' order by person_no");
        let first = db.texts(&columns, &rest(&name)).await;
        let id = id_number(1);
        let expected = ["1", "L3", "A13", "2026-10-26", "2026-11-20", &id, "张三一", "+8613800000000", "=龙坪镇"];
        assert_eq!(first, [line(&expected)], "{dialect:?}");
        let household = db.texts(&columns, &rest(&format!("referrals/{}", Uuid::from_u128(2)))).await;
        assert_eq!((household.len(), household[1][6].as_str()), (2, "𠮷母"));

        let lines = [
            line(&["referral", "operator"]),
            line(&[&name, "u-1"]),
            line(&[&format!("referrals/{}", Uuid::from_u128(9)), "u-1"]),
            line(&["", "u-1"]),
        ];
        db.insert("receipt", ("mq_batch_no", "R-1"), 7, &lines).await;
        db.announce("R-1", "receipt", "", 3).await;
        mesh.books.away.store(true, Ordering::SeqCst);
        assert!(!mesh.adapter.running.reconcile_once("tables").await.unwrap().caught_up);
        assert_eq!(db.result("R-1").await, None);
        mesh.books.away.store(false, Ordering::SeqCst);
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("R-1").await, ["3", "1", "2", "∅"], "{dialect:?}");
        let refused = db.refused("R-1").await;
        let seen: Vec<_> = refused.iter().map(|r| [r[0].as_str(), &r[1], &r[2]]).collect();
        assert_eq!(seen, [["2", "10", "转介编号"], ["3", "13", ""]]);
        let receipts = db.receipts("R-1").await;
        assert_eq!(
            (receipts.len(), receipts[0].subject.as_str(), receipts[0].operator.as_str()),
            (1, name.as_str(), "u-1")
        );
        assert_eq!(mesh.books.receipts.lock().unwrap().len(), 1);

        let header = ["record_no", "referral", "id_number", "programme", "decision", "amount_fen", "handled_on"];
        let lines = [
            line(&header),
            line(&["F-1", &name, &id, "P-JY-04", "已救助", "150000", "2026-10-26"]),
            line(&["F-2", "referrals/none", &id_number(2), "P-JY-04", "给予救助", "8000", "2026-10-26"]),
            line(&["F-3", &name, &id, "P-JY-04", "也许", "80", "2026-10-26"]),
        ];
        db.insert("feedback", ("mq_batch_no", "F-1"), 1, &lines).await;
        db.run("update mq_feedback set referral = null where referral = 'referrals/none'").await;
        db.announce("F-1", "feedback", "", 3).await;
        // A form cut short is refused whole.
        db.announce("F-2", "feedback", "", 3).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("F-1").await, ["3", "2", "1", "∅"], "{dialect:?} {:?}", db.refused("F-1").await);
        assert_eq!(db.refused("F-1").await[0][1..4], ["7", "处理结果", "REFUSED"]);
        assert_eq!(db.result("F-2").await.unwrap()[..2], ["refused", "ROW_COUNT_MISMATCH"]);
        let amounts: Vec<_> = mesh.books.records.lock().unwrap().iter().map(|r| r.amount_fen).collect();
        assert_eq!(amounts, [150_000, 8_000]);
        for text in [id_number(1), id_number(2), "张三一".to_owned()] {
            assert!(!mesh.database_holds(&text).await, "{text}");
        }
    }
}

#[tokio::test]
async fn a_referral_row_whose_data_were_withdrawn_is_followed_by_one_that_says_so() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
        let (sent, unsent) = (issued(1, &person, false), issued(2, &person, false));
        issue(&mesh, &sent).await.unwrap();
        mesh.adapter.running.carry_once().await.unwrap();
        issue(&mesh, &unsent).await.unwrap();
        for referral in [&sent, &unsent] {
            end(&mesh, referral, FeedbackDecision::Withdrawn).await;
        }
        mesh.adapter.running.carry_once().await.unwrap();
        assert_eq!(db.texts(&["referral"], "from mq_referral").await, [line(&[&sent.referral])], "{dialect:?}");
        let columns = ["referral", "programme", "withdrawn_on"];
        let told = db.texts(&columns, "from mq_referral_withdrawn").await;
        assert_eq!(told, [line(&[&sent.referral, &sent.programme, "2026-10-26"])], "{dialect:?}");
    }
}

#[tokio::test]
async fn a_batch_is_withdrawn_by_a_row() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        db.send("B-1", SET, &students(1..5)).await;
        until_caught_up(&mesh).await;
        let lines = [
            line(&["batch", "reason", "operator"]),
            line(&["B-1", "误报上学期数据", "edu-7"]),
            line(&["B-9", "误报上学期数据", "edu-7"]),
        ];
        db.insert("withdrawal", ("mq_batch_no", "W-1"), 1, &lines).await;
        db.announce("W-1", "withdrawal", "", 2).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("W-1").await, ["2", "1", "1", "∅"], "{dialect:?} {:?}", db.refused("W-1").await);
        assert_eq!(db.refused("W-1").await[0][..3], ["2", "4", "批次号"]);
        assert_eq!(mesh.monitor.withdrawn.lock().unwrap().len(), 1);
        assert_eq!(own(&mesh, "withdrawal").await, 1);
        // The number is used up.
        db.run("delete from mq_batch_result where batch_no = 'B-1'").await;
        db.run("update mq_batch set as_of = '2026-10-26', mode = 'snapshot' where batch_no = 'B-1'").await;
        until_caught_up(&mesh).await;
        assert_eq!(db.result("B-1").await.unwrap()[..2], ["refused", "BATCH_WITHDRAWN"]);
    }
}

#[tokio::test]
async fn the_identity_list_is_written_once_a_month_whole_or_not_at_all() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let pass = async || mesh.adapter.running.reconcile_once("identity_list").await.unwrap();
        let list = async || {
            let columns = ["list_month", "entry_no", "id_number", "assistance_class", "valid_to"];
            db.texts(&columns, "from mq_identity_list order by list_month, entry_no").await
        };
        assert_eq!(pass().await.did, 0);
        for n in 1..=3 {
            mesh.on_file(&id_number(n), &format!("张三{n}"), Uuid::from_u128(77));
        }
        // The third member does not fit: nothing of the list is there.
        let longest =
            if dialect == Dialect::Postgres { "alter name type varchar(1)" } else { "modify name varchar(1)" };
        db.run(&format!("alter table mq_identity_list {longest}")).await;
        assert_eq!(pass().await.did, 0);
        assert_eq!(list().await.len(), 0);
        let longest =
            if dialect == Dialect::Postgres { "alter name type varchar(200)" } else { "modify name varchar(200)" };
        db.run(&format!("alter table mq_identity_list {longest}")).await;
        assert_eq!(pass().await.did, 1, "{dialect:?}");
        assert_eq!(pass().await.did, 0);
        let first = list().await;
        assert_eq!(first.len(), 3);
        assert_eq!(first[0], line(&["2026-10", "1", &id_number(1), "最低生活保障对象", "∅"]));
        mesh.adapter.clock.advance_days(10);
        assert_eq!(pass().await.did, 1);
        assert_eq!(list().await.len(), 6);
        assert_eq!(own(&mesh, "file where kind = 'identity_list' and state = 'done'").await, 2);
        assert!(!mesh.database_holds(&id_number(1)).await);
    }
}

#[tokio::test]
async fn a_referral_waits_for_the_database_and_is_written_once() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
        issue(&mesh, &issued(1, &person, false)).await.unwrap();
        db.run("alter table mq_referral rename to aside").await;
        mesh.adapter.running.carry_once().await.unwrap();
        assert!(
            mesh.register.reveals.lock().unwrap().is_empty(),
            "nobody is looked at for a database that is not ready"
        );
        db.run("alter table aside rename to mq_referral").await;
        until("the referral to be written", async || {
            mesh.adapter.running.carry_once().await.unwrap();
            (!db.texts(&["referral"], "from mq_referral").await.is_empty()).then_some(())
        })
        .await;
        mesh.adapter.running.carry_once().await.unwrap();
        assert_eq!(db.texts(&["referral"], "from mq_referral").await.len(), 1, "{dialect:?}");
    }
}
