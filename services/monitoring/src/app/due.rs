//! What was made due is done here, a bounded number of households a transaction: a county whose feed became known is
//! evaluated once for all the datasets that came meanwhile, households once for the parts of a batch that touched some each,
//! and facts are told once for all that may have changed them. Bureaus send everything on the first days; done with each
//! batch, the county would be evaluated a hundred times. And the pack's statements cost as much for one household as for some
//! hundred; done with each part, a snapshot in which little changed would spend most of its time on them, and so would a
//! collection done with each page of the register's events.

use std::sync::Arc;

use minqing_kit::{Result, call::Call, db::Work, reconcile::Pass};
use uuid::Uuid;

use super::{
    Monitoring, SLICE,
    evaluate::{self, Cause, Tally},
    told,
};
use crate::{
    domain::record::{Dataset, Touched},
    store::{due, lock, roster},
};

/// Rows up to which a part or batch is small, and households up to which a page of the roster is: whom it touches is
/// evaluated with it. Urgent records come so.
const SMALL: usize = 100;
/// What makes households due whose state in the register changed with many others': a collection.
const ROSTER: &str = "register";

/// Evaluates the households that changed records are about when they came with few others, else notes them.
pub async fn of_records(
    monitoring: &Monitoring,
    work: &mut Work,
    (touched, dataset): (&Touched, &Dataset),
    rows: usize,
) -> Result<Tally> {
    let households = roster::households_of(work.conn(), touched).await?;
    if rows <= SMALL {
        return evaluate::households(monitoring, work, &households, Cause::Record(&dataset.source())).await;
    }
    evaluate::check_date(work).await?;
    let trace = work.traceparent().to_owned();
    due::note_records(work.conn(), &households, &dataset.source(), &trace).await?;
    Ok(Tally::default())
}

/// Of households that the roster has changed those to be evaluated at once: all of few, none of many, which are noted.
pub async fn now_or_soon<'a>(work: &mut Work, households: &'a [Uuid]) -> Result<&'a [Uuid]> {
    if households.len() <= SMALL {
        return Ok(households);
    }
    evaluate::check_date(work).await?;
    let trace = work.traceparent().to_owned();
    due::note_records(work.conn(), households, ROSTER, &trace).await?;
    Ok(&[])
}

/// Evaluates the next households that records of a dataset, or the roster, made due.
pub async fn records(monitoring: Arc<Monitoring>) -> Result<Pass> {
    if !due::record_owed(&mut *monitoring.db.acquire().await?).await? {
        return Ok(Pass { did: 0, caught_up: true, detail: "no household is due".into() });
    }
    let db = monitoring.db.clone();
    db.change(&Call::worker("monitoring", "records"), move |work| {
        let monitoring = Arc::clone(&monitoring);
        Box::pin(async move {
            lock::keep_roster(work.conn()).await?;
            let Some((source, ids)) = due::records(work.conn(), SLICE as i64).await? else {
                return Ok(Pass { did: 0, caught_up: false, detail: "another process is at it".into() });
            };
            let delivered = Cause::Delivered(std::slice::from_ref(&source));
            let cause = if source.source == ROSTER { Cause::Other } else { delivered };
            evaluate::households(&monitoring, work, &ids, cause).await?;
            due::records_evaluated(work.conn(), &ids, &source.source).await?;
            let detail = format!("{} households for {}", ids.len(), source.source);
            Ok(Pass { did: u64::try_from(ids.len()).unwrap_or(u64::MAX), caught_up: false, detail })
        })
    })
    .await
}

/// Evaluates the next households of a county that is due.
pub async fn counties(monitoring: Arc<Monitoring>) -> Result<Pass> {
    if !due::county_owed(&mut *monitoring.db.acquire().await?).await? {
        return Ok(Pass { did: 0, caught_up: true, detail: "no county is due".into() });
    }
    let db = monitoring.db.clone();
    db.change(&Call::worker("monitoring", "counties"), move |work| {
        let monitoring = Arc::clone(&monitoring);
        Box::pin(async move { slice(&monitoring, work).await })
    })
    .await
}

async fn slice(monitoring: &Monitoring, work: &mut Work) -> Result<Pass> {
    lock::keep_roster(work.conn()).await?;
    let Some(pass) = due::take_county(work.conn()).await? else {
        return Ok(Pass { did: 0, caught_up: false, detail: "another process is at it".into() });
    };
    let county = pass.county_code.as_str();
    let ids = roster::in_county(work.conn(), county, Some(pass.last_household), SLICE as i64).await?;
    let tally = evaluate::households(monitoring, work, &ids, Cause::Delivered(&pass.sources)).await?;
    match ids.last() {
        Some(last) if ids.len() == SLICE => due::advance_county(work.conn(), county, *last).await?,
        _ => due::end_county(work.conn(), county).await?,
    }
    let (households, datasets) = (ids.len(), pass.sources.len());
    tracing::info!(county, datasets, households, raised = tally.raised, cleared = tally.cleared, "evaluated a county");
    Ok(Pass {
        did: u64::try_from(households).unwrap_or(u64::MAX).max(1),
        caught_up: false,
        detail: format!("{households} households of {county} for {datasets} datasets"),
    })
}

/// Tells of the next households whose facts may have changed.
pub async fn facts(monitoring: Arc<Monitoring>) -> Result<Pass> {
    let idle = || Pass { did: 0, caught_up: true, detail: "nothing to tell".into() };
    if !due::fact_owed(&mut *monitoring.db.acquire().await?).await? {
        return Ok(idle());
    }
    let db = monitoring.db.clone();
    db.change(&Call::worker("monitoring", "facts"), move |work| {
        let monitoring = Arc::clone(&monitoring);
        Box::pin(async move {
            lock::keep_roster(work.conn()).await?;
            let ids = due::facts(work.conn(), SLICE as i64).await?;
            if ids.is_empty() {
                return Ok(Pass { did: 0, caught_up: false, detail: "waits for an evaluation".into() });
            }
            let held = lock::households(work.conn(), &ids).await?;
            due::facts_told(work.conn(), &ids).await?;
            let told = told::tell(&monitoring, work, &held).await?;
            let detail = format!("{told} of {} households told", held.len());
            Ok(Pass { did: u64::try_from(ids.len()).unwrap_or(u64::MAX), caught_up: false, detail })
        })
    })
    .await
}
