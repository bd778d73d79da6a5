//! Deliveries to someone outside: rows that are claimed under a lease, carried outside any transaction and then
//! settled. A lease that runs out makes the row pending again; attempts are capped, and what is given up waits as a
//! dead letter for a person. Leases and back-off go by the database's clock.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, future::BoxFuture, stream};
use rand::Rng;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    db::{Db, Work},
    error::{Error, Result},
    events::trace,
};

/// Attempts before a delivery is given up.
pub const MAX_ATTEMPTS: i32 = 8;
/// Deliveries one round of a carrier claims.
const CLAIM: i64 = 16;
/// Deliveries a carrier carries at once.
const CONCURRENT: usize = 4;
/// A carrier's lease.
const LEASE: Duration = Duration::from_secs(60);
/// Longest one attempt of a carrier may take; the rest of the lease is for settling.
const ATTEMPT: Duration = Duration::from_secs(45);
/// Longest time a due delivery waits for its carrier.
const TIMER: Duration = Duration::from_secs(1);
/// Longest text kept of a failure.
const MAX_REASON: usize = 300;
/// Most deliveries one claim may take.
const MAX_CLAIM: i64 = 500;
/// Longest lease.
const MAX_LEASE: Duration = Duration::from_secs(24 * 3600);
/// Pauses after the first and later attempts, in seconds, before jitter; about eighteen hours in all.
const PAUSES: [u64; 7] = [5, 30, 300, 1_800, 7_200, 18_000, 36_000];

/// Something to be carried.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: Uuid,
    pub kind: String,
    /// Resource name of the thing delivered.
    pub subject: String,
    pub payload: Vec<u8>,
    /// Number of this attempt, from 1.
    pub attempt: i32,
}

/// What became of an attempt. Reasons hold no personal data.
#[derive(Clone, Debug)]
pub enum Outcome {
    Done,
    /// Try again after about this time; zero leaves the time to the usual back-off.
    Retry {
        after: Duration,
        reason: String,
    },
    /// Trying again is pointless.
    Dead {
        reason: String,
    },
}

/// Carries deliveries of one kind; driven by the frame.
pub trait Carrier: Send + Sync + 'static {
    fn kind(&self) -> &'static str;
    /// May be called again for a delivery that arrived: the receiver must know it by its subject.
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Outcome>;
}

/// A delivery not yet written.
pub(crate) struct New {
    pub id: Uuid,
    pub kind: &'static str,
    pub subject: String,
    pub payload: Vec<u8>,
    /// Trace of the change it belongs to.
    pub traceparent: String,
}

/// Writes new deliveries; one that is there already stays as it is.
pub(crate) async fn insert(connection: &mut PgConnection, new: Vec<New>) -> Result<()> {
    let mut ids = Vec::with_capacity(new.len());
    let mut kinds = Vec::with_capacity(new.len());
    let mut subjects = Vec::with_capacity(new.len());
    let mut payloads = Vec::with_capacity(new.len());
    let mut traces = Vec::with_capacity(new.len());
    for delivery in new {
        ids.push(delivery.id);
        kinds.push(delivery.kind);
        subjects.push(delivery.subject);
        payloads.push(delivery.payload);
        traces.push(delivery.traceparent);
    }
    sqlx::query(
        "insert into delivery (id, kind, subject, payload, traceparent) \
         select e.id, e.kind, e.subject, e.payload, e.traceparent \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[]) \
           as e (id, kind, subject, payload, traceparent) \
         order by e.kind, e.subject \
         on conflict on constraint delivery_once do nothing",
    )
    .bind(ids)
    .bind(kinds)
    .bind(subjects)
    .bind(payloads)
    .bind(traces)
    .execute(connection)
    .await?;
    Ok(())
}

/// A claimed delivery with the epoch of its lease.
#[derive(sqlx::FromRow)]
struct Claimed {
    id: Uuid,
    kind: String,
    subject: String,
    payload: Vec<u8>,
    attempts: i32,
    epoch: i64,
    traceparent: String,
}

impl Claimed {
    fn delivery(&self) -> Delivery {
        Delivery {
            id: self.id,
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            payload: self.payload.clone(),
            attempt: self.attempts,
        }
    }
}

/// Deliveries for pull transports: the receiver's side asks, and answers later.
#[derive(Clone)]
pub struct Deliveries {
    db: Db,
}

impl Deliveries {
    pub fn new(db: Db) -> Deliveries {
        Deliveries { db }
    }

