//! Reconcilers of the register.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use minqing_kit::{
    Call, Result,
    reconcile::{Pass, Reconciler},
};

use crate::app::{Registry, sweep};

/// Everything that runs by itself.
pub fn reconcilers(registry: &Arc<Registry>) -> Vec<Arc<dyn Reconciler>> {
    vec![
        Arc::new(DueClasses(Arc::clone(registry))),
        Arc::new(StagedSweep(Arc::clone(registry))),
        Arc::new(ReviewTexts(Arc::clone(registry))),
    ]
}

/// Tells of class status that begins or has ended on a day set before.
struct DueClasses(Arc<Registry>);

impl Reconciler for DueClasses {
    fn name(&self) -> &'static str {
        "due_classes"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        async move {
            let call = Call::worker("registry", "due_classes");
            let (did, caught_up) = self.0.db.change(&call, |work| sweep::due_classes(work).boxed()).await?;
            Ok(Pass { did, caught_up, detail: format!("{did} days of class status told") })
        }
        .boxed()
    }
}

/// Removes rows that streams which broke off have left.
struct StagedSweep(Arc<Registry>);

impl Reconciler for StagedSweep {
    fn name(&self) -> &'static str {
        "staged_sweep"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        async move {
            let call = Call::worker("registry", "staged_sweep");
            let (did, caught_up) = self.0.db.change(&call, |work| sweep::staged(work).boxed()).await?;
            Ok(Pass { did, caught_up, detail: format!("{did} left-over slices removed") })
        }
        .boxed()
    }
}

/// Deletes what came under a faulty number or name once its review was decided long ago.
struct ReviewTexts(Arc<Registry>);

impl Reconciler for ReviewTexts {
    fn name(&self) -> &'static str {
        "review_texts"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(3600)
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        async move {
            let call = Call::worker("registry", "review_texts");
            let days = self.0.review_text_days;
            let (did, caught_up) = self.0.db.change(&call, move |work| sweep::review_texts(work, days).boxed()).await?;
            Ok(Pass { did, caught_up, detail: format!("texts of {did} reviews deleted") })
        }
        .boxed()
    }
}
