//! Takes referrals over from dispatch's events and evaluates their households.

use minqing_kit::{Result, db::Work};
use uuid::Uuid;

use super::{
    Monitoring,
    evaluate::{self, Cause},
};
use crate::store::{
    lock,
    referral::{self, Issued, Settled},
};

/// What a batch of events says of referrals.
#[derive(Clone, Debug, Default)]
pub struct Referrals {
    pub issued: Vec<Issued>,
    pub settled: Vec<Settled>,
    /// Households touched.
    pub households: Vec<Uuid>,
}

/// Applies it.
pub async fn apply(monitoring: &Monitoring, work: &mut Work, mut referrals: Referrals) -> Result<()> {
    lock::keep_roster(work.conn()).await?;
    referrals.households.sort_unstable();
    referrals.households.dedup();
    lock::households(work.conn(), &referrals.households).await?;
    if !referrals.issued.is_empty() {
        referral::issue(work.conn(), &referrals.issued).await?;
    }
    if !referrals.settled.is_empty() {
        referral::settle(work.conn(), &referrals.settled).await?;
    }
    evaluate::households(monitoring, work, &referrals.households, Cause::Other).await?;
    Ok(())
}
