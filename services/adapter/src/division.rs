//! The divisions the register knows, kept in memory: asked at first use, again when the list has grown old, and by a
//! reconciler. An old list is used on when the register cannot be reached; with none at all, batches wait.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use minqing_kit::{
    Error,
    reconcile::{Pass, Reconciler},
};

use crate::{Result, peers::Peers};

/// A batch that starts with an older list asks for a new one.
const FRESH: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(60);

/// Divisions by their number of twelve digits.
#[derive(Default)]
pub struct Known(HashSet<u64>);

impl Known {
    pub fn new(codes: impl IntoIterator<Item = u64>) -> Known {
        Known(codes.into_iter().collect())
    }

    /// In the list, or a village below a township that is.
    pub fn knows(&self, code: u64) -> bool {
        let township = code / 1_000 * 1_000;
        self.0.contains(&code)
            || (township != code && !township.is_multiple_of(1_000_000) && self.0.contains(&township))
    }
}

/// The list and its age.
pub struct Divisions {
    peers: Peers,
    list: RwLock<Option<(Arc<Known>, Instant)>>,
}

impl Divisions {
    pub fn new(peers: Peers) -> Divisions {
        Divisions { peers, list: RwLock::new(None) }
    }

    /// The list, not older than a few seconds if the register answers.
    pub async fn known(&self) -> Result<Arc<Known>> {
        let kept = self.list.read().unwrap_or_else(PoisonError::into_inner).clone();
        match kept {
            Some((known, read)) if read.elapsed() < FRESH => Ok(known),
            Some((known, _)) => Ok(self.refresh().await.unwrap_or(known)),
            None => self.refresh().await,
        }
    }

    async fn refresh(&self) -> Result<Arc<Known>> {
        let codes = self.peers.divisions().await?;
        if codes.is_empty() {
            let (en, zh) = ("the register has no divisions yet", "底册尚无行政区划，请稍后再试");
            return Err(Error::unavailable("DIVISIONS_MISSING", en, zh).retry_after(EVERY));
        }
        let known = Arc::new(Known::new(codes));
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&known), Instant::now()));
        Ok(known)
    }
}

/// Keeps the list young.
pub struct Refresh(pub Arc<Divisions>);

impl Reconciler for Refresh {
    fn name(&self) -> &'static str {
        "divisions"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async {
            // Nothing waits for the list but batches, which ask for themselves: a failure here is no backlog.
            let detail = match self.0.refresh().await {
                Ok(known) => format!("{} divisions", known.0.len()),
                Err(error) => format!("kept the list: {error}"),
            };
            Ok(Pass { did: 0, caught_up: true, detail })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_village_is_known_by_its_township_but_a_township_not_by_its_county() {
        let known = Known::new([621_200_000_000, 621_202_000_000, 621_202_001_000]);
        assert!(known.knows(621_202_000_000));
        assert!(known.knows(621_202_001_000));
        assert!(known.knows(621_202_001_207));
        assert!(!known.knows(621_202_099_000));
        assert!(!known.knows(621_202_099_207));
        assert!(!known.knows(621_202_000_207));
        assert!(!known.knows(990_000_000_000));
    }
}
