//! Domain → contract: work orders and referrals as callers see them.

use chrono::NaiveDate;
use minqing_kit::id;
use minqing_proto::minqing::{
    dispatch::v1 as pb,
    types::v1::{Bureau, FeedbackDecision},
};
use uuid::Uuid;

use super::{
    rules::Rules,
    tell::{HOUSEHOLDS, REFERRALS, WARNINGS, WORK_ORDERS, household_name, order_name},
};
use crate::{
    domain::{
        referral::{Decision, ReferralState},
        state::State,
        verdict::Verdict,
        visit::Seen,
        work_order::{Reason, WorkOrder},
    },
    store::row::ReferralRow,
};

/// A work order with reasons and referrals.
pub fn work_order(rules: &Rules, order: &WorkOrder) -> pb::WorkOrder {
    let referrals = order.referrals.iter().filter_map(|r| ReferralRow::of(order, r));
    pb::WorkOrder {
        name: order_name(order),
        household: household_name(order),
        subject: order.subject.clone().unwrap_or_default(),
        division_code: order.division.clone(),
        assigned_to: order.assigned_to(),
        level: i32::from(order.level),
        state: state(order.state) as i32,
        verdict: verdict(order) as i32,
        opened_on: order.opened_on.to_string(),
        check_due_on: day(order.timetable.check.due_on),
        close_due_on: day(order.timetable.close.due_on),
        escalation: i32::from(order.escalation),
        closed_on: day(order.closed.map(|(on, _)| on)),
        late: order.late,
        reasons: order.reasons.iter().map(|r| reason(rules, r)).collect(),
        referrals: referrals.map(|r| referral(&r)).collect(),
        etag: order.version.to_string(),
        recheck: order.recheck(),
        score: None,
        score_reasons: Vec::new(),
    }
}

fn reason(rules: &Rules, reason: &Reason) -> pb::Reason {
    pb::Reason {
        warning: id::name(WARNINGS, reason.warning),
        indicator: reason.indicator.clone(),
        title: rules.indicator_title(&reason.indicator),
        level: i32::from(reason.level),
        person_key: key(reason.person),
        raised_on: reason.raised_on.to_string(),
        cleared: reason.cleared_on.is_some(),
    }
}

/// A referral as stored.
pub fn referral(row: &ReferralRow) -> pb::Referral {
    let state = match ReferralState::parse(&row.state) {
        Some(ReferralState::Issued) => pb::ReferralState::Issued,
        Some(ReferralState::Signed) => pb::ReferralState::Signed,
        Some(ReferralState::Deferred) => pb::ReferralState::Deferred,
        Some(ReferralState::Settled) => pb::ReferralState::Settled,
        None => pb::ReferralState::Unspecified,
    };
    pb::Referral {
        name: id::name(REFERRALS, row.referral_id),
        work_order: id::name(WORK_ORDERS, row.work_order_id),
        household: id::name(HOUSEHOLDS, row.household_id),
        person_key: key(row.person_key),
        bureau: bureau(&row.bureau) as i32,
        programme: row.programme.clone(),
        indicator: row.indicator.clone(),
        level: i32::from(row.level),
        state: state as i32,
        issued_on: row.issued_on.to_string(),
        due_on: row.due_on.to_string(),
        settled_on: day(row.settled_on),
        decision: decision(row.decision.as_deref().and_then(Decision::parse)) as i32,
    }
}

/// A state in the contract's words.
pub fn state(state: State) -> pb::WorkOrderState {
    match state {
        State::Assigned => pb::WorkOrderState::Assigned,
        State::Accepted => pb::WorkOrderState::Accepted,
        State::Verified => pb::WorkOrderState::Verified,
        State::FeedbackComplete => pb::WorkOrderState::FeedbackComplete,
        State::Closed => pb::WorkOrderState::Closed,
    }
}

/// A state asked for; `None` for all.
pub fn state_asked(state: pb::WorkOrderState) -> Option<State> {
    match state {
        pb::WorkOrderState::Unspecified => None,
        pb::WorkOrderState::Assigned => Some(State::Assigned),
        pb::WorkOrderState::Accepted => Some(State::Accepted),
        pb::WorkOrderState::Verified => Some(State::Verified),
        pb::WorkOrderState::FeedbackComplete => Some(State::FeedbackComplete),
        pb::WorkOrderState::Closed => Some(State::Closed),
    }
}

