//! Consumers: every event's effect once, whatever is repeated, killed or overtaken.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use minqing_kit::{
    Error, Kind, Result,
    db::{Db, Work},
    events::{Applied, Consumer, ConsumerLoop, Event, EventSource, Handler, Relay},
    operations::Operations,
    reconcile::Reconcilers,
};
use minqing_proto::minqing::mesh::v1::{
    ListDeadLettersRequest, ReadEventsRequest, ReadEventsResponse, RedriveDeadLetterRequest,
};
use tokio_util::sync::CancellationToken;

use crate::support::*;

/// Enters every event into the ledger, except that it refuses, as told, one aggregate.
#[derive(Default)]
struct Ledger {
    refused: Mutex<Option<(&'static str, Kind)>>,
    calls: AtomicU64,
}

impl Handler for Ledger {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            for event in events {
                insert(work, &format!("{}:{}", event.aggregate, event.position)).await?;
                let refused = *self.refused.lock().unwrap();
                if let Some((aggregate, kind)) = refused
                    && event.aggregate == aggregate
                {
                    return Err(Error::new(kind, "REFUSED", "refused", "拒绝"));
                }
            }
            Ok(())
        })
    }
}

fn consumer(handler: &Arc<Ledger>) -> Consumer {
    let handler = Arc::clone(handler) as Arc<dyn Handler>;
    Consumer { producer: "producer", types: vec![EVENT_TYPE], audience: None, handler }
}

fn reading(db: &Db, producer: &Db, handler: &Arc<Ledger>) -> ConsumerLoop {
    ConsumerLoop::new(db.clone(), "service/consumer", consumer(handler), LocalLog::of(producer), None)
}

async fn number(producer: &Db) {
    Relay::new(producer.clone(), "producer", None).run_once().await.unwrap();
}

async fn entries(db: &Db) -> Vec<String> {
    let mut connection = db.acquire().await.unwrap();
    sqlx::query_scalar("select what from ledger order by id").fetch_all(&mut *connection).await.unwrap()
}

#[tokio::test]
async fn a_page_read_twice_has_its_effect_once_whichever_step_is_repeated() {
    let (_test, producer, db) = pair().await;
    produce(&producer, &["a", "b", "c"]).await;
    number(&producer).await;
    let handler = Arc::new(Ledger::default());
    let (one, other) = (reading(&db, &producer, &handler), reading(&db, &producer, &handler));

    // Read and lost: nothing happened.
    drop(one.fetch().await.unwrap());
    assert!(entries(&db).await.is_empty());
    // Read by both: the first effect counts, also when the winner repeats itself.
    let (first, second) = (one.fetch().await.unwrap(), other.fetch().await.unwrap());
    assert_eq!(one.apply(first.clone()).await.unwrap(), Applied::Done);
    assert_eq!(other.apply(second).await.unwrap(), Applied::Overtaken);
    assert_eq!(one.apply(first).await.unwrap(), Applied::Overtaken);
    assert_eq!(entries(&db).await, ["a:1", "b:2", "c:3"]);
    assert!(!one.consume_once().await.unwrap());
    assert_eq!(count(&db, "select position from consumer_cursor").await, 3);
    assert_eq!(count(&db, "select count(*) from inbox").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_killed_at_random_apply_every_event_once_and_in_order() {
    let (_test, producer, db) = pair().await;
    let handler = Arc::new(Ledger::default());
    let stop = CancellationToken::new();
    for round in 0..60_u64 {
        produce(&producer, &["a", "b", "a"]).await;
        number(&producer).await;
        let runs = [0, 1].map(|i| {
            let one = reading(&db, &producer, &handler);
            let patience = Duration::from_micros((round * 173 + i * 911) % 9000);
            tokio::time::timeout(patience, one.run(stop.clone()))
        });
        futures::future::join_all(runs).await;
    }
    until("all events applied", || async {
        let one = reading(&db, &producer, &handler);
        !one.consume_once().await.unwrap() && count(&db, "select position from consumer_cursor").await == 180
    })
    .await;
    let entries = entries(&db).await;
    let positions: Vec<i64> = entries.iter().map(|e| e.split_once(':').unwrap().1.parse().unwrap()).collect();
    assert_eq!(positions, (1..=180).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_poisonous_event_is_put_aside_its_neighbours_go_on_and_a_person_redrives_it() {
    let (_test, producer, db) = pair().await;
    produce(&producer, &["a", "poison", "b"]).await;
    number(&producer).await;
    let handler = Arc::new(Ledger::default());
    *handler.refused.lock().unwrap() = Some(("poison", Kind::Bug));
    let one = reading(&db, &producer, &handler);
    assert!(!one.consume_once().await.unwrap());
    assert_eq!(entries(&db).await, ["a:1", "b:3"]);
    // The page, a, poison five times, b.
    assert_eq!(handler.calls.load(Ordering::SeqCst), 8);

    let operations = Operations::new("consumer", db.clone(), vec![consumer(&handler)], Reconcilers::default());
    let listed = operations.dead_letters(&ListDeadLettersRequest::default()).await.unwrap().dead_letters;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].kind.as_str(), listed[0].subject.as_str()), ("event", "producer/2"));
    assert_eq!((listed[0].attempts, listed[0].last_error.as_str()), (5, "REFUSED: refused"));
    assert_eq!(operations.backlog().await.unwrap().dead_letters, 1);

    let redrive =
        RedriveDeadLetterRequest { request_id: new_id().to_string(), delivery_id: listed[0].delivery_id.clone() };
    assert_eq!(operations.redrive(call(), &redrive).await.unwrap_err().reason(), "REFUSED");
    assert_eq!(operations.backlog().await.unwrap().dead_letters, 1);
    *handler.refused.lock().unwrap() = None;
    operations.redrive(call(), &redrive).await.unwrap();
    operations.redrive(call(), &redrive).await.unwrap();
    assert_eq!(entries(&db).await, ["a:1", "b:3", "poison:2"]);
    assert_eq!(operations.backlog().await.unwrap().dead_letters, 0);
}

#[tokio::test]
async fn a_passing_failure_only_delays_and_keeps_the_order() {
    let (_test, producer, db) = pair().await;
    produce(&producer, &["a", "b"]).await;
    number(&producer).await;
    let handler = Arc::new(Ledger::default());
    let one = reading(&db, &producer, &handler);
    for kind in [Kind::Unavailable, Kind::Busy, Kind::Conflict] {
        *handler.refused.lock().unwrap() = Some(("b", kind));
        assert_eq!(one.consume_once().await.unwrap_err().kind(), kind);
        assert!(entries(&db).await.is_empty());
    }
    *handler.refused.lock().unwrap() = None;
    one.consume_once().await.unwrap();
    assert_eq!(entries(&db).await, ["a:1", "b:2"]);
    assert_eq!(count(&db, "select count(*) from dead_event").await, 0);
}

#[tokio::test]
async fn a_page_that_takes_too_long_is_applied_event_by_event() {
    let (_test, producer, db) = pair().await;
    produce(&producer, &["a", "b"]).await;
    number(&producer).await;
    let handler = Arc::new(Ledger::default());
    let one = reading(&db, &producer, &handler);
    *handler.refused.lock().unwrap() = Some(("b", Kind::DeadlineExceeded));
    assert_eq!(one.consume_once().await.unwrap_err().kind(), Kind::DeadlineExceeded);
    assert_eq!(entries(&db).await, ["a:1"]);
    assert_eq!(count(&db, "select count(*) from dead_event").await, 0);
}

struct Flaky {
    log: Arc<LocalLog>,
    down: AtomicBool,
}

impl EventSource for Flaky {
    fn read(&self, request: ReadEventsRequest) -> BoxFuture<'_, Result<ReadEventsResponse>> {
        if self.down.load(Ordering::SeqCst) {
            return Box::pin(async { Err(Error::unavailable("PEER_UNAVAILABLE", "down", "不可用")) });
        }
        self.log.read(request)
    }
}

