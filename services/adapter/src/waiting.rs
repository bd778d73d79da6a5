//! Things a transport has put off: how often each was tried and when it is tried again. Kept in memory only, since a
//! restarted adapter may well try at once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use minqing_kit::{Error, Kind};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Files or batches that wait, by name.
#[derive(Default)]
pub struct Waiting(Mutex<HashMap<String, (u32, Instant)>>);

impl Waiting {
    pub fn may_try(&self, name: &str) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(name).is_none_or(|(_, next)| *next <= Instant::now())
    }

    /// Tried in vain: the pause doubles each time.
    pub fn put_off(&self, name: &str, error: &Error) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = waiting.get(name).map_or(0, |(tries, _)| *tries);
        let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(6)).min(LONGEST_PAUSE);
        waiting.insert(name.to_owned(), (tries + 1, Instant::now() + pause));
        tracing::warn!(?error, tries, "a file or a batch waits");
    }

    pub fn end(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Whether trying again later may help; anything else is the sender's fault and is told to the sender.
pub fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::DeadlineExceeded | Kind::Busy | Kind::Conflict | Kind::Bug)
        || matches!(error.kind(), Kind::Unauthenticated | Kind::Forbidden | Kind::Unimplemented)
}
