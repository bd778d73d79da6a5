//! Bureaus sign for referrals and answer them: their state moves, and with the last answer the work order is
//! complete.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use minqing_kit::{Result, db::Work};
use uuid::Uuid;

use super::{rules::Rules, tell::tell};
use crate::{
    domain::{referral::Answer, work_order::WorkOrder},
    store::work_order,
};

/// What feedback tells about a referral.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub referral: Uuid,
    /// Business date of the telling.
    pub on: NaiveDate,
    pub what: What,
}

/// Receipt or answer.
#[derive(Clone, Copy, Debug)]
pub enum What {
    Signed { on: NaiveDate },
    Answered(Answer),
}

/// Takes a batch of receipts and answers, in order.
pub async fn answer(work: &mut Work, rules: &Rules, batch: &[Told]) -> Result<()> {
    let referrals: Vec<Uuid> = batch.iter().map(|t| t.referral).collect();
    let place = work_order::of_referrals(work.conn(), &referrals).await?;
    let ids: Vec<Uuid> = place.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let orders = work_order::lock(work.conn(), &ids).await?;
    let mut orders: BTreeMap<Uuid, WorkOrder> = orders.into_iter().map(|o| (o.id, o)).collect();
    for told in batch {
        // Feedback only takes answers to referrals it knows from dispatch, so one unknown here was never issued.
        let Some(order) = place.get(&told.referral).and_then(|id| orders.get_mut(id)) else { continue };
        let mut effects = order.roll(told.on);
        match told.what {
            What::Signed { on } => order.sign(told.referral, on),
            What::Answered(answer) => effects.extend(order.answer(told.referral, answer, told.on)),
        }
        tell(work, rules, order, &effects);
    }
    work_order::save(work.conn(), &orders.values().collect::<Vec<_>>()).await
}
