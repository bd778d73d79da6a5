//! Periodic work: the daily screening.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use minqing_kit::{
    Result,
    reconcile::{Pass, Reconciler},
};

use crate::app::{Monitoring, screen};

/// Time between two looks at the business date.
const EVERY: Duration = Duration::from_millis(500);

/// Evaluates every household once for each business date.
pub struct Screening(pub Arc<Monitoring>);

impl Reconciler for Screening {
    fn name(&self) -> &'static str {
        "screening"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(screen::pass(Arc::clone(&self.0)))
    }
}
