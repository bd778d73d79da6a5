//! The service's database: its own role, its own schema, and the only ways to change it.
//!
//! Every change is one transaction that runs in a tracked task of its own, so a caller who gives up cannot tear it:
//! rows, events, audit and the stored answer commit together or not at all. Reads of personal data are transactions
//! too, since their audit row goes with them.

mod audit;
mod idempotency;
mod migrate;
mod provision;
mod work;

use std::{str::FromStr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rand::Rng;
use sqlx::{
    ConnectOptions as _, Executor, PgPool, Postgres, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub use idempotency::{Fingerprint, Stored};
pub use migrate::kit_migrations;
pub use provision::{POLICY_ROLE, ServiceAccount, provision};
pub use work::Work;

use crate::{
    call::Call,
    clock::SharedClock,
    error::{Error, Result},
    id::SharedIds,
};

/// Connections of one service's pool.
const POOL_CONNECTIONS: u32 = 8;
/// Longest wait for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest run of one statement.
const STATEMENT_TIMEOUT_MS: u32 = 30_000;
/// Longest wait for a lock, another call's unfinished duplicate included.
const LOCK_TIMEOUT_MS: u32 = 10_000;
/// A session idle inside a transaction for longer is cut by the server.
const IDLE_IN_TRANSACTION_MS: u32 = 60_000;
/// Longest a caller waits for a change; the change itself goes on.
const CHANGE_WAIT: Duration = Duration::from_secs(60);
/// Ends whatever transaction a session was left in: sqlx 0.9.0 can return a connection to the pool inside one when a
/// future is dropped during BEGIN. The begin is there because a rollback alone makes the server log a warning. It also
/// shows whether the session still works.
const CLEAN: &str = "begin; rollback";
/// Cleans a session and begins a transaction in one round trip.
const CLEAN_AND_BEGIN: &str = "begin; rollback; begin";
/// Runs of one change before a serialization failure is given back.
const MAX_RUNS: u32 = 5;

/// What a change does: runs inside the transaction, possibly again after a serialization failure.
pub(crate) trait WorkFn<T>:
    for<'a> Fn(&'a mut Work) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static
{
}
impl<T, F> WorkFn<T> for F where F: for<'a> Fn(&'a mut Work) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static {}

/// The service's database.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    options: PgConnectOptions,
    schema: String,
    clock: SharedClock,
    ids: SharedIds,
    tasks: TaskTracker,
    committed: Notify,
    /// Changes with deliveries that have committed; every carrier watches it.
    enqueued: watch::Sender<u64>,
}

/// Migrates the kit's tables and the service's own in `schema`, as the service's role; running it again changes nothing.
pub async fn migrate(url: &str, schema: &str, migrations: &Migrator) -> anyhow::Result<()> {
    migrate::run(&base_options(url, schema)?, schema, migrations).await
}

fn base_options(url: &str, schema: &str) -> anyhow::Result<PgConnectOptions> {
    provision::check_identifier(schema)?;
    // sqlx asks whether a statement would be logged, which leaves the subscriber's filters in a state in which the next
    // span of the thread is lost to the traces. Statements are not logged anyway.
    Ok(PgConnectOptions::from_str(url)?
        .disable_statement_logging()
        .application_name(&format!("minqing-{schema}"))
        // Statements are many and short, or bound by their rows: compiling them costs more than it gives.
        .options([("search_path", schema), ("jit", "off")]))
}

impl Db {
    /// Connects as the service's own role, migrates the kit's tables and then the service's, and keeps a small pool.
    /// Role and schema must exist ([`provision`]). Running it again changes nothing.
    pub async fn open(
        url: &str,
        schema: &str,
        migrations: &'static Migrator,
        clock: SharedClock,
        ids: SharedIds,
    ) -> anyhow::Result<Db> {
        let options = base_options(url, schema)?;
        migrate::run(&options, schema, migrations).await?;

        let options = options.options([
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            ("lock_timeout", LOCK_TIMEOUT_MS),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MS),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(POOL_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await?;
        let inner = Inner {
            pool,
            options,
            schema: schema.into(),
            clock,
            ids,
            tasks: TaskTracker::new(),
            committed: Notify::new(),
            enqueued: watch::Sender::new(0),
        };
        Ok(Db { inner: Arc::new(inner) })
    }

    /// Idempotent change: a repeat of the same call (caller, method, request id) gets the first answer, the same id
    /// with another body is refused, and a failed change leaves nothing behind.
    pub async fn mutate<Q, A, F>(&self, call: &Call, request: &Q, work: F) -> Result<A>
    where
        Q: prost::Message + minqing_proto::Mutation,
        A: prost::Message + Default + 'static,
        F: for<'a> Fn(&'a mut Work) -> BoxFuture<'a, Result<A>> + Send + Sync + 'static,
    {
        let fingerprint = Fingerprint::of(&call.method, request);
        self.mutate_keyed(call, request.request_id(), fingerprint, work).await
    }

    /// As [`Db::mutate`], for a streamed request whose id and fingerprint the caller of this function made.
    pub async fn mutate_keyed<A, F>(&self, call: &Call, request_id: &str, fingerprint: [u8; 32], work: F) -> Result<A>
    where
        A: prost::Message + Default + 'static,
        F: for<'a> Fn(&'a mut Work) -> BoxFuture<'a, Result<A>> + Send + Sync + 'static,
    {
        let request_id = idempotency::parse_request_id(request_id)?;
        let work = Arc::new(work);
        let once = self.change(call, move |w| {
            let work = Arc::clone(&work);
            Box::pin(async move {
                if let Some(stored) = idempotency::claim(w, request_id, fingerprint).await? {
                    return Ok(stored);
                }
                let answer = work(w).await?.encode_to_vec();
                w.flush().await?;
                idempotency::complete(w, request_id, &answer).await?;
                Ok(answer)
            })
        });
        let answer = once.await?;
        A::decode(answer.as_slice()).map_err(Error::bug)
    }