/// The work order's verdict in the contract's words; unspecified before the check.
pub fn verdict(order: &WorkOrder) -> pb::Verdict {
    order.check.as_ref().map_or(pb::Verdict::Unspecified, |check| verdict_told(check.verdict))
}

/// A verdict in the contract's words.
pub fn verdict_told(verdict: Verdict) -> pb::Verdict {
    match verdict {
        Verdict::VerifiedTrue => pb::Verdict::VerifiedTrue,
        Verdict::VerifiedPartly => pb::Verdict::VerifiedPartly,
        Verdict::NotTrue => pb::Verdict::NotTrue,
        Verdict::AlreadyAided => pb::Verdict::AlreadyAided,
        Verdict::CannotFind => pb::Verdict::CannotFind,
        Verdict::MovedAway => pb::Verdict::MovedAway,
        Verdict::RefusesHelp => pb::Verdict::RefusesHelp,
        Verdict::Died => pb::Verdict::Died,
    }
}

/// A verdict reported; `None` when unspecified.
pub fn verdict_reported(verdict: pb::Verdict) -> Option<Verdict> {
    match verdict {
        pb::Verdict::Unspecified => None,
        pb::Verdict::VerifiedTrue => Some(Verdict::VerifiedTrue),
        pb::Verdict::VerifiedPartly => Some(Verdict::VerifiedPartly),
        pb::Verdict::NotTrue => Some(Verdict::NotTrue),
        pb::Verdict::AlreadyAided => Some(Verdict::AlreadyAided),
        pb::Verdict::CannotFind => Some(Verdict::CannotFind),
        pb::Verdict::MovedAway => Some(Verdict::MovedAway),
        pb::Verdict::RefusesHelp => Some(Verdict::RefusesHelp),
        pb::Verdict::Died => Some(Verdict::Died),
    }
}

/// What was seen on a visit, in the contract's words.
pub fn visit_details(seen: &Seen) -> pb::VisitDetails {
    let named = |prefix: &str, word: &Option<String>| format!("{prefix}{}", word.as_deref().unwrap_or("unspecified"));
    let group = named("visit_group_", &seen.group_ticked).to_ascii_uppercase();
    let carer = named("carer_", &seen.carer).to_ascii_uppercase();
    pb::VisitDetails {
        minutes: seen.minutes,
        group_ticked: pb::VisitGroup::from_str_name(&group).unwrap_or_default() as i32,
        lives_alone: seen.lives_alone,
        carer: pb::Carer::from_str_name(&carer).unwrap_or_default() as i32,
    }
}

/// A decision in the contract's words.
pub fn decision(decision: Option<Decision>) -> FeedbackDecision {
    match decision {
        None => FeedbackDecision::Unspecified,
        Some(Decision::Granted) => FeedbackDecision::Granted,
        Some(Decision::Refused) => FeedbackDecision::Refused,
        Some(Decision::AlreadyAided) => FeedbackDecision::AlreadyAided,
        Some(Decision::CannotReach) => FeedbackDecision::CannotReach,
        Some(Decision::NotMyDuty) => FeedbackDecision::NotMyDuty,
        Some(Decision::Withdrawn) => FeedbackDecision::Withdrawn,
    }
}

/// A bureau by its stored text.
pub fn bureau(text: &str) -> Bureau {
    minqing_policy::bureau(text).unwrap_or(Bureau::Unspecified)
}

/// The text of a bureau, `medical_insurance`; `None` when unspecified.
pub fn bureau_text(bureau: Bureau) -> Option<String> {
    let text = bureau.as_str_name().strip_prefix("BUREAU_")?.to_lowercase();
    (bureau != Bureau::Unspecified).then_some(text)
}

/// A day that may be missing, as text.
pub fn day(day: Option<NaiveDate>) -> String {
    day.map_or_else(String::new, |d| d.to_string())
}

/// A person key that may be missing, as text.
pub fn key(person: Option<Uuid>) -> String {
    person.map_or_else(String::new, |p| p.to_string())
}
