//! Changes: once per request id, whole or not at all, whatever the caller does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use minqing_kit::{Error, Kind, db::Fingerprint};
use minqing_proto::minqing::mesh::v1::RedriveDeadLetterResponse;
use sqlx::Connection as _;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::*;

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_has_no_second_effect() {
    let (_test, db) = service("ledgers").await;
    let request = write(new_id(), "a");
    let first = db.mutate(call(), &request, enter("a")).await.unwrap();
    let again = db.mutate(call(), &request, enter("a")).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(count(&db, "select count(*) from ledger").await, 1);
    assert_eq!(count(&db, "select count(*) from outbox").await, 1);
    assert_eq!(count(&db, "select count(*) from audit").await, 1);

    // The id belongs to the caller: somebody else's is another call.
    db.mutate(&call_of("service/dispatch"), &request, enter("a")).await.unwrap();
    assert_eq!(count(&db, "select count(*) from ledger").await, 2);
}

#[tokio::test]
async fn fifty_duplicates_at_once_are_one_effect_and_fifty_equal_answers() {
    let (_test, db) = service("ledgers").await;
    let request = write(new_id(), "a");
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (db, request) = (db.clone(), request.clone());
        calls.spawn(async move { db.mutate(call(), &request, enter("a")).await });
    }
    let answers: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|a| *a == answers[0]));
    assert_eq!(count(&db, "select count(*) from ledger").await, 1);
    assert_eq!(count(&db, "select count(*) from idempotency").await, 1);
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused() {
    let (_test, db) = service("ledgers").await;
    let id = new_id();
    db.mutate(call(), &write(id, "a"), enter("a")).await.unwrap();
    let error = db.mutate(call(), &write(id, "b"), enter("b")).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::FailedState, "REQUEST_ID_REUSED"));

    let mut request = write(id, "a");
    request.request_id = "1".into();
    let error = db.mutate(call(), &request, enter("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.fields()[0].0.as_str()), (Kind::Invalid, "request_id"));
    assert_eq!(count(&db, "select count(*) from ledger").await, 1);
}

#[tokio::test]
async fn a_failed_change_leaves_nothing_and_may_be_made_again() {
    let (_test, db) = service("ledgers").await;
    let request = write(new_id(), "a");
    let failing = db.mutate(call(), &request, |work| {
        Box::pin(async move {
            insert(work, "a").await?;
            emit(work, "ledgers/a", 1, None);
            work.audit("ledgers/a", &["what"]);
            work.enqueue("letter", "ledgers/a", vec![1]);
            Err::<RedriveDeadLetterResponse, _>(Error::failed_state("NO", "no", "否"))
        })
    });
    assert_eq!(failing.await.unwrap_err().reason(), "NO");
    for table in ["ledger", "outbox", "audit", "idempotency", "delivery", "aggregate_counter"] {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let mut connection = db.acquire().await.unwrap();
        let rows: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    db.mutate(call(), &request, enter("a")).await.unwrap();
}

#[tokio::test]
async fn a_crash_in_a_change_is_a_bug_and_leaves_nothing() {
    let (_test, db) = service("ledgers").await;
    let request = write(new_id(), "a");
    let crashing = db.mutate(call(), &request, |work| {
        Box::pin(async move {
            insert(work, "a").await?;
            assert_eq!(work.call().method, "", "a planned crash");
            Ok(RedriveDeadLetterResponse::default())
        })
    });
    assert_eq!(crashing.await.unwrap_err().kind(), Kind::Bug);
    assert_eq!(count(&db, "select count(*) from ledger").await, 0);
}

#[tokio::test]
async fn a_cancelled_caller_never_tears_a_change() {
    let (_test, db) = service("ledgers").await;
    let ids: Vec<Uuid> = (0..200).map(|_| new_id()).collect();
    for (i, id) in ids.iter().enumerate() {
        let what = id.to_string();
        let request = write(*id, &what);
        let patience = Duration::from_micros(i as u64 * 37 % 4000);
        let _ = tokio::time::timeout(patience, db.mutate(call(), &request, enter(&what))).await;
    }
    until("the end of all changes", || async { db.changes_running() == 0 }).await;
    let torn = "select count(*) from (select what from ledger) l full join \
        (select substr(aggregate, 9) as what from outbox) o on o.what = l.what full join \
        (select request_id::text as what from idempotency where completed_at is not null) i on i.what = l.what full join \
        (select substr(subject, 9) as what from audit) a on a.what = l.what \
        where l.what is null or o.what is null or i.what is null or a.what is null";
    assert_eq!(count(&db, torn).await, 0);

    for id in &ids {
        let what = id.to_string();
        db.mutate(call(), &write(*id, &what), enter(&what)).await.unwrap();
    }
    assert_eq!(count(&db, torn).await, 0);
    assert_eq!(count(&db, "select count(*) from ledger").await, 200);
    assert_eq!(count(&db, "select count(distinct what) from ledger").await, 200);
}

/// sqlx 0.9.0 leaves a session inside a transaction when a future is dropped during BEGIN; the pool must never hand such
/// a session out. `now()` is the start of the transaction: the same twice means stuck in one.
#[tokio::test]
async fn no_borrower_gets_a_session_that_is_inside_a_transaction() {
    let (_test, db) = service("ledgers").await;
    for i in 0..1500_u64 {
        let begin = async {
            let mut connection = db.acquire().await.unwrap();
            connection.begin().await.unwrap().commit().await.unwrap();
        };
        let _ = tokio::time::timeout(Duration::from_micros(i % 60 * 5), begin).await;
        let mut next = db.acquire().await.unwrap();
        let one: String = sqlx::query_scalar("select now()::text").fetch_one(&mut *next).await.unwrap();
        let two: String = sqlx::query_scalar("select now()::text").fetch_one(&mut *next).await.unwrap();
        assert_ne!(one, two, "a poisoned session after {i} cancelled calls");
    }
}

#[tokio::test]
async fn changes_that_deadlock_are_run_again() {
    let (_test, db) = service("ledgers").await;
    execute(&db, "insert into ledger (what) values ('a'), ('b')").await;
    let runs = Arc::new(AtomicU64::new(0));
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let mut changes = JoinSet::new();
    for order in [["a", "b"], ["b", "a"]] {
        let (db, runs, barrier) = (db.clone(), Arc::clone(&runs), Arc::clone(&barrier));
        changes.spawn(async move {
            let change = db.change(call(), move |work| {
                let (runs, barrier) = (Arc::clone(&runs), Arc::clone(&barrier));
                Box::pin(async move {
                    let run = runs.fetch_add(1, Ordering::SeqCst);
                    for (i, what) in order.into_iter().enumerate() {
                        if i == 1 && run < 2 {
                            barrier.wait().await;
                        }
                        let lock = sqlx::query("select id from ledger where what = $1 for update").bind(what);
                        lock.execute(work.conn()).await?;
                    }
                    Ok(())
                })
            });
            change.await
        });
    }
    changes.join_all().await.into_iter().for_each(|changed| changed.unwrap());
    assert_eq!(runs.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_aggregates_events_are_numbered_without_gaps_whoever_writes_them() {
    let (_test, db) = service("ledgers").await;
    let mut writers = JoinSet::new();
    for i in 0..24 {
        let db = db.clone();
        writers.spawn(async move {
            let order: &[&str] = if i % 2 == 0 { &["x", "y", "x", "z"] } else { &["z", "y", "x"] };
            produce(&db, order).await;
        });
    }
    writers.join_all().await;
    let gaps = "select count(*) from (select aggregate, max(aggregate_sequence) - count(*) + min(aggregate_sequence) - 1 \
        as gap from outbox group by aggregate) s where gap <> 0";
    assert_eq!(count(&db, gaps).await, 0);
    assert_eq!(count(&db, "select count(*) from outbox where aggregate = 'x'").await, 36);
    let disorder = "select count(*) from outbox a join outbox b on a.aggregate = b.aggregate \
        where a.id < b.id and a.aggregate_sequence > b.aggregate_sequence";
    assert_eq!(count(&db, disorder).await, 0);
}

#[tokio::test]
async fn a_read_commits_its_audit_row_before_it_gives_anything() {
    let (test, db) = service("ledgers").await;
    let call = call().clone().with_purpose("FIELD_CHECK").with_case("workOrders/1").with_operator("op-17");
    let read = db.read(&call, |work| {
        Box::pin(async move {
            work.audit("households/1", &["name", "phone"]);
            work.audit("households/2", &[]);
            Ok(42)
        })
    });
    assert_eq!(read.await.unwrap(), 42);
    type Row = (String, String, String, String, String, String, Vec<String>);
    let mut connection = db.acquire().await.unwrap();
    let rows: Vec<Row> = sqlx::query_as(
        "select caller, operator, method, purpose, case_ref, subject, fields from audit order by subject",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let expected = |subject: &str, fields: &[&str]| -> Row {
        let fields = fields.iter().map(|f| (*f).to_owned()).collect();
        let text = |t: &str| t.to_owned();
        let (caller, operator) = (text("operator/county/621202"), text("op-17"));
        (caller, operator, text(METHOD), text("FIELD_CHECK"), text("workOrders/1"), text(subject), fields)
    };
    assert_eq!(rows, [expected("households/1", &["name", "phone"]), expected("households/2", &[])]);

    // Not even the database's owner changes what is written.
    let mut admin = test.admin().await.unwrap();
    for sql in ["update ledgers.audit set caller = 'x'", "delete from ledgers.audit", "truncate ledgers.audit"] {
        assert!(sqlx::query(sql).execute(&mut admin).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn a_stored_answer_is_found_by_the_same_body_only() {
    let (_test, db) = service("ledgers").await;
    let id = new_id();
    let request = write(id, "a");
    let fingerprint = Fingerprint::of(METHOD, &request);
    let ask = |fingerprint| {
        let (db, id) = (db.clone(), id.to_string());
        async move { db.outcome::<RedriveDeadLetterResponse>(call(), &id, fingerprint).await }
    };
    assert_eq!(ask(fingerprint).await.unwrap(), None);
    let answer = db.mutate(call(), &request, enter("a")).await.unwrap();
    assert_eq!(ask(fingerprint).await.unwrap(), Some(answer));
    assert_eq!(ask([0; 32]).await.unwrap_err().reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn what_is_past_its_time_is_removed_and_nothing_else() {
    let (_test, db) = service("ledgers").await;
    db.mutate(call(), &write(new_id(), "a"), enter("a")).await.unwrap();
    let old = "insert into idempotency (caller, method, request_id, fingerprint, response, completed_at) \
        select 'c', 'm', gen_random_uuid(), decode(repeat('00', 32), 'hex'), '', now() - interval '41 days' \
        from generate_series(1, 6000)";
    execute(&db, old).await;
    execute(&db, "insert into consumer_cursor values ('p', 10)").await;
    let entries = "insert into inbox (producer, position, applied_at) \
        values ('p', 10, now() - interval '41 days'), ('p', 9, now()), ('q', 1, now() - interval '41 days')";
    execute(&db, entries).await;
    assert!(db.prune().await.unwrap());
    assert!(!db.prune().await.unwrap());
    assert_eq!(count(&db, "select count(*) from idempotency").await, 1);
    assert_eq!(count(&db, "select count(*) from inbox").await, 2);
}
