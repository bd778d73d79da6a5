//! Deletes what was sent when its days are over.

use std::{sync::Arc, time::Duration};

use chrono::Days;
use futures::future::BoxFuture;
use minqing_kit::{
    Error,
    reconcile::{Pass, Reconciler},
};

use super::store;
use crate::{Result, core::Core};

const EVERY: Duration = Duration::from_secs(600);
/// Batches one pass deletes; each may have some hundred pieces.
const AT_ONCE: i64 = 20;

/// The reconciler `raw`.
pub struct Retention(pub Arc<Core>);

impl Retention {
    async fn pass(&self) -> Result<Pass> {
        let (cx, days) = (&self.0.cx, self.0.cx.settings.raw_days);
        let before = cx.clock.now().checked_sub_days(Days::new(u64::from(days)));
        let before = before.ok_or_else(|| Error::bug(anyhow::anyhow!("{days} days ago is no date")))?;
        let did = store::delete_old(&mut *cx.db.acquire().await?, before, AT_ONCE).await?;
        let caught_up = did < u64::try_from(AT_ONCE).unwrap_or_default();
        Ok(Pass { did, caught_up, detail: format!("kept {days} days") })
    }
}

impl Reconciler for Retention {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.pass())
    }
}
