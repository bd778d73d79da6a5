//! Reads one producer's log: woken by a hint or a timer, it fetches over gRPC outside any transaction and applies.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use minqing_proto::minqing::mesh::v1::{ReadEventsRequest, ReadEventsResponse};
use rand::Rng;
use tokio_util::sync::CancellationToken;

use super::{
    Applied, Consumer,
    apply::{Source, Span},
    hint::Listener,
};
use crate::{
    db::Db,
    error::{Error, Result},
};

/// Events fetched at once.
const PAGE: i32 = 200;
/// Longest time between two looks at the producer's log.
const TIMER: Duration = Duration::from_secs(1);
/// No position of a log.
const UNKNOWN: i64 = -1;
/// Longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Where a producer's events are read from: its event log over gRPC, or a test's.
pub trait EventSource: Send + Sync + 'static {
    /// One page.
    fn read(&self, request: ReadEventsRequest) -> BoxFuture<'_, Result<ReadEventsResponse>>;
}

/// The loop that keeps one consumer up with its producer.
pub struct ConsumerLoop {
    source: Source,
    log: Arc<dyn EventSource>,
    listener: Listener,
    /// Where the cursor was left; [`UNKNOWN`] when it has to be looked up. A guess that is wrong costs one page read
    /// in vain: the cursor in the database decides.
    left_at: AtomicI64,
}

impl ConsumerLoop {
    /// `service` is the reading service (its name or identity); `redis_url` is where hints come from.
    pub fn new(
        db: Db,
        service: &str,
        consumer: Consumer,
        log: Arc<dyn EventSource>,
        redis_url: Option<&str>,
    ) -> ConsumerLoop {
        let member = db.ids().uuid().simple().to_string();
        let listener = Listener::new(redis_url, consumer.producer, service, member);
        let source = Source::new(db, service, consumer);
        ConsumerLoop { source, log, listener, left_at: AtomicI64::new(UNKNOWN) }
    }

    /// Keeps up until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            let caught_up = self.catch_up(&stop).await;
            let wait = match caught_up {
                Ok(()) => {
                    failures = 0;
                    TIMER
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(producer = self.source.consumer.producer, failures, ?error, "reading events failed");
                    pause_after(failures)
                }
            };
            if failures == 0 {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.listener.wait(wait) => {}
                }
            } else {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }

    async fn catch_up(&self, stop: &CancellationToken) -> Result<()> {
        while !stop.is_cancelled() && self.consume_once().await? {}
        Ok(())
    }

    /// Fetches and applies one page; true when there is more to read.
    pub async fn consume_once(&self) -> Result<bool> {
        let page = self.fetch().await?;
        let (through, head, moves) = (page.through_position, page.head_position, page.moves());
        if !moves {
            return Ok(false);
        }
        match self.apply(page).await? {
            Applied::Done => Ok(through < head),
            Applied::Overtaken => Ok(false),
        }
    }

    /// The page after the cursor, with the cursor it was read at. First step of [`ConsumerLoop::consume_once`].
    pub async fn fetch(&self) -> Result<Fetched> {
        let from = match self.left_at.swap(UNKNOWN, Ordering::Relaxed) {
            UNKNOWN => self.source.cursor().await?,
            known => known,
        };
        let consumer = &self.source.consumer;
        let request = ReadEventsRequest {
            after_position: from,
            page_size: PAGE,
            types: consumer.types.iter().map(|t| (*t).to_owned()).collect(),
            audience: consumer.audience.clone().unwrap_or_default(),
        };
        let page = self.log.read(request).await?;
        if page.head_position < from {
            // The producer's log is shorter than what was read of it: it was restored from an older backup.
            return Err(Error::failed_state(
                "LOG_WENT_BACK",
                format!("the log of {} ends at {} but was read up to {from}", consumer.producer, page.head_position),
                format!("{} 的事件日志短于已读位置，可能从旧备份恢复", consumer.producer),
            ));
        }
        if page.through_position <= from {
            self.left_at.store(from, Ordering::Relaxed);
        }
        Ok(Fetched {
            from,
            through_position: page.through_position,
            head_position: page.head_position,
            events: page.events,
        })
    }

    /// Applies a page fetched before. Second step of [`ConsumerLoop::consume_once`].
    pub async fn apply(&self, page: Fetched) -> Result<Applied> {
        let span = Span { from: page.from, through: page.through_position, events: page.events };
        let through = span.through;
        let applied = self.source.apply(span).await?;
        if applied == Applied::Done {
            self.left_at.store(through, Ordering::Relaxed);
        }
        Ok(applied)
    }
}

/// A page of a producer's log and the cursor it was read at.
#[derive(Clone)]
pub struct Fetched {
    from: i64,
    through_position: i64,
    head_position: i64,
    events: Vec<super::Event>,
}

impl Fetched {
    fn moves(&self) -> bool {
        self.through_position > self.from
    }
}

fn pause_after(failures: u32) -> Duration {
    let most = TIMER.saturating_mul(1_u32 << failures.min(6).saturating_sub(1)).min(MAX_PAUSE);
    most.mul_f64(rand::rng().random_range(0.5..1.0))
}
