//! Withdraws a batch. One transaction marks it and sets its feed back to the newest batch that is left; from then on it
//! cannot count any more, and its feed takes no batch until all is taken back. That goes in parts of one transaction each:
//! who inherits what it said is found out, then the records are taken back, a bounded number at a time; when every record
//! stands as if the batch had never come, the households of their persons are evaluated, or the whole county when its feed
//! has become unknown. A process that dies goes on where it was.

use std::sync::Arc;

use chrono::NaiveDate;
use minqing_kit::{Result, call::Call, db::Work, id, reconcile::Pass};
use minqing_proto::minqing::monitoring::v1::{ClearReason, WithdrawBatchRequest, WithdrawBatchResponse};
use uuid::Uuid;

use super::{
    Monitoring, SLICE,
    evaluate::{self, Cause, Withdrawn},
    feeds,
};
use crate::{
    domain::{batch::Batch, error::Fault},
    store::{
        feed, lock,
        withdrawal::{self, Found},
    },
};

/// Parts of the batch whose new records get an entry each in one transaction, at most 2,000 records each.
const PARTS: i64 = 10;
/// Parts of later batches looked through for heirs in one transaction, at most 2,000 records each.
const CONFIRMATIONS: i64 = 20;
/// Records taken back in one transaction.
const RECORDS: i64 = 5_000;
/// Passes made before the call is answered, so that a small batch is taken back by then.
const PROMPT_PASSES: usize = 8;
/// Versions forgotten in one transaction.
const FORGOTTEN: i64 = 20_000;

/// Does it, or gives the first answer to a repeat.
pub async fn withdraw(
    monitoring: Arc<Monitoring>,
    call: &Call,
    request: WithdrawBatchRequest,
) -> Result<WithdrawBatchResponse> {
    let wrong = Fault::Batch { field: "batch_id", wrong: "must be a uuid" };
    let batch = Uuid::try_parse(&request.batch_id).map_err(|_| wrong)?;
    let (db, own) = (monitoring.db.clone(), Arc::clone(&monitoring));
    let answer = db
        .mutate(call, &request, move |work| {
            let monitoring = Arc::clone(&own);
            Box::pin(async move { mark(&monitoring, work, batch).await })
        })
        .await?;
    for _ in 0..PROMPT_PASSES {
        match pass(Arc::clone(&monitoring)).await {
            Ok(pass) if !pass.caught_up => {}
            Ok(_) => break,
            // It is withdrawn all the same: the reconciler goes on.
            Err(error) => {
                tracing::warn!(?error, "taking a batch back is left to the reconciler");
                break;
            }
        }
    }
    Ok(answer)
}

async fn mark(monitoring: &Monitoring, work: &mut Work, id: Uuid) -> Result<WithdrawBatchResponse> {
    let today = work.today();
    let found = withdrawal::place(work.conn(), id).await?.ok_or(Fault::BatchNotFound)?;
    if found.bureau != work.call().caller.rest() {
        return Err(Fault::BatchNotFound.into());
    }
    let set = monitoring.set(&found.bureau, &found.dataset).ok_or(Fault::DatasetUnknown)?;
    let batch = Batch {
        id,
        dataset: Arc::clone(&set.dataset),
        county_code: found.county_code,
        snapshot: found.snapshot,
        as_of: found.as_of,
    };
    lock::keep_roster(work.conn()).await?;
    lock::hold_feed(work.conn(), &batch.feed()).await?;
    let found = withdrawal::find(work.conn(), id).await?.ok_or(Fault::BatchNotFound)?;
    let records = i32::try_from(found.records).unwrap_or(i32::MAX);
    let answer = |overridden: i64, on: NaiveDate| WithdrawBatchResponse {
        withdrawn_on: on.to_string(),
        records,
        overridden: i32::try_from(overridden).unwrap_or(i32::MAX),
    };
    if let Some(on) = found.withdrawn_on {
        return Ok(answer(found.overridden, on));
    }
    check(monitoring, &found, today)?;
    let overridden = withdrawal::mark(work.conn(), &batch, today).await?;
    if feed::go_back(work.conn(), &batch).await? && !feed::was_fresh(work.conn(), &batch, today).await? {
        withdrawal::note_county(work.conn(), &batch).await?;
    }
    feeds::evaluate(monitoring, work, Some(&batch), ClearReason::DataWithdrawn).await?;
    work.audit(&id::name("batches", id), &["withdrawn"]);
    tracing::info!(batch.id = %id, records, overridden, "a batch is withdrawn");
    Ok(answer(overridden, today))
}

