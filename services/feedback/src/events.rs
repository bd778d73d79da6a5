//! What feedback consumes. dispatch: `ReferralIssued` and `ReferralSettled`, so that it knows whose answer is due.
//! It emits `ReferralSigned`, `FeedbackRecorded`, `MonthReconciled` and `BooksReconciled`.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::future::BoxFuture;
use minqing_kit::{
    Error, Result,
    db::Work,
    events::{Consumer, Event, Handler, decode},
    id::parse_name,
    telemetry::traceparent_of_current_span,
};
use minqing_proto::minqing::{
    dispatch::v1::{ReferralIssued, ReferralSettled},
    types::v1::FeedbackDecision,
};
use uuid::Uuid;

use crate::{
    app::{
        calendar::WorkingDays,
        follow::{Settled, follow},
        view::{self, HOUSEHOLDS, REFERRALS},
    },
    store::referral::Issued,
};

const REFERRAL_ISSUED: &str = "minqing.dispatch.v1.ReferralIssued";
const REFERRAL_SETTLED: &str = "minqing.dispatch.v1.ReferralSettled";
/// How a referral ended that no bureau has decided on: the data behind it were withdrawn.
const WITHDRAWN: &str = "withdrawn";

/// The consumer of dispatch.
pub fn consumers(days: WorkingDays) -> Vec<Consumer> {
    vec![Consumer {
        producer: "dispatch",
        types: vec![REFERRAL_ISSUED, REFERRAL_SETTLED],
        audience: None,
        handler: Arc::new(Referrals { days }),
    }]
}

/// Takes referrals.
pub struct Referrals {
    pub days: WorkingDays,
}

impl Handler for Referrals {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (mut all_issued, mut all_settled) = (Vec::new(), Vec::new());
            for event in events {
                match event.r#type.as_str() {
                    REFERRAL_ISSUED => all_issued.push(issued(decode(event)?, &self.days)?),
                    REFERRAL_SETTLED => all_settled.push(settled(decode(event)?)?),
                    _ => {}
                }
            }
            follow(work, &all_issued, &all_settled).await
        })
    }
}

fn issued(event: ReferralIssued, days: &WorkingDays) -> Result<Issued> {
    let issued_on = date(&event.issued_on, "issued_on")?;
    let person_key = match event.person_key.as_str() {
        "" => None,
        key => Some(Uuid::parse_str(key).map_err(|_| malformed("person_key"))?),
    };
    Ok(Issued {
        referral_id: parse_name(REFERRALS, &event.referral, "referral")?,
        household_id: parse_name(HOUSEHOLDS, &event.household, "household")?,
        person_key,
        bureau: view::bureau_text(event.bureau()).ok_or_else(|| malformed("bureau"))?,
        issued_on,
        sign_due_on: days.sign_due_on(issued_on)?,
        due_on: date(&event.due_on, "due_on")?,
        division_code: event.division_code,
        programme: event.programme,
        traceparent: traceparent_of_current_span(),
    })
}

fn settled(event: ReferralSettled) -> Result<Settled> {
    let decision = match event.decision() {
        FeedbackDecision::Withdrawn => WITHDRAWN,
        decided => view::decision_of(decided).ok_or_else(|| malformed("decision"))?.as_str(),
    };
    Ok(Settled {
        referral: parse_name(REFERRALS, &event.referral, "referral")?,
        on: date(&event.settled_on, "settled_on")?,
        decision: decision.to_owned(),
    })
}

fn date(text: &str, field: &'static str) -> Result<NaiveDate> {
    text.parse().map_err(|_| malformed(field))
}

fn malformed(field: &'static str) -> Error {
    Error::invalid("EVENT_MALFORMED", format!("the event's {field} is malformed"), format!("事件的 {field} 格式不正确"))
}
