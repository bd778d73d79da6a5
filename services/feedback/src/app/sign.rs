//! A bureau signs for referrals.

use std::{collections::BTreeMap, time::Duration};

use chrono::NaiveDate;
use minqing_kit::{Error, Result, db::Work, id};
use minqing_proto::minqing::feedback::v1::ReferralSigned;
use uuid::Uuid;

use super::view::{self, REFERRALS};
use crate::store::referral;

/// Wait before an adapter asks again after a referral that has not arrived from dispatch.
const ARRIVES_IN: Duration = Duration::from_secs(1);

/// Writes receipts of one bureau; a repeated one is kept as it was first. How many are new.
pub async fn sign(work: &mut Work, bureau: &str, receipts: &BTreeMap<Uuid, NaiveDate>) -> Result<i32> {
    let ids: Vec<Uuid> = receipts.keys().copied().collect();
    let known = referral::lock(work.conn(), &ids).await?;
    if known.len() < ids.len() {
        return Err(not_arrived("receipts"));
    }
    if known.iter().any(|r| r.bureau != bureau) {
        return Err(Error::not_found(
            "REFERRAL_NOT_FOUND",
            "there is no such referral of this bureau",
            "本部门没有该转办单",
        )
        .field("receipts", "name a referral of another bureau"));
    }
    let today = work.today();
    if known.iter().any(|r| receipts.get(&r.referral_id).is_some_and(|on| *on < r.issued_on || *on > today)) {
        return Err(Error::invalid(
            "SIGNED_ON_OUT_OF_RANGE",
            "signed_on lies before the referral was issued or in the future",
            "signed_on 早于转办日期或晚于今天",
        )
        .field("receipts", "signed_on must lie between the day of issue and today"));
    }
    let days: Vec<NaiveDate> = receipts.values().copied().collect();
    let mut new = referral::sign(work.conn(), &ids, &days).await?;
    new.sort_unstable();
    for id in &new {
        let name = id::name(REFERRALS, *id);
        let signed_on = receipts.get(id).map_or_else(String::new, NaiveDate::to_string);
        let event = ReferralSigned { referral: name.clone(), bureau: view::bureau(bureau) as i32, signed_on };
        let asked_in = known.iter().find(|r| r.referral_id == *id).map_or("", |r| r.traceparent.as_str());
        work.in_trace_of(asked_in, "sign referral", |work| work.emit(&name, &event, None));
    }
    i32::try_from(new.len()).map_err(Error::bug)
}

/// The adapter knows the referral from dispatch; its event has not come here yet.
pub fn not_arrived(field: &'static str) -> Error {
    Error::unavailable(
        "REFERRAL_NOT_YET_KNOWN",
        "a referral named has not arrived from dispatch yet, ask again",
        "转办单尚未从派发服务到达，请稍后重试",
    )
    .field(field, "name a referral that is not known yet")
    .retry_after(ARRIVES_IN)
}
