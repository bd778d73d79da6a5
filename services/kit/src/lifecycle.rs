//! How a process lives and ends: tasks that are watched, a soft token (take no new work), a hard token (drop what is
//! left), a deadline between them. A task that crashes ends the process with a failure: a service without its workers
//! is not a service, and whoever runs it starts it anew.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Time from the soft token to the hard one. Kubernetes grants 30 s by default; the database needs the rest.
pub const DRAIN: Duration = Duration::from_secs(20);
/// Time from the hard token to leaving the remaining tasks behind.
const LAST: Duration = Duration::from_secs(3);

/// Shared by all tasks of a process; cheap to clone.
#[derive(Clone, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tracker: TaskTracker,
    crash: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Lifecycle {
    pub fn new() -> Lifecycle {
        Lifecycle::default()
    }

    /// Cancelled when no new work is to be taken.
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when running work is to be dropped.
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// For work that must be finished before the process ends but whose failure is somebody else's to tell.
    pub fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// Runs a task as long as the process. It ends by itself only after the soft token; an error, a panic or an
    /// earlier end stops the process with a failure.
    pub fn spawn<F>(&self, name: &str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (own, name) = (self.clone(), name.to_owned());
        let watched = async move {
            let end = tokio::select! {
                biased;
                end = AssertUnwindSafe(task).catch_unwind() => end,
                () = own.hard.cancelled() => return,
            };
            match end {
                Ok(Ok(())) if own.soft.is_cancelled() => {}
                Ok(Ok(())) => own.fail(anyhow::anyhow!("task {name} ended by itself")),
                Ok(Err(e)) => own.fail(e.context(format!("task {name} failed"))),
                Err(_) => own.fail(anyhow::anyhow!("task {name} panicked")),
            }
        };
        self.tracker.spawn(watched);
    }

    /// Runs a task to the very end: it outlives the drain and is dropped with the hard token.
    pub fn spawn_last<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let hard = self.hard.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the hard token, which every stop cancels")]
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                () = hard.cancelled() => {}
            }
        });
    }

    /// Records the first crash and begins the end.
    pub fn fail(&self, error: anyhow::Error) {
        tracing::error!(cause = crate::error::describe(&error), "the process must stop");
        self.crash.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.soft.cancel();
    }

    /// Ends everything in order; the crash that caused it, if one did.
    pub async fn stop(&self, drain: Duration) -> anyhow::Result<()> {
        self.soft.cancel();
        self.tracker.close();
        if tokio::time::timeout(drain, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "work left at the end of the drain time is dropped");
            self.hard.cancel();
            if tokio::time::timeout(LAST, self.tracker.wait()).await.is_err() {
                tracing::warn!(tasks = self.tracker.len(), "tasks did not stop");
            }
        }
        self.hard.cancel();
        match self.crash.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(crash) => Err(crash),
            None => Ok(()),
        }
    }
}

/// Waits for SIGTERM or SIGINT.
pub async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn a_crashed_task_ends_the_process_with_its_error() {
        let life = Lifecycle::new();
        let other = life.soft().clone();
        life.spawn("patient", async move {
            other.cancelled().await;
            Ok(())
        });
        life.spawn("broken", async { anyhow::bail!("disk gone") });
        life.soft().cancelled().await;
        let text = format!("{:#}", life.stop(Duration::from_secs(5)).await.unwrap_err());
        assert_eq!(text, "task broken failed: disk gone");
    }

    #[tokio::test]
    async fn a_panic_and_an_early_end_count_as_crashes() {
        let life = Lifecycle::new();
        life.spawn("early", async { Ok(()) });
        life.soft().cancelled().await;
        assert!(life.stop(Duration::from_secs(5)).await.unwrap_err().to_string().contains("ended by itself"));

        let life = Lifecycle::new();
        life.spawn("panicking", async { panic!("no") });
        life.soft().cancelled().await;
        assert!(life.stop(Duration::from_secs(5)).await.unwrap_err().to_string().contains("panicked"));
    }

    #[tokio::test]
    async fn a_task_that_will_not_stop_is_dropped_at_the_deadline() {
        let life = Lifecycle::new();
        life.spawn("stubborn", futures::future::pending());
        life.stop(Duration::from_millis(20)).await.unwrap();
        assert!(life.tracker().is_empty());
    }
}
