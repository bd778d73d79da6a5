//! Numbers committed events and announces them. One leader per service holds an advisory lock on a session of its
//! own; when the session is lost, so is the lock, and whoever gets it next goes on.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{hint::Announcer, outbox};
use crate::{db::Db, error::Result};

/// Events numbered by one statement.
const BATCH: i64 = 500;
/// Longest time a committed event waits when nobody nudged.
const TIMER: Duration = Duration::from_secs(1);
/// Pause before another try for leadership or a lost session.
const LEADER_PAUSE: Duration = Duration::from_secs(1);
/// Time between two removals of what is past its time; the leader does it.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// The first removal waits until the start's rush is over.
const FIRST_PRUNE: Duration = Duration::from_secs(120);
/// Each statement of the session goes by an index. It keeps the plan it made first, when the log was short: one that read
/// the whole log for every batch cost a county's collection half of its time.
const SESSION_SETTINGS: &str = "set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; \
    set enable_mergejoin = off";
/// First key of the relays' advisory locks.
const RELAY_LOCK: i32 = 0x6d71_726c;

/// The relay of one service.
pub struct Relay {
    db: Db,
    announcer: Announcer,
    session: Option<PgConnection>,
    prune_at: Instant,
}

impl Relay {
    /// The relay of `service`, announcing on `redis_url` if there is one.
    pub fn new(db: Db, service: &str, redis_url: Option<&str>) -> Relay {
        let announcer = Announcer::new(redis_url, service);
        Relay { announcer, db, session: None, prune_at: Instant::now() + FIRST_PRUNE }
    }

    /// Numbers and announces until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.run_once().await {
                Ok(Some(_)) => {
                    self.prune().await;
                    TIMER
                }
                Ok(None) => LEADER_PAUSE,
                Err(error) => {
                    tracing::warn!(?error, "events wait to be numbered");
                    LEADER_PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.db.committed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        // A last round, so that what committed during shutdown does not wait for the next start.
        let _ = self.run_once().await;
        if let Some(session) = self.session.take() {
            let _ = session.close().await;
        }
    }

    /// Numbers what is committed now; `None` when another instance leads.
    pub async fn run_once(&mut self) -> Result<Option<u64>> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => match self.lead().await? {
                Some(session) => session,
                None => return Ok(None),
            },
        };
        let mut numbered = 0;
        loop {
            // On an error the session is dropped here, and its lock with it.
            let positions = outbox::number(&mut session, BATCH).await?;
            let full = i64::try_from(positions.len()).is_ok_and(|n| n >= BATCH);
            numbered += positions.len() as u64;
            if let Some(newest) = positions.iter().max() {
                self.announcer.announce(&[*newest]).await;
            }
            if !full {
                break;
            }
        }
        self.session = Some(session);
        Ok(Some(numbered))
    }

    async fn prune(&mut self) {
        if self.prune_at > Instant::now() {
            return;
        }
        let more = self.db.prune().await.unwrap_or_else(|error| {
            tracing::warn!(?error, "removing what is past its time failed");
            false
        });
        self.prune_at = Instant::now() + if more { TIMER } else { PRUNE_EVERY };
    }

    async fn lead(&self) -> Result<Option<PgConnection>> {
        let mut session = PgConnection::connect_with(self.db.options()).await?;
        sqlx::raw_sql(SESSION_SETTINGS).execute(&mut session).await?;
        let leads: bool = sqlx::query_scalar("select pg_try_advisory_lock($1, hashtext($2))")
            .bind(RELAY_LOCK)
            .bind(self.db.schema())
            .fetch_one(&mut session)
            .await?;
        if leads {
            return Ok(Some(session));
        }
        let _ = session.close().await;
        Ok(None)
    }
}
