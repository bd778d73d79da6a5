//! The daily screening: time alone makes rules true, so every household is evaluated once for each business date, in
//! slices of one transaction each; another policy pack makes it begin anew. The last slice also looks at the feeds. A
//! process that dies goes on where it was.

use std::sync::Arc;

use minqing_kit::{Result, call::Call, db::Work, reconcile::Pass};
use minqing_proto::minqing::monitoring::v1::ClearReason;

use super::{
    Monitoring, SLICE,
    evaluate::{self, Cause},
    feeds,
};
use crate::store::{lock, screening};

/// Evaluates the next slice, if the business date is not done yet.
pub async fn pass(monitoring: Arc<Monitoring>) -> Result<Pass> {
    let today = monitoring.clock.today();
    let mut connection = monitoring.db.acquire().await?;
    let progress = screening::look(&mut connection).await?;
    drop(connection);
    if progress.is_done(today, monitoring.rules.pack.content_hash()) {
        return Ok(Pass { did: 0, caught_up: true, detail: format!("through {today}") });
    }
    let db = monitoring.db.clone();
    db.change(&Call::worker("monitoring", "screening"), move |work| {
        let monitoring = Arc::clone(&monitoring);
        Box::pin(async move { slice(&monitoring, work).await })
    })
    .await
}

async fn slice(monitoring: &Monitoring, work: &mut Work) -> Result<Pass> {
    let today = work.today();
    let mut progress = screening::take(work.conn()).await?;
    let pack = monitoring.rules.pack.content_hash();
    if progress.is_done(today, pack) {
        return Ok(Pass { did: 0, caught_up: true, detail: format!("through {today}") });
    }
    if progress.for_date != Some(today) || progress.pack != pack {
        pack.clone_into(&mut progress.pack);
        progress.through = None;
        progress.for_date = Some(today);
        progress.last_household = None;
    }
    lock::keep_roster(work.conn()).await?;
    let ids = screening::next(work.conn(), progress.last_household, SLICE as i64).await?;
    let tally = evaluate::households(monitoring, work, &ids, Cause::Other).await?;
    let last = ids.len() < SLICE;
    progress.last_household = ids.last().copied().or(progress.last_household);
    if last {
        feeds::expect(monitoring, work).await?;
        feeds::evaluate(monitoring, work, None, ClearReason::Refuted).await?;
        progress.through = Some(today);
        progress.last_household = None;
    }
    screening::advance(work.conn(), &progress).await?;
    tracing::info!(%today, households = ids.len(), raised = tally.raised, cleared = tally.cleared, last, "screened");
    Ok(Pass {
        did: u64::try_from(ids.len()).unwrap_or(u64::MAX).max(1),
        caught_up: last,
        detail: format!("{} households of {today}", ids.len()),
    })
}
