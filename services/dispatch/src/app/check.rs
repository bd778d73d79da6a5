//! A desk signs for a work order and reports what its field check found.

use std::{
    collections::{HashMap, HashSet},
    slice,
};

use minqing_kit::{Error, Result, db::Work};
use minqing_proto::minqing::dispatch::v1 as pb;
use uuid::Uuid;

use super::{
    rules::Rules,
    scope,
    tell::{household_name, tell},
    view, visit,
};
use crate::{
    domain::{
        verdict::Check,
        visit::{Occasion, Seen, Visit},
        work_order::{Effect, Issuing, Reason, Target, WorkOrder},
    },
    store::{suppression, work_order},
};

type Taken = HashSet<(Option<Uuid>, String)>;

/// Signs.
pub async fn accept(work: &mut Work, rules: &Rules, id: Uuid) -> Result<pb::WorkOrder> {
    let mut order = find(work, id).await?;
    let today = work.today();
    let effects = order.roll(today);
    order.accept(today)?;
    finish(work, rules, order, effects).await
}

/// Reports the check.
///
/// A check that a township owes is a visit, told of or not: who says nothing of it must not go unseen. What a desk looks up
/// in its papers is one only when it says so.
pub async fn record(
    work: &mut Work,
    rules: &Rules,
    id: Uuid,
    check: Check,
    seen: Option<Seen>,
) -> Result<pb::WorkOrder> {
    let mut order = find(work, id).await?;
    let today = work.today();
    if check.checked_on > today {
        return Err(Error::invalid("DATE_IN_FUTURE", "checked_on lies in the future", "checked_on 晚于今天")
            .field("checked_on", "must not be later than today"));
    }
    let mut taken = taken(work, &order).await?;
    let owed = order.reasons.iter().any(|reason| !reason.at_county && !reason.covered);
    let visit = if owed || seen.is_some() { visit_of(&order, &check, seen.unwrap_or_default()) } else { None };
    let effects = decide(work, rules, &mut order, check, &mut taken)?;
    if let Some(visit) = visit {
        visit::keep(work, &visit).await?;
    }
    let touched = ["verdict", "checked_on", "checker", "person_seen", "evidence_digest"];
    work.audit(&household_name(&order), &touched);
    finish(work, rules, order, effects).await
}

/// The visit behind a check; none about a feed.
fn visit_of(order: &WorkOrder, check: &Check, seen: Seen) -> Option<Visit> {
    Some(Visit {
        household: order.household?,
        division: order.division.clone(),
        on: check.checked_on,
        visitor: check.checker.clone(),
        met: check.person_seen,
        seen,
        photo_digest: check.evidence_digest.clone(),
        occasion: Occasion::Check { work_order: order.id, verdict: check.verdict },
    })
}

fn decide(work: &Work, rules: &Rules, order: &mut WorkOrder, check: Check, taken: &mut Taken) -> Result<Vec<Effect>> {
    let today = work.today();
    let mut effects = order.roll(today);
    let mut targets = HashMap::new();
    for reason in order.reasons.iter().filter(|_| order.household.is_some()) {
        targets.insert(reason.warning, rules.targets(&reason.indicator, reason.level, today)?);
    }
    let of = |reason: &Reason| -> Vec<Target> { targets.get(&reason.warning).cloned().unwrap_or_default() };
    let mut new_id = || work.new_id();
    let mut issuing = Issuing { on: today, taken, new_id: &mut new_id };
    effects.extend(order.record(check, &of, &mut issuing)?);
    Ok(effects)
}

/// Programmes of the household that another open referral stands in the way of.
async fn taken(work: &mut Work, order: &WorkOrder) -> Result<Taken> {
    let Some(household) = order.household else { return Ok(HashSet::new()) };
    let standing = work_order::standing(work.conn(), slice::from_ref(&household), None).await?;
    Ok(standing.into_iter().map(|s| (s.person_key, s.programme)).collect())
}

/// The work order, locked, if the caller's desk has it.
async fn find(work: &mut Work, id: Uuid) -> Result<WorkOrder> {
    let prefix = scope::prefix(&work.call().caller)?;
    let found = work_order::lock(work.conn(), slice::from_ref(&id)).await?.pop();
    found.filter(|order| order.assigned_to().starts_with(&prefix)).ok_or_else(not_found)
}

async fn finish(work: &mut Work, rules: &Rules, mut order: WorkOrder, effects: Vec<Effect>) -> Result<pb::WorkOrder> {
    let suppressions = tell(work, rules, &order, &effects);
    work_order::save(work.conn(), &[&order]).await?;
    suppression::save(work.conn(), &suppressions).await?;
    order.version += 1;
    Ok(view::work_order(rules, &order))
}

/// There is no such work order, or none that the caller may see.
pub fn not_found() -> Error {
    Error::not_found("WORK_ORDER_NOT_FOUND", "there is no such work order", "没有该工单")
}