fn check(monitoring: &Monitoring, found: &Found, today: NaiveDate) -> Result<()> {
    let Some(begun_on) = found.begun_on else { return Err(Fault::BatchUnversioned.into()) };
    if !found.versioned || begun_on < monitoring.days(today).kept_from {
        return Err(Fault::BatchTooOld { days: monitoring.version_days }.into());
    }
    if found.waits { Err(Fault::WithdrawalUnderWay.into()) } else { Ok(()) }
}

/// Takes the next part back, if there is one.
pub async fn pass(monitoring: Arc<Monitoring>) -> Result<Pass> {
    let next = withdrawal::next(&mut *monitoring.db.acquire().await?).await?;
    let Some(batch) = next else {
        return Ok(Pass { did: 0, caught_up: true, detail: "nothing to take back".into() });
    };
    let db = monitoring.db.clone();
    db.change(&Call::worker("monitoring", "withdrawals"), move |work| {
        let monitoring = Arc::clone(&monitoring);
        Box::pin(async move { part(&monitoring, work, batch).await })
    })
    .await
}

async fn part(monitoring: &Monitoring, work: &mut Work, batch: Uuid) -> Result<Pass> {
    let today = work.today();
    lock::keep_roster(work.conn()).await?;
    let done = |did: usize, what: &str| Pass {
        did: u64::try_from(did).unwrap_or(u64::MAX).max(1),
        caught_up: false,
        detail: format!("{did} {what} of a withdrawn batch"),
    };
    // Whoever else was at it may have finished meanwhile.
    let Some(found) = withdrawal::find(work.conn(), batch).await?.filter(|f| f.taken_back_on.is_none()) else {
        return Ok(done(0, "records"));
    };
    let set = monitoring.set(&found.bureau, &found.dataset).ok_or(Fault::DatasetUnknown)?;
    if withdrawal::unfold(work.conn(), batch, PARTS).await? {
        return Ok(done(0, "records"));
    }
    if withdrawal::find_heirs(work.conn(), batch, CONFIRMATIONS).await? {
        return Ok(done(0, "records"));
    }
    let keys = withdrawal::records(work.conn(), batch, RECORDS).await?;
    if !keys.is_empty() {
        set.statements.lock(work.conn(), &keys).await?;
        let touched = set.statements.reversal.take_back(work.conn(), batch, &keys).await?;
        withdrawal::note_touched(work.conn(), batch, &touched).await?;
        return Ok(done(keys.len(), "records"));
    }
    let households = withdrawal::households(work.conn(), batch, SLICE as i64).await?;
    if households.is_empty() {
        withdrawal::end(work.conn(), batch, today).await?;
        return Ok(done(0, "households"));
    }
    let dataset = format!("{}.{}", found.bureau, found.dataset);
    let data = Withdrawn { since: found.begun_on.unwrap_or(today), indicators: monitoring.rules.resting_on(&dataset) };
    evaluate::households(monitoring, work, &households, Cause::Withdrawal(&data)).await?;
    Ok(done(households.len(), "households"))
}

/// Forgets some of the versions that nobody can go back to any more.
pub async fn forget(monitoring: Arc<Monitoring>) -> Result<Pass> {
    let days = monitoring.version_days;
    let db = monitoring.db.clone();
    db.change(&Call::worker("monitoring", "versions"), move |work| {
        // A day later than withdrawals are refused: clocks may differ about midnight.
        let before = monitoring.days(work.today()).kept_from.pred_opt().unwrap_or(NaiveDate::MIN);
        Box::pin(async move {
            let did = withdrawal::forget(work.conn(), before, FORGOTTEN).await?;
            Ok(Pass { did, caught_up: did == 0, detail: format!("kept {days} days") })
        })
    })
    .await
}
