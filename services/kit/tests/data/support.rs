//! A small service to test with: one table, one event, calls.

use std::{
    future::Future,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures::future::BoxFuture;
use minqing_kit::{
    Call, Caller, Result,
    clock::{FixedClock, SharedClock, SystemClock},
    db::{Db, Work},
    events::{Event, EventLog, EventSource},
    id::{IdSource as _, SystemIds},
};
use minqing_proto::minqing::mesh::v1::{
    ReadEventsRequest, ReadEventsResponse, ReconcilerStatus, RedriveDeadLetterRequest, RedriveDeadLetterResponse,
};
use minqing_test_kit::TestDb;
use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use uuid::Uuid;

pub const METHOD: &str = "/minqing.test.v1.LedgerService/Write";
pub const EVENT_TYPE: &str = "minqing.mesh.v1.ReconcilerStatus";

pub static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let sql = "create table ledger (id bigint generated always as identity primary key, what text not null)";
    let ledger = Migration::new(1, "ledger".into(), MigrationType::Simple, sql.into_sql_str(), false);
    Migrator::with_migrations(vec![ledger])
});

pub fn new_id() -> Uuid {
    SystemIds.uuid()
}

pub async fn service(schema: &str) -> (TestDb, Db) {
    let test = TestDb::new(schema).await.unwrap();
    let db = test.open(&MIGRATIONS, system_clock()).await.unwrap();
    (test, db)
}

/// Two services in one database: one produces, one consumes.
pub async fn pair() -> (TestDb, Db, Db) {
    let test = TestDb::with(&["producer", "consumer"]).await.unwrap();
    let producer = test.open_as("producer", &MIGRATIONS, system_clock()).await.unwrap();
    let consumer = test.open_as("consumer", &MIGRATIONS, system_clock()).await.unwrap();
    (test, producer, consumer)
}

pub fn system_clock() -> SharedClock {
    Arc::new(SystemClock)
}

pub fn fixed_clock(at: &str) -> SharedClock {
    Arc::new(FixedClock::new(at.parse().unwrap()))
}

pub fn call_of(caller: &str) -> Call {
    Call::new(Caller::parse(caller).unwrap(), METHOD)
}

pub fn call() -> &'static Call {
    static CALL: LazyLock<Call> = LazyLock::new(|| call_of("operator/county/621202"));
    &CALL
}

pub fn write(request_id: Uuid, what: &str) -> RedriveDeadLetterRequest {
    RedriveDeadLetterRequest { request_id: request_id.to_string(), delivery_id: what.to_owned() }
}

/// The use case: a row, an event, an audit row, and an answer that tells one run from another.
pub fn enter(what: &str) -> impl for<'a> Fn(&'a mut Work) -> BoxFuture<'a, Result<RedriveDeadLetterResponse>> + use<> {
    let what = what.to_owned();
    move |work| {
        let what = what.clone();
        Box::pin(async move {
            let id = insert(work, &what).await?;
            emit(work, &format!("ledgers/{what}"), id, None);
            work.audit(&format!("ledgers/{what}"), &["what"]);
            Ok(RedriveDeadLetterResponse { delivery_id: id.to_string() })
        })
    }
}

pub async fn insert(work: &mut Work, what: &str) -> Result<i64> {
    let sql = "insert into ledger (what) values ($1) returning id";
    Ok(sqlx::query_scalar(sql).bind(what).fetch_one(work.conn()).await?)
}

pub fn emit(work: &mut Work, aggregate: &str, number: i64, audience: Option<&str>) {
    let event = ReconcilerStatus { name: aggregate.to_owned(), passes: number, ..ReconcilerStatus::default() };
    work.emit(aggregate, &event, audience);
}

/// Commits one event per aggregate named.
pub async fn produce(db: &Db, aggregates: &[&str]) {
    let aggregates: Vec<String> = aggregates.iter().map(|a| (*a).to_owned()).collect();
    let done = db.change(call(), move |work| {
        let aggregates = aggregates.clone();
        Box::pin(async move {
            for (number, aggregate) in (1..).zip(&aggregates) {
                emit(work, aggregate, number, None);
            }
            Ok(())
        })
    });
    done.await.unwrap();
}

pub async fn count(db: &Db, sql: &'static str) -> i64 {
    let mut connection = db.acquire().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap()
}

pub async fn execute(db: &Db, sql: &'static str) -> u64 {
    let mut connection = db.acquire().await.unwrap();
    sqlx::query(sql).execute(&mut *connection).await.unwrap().rows_affected()
}

/// Waits for a condition, at most 30 s.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A producer's log read in the same process.
pub struct LocalLog {
    log: EventLog,
    call: Call,
}

impl LocalLog {
    pub fn of(db: &Db) -> Arc<LocalLog> {
        Arc::new(LocalLog { log: EventLog::new(db.clone()), call: call_of("service/consumer") })
    }
}

impl EventSource for LocalLog {
    fn read(&self, request: ReadEventsRequest) -> BoxFuture<'_, Result<ReadEventsResponse>> {
        Box::pin(async move { self.log.read(&self.call, request).await })
    }
}

/// Reads a whole log by pages and returns the events, checking that positions are dense.
pub async fn read_all(db: &Db) -> Vec<Event> {
    let log = LocalLog::of(db);
    let mut events = Vec::new();
    let mut after = 0;
    loop {
        let request = ReadEventsRequest { after_position: after, page_size: 7, ..ReadEventsRequest::default() };
        let page = log.read(request).await.unwrap();
        events.extend(page.events);
        if page.through_position == page.head_position {
            break;
        }
        after = page.through_position;
    }
    for (position, event) in (1..).zip(&events) {
        assert_eq!(event.position, position);
    }
    events
}
