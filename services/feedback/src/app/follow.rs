//! Follows dispatch: referrals issued and settled.

use chrono::NaiveDate;
use minqing_kit::{Result, db::Work};
use uuid::Uuid;

use crate::store::referral::{self, Issued};

/// A referral that dispatch says is settled.
#[derive(Clone, Debug)]
pub struct Settled {
    pub referral: Uuid,
    pub on: NaiveDate,
    pub decision: String,
}

/// Takes referrals issued and settled; both are sets, so their order does not matter beyond issued first.
pub async fn follow(work: &mut Work, issued: &[Issued], settled: &[Settled]) -> Result<()> {
    if !issued.is_empty() {
        referral::insert(work.conn(), issued).await?;
    }
    if !settled.is_empty() {
        let ids: Vec<Uuid> = settled.iter().map(|s| s.referral).collect();
        let days: Vec<NaiveDate> = settled.iter().map(|s| s.on).collect();
        let decisions: Vec<String> = settled.iter().map(|s| s.decision.clone()).collect();
        referral::settle(work.conn(), &ids, &days, &decisions).await?;
    }
    Ok(())
}
