//! Places for streamed batches. Each batch under way takes memory by its rows, so only a few are read at a time, and together
//! they have no more rows than one may have; whoever holds a place and sends nothing gives it up, sooner when another batch
//! waits for it.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use minqing_kit::Error;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};
use tonic::Streaming;

use crate::{Result, spool::MAX_ROWS};

/// Streamed batches in memory at once, of at most [`MAX_ROWS`] rows together. Further ones wait and hold back their senders.
/// The watched folder takes one file at a time, beside them.
pub const BATCHES_AT_ONCE: usize = 3;
/// A stream that sends nothing for this long is over.
pub const IDLE: Duration = Duration::from_secs(30);
/// The same while another batch waits: a message of 1 MiB takes this long on a line of 2 Mbit/s.
pub const IDLE_WHEN_AWAITED: Duration = Duration::from_secs(5);
/// How often a silent stream looks whether somebody waits.
const LOOK: Duration = Duration::from_millis(500);

/// The places of one adapter.
pub struct Places {
    free: Semaphore,
    rows: Semaphore,
    waiting: AtomicUsize,
}

/// A place that is held, with room for the batch's rows.
pub struct Place<'a> {
    _place: SemaphorePermit<'a>,
    _rows: SemaphorePermit<'a>,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            free: Semaphore::new(BATCHES_AT_ONCE),
            rows: Semaphore::new(MAX_ROWS as usize),
            waiting: AtomicUsize::new(0),
        }
    }
}

/// One who waits; no longer, however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    /// Waits for a place for so many rows.
    pub async fn take(&self, rows: u32) -> Result<Place<'_>> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        let place = self.free.acquire().await.map_err(Error::bug)?;
        let rows = self.rows.acquire_many(rows.min(MAX_ROWS)).await.map_err(Error::bug)?;
        Ok(Place { _place: place, _rows: rows })
    }

    fn awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// The next message of a stream that holds a place; an error when it is silent for too long.
    pub async fn next<T>(&self, stream: &mut Streaming<T>) -> Result<Option<T>> {
        let began = Instant::now();
        loop {
            // A message that has begun to come is kept by the stream, so looking up from it loses nothing.
            if let Ok(message) = tokio::time::timeout(LOOK, stream.message()).await {
                return Ok(message?);
            }
            let silent = began.elapsed();
            if silent >= IDLE || silent >= IDLE_WHEN_AWAITED && self.awaited() {
                return Err(idle(silent));
            }
        }
    }
}

fn idle(silent: Duration) -> Error {
    let seconds = silent.as_secs();
    Error::deadline(
        "BATCH_IDLE",
        format!(
            "no message of the batch came for {seconds} s; nothing was taken in, send it again with the same request id"
        ),
        format!("{seconds} 秒内未收到该批次的后续数据，整批未接收，请用同一 request_id 重新报送"),
    )
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn batches_in_places_have_no_more_rows_together_than_one_may_have() -> Result<()> {
        let places = Places::default();
        let large = places.take(MAX_ROWS - 10).await?;
        let small = places.take(10).await?;
        let (tell, mut told) = oneshot::channel();
        let waits = async {
            let _place = places.take(1).await?;
            let _ = tell.send(());
            Ok(())
        };
        let gives_way = async {
            while !places.awaited() {
                tokio::task::yield_now().await;
            }
            assert!(told.try_recv().is_err(), "there is a place, but no room");
            drop((small, large));
            Ok::<_, Error>(())
        };
        tokio::try_join!(waits, gives_way)?;
        assert!(!places.awaited());
        // A batch that says more than it may is refused later; it does not wait for ever.
        places.take(u32::MAX).await?;
        Ok(())
    }
}