    /// Leases up to `limit` due deliveries of `kind`, oldest first; each claim counts as an attempt. Those whose
    /// attempts are used up go to the dead letters instead.
    pub async fn claim(&self, kind: &str, limit: i64, lease: Duration) -> Result<Vec<Delivery>> {
        let claimed = claim(&self.db, kind, limit, lease).await?;
        Ok(claimed.iter().map(Claimed::delivery).collect())
    }

    /// The receiver has answered: the delivery is done, whatever became of its lease. Goes with the transaction that
    /// takes the answer in. False when there is no such delivery or it was done before.
    pub async fn settle(&self, work: &mut Work, kind: &str, subject: &str) -> Result<bool> {
        let settled = sqlx::query(
            "update delivery set state = 'done', done_at = clock_timestamp(), lease_until = null, dead_at = null \
             where kind = $1 and subject = $2 and state <> 'done'",
        )
        .bind(kind)
        .bind(subject)
        .execute(work.conn())
        .await?;
        Ok(settled.rows_affected() == 1)
    }

    /// Nothing is to be delivered any more. True when the receiver may have got it, since somebody was at it at least
    /// once; `None` when there is no such delivery.
    pub async fn cancel(&self, work: &mut Work, kind: &str, subject: &str) -> Result<Option<bool>> {
        let tried = sqlx::query_scalar(
            "update delivery set state = 'done', done_at = coalesce(done_at, clock_timestamp()), lease_until = null, \
               dead_at = null where kind = $1 and subject = $2 returning attempts > 0",
        )
        .bind(kind)
        .bind(subject)
        .fetch_optional(work.conn())
        .await?;
        Ok(tried)
    }

    /// The attempt failed: tried again after the usual pause, or given up when attempts are used up.
    pub async fn fail(&self, id: Uuid, reason: &str) -> Result<()> {
        let mut connection = self.db.acquire().await?;
        let attempt: Option<i32> =
            sqlx::query_scalar("select attempts from delivery where id = $1 and state = 'leased'")
                .bind(id)
                .fetch_optional(&mut *connection)
                .await?;
        let Some(attempt) = attempt else { return Ok(()) };
        retry(&mut connection, id, None, backoff(attempt), reason).await?;
        Ok(())
    }
}

async fn claim(db: &Db, kind: &str, limit: i64, lease: Duration) -> Result<Vec<Claimed>> {
    let mut connection = db.acquire().await?;
    sqlx::query(
        "update delivery set state = 'dead', dead_at = clock_timestamp(), lease_until = null, \
           last_error = coalesce(last_error, 'no answer within the lease') \
         where id in (select id from delivery where kind = $1 and attempts >= $2 \
           and (state = 'pending' or state = 'leased' and lease_until < clock_timestamp()) for update skip locked)",
    )
    .bind(kind)
    .bind(MAX_ATTEMPTS)
    .execute(&mut *connection)
    .await?;
    let mut claimed: Vec<Claimed> = sqlx::query_as(
        "with due as ( \
           select id from delivery where kind = $1 and attempts < $2 \
             and (state = 'pending' and next_at <= clock_timestamp() \
               or state = 'leased' and lease_until < clock_timestamp()) \
           order by next_at, id limit $3 for update skip locked \
         ) \
         update delivery d set state = 'leased', attempts = d.attempts + 1, epoch = d.epoch + 1, \
           lease_until = clock_timestamp() + make_interval(secs => $4) \
         from due where d.id = due.id \
         returning d.id, d.kind, d.subject, d.payload, d.attempts, d.epoch, d.traceparent",
    )
    .bind(kind)
    .bind(MAX_ATTEMPTS)
    .bind(limit.clamp(0, MAX_CLAIM))
    .bind(lease.min(MAX_LEASE).as_secs_f64())
    .fetch_all(&mut *connection)
    .await?;
    // Ids are in order of making.
    claimed.sort_by_key(|c| c.id);
    Ok(claimed)
}

/// Back to pending, or dead when attempts are used up. An `epoch` fences out a lease that was lost meanwhile.
async fn retry(
    connection: &mut PgConnection,
    id: Uuid,
    epoch: Option<i64>,
    after: Duration,
    reason: &str,
) -> Result<bool> {
    let done = sqlx::query(
        "update delivery set lease_until = null, last_error = $5, \
           state = case when attempts >= $3 then 'dead' else 'pending' end, \
           dead_at = case when attempts >= $3 then clock_timestamp() end, \
           next_at = clock_timestamp() + make_interval(secs => $4) \
         where id = $1 and state = 'leased' and ($2::bigint is null or epoch = $2)",
    )
    .bind(id)
    .bind(epoch)
    .bind(MAX_ATTEMPTS)
    .bind(after.as_secs_f64())
    .bind(shortened(reason))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn shortened(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}

/// The usual pause after the given attempt, ± 20 %.
fn backoff(attempt: i32) -> Duration {
    let step = usize::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(PAUSES.len() - 1);
    jittered(Duration::from_secs(PAUSES[step]))
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.8..1.2))
}

