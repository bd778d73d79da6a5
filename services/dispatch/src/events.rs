//! What dispatch consumes. registry: `HouseholdChanged` tells where a household is. monitoring: `WarningRaised` and `WarningCleared` merge into work orders. feedback:
//! `ReferralSigned` and `FeedbackRecorded` move referrals. What it emits is in `app/tell.rs`.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use futures::future::BoxFuture;
use minqing_kit::{
    Error, Result,
    clock::china_date,
    db::Work,
    events::{Consumer, Event, Handler, decode},
    id::parse_name,
};
use minqing_proto::minqing::{
    feedback::v1::{FeedbackRecorded, ReferralSigned},
    monitoring::v1::{ClearReason, WarningCleared, WarningRaised},
    registry::v1::HouseholdChanged,
    types::v1::{FeedbackDecision, WarningLevel},
};
use uuid::Uuid;

use crate::{
    app::{
        answer::{Told, What, answer},
        merge::{Incoming, Raised, merge},
        rules::Rules,
        tell::{HOUSEHOLDS, REFERRALS, WARNINGS},
    },
    domain::{
        referral::{Answer, Decision},
        work_order::About,
    },
    store::visit::{Place, put_places},
};

const HOUSEHOLD_CHANGED: &str = "minqing.registry.v1.HouseholdChanged";
const WARNING_RAISED: &str = "minqing.monitoring.v1.WarningRaised";
const WARNING_CLEARED: &str = "minqing.monitoring.v1.WarningCleared";
const REFERRAL_SIGNED: &str = "minqing.feedback.v1.ReferralSigned";
const FEEDBACK_RECORDED: &str = "minqing.feedback.v1.FeedbackRecorded";

/// What dispatch consumes.
pub fn consumers(rules: &Rules) -> Vec<Consumer> {
    vec![
        Consumer { producer: "registry", types: vec![HOUSEHOLD_CHANGED], audience: None, handler: Arc::new(Places) },
        Consumer {
            producer: "monitoring",
            types: vec![WARNING_RAISED, WARNING_CLEARED],
            audience: None,
            handler: Arc::new(Warnings { rules: rules.clone() }),
        },
        Consumer {
            producer: "feedback",
            types: vec![REFERRAL_SIGNED, FEEDBACK_RECORDED],
            audience: None,
            handler: Arc::new(Answers { rules: rules.clone() }),
        },
    ]
}

struct Places;

impl Handler for Places {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut places = Vec::with_capacity(events.len());
            for event in events.iter().filter(|e| e.r#type == HOUSEHOLD_CHANGED) {
                let changed: HouseholdChanged = decode(event)?;
                places.push(Place {
                    household: parse_name(HOUSEHOLDS, &changed.household, "household")?,
                    division: changed.division_code,
                    sequence: event.aggregate_sequence,
                });
            }
            put_places(work.conn(), &places).await
        })
    }
}

/// Takes warnings.
pub struct Warnings {
    pub rules: Rules,
}

impl Handler for Warnings {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let batch = events.iter().filter_map(|e| warning(e).transpose()).collect::<Result<Vec<_>>>()?;
            merge(work, &self.rules, batch).await
        })
    }
}

/// Takes receipts and answers.
pub struct Answers {
    pub rules: Rules,
}

impl Handler for Answers {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let batch = events.iter().filter_map(|e| told(e).transpose()).collect::<Result<Vec<_>>>()?;
            answer(work, &self.rules, &batch).await
        })
    }
}

fn warning(event: &Event) -> Result<Option<Incoming>> {
    match event.r#type.as_str() {
        WARNING_RAISED => raised(decode(event)?).map(|r| Some(Incoming::Raised(r))),
        WARNING_CLEARED => {
            let event: WarningCleared = decode(event)?;
            let warning = parse_name(WARNINGS, &event.warning, "warning")?;
            let withdrawn = event.reason() == ClearReason::DataWithdrawn;
            Ok(Some(Incoming::Cleared { warning, on: date(&event.cleared_on, "cleared_on")?, withdrawn }))
        }
        _ => Ok(None),
    }
}

fn raised(event: WarningRaised) -> Result<Raised> {
    let household = optional(&event.household, |name| parse_name(HOUSEHOLDS, name, "household"))?;
    let level = match event.level() {
        WarningLevel::Unspecified => return Err(malformed("level")),
        level => i16::try_from(level as i32).map_err(Error::bug)?,
    };
    let subject = if household.is_none() { Some(event.subject).filter(|s| !s.is_empty()) } else { None };
    if household.is_none() && subject.is_none() {
        return Err(malformed("subject"));
    }
    Ok(Raised {
        warning: parse_name(WARNINGS, &event.warning, "warning")?,
        about: About { household, subject, division: event.division_code },
        indicator: event.indicator,
        person: optional(&event.person_key, |key| Uuid::parse_str(key).map_err(|_| malformed("person_key")))?,
        level,
        raised_on: date(&event.raised_on, "raised_on")?,
        record_accepted_time: event.record_accepted_time,
        changed_since: optional(&event.changed_since, |day| date(day, "changed_since"))?,
    })
}

fn told(event: &Event) -> Result<Option<Told>> {
    let on = DateTime::parse_from_rfc3339(&event.occurred_time)
        .map(|at| china_date(at.into()))
        .map_err(|_| malformed("occurred_time"))?;
    match event.r#type.as_str() {
        REFERRAL_SIGNED => {
            let signed: ReferralSigned = decode(event)?;
            let referral = parse_name(REFERRALS, &signed.referral, "referral")?;
            Ok(Some(Told { referral, on, what: What::Signed { on: date(&signed.signed_on, "signed_on")? } }))
        }
        FEEDBACK_RECORDED => {
            let Some(feedback) = decode::<FeedbackRecorded>(event)?.feedback else { return Err(malformed("feedback")) };
            if feedback.referral.is_empty() {
                return Ok(None);
            }
            let referral = parse_name(REFERRALS, &feedback.referral, "referral")?;
            let answer = match decided(feedback.decision()) {
                Some(decision) => Answer::Decided { decision, on: date(&feedback.handled_on, "handled_on")? },
                None if feedback.decision() == FeedbackDecision::Deferred => {
                    Answer::Deferred { to: optional(&feedback.deferred_to, |d| date(d, "deferred_to"))? }
                }
                None => return Err(malformed("decision")),
            };
            Ok(Some(Told { referral, on, what: What::Answered(answer) }))
        }
        _ => Ok(None),
    }
}

fn decided(decision: FeedbackDecision) -> Option<Decision> {
    match decision {
        FeedbackDecision::Granted => Some(Decision::Granted),
        FeedbackDecision::Refused => Some(Decision::Refused),
        FeedbackDecision::AlreadyAided => Some(Decision::AlreadyAided),
        FeedbackDecision::CannotReach => Some(Decision::CannotReach),
        FeedbackDecision::NotMyDuty => Some(Decision::NotMyDuty),
        FeedbackDecision::Unspecified | FeedbackDecision::Deferred | FeedbackDecision::Withdrawn => None,
    }
}

fn date(text: &str, field: &'static str) -> Result<NaiveDate> {
    text.parse().map_err(|_| malformed(field))
}

fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn malformed(field: &'static str) -> Error {
    Error::invalid("EVENT_MALFORMED", format!("the event's {field} is malformed"), format!("事件的 {field} 格式不正确"))
}
