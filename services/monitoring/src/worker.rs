//! Periodic work: the daily screening, what batches made due, taking withdrawn batches back, forgetting old versions of records.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use minqing_kit::{
    Result,
    reconcile::{Pass, Reconciler},
};

use crate::{
    app::{Monitoring, due, screen, withdraw},
    store,
};

/// Time between two looks at the business date, or for a withdrawn batch.
const EVERY: Duration = Duration::from_millis(500);
/// Time between two looks for what large parts changed: long enough for some parts to come together.
const GATHER: Duration = Duration::from_millis(200);

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

/// Evaluates counties whose feeds became known.
pub struct Counties(pub Arc<Monitoring>);

impl Reconciler for Counties {
    fn name(&self) -> &'static str {
        "counties"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(due::counties(Arc::clone(&self.0)))
    }

    fn owes(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { store::due::county_owed(&mut *self.0.db.acquire().await?).await })
    }
}

/// Evaluates households for the records that large parts changed.
pub struct Records(pub Arc<Monitoring>);

impl Reconciler for Records {
    fn name(&self) -> &'static str {
        "records"
    }

    fn every(&self) -> Duration {
        GATHER
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(due::records(Arc::clone(&self.0)))
    }

    fn owes(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { store::due::record_owed(&mut *self.0.db.acquire().await?).await })
    }
}

/// Tells identification of changed facts.
pub struct Facts(pub Arc<Monitoring>);

impl Reconciler for Facts {
    fn name(&self) -> &'static str {
        "facts"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(due::facts(Arc::clone(&self.0)))
    }

    fn owes(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { store::due::fact_owed(&mut *self.0.db.acquire().await?).await })
    }
}

/// Takes withdrawn batches back, part by part.
pub struct Withdrawals(pub Arc<Monitoring>);

impl Reconciler for Withdrawals {
    fn name(&self) -> &'static str {
        "withdrawals"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(withdraw::pass(Arc::clone(&self.0)))
    }
}

/// Forgets versions of records when their days are over.
pub struct Versions(pub Arc<Monitoring>);

impl Reconciler for Versions {
    fn name(&self) -> &'static str {
        "versions"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(withdraw::forget(Arc::clone(&self.0)))
    }
}