    /// The stored answer if this call was done before.
    pub async fn outcome<A: prost::Message + Default>(
        &self,
        call: &Call,
        request_id: &str,
        fingerprint: [u8; 32],
    ) -> Result<Option<A>> {
        let request_id = idempotency::parse_request_id(request_id)?;
        let mut connection = self.acquire().await?;
        let caller = call.caller.as_str();
        let Some(stored) = idempotency::find(&mut connection, caller, &call.method, request_id).await? else {
            return Ok(None);
        };
        let answer = stored.answer_to(fingerprint)?;
        Ok(Some(A::decode(answer.as_slice()).map_err(Error::bug)?))
    }

    /// A change without a request id, as workers and event handlers make: events and audit commit with it.
    pub async fn change<T, F>(&self, call: &Call, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Work) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        let (db, call) = (self.clone(), call.clone());
        let task = async move { db.run(&call, &work).await }.instrument(tracing::Span::current());
        let running = self.inner.tasks.spawn(task);
        match tokio::time::timeout(CHANGE_WAIT, running).await {
            Ok(Ok(result)) => result,
            Ok(Err(crash)) => Err(Error::bug(anyhow::anyhow!("a change crashed: {crash}"))),
            Err(_) => Err(outcome_unknown()),
        }
    }

    /// A read of personal data: what [`Work::audit`] notes commits before anything is returned. No audit, no data.
    pub async fn read<T, F>(&self, call: &Call, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Work) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        self.change(call, work).await
    }

    /// A connection for reads without personal data.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>> {
        for _ in 0..POOL_CONNECTIONS {
            let mut connection = self.inner.pool.acquire().await?;
            if connection.execute(CLEAN).await.is_ok() {
                return Ok(connection);
            }
            // Broken while idle: the pool closes it and gives another.
        }
        let mut connection = self.inner.pool.acquire().await?;
        connection.execute(CLEAN).await?;
        Ok(connection)
    }

    /// The service's schema.
    pub fn schema(&self) -> &str {
        &self.inner.schema
    }

    /// The business clock.
    pub fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    /// Where ids come from.
    pub fn ids(&self) -> &SharedIds {
        &self.inner.ids
    }

    /// Changes still running.
    pub fn changes_running(&self) -> usize {
        self.inner.tasks.len()
    }

    /// Waits until running changes have ended, at most `limit`, and closes the pool.
    pub async fn close(&self, limit: Duration) {
        self.inner.tasks.close();
        let ended = tokio::time::timeout(limit, self.inner.tasks.wait()).await;
        if ended.is_err() {
            tracing::warn!(running = self.inner.tasks.len(), "changes still running at shutdown");
        }
        let _ = tokio::time::timeout(limit, self.inner.pool.close()).await;
    }

    /// Wakes when a change with events has committed.
    pub(crate) async fn committed(&self) {
        self.inner.committed.notified().await;
    }

    /// Changes whenever a change with deliveries has committed.
    pub(crate) fn enqueued(&self) -> watch::Receiver<u64> {
        self.inner.enqueued.subscribe()
    }

    /// How to open a session of its own, outside the pool.
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.inner.options
    }

    async fn run<T>(&self, call: &Call, work: &impl WorkFn<T>) -> Result<T> {
        let mut runs = 1;
        loop {
            match self.attempt(call, work).await {
                Err(error) if error.is_serialization() && runs < MAX_RUNS => {
                    let base = 5_u64 << runs;
                    let pause = rand::rng().random_range(base / 2..=base * 2);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    runs += 1;
                }
                result => return result,
            }
        }
    }

    /// Nothing has been done yet, so a session that turns out to be broken is replaced by another.
    async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        for _ in 0..POOL_CONNECTIONS {
            match self.inner.pool.begin_with(CLEAN_AND_BEGIN).await {
                Err(sqlx::Error::Io(error)) => tracing::debug!(%error, "a session broke while idle"),
                begun => return Ok(begun?),
            }
        }
        Ok(self.inner.pool.begin_with(CLEAN_AND_BEGIN).await?)
    }

    async fn attempt<T>(&self, call: &Call, work: &impl WorkFn<T>) -> Result<T> {
        let transaction = self.begin().await?;
        let mut w = Work::new(transaction, call.clone(), &self.inner.clock, Arc::clone(&self.inner.ids));
        match work(&mut w).await {
            Ok(value) => {
                w.flush().await?;
                let (wrote_events, enqueued) = (w.wrote_events(), w.enqueued());
                w.commit().await?;
                if wrote_events {
                    self.inner.committed.notify_one();
                }
                if enqueued {
                    self.inner.enqueued.send_modify(|count| *count = count.wrapping_add(1));
                }
                Ok(value)
            }
            Err(error) => {
                w.rollback().await;
                Err(error)
            }
        }
    }
}

/// The answer when nobody can tell whether the change was made: the same request id settles it.
pub(crate) fn outcome_unknown() -> Error {
    Error::unavailable(
        "OUTCOME_UNKNOWN",
        "the outcome is unknown, ask again with the same request_id",
        "处理结果未知，请用相同的 request_id 重试",
    )
    .retry_after(Duration::from_secs(1))
}
