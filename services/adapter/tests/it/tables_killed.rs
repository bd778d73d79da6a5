//! Processes that die: after every step of a table batch and at every moment of it, and at every moment of a file's life.
//! Whoever comes after goes on; no row is lost or taken twice, and the bureau is told whole and once.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use minqing_adapter::{
    files::{self, Folder},
    tables::Step,
};
use minqing_kit::reconcile::Reconciler as _;
use uuid::Uuid;

use crate::{
    bureau_db::SERVERS,
    mesh::Mesh,
    referral::{issue, issued},
    rows::{csv, id_number},
    tables::{begin, own, records, students, until_caught_up},
    tables_hostile::{one_ready, watcher},
};

const SET: &str = "student_enrolment";

/// Lets work go on for so many turns and drops it then, as a process that is killed; whether it came to its end.
pub async fn dies_after(turns: usize, work: impl Future) -> bool {
    let mut work = pin!(work);
    let mut left = turns;
    std::future::poll_fn(|cx: &mut Context<'_>| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(cx).map(|_| true)
    })
    .await
}

/// Parts and closes come to monitoring again after a crash; what it was told, each once.
fn distinct(mesh: &Mesh) -> (usize, usize) {
    let mut parts: Vec<_> = mesh.monitor.parts.lock().unwrap().iter().map(|p| p.request_id.clone()).collect();
    let mut closes: Vec<_> = mesh.monitor.closes.lock().unwrap().iter().map(|c| c.request_id.clone()).collect();
    for ids in [&mut parts, &mut closes] {
        ids.sort();
        ids.dedup();
    }
    (parts.len(), closes.len())
}

#[tokio::test]
async fn whoever_comes_after_a_step_goes_on_from_there() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        for (n, step) in (0_u32..).zip(Step::ALL) {
            let no = format!("B-{n}");
            let mut lines = students(20 * n + 1..20 * n + 11);
            lines[4][0] = "x".to_owned();
            db.send(&no, SET, &lines).await;
            let dead = watcher(&db, &mesh);
            dead.advance(&one_ready(&dead).await, step).await.unwrap();
            drop(dead);
            assert_eq!(db.result(&no).await.is_some(), step >= Step::Told, "{step:?}");
            // The rows change after they were taken: what was read is what is told.
            if step >= Step::Taken {
                db.run(&format!(
                    "update mq_{SET} set mq_seq = mq_seq + 10000 where mq_batch_no = '{no}' and mq_seq < 20"
                ))
                .await;
            }
            if step == Step::Taken {
                db.run(&format!(
                    "update mq_{SET} set mq_seq = mq_seq - 10000 where mq_batch_no = '{no}' and mq_seq > 10000"
                ))
                .await;
            }
            until_caught_up(&mesh).await;
            assert_eq!(db.counts(&no).await, ["10", "9", "1", "9"], "{dialect:?} {step:?}");
            let refused = db.refused(&no).await;
            assert_eq!((refused.len(), refused[0][0].as_str(), refused[0][1].as_str()), (1, "4", "19"), "{step:?}");
            assert_eq!(db.receipts(&no).await.len(), 1);
            assert_eq!(records(&mesh), 9 * (n as usize + 1));
        }
        assert_eq!(distinct(&mesh), (5, 5));
        assert_eq!((own(&mesh, "table_batch where state = 'taken'").await, own(&mesh, "batch").await), (0, 5));
    }
}

#[tokio::test]
async fn a_feed_goes_on_from_its_mark_after_any_step() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        db.run("insert into mq_feed (dataset, county, as_of, settled_seq) values ('student_enrolment', '621202', '2026-10-26', 0)")
            .await;
        until_caught_up(&mesh).await;
        let mut settled = 0;
        for (n, step) in (0_u32..).zip(Step::ALL) {
            db.insert(SET, ("mq_county", "621202"), settled + 1, &students(20 * n + 1..20 * n + 11)).await;
            settled += 28;
            db.run(&format!("update mq_feed set settled_seq = {settled}")).await;
            let dead = watcher(&db, &mesh);
            let stretch = one_ready(&dead).await;
            dead.advance(&stretch, step).await.unwrap();
            drop(dead);
            // The bureau goes on meanwhile: the stretch under way stays what it was.
            db.insert(SET, ("mq_county", "621202"), settled + 1, &students(20 * n + 11..20 * n + 12)).await;
            settled += 1;
            db.run(&format!("update mq_feed set settled_seq = {settled}")).await;
            until_caught_up(&mesh).await;
            assert_eq!(db.counts(&stretch.batch_no).await, ["10", "10", "0", "10"], "{dialect:?} {step:?}");
            let next = format!("student_enrolment.621202.2026-10-26.{settled}");
            assert_eq!(db.counts(&next).await, ["1", "1", "0", "1"], "{dialect:?} {step:?}");
            assert_eq!(records(&mesh), 11 * (n as usize + 1));
        }
        assert_eq!(own(&mesh, "table_feed where open_no is null").await, 1);
        assert_eq!((own(&mesh, "batch").await, own(&mesh, "table_batch where state = 'taken'").await), (11, 0));
        assert_eq!(distinct(&mesh).1, 11);
    }
}

