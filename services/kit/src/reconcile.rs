//! Periodic work without input: each reconciler looks at the state and moves it on, idempotently, by timer and by
//! nudge. The status of the last pass is kept for operators.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use rand::Rng;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    clock::SharedClock,
    error::{Error, Result},
};

/// Pause after a pass that did work but is not caught up.
const BREATH: Duration = Duration::from_millis(1);
/// First pause after a failed pass; doubles up to the reconciler's own rhythm or [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// What one pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Things done.
    pub did: u64,
    /// A further pass now would find nothing to do.
    pub caught_up: bool,
    /// In words, without personal data.
    pub detail: String,
}

/// Periodic work.
pub trait Reconciler: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    /// Longest time between two passes.
    fn every(&self) -> Duration;
    /// One bounded pass.
    fn run_once(&self) -> BoxFuture<'_, Result<Pass>>;
    /// Whether the state calls for a pass now, whatever the last one said: asked by who wants to know what is on its way.
    fn owes(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { Ok(false) })
    }
}

/// Last pass of a reconciler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub name: &'static str,
    pub caught_up: bool,
    pub detail: String,
    pub passes: i64,
}

/// All reconcilers of a process, with their statuses and their nudges.
#[derive(Clone, Default)]
pub struct Reconcilers {
    entries: Arc<Vec<Entry>>,
}

struct Entry {
    reconciler: Arc<dyn Reconciler>,
    nudge: Notify,
    status: Mutex<Status>,
}

impl Reconcilers {
    pub fn new(reconcilers: Vec<Arc<dyn Reconciler>>) -> Reconcilers {
        let entries = reconcilers
            .into_iter()
            .map(|reconciler| {
                let status = Status { name: reconciler.name(), ..Status::default() };
                Entry { reconciler, nudge: Notify::new(), status: Mutex::new(status) }
            })
            .collect();
        Reconcilers { entries: Arc::new(entries) }
    }

    /// Asks for a pass soon; an unknown name is ignored.
    pub fn nudge(&self, name: &str) {
        if let Some(entry) = self.find(name) {
            entry.nudge.notify_one();
        }
    }

    /// Watches the business date and asks every reconciler for a pass as soon as it is another one.
    pub async fn follow_days(self, clock: SharedClock, look: Duration, stop: CancellationToken) {
        let mut day = clock.today();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(look) => {}
            }
            let today = clock.today();
            if today != day {
                day = today;
                self.entries.iter().for_each(|entry| entry.nudge.notify_one());
            }
        }
    }

    /// Statuses in the order the reconcilers were given.
    pub fn statuses(&self) -> Vec<Status> {
        self.entries.iter().map(Entry::status).collect()
    }

    /// The same, each held against the state as it is now. Whose turn has come is nudged.
    pub async fn looked_at(&self) -> Result<Vec<Status>> {
        let mut statuses = self.statuses();
        for (entry, status) in self.entries.iter().zip(&mut statuses) {
            if entry.reconciler.owes().await? {
                status.caught_up = false;
                entry.nudge.notify_one();
            }
        }
        Ok(statuses)
    }

    /// Names in the order the reconcilers were given.
    pub fn names(&self) -> Vec<&'static str> {
        self.entries.iter().map(|entry| entry.reconciler.name()).collect()
    }

    /// One pass of one reconciler, as tests drive them.
    pub async fn run_once(&self, name: &str) -> Result<Pass> {
        let entry = self.find(name).ok_or_else(|| {
            Error::not_found("NO_SUCH_RECONCILER", format!("no reconciler is named {name}"), "没有该名称的周期任务")
        })?;
        entry.pass().await
    }

    /// Runs one reconciler until told to stop; an unknown name returns at once.
    pub async fn run(self, name: &str, stop: CancellationToken) {
        let Some(entry) = self.find(name) else { return };
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            let pause = match entry.pass().await {
                Ok(pass) => {
                    failures = 0;
                    if pass.caught_up || pass.did == 0 { entry.reconciler.every() } else { BREATH }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(reconciler = name, failures, ?error, "a pass failed");
                    pause_after(failures)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = entry.nudge.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.reconciler.name() == name)
    }
}

