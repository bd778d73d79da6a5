//! The relay and the log: dense positions in order of visibility, so that nobody who reads by position misses any.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use minqing_kit::events::{EventLog, EventSource as _, Relay};
use minqing_proto::minqing::mesh::v1::ReadEventsRequest;
use rand::Rng as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::*;

const WRITERS: usize = 8;
const EACH: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_misses_an_event_of_eight_writers_that_commit_in_any_order() {
    let (_test, db) = service("ledgers").await;
    let stop = CancellationToken::new();
    let mut background = JoinSet::new();
    let (mut relay, stopped) = (Relay::new(db.clone(), "ledgers", None), stop.clone());
    background.spawn(async move {
        while !stopped.is_cancelled() {
            relay.run_once().await.unwrap();
        }
    });

    let written = Arc::new(AtomicBool::new(false));
    let mut reader = JoinSet::new();
    let (reading, over) = (db.clone(), Arc::clone(&written));
    reader.spawn(async move {
        let log = LocalLog::of(&reading);
        let mut seen = Vec::new();
        let mut after = 0;
        loop {
            let last_look = over.load(Ordering::SeqCst);
            let request = ReadEventsRequest { after_position: after, page_size: 50, ..ReadEventsRequest::default() };
            let page = log.read(request).await.unwrap();
            after = page.through_position;
            let done = last_look && after == (WRITERS * EACH) as i64;
            seen.extend(page.events);
            if done {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    });

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let db = db.clone();
        writers.spawn(async move {
            for i in 0..EACH {
                // The event's row, and so its id, is there before a pause of random length and the commit.
                let change = db.change(call(), move |work| {
                    Box::pin(async move {
                        let row = "insert into outbox (event_id, type, aggregate, aggregate_sequence, occurred_at, payload) \
                             values (gen_random_uuid(), 'x', $1, $2, now(), '')";
                        let insert = sqlx::query(row).bind(format!("writers/{writer}")).bind(i as i64 + 1);
                        insert.execute(work.conn()).await?;
                        let pause = rand::rng().random_range(0..8);
                        tokio::time::sleep(Duration::from_millis(pause)).await;
                        Ok(())
                    })
                });
                change.await.unwrap();
            }
        });
    }
    writers.join_all().await;
    written.store(true, Ordering::SeqCst);
    let seen = tokio::time::timeout(Duration::from_secs(30), reader.join_next()).await.unwrap().unwrap().unwrap();
    stop.cancel();
    background.join_all().await;

    assert_eq!(seen.len(), WRITERS * EACH);
    for (position, event) in (1..).zip(&seen) {
        assert_eq!(event.position, position);
    }
    for writer in 0..WRITERS {
        let own = seen.iter().filter(|e| e.aggregate == format!("writers/{writer}"));
        let sequence: Vec<i64> = own.map(|e| e.aggregate_sequence).collect();
        assert!(sequence.is_sorted() && sequence.len() == EACH, "writer {writer}: {sequence:?}");
    }
    let overtaken = "select count(*) from outbox a join outbox b on a.id < b.id and a.position > b.position";
    assert!(count(&db, overtaken).await > 0, "no commit ever came out of order, so this test showed nothing");
}

#[tokio::test]
async fn one_instance_leads_and_another_follows_when_its_session_is_lost() {
    let (test, db) = service("ledgers").await;
    let mut first = Relay::new(db.clone(), "ledgers", None);
    let mut second = Relay::new(db.clone(), "ledgers", None);
    produce(&db, &["a", "b", "a"]).await;
    assert_eq!(first.run_once().await.unwrap(), Some(3));
    assert_eq!(second.run_once().await.unwrap(), None);

    produce(&db, &["a"]).await;
    let mut admin = test.admin().await.unwrap();
    let kill = "select count(pg_terminate_backend(pid)) from pg_locks where locktype = 'advisory' and granted";
    let killed: i64 = sqlx::query_scalar(kill).fetch_one(&mut admin).await.unwrap();
    assert_eq!(killed, 1);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while second.run_once().await.unwrap() != Some(1) {
        assert!(tokio::time::Instant::now() < deadline, "nobody became the new leader");
    }
    first.run_once().await.unwrap_err();
    assert_eq!(first.run_once().await.unwrap(), None);
    assert_eq!(read_all(&db).await.len(), 4);
}

#[tokio::test]
async fn a_backlog_larger_than_a_batch_is_numbered_in_one_go() {
    let (_test, db) = service("ledgers").await;
    let fill = "insert into outbox (event_id, type, aggregate, aggregate_sequence, occurred_at, payload) \
        select gen_random_uuid(), 'x', 'a', n, now(), '' from generate_series(1, 1234) n";
    execute(&db, fill).await;
    assert_eq!(Relay::new(db.clone(), "ledgers", None).run_once().await.unwrap(), Some(1234));
    let events = read_all(&db).await;
    assert!(events.iter().all(|e| e.position == e.aggregate_sequence));
}

#[tokio::test]
async fn a_backlog_is_read_once_though_the_statistics_know_of_none() {
    let (_test, db) = service("ledgers").await;
    let wait = async |aggregate: &str| {
        let fill = "insert into outbox (event_id, type, aggregate, aggregate_sequence, occurred_at, payload) \
            select gen_random_uuid(), 'x', $1, n, now(), '' from generate_series(1, 4000) n";
        let mut session = db.acquire().await.unwrap();
        sqlx::query(fill).bind(aggregate).execute(&mut *session).await.unwrap();
    };
    // A session tells what it read when it ends.
    let number_all = async || {
        until("the log has a leader", async || {
            Relay::new(db.clone(), "ledgers", None).run_once().await.unwrap() == Some(4000)
        })
        .await;
    };
    let read = "select coalesce(sum(idx_tup_read), 0)::bigint from pg_stat_user_indexes where relname = 'outbox'";
    wait("a").await;
    number_all().await;
    until("the first session has told", async || count(&db, read).await >= 4000).await;
    execute(&db, "vacuum analyze outbox").await;
    let before = count(&db, read).await;

    wait("b").await;
    number_all().await;

    until("the second session has told", async || count(&db, read).await >= before + 4000).await;
    let entries = count(&db, read).await - before;
    assert!(entries < 40_000, "{entries} index entries were read to number 4,000 events");
}

#[tokio::test]
async fn an_event_carries_its_order_its_time_and_its_type() {
    let test = minqing_test_kit::TestDb::new("ledgers").await.unwrap();
    let db = test.open(&MIGRATIONS, fixed_clock("2026-11-23T16:00:00Z")).await.unwrap();
    produce(&db, &["ledgers/1", "ledgers/1"]).await;
    Relay::new(db.clone(), "ledgers", None).run_once().await.unwrap();
    let events = read_all(&db).await;
    assert_eq!(events[1].aggregate, "ledgers/1");
    assert_eq!(events[1].aggregate_sequence, 2);
    assert_eq!(events[1].r#type, EVENT_TYPE);
    assert_eq!(events[1].occurred_time, "2026-11-23T16:00:00.000000Z");
    let message: minqing_proto::minqing::mesh::v1::ReconcilerStatus = minqing_kit::events::decode(&events[1]).unwrap();
    assert_eq!(message.passes, 2);
}

#[tokio::test]
async fn an_adapter_reads_what_is_for_it_or_for_everyone_and_nobody_elses() {
    let (_test, db) = service("ledgers").await;
    let done = db.change(call(), |work| {
        Box::pin(async move {
            emit(work, "a", 1, None);
            emit(work, "a", 2, Some("adapter/education"));
            emit(work, "a", 3, Some("adapter/health"));
            emit(work, "a", 4, Some(""));
            Ok(())
        })
    });
    done.await.unwrap();
    Relay::new(db.clone(), "ledgers", None).run_once().await.unwrap();
    let log = EventLog::new(db.clone());
    let read = async |caller: &str, audience: &str, types: &[&str]| {
        let request = ReadEventsRequest {
            audience: audience.to_owned(),
            types: types.iter().map(|t| (*t).to_owned()).collect(),
            ..ReadEventsRequest::default()
        };
        let page = log.read(&call_of(caller), request).await?;
        assert_eq!((page.through_position, page.head_position), (4, 4));
        Ok::<_, minqing_kit::Error>(page.events.iter().map(|e| e.position).collect::<Vec<_>>())
    };
    assert_eq!(read("adapter/education", "", &[EVENT_TYPE]).await.unwrap(), [1, 2, 4]);
    assert_eq!(read("adapter/education", "adapter/health", &[EVENT_TYPE]).await.unwrap(), [1, 2, 4]);
    assert_eq!(read("adapter/education", "", &[]).await.unwrap_err().reason(), "TYPES_REQUIRED");
    assert_eq!(read("service/feedback", "", &[]).await.unwrap(), [1, 2, 3, 4]);
    assert_eq!(read("service/feedback", "adapter/health", &[]).await.unwrap(), [1, 3, 4]);
    assert_eq!(read("service/feedback", "", &["x.Y"]).await.unwrap(), [0_i64; 0]);
}