#[tokio::test]
async fn a_form_taken_again_after_any_step_signs_and_books_once() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
        for (n, step) in (1_u128..).zip(Step::ALL) {
            issue(&mesh, &issued(n, &person, false)).await.unwrap();
            let no = format!("R-{n}");
            let lines = [
                vec!["referral".to_owned(), "operator".to_owned()],
                vec![format!("referrals/{}", Uuid::from_u128(n)), "u-1".to_owned()],
            ];
            db.insert("receipt", ("mq_batch_no", &no), 7, &lines).await;
            db.announce(&no, "receipt", "", 1).await;
            let dead = watcher(&db, &mesh);
            dead.advance(&one_ready(&dead).await, step).await.unwrap();
            drop(dead);
            until_caught_up(&mesh).await;
            assert_eq!(db.counts(&no).await, ["1", "1", "0", "∅"], "{dialect:?} {step:?}");
            let receipts = db.receipts(&no).await;
            assert_eq!((receipts.len(), receipts[0].operator.as_str()), (1, "u-1"));
        }
        assert_eq!(own(&mesh, "referral where signed_on is not null").await, 5);
        assert_eq!(own(&mesh, "receipt where kind = 'referral'").await, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_batch_survives_death_at_any_moment() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let (mut whole, mut killed) = (0, 0);
        for n in 0_u32.. {
            let no = format!("B-{n}");
            let mut lines = students(20 * n % 900 + 1..20 * n % 900 + 11);
            lines[2][0] = "x".to_owned();
            for line in &mut lines[1..] {
                // Each batch has records of its own.
                line[4] = format!("S-{n}");
            }
            db.send(&no, SET, &lines).await;
            let before = records(&mesh);
            let dead = watcher(&db, &mesh);
            let ended = dies_after(n as usize + 1, async {
                for control in dead.ready().await.unwrap() {
                    dead.advance(&control, Step::Closed).await.unwrap();
                }
            });
            if ended.await {
                whole += 1
            } else {
                killed += 1
            }
            drop(dead);
            until_caught_up(&mesh).await;
            assert_eq!(db.counts(&no).await, ["10", "9", "1", "9"], "{dialect:?} {n}");
            assert_eq!((db.refused(&no).await.len(), db.receipts(&no).await.len()), (1, 1), "{dialect:?} {n}");
            assert_eq!(records(&mesh), before + 9, "{dialect:?} {n}");
            if whole == 3 {
                break;
            }
        }
        assert!(killed > 20, "{killed}");
        let batches = own(&mesh, "batch").await;
        assert_eq!(batches, whole + killed);
        assert_eq!(distinct(&mesh).1, usize::try_from(batches).unwrap());
        assert_eq!(own(&mesh, "table_batch where state = 'taken'").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_survives_death_at_any_moment() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let root = mesh.folder.as_ref().unwrap().path().to_owned();
    let (mut whole, mut killed) = (0, 0);
    for n in 0_u32.. {
        let name = format!("{SET}__621202__2026-10-26__changes__{n}__10.csv");
        let mut lines = students(20 * n % 900 + 1..20 * n % 900 + 11);
        lines[2][0] = "x".to_owned();
        for line in &mut lines[1..] {
            line[4] = format!("S-{n}");
        }
        mesh.drop_file(&name, &csv(&lines));
        let before = records(&mesh);
        let core = minqing_adapter::core::Core::new(mesh.bureau, mesh.adapter.running.context.clone()).unwrap();
        let dead = files::Watcher::new(Arc::new(core), Folder::open(&root).unwrap());
        if dies_after(n as usize + 1, dead.run_once()).await {
            whole += 1
        } else {
            killed += 1
        }
        drop(dead);
        mesh.until_caught_up().await;
        assert!(mesh.files("done").contains(&name), "{n}");
        let told = mesh.told(&name);
        assert_eq!(told.lines.len(), 1, "{n} {}", told.text);
        assert!(told.text.contains("接收 accepted,9"), "{n} {}", told.text);
        assert!(mesh.files("result").contains(&format!("{name}.receipt.json")), "{n}");
        assert_eq!(records(&mesh), before + 9, "{n}");
        if whole == 3 {
            break;
        }
    }
    assert!(killed > 10, "{killed}");
    let batches = own(&mesh, "batch").await;
    assert_eq!((batches, own(&mesh, "file where state <> 'done'").await), (whole + killed, 0));
    assert_eq!(distinct(&mesh).1, usize::try_from(batches).unwrap());
    assert!(mesh.files("taken").is_empty() && mesh.files("inbox").is_empty());
}