impl Entry {
    async fn pass(&self) -> Result<Pass> {
        let span = tracing::info_span!(parent: None, "reconcile", reconciler = self.reconciler.name());
        let result = self.reconciler.run_once().instrument(span).await;
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.passes += 1;
        match &result {
            Ok(pass) => {
                status.caught_up = pass.caught_up;
                status.detail.clone_from(&pass.detail);
            }
            Err(error) => {
                status.caught_up = false;
                status.detail = format!("failed: {}: {}", error.reason(), error.message());
            }
        }
        result
    }

    fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pause_after(failures: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1_u32 << failures.min(8).saturating_sub(1)).min(MAX_PAUSE);
    most.mul_f64(rand::rng().random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Countdown(AtomicU64);

    impl Reconciler for Countdown {
        fn name(&self) -> &'static str {
            "countdown"
        }

        fn every(&self) -> Duration {
            Duration::from_secs(3600)
        }

        fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
            Box::pin(async {
                let left = self.0.load(Ordering::SeqCst);
                if left == 13 {
                    return Err(Error::unavailable("AWAY", "away", "不在"));
                }
                self.0.store(left.saturating_sub(1), Ordering::SeqCst);
                Ok(Pass { did: left.min(1), caught_up: left <= 1, detail: format!("{left} left") })
            })
        }
    }

    #[tokio::test]
    async fn a_reconciler_runs_on_until_caught_up_and_again_when_nudged() {
        let countdown = Arc::new(Countdown(AtomicU64::new(5)));
        let all = Reconcilers::new(vec![Arc::clone(&countdown) as Arc<dyn Reconciler>]);
        let stop = CancellationToken::new();
        let running = tokio::task::JoinSet::from_iter([all.clone().run("countdown", stop.clone())]);
        let until = |passes: i64| {
            let all = all.clone();
            async move {
                let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
                while all.statuses()[0].passes < passes {
                    assert!(tokio::time::Instant::now() < deadline);
                    tokio::task::yield_now().await;
                }
            }
        };
        until(5).await;
        assert!(all.statuses()[0].caught_up);
        all.nudge("countdown");
        all.nudge("nobody");
        until(6).await;
        stop.cancel();
        running.join_all().await;
    }

    #[tokio::test]
    async fn a_new_business_date_asks_for_a_pass_at_once() {
        let all = Reconcilers::new(vec![Arc::new(Countdown(AtomicU64::new(0)))]);
        let clock = Arc::new(crate::clock::FixedClock::new(chrono::DateTime::UNIX_EPOCH));
        let stop = CancellationToken::new();
        let look = Duration::from_millis(1);
        let mut running = tokio::task::JoinSet::new();
        running.spawn(all.clone().run("countdown", stop.clone()));
        running.spawn(all.clone().follow_days(clock.clone(), look, stop.clone()));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        // The rhythm is an hour: only a day's end can bring the second pass, once somebody has seen the first day.
        while all.statuses()[0].passes < 2 {
            assert!(tokio::time::Instant::now() < deadline);
            if all.statuses()[0].passes == 1 {
                clock.advance_days(1);
            }
            tokio::task::yield_now().await;
        }
        stop.cancel();
        running.join_all().await;
    }

    #[tokio::test]
    async fn a_failed_pass_is_never_reported_as_caught_up() {
        let all = Reconcilers::new(vec![Arc::new(Countdown(AtomicU64::new(13)))]);
        all.run_once("countdown").await.unwrap_err();
        let status = all.statuses().remove(0);
        assert!(!status.caught_up);
        assert_eq!(status.detail, "failed: AWAY: away");
        assert_eq!(all.run_once("x").await.unwrap_err().reason(), "NO_SUCH_RECONCILER");
    }
}