/// Drives one carrier.
pub struct CarrierLoop {
    db: Db,
    carrier: Arc<dyn Carrier>,
}

impl CarrierLoop {
    pub fn new(db: Db, carrier: Arc<dyn Carrier>) -> CarrierLoop {
        CarrierLoop { db, carrier }
    }

    /// Carries until told to stop; woken by a delivery enqueued in this process, and by a timer.
    pub async fn run(self, stop: CancellationToken) {
        let mut enqueued = self.db.enqueued();
        while !stop.is_cancelled() {
            match self.run_once().await {
                Ok(carried) if carried > 0 => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(kind = self.carrier.kind(), ?error, "deliveries wait"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = enqueued.changed() => {}
                () = tokio::time::sleep(TIMER) => {}
            }
        }
    }

    /// One round: claims what is due and carries it; returns how many were claimed.
    pub async fn run_once(&self) -> Result<usize> {
        let claimed = claim(&self.db, self.carrier.kind(), CLAIM, LEASE).await?;
        let count = claimed.len();
        let mut results = stream::iter(claimed.into_iter().map(|c| self.carry(c))).buffer_unordered(CONCURRENT);
        let mut first_failure = None;
        while let Some(result) = results.next().await {
            if let Err(error) = result {
                first_failure.get_or_insert(error);
            }
        }
        first_failure.map_or(Ok(count), Err)
    }

    async fn carry(&self, claimed: Claimed) -> Result<()> {
        let delivery = claimed.delivery();
        let span = tracing::info_span!("deliver", kind = self.carrier.kind(), attempt = delivery.attempt);
        trace::follow(&span, &claimed.traceparent);
        let attempt = tokio::time::timeout(ATTEMPT, self.carrier.deliver(&delivery)).instrument(span);
        let outcome = attempt.await.unwrap_or_else(|_| Outcome::Retry {
            after: Duration::ZERO,
            reason: format!("no outcome within {} s", ATTEMPT.as_secs()),
        });
        let settled = self.note(&claimed, outcome).await?;
        if !settled {
            tracing::info!(kind = self.carrier.kind(), "a delivery was settled elsewhere meanwhile");
        }
        Ok(())
    }

    async fn note(&self, claimed: &Claimed, outcome: Outcome) -> Result<bool> {
        let mut connection = self.db.acquire().await?;
        match outcome {
            Outcome::Retry { after, reason } => {
                let pause = if after.is_zero() { backoff(claimed.attempts) } else { jittered(after) };
                retry(&mut connection, claimed.id, Some(claimed.epoch), pause, &reason).await
            }
            Outcome::Done => finish(&mut connection, claimed, "done", None).await,
            Outcome::Dead { reason } => finish(&mut connection, claimed, "dead", Some(&reason)).await,
        }
    }
}

async fn finish(connection: &mut PgConnection, claimed: &Claimed, state: &str, reason: Option<&str>) -> Result<bool> {
    let done = sqlx::query(
        "update delivery set state = $3, lease_until = null, last_error = coalesce($4, last_error), \
           done_at = case when $3 = 'done' then clock_timestamp() end, \
           dead_at = case when $3 = 'dead' then clock_timestamp() end \
         where id = $1 and state = 'leased' and epoch = $2",
    )
    .bind(claimed.id)
    .bind(claimed.epoch)
    .bind(state)
    .bind(reason.map(shortened))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a dead delivery back with its attempts counted anew; false when there is no such dead delivery.
pub(crate) async fn redrive(work: &mut Work, id: Uuid) -> Result<bool> {
    let done = sqlx::query(
        "update delivery set state = 'pending', attempts = 0, next_at = clock_timestamp(), dead_at = null \
         where id = $1 and state = 'dead'",
    )
    .bind(id)
    .execute(work.conn())
    .await
    .map_err(Error::from)?;
    Ok(done.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_their_jitter() {
        for attempt in [-1, 0, 1, 2, 7, 8, i32::MAX] {
            let step = usize::try_from(attempt - i32::from(attempt > 0)).unwrap_or(0).min(PAUSES.len() - 1);
            let base = Duration::from_secs(PAUSES[step]);
            let pause = backoff(attempt);
            assert!(pause >= base.mul_f64(0.8) && pause <= base.mul_f64(1.2), "attempt {attempt}: {pause:?}");
        }
    }
}