#[tokio::test]
async fn a_producer_that_was_down_is_read_on_from_where_it_was_left() {
    let (_test, producer, db) = pair().await;
    let log = Arc::new(Flaky { log: LocalLog::of(&producer), down: AtomicBool::new(true) });
    let handler = Arc::new(Ledger::default());
    let source = Arc::clone(&log) as Arc<dyn EventSource>;
    let one = ConsumerLoop::new(db.clone(), "service/consumer", consumer(&handler), source, None);
    let stop = CancellationToken::new();
    let mut running = tokio::task::JoinSet::new();
    running.spawn(one.run(stop.clone()));
    produce(&producer, &["a"]).await;
    number(&producer).await;
    log.down.store(false, Ordering::SeqCst);
    until("the event", || async { entries(&db).await.len() == 1 }).await;
    stop.cancel();
    running.join_all().await;
}

#[tokio::test]
async fn a_log_shorter_than_what_was_read_of_it_is_reported_not_skipped() {
    let (_test, producer, db) = pair().await;
    produce(&producer, &["a"]).await;
    number(&producer).await;
    let handler = Arc::new(Ledger::default());
    let one = reading(&db, &producer, &handler);
    one.consume_once().await.unwrap();
    execute(&producer, "delete from outbox").await;
    let back = one.consume_once().await;
    assert_eq!(back.unwrap_err().reason(), "LOG_WENT_BACK");
}

#[tokio::test]
async fn filtered_events_move_the_cursor_without_any_effect() {
    let (_test, producer, db) = pair().await;
    produce(&producer, &["a", "b"]).await;
    number(&producer).await;
    let handler = Arc::new(Ledger::default());
    let wanted = Consumer { types: vec!["x.Y"], ..consumer(&handler) };
    let one = ConsumerLoop::new(db.clone(), "service/consumer", wanted, LocalLog::of(&producer), None);
    assert!(!one.consume_once().await.unwrap());
    assert_eq!(count(&db, "select position from consumer_cursor").await, 2);
    assert_eq!(handler.calls.load(Ordering::SeqCst), 0);
}
