//! Rows as they are stored, and rows ↔ domain.

use chrono::NaiveDate;
use minqing_kit::{Error, Result};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::{
    referral::{Decision, Referral, ReferralState},
    state::{CloseReason, State},
    timetable::{Limit, Timetable},
    verdict::{Check, Verdict},
    work_order::{Reason, WorkOrder},
};

/// Columns of [`OrderRow`], for a table named `w`.
macro_rules! order_columns {
    () => {
        "w.work_order_id, w.household_id, w.subject, w.division_code, w.assigned_to, w.level, w.state, \
         w.verdict, w.opened_on, w.check_due_on, w.check_county_on, w.check_city_on, w.close_due_on, \
         w.close_county_on, w.close_city_on, w.escalation, w.late, w.returned, w.bounces, w.accepted_on, \
         w.verified_on, w.checked_on, w.checker, w.person_seen, w.evidence_digest, w.completed_on, \
         w.closed_on, w.close_reason, w.next_roll_on, w.version"
    };
}
/// Columns of [`ReasonRow`], for a table named `r`.
macro_rules! reason_columns {
    () => {
        "r.warning_id, r.work_order_id, r.household_id, r.subject, r.division_code, r.indicator, r.person_key, \
         r.level, r.raised_on, r.cleared_on, r.covered, r.verdict, r.verdict_on, r.at_county, r.check_due_on, r.check_county_on, \
         r.check_city_on, r.close_due_on, r.close_county_on, r.close_city_on, r.record_accepted_time, \
         r.suppressed_until"
    };
}
/// Columns of [`ReferralRow`], for a table named `r`.
macro_rules! referral_columns {
    () => {
        "r.referral_id, r.work_order_id, r.warning_id, r.household_id, r.person_key, r.division_code, \
         r.bureau, r.programme, r.indicator, r.level, r.state, r.issued_on, r.due_on, r.signed_on, \
         r.deferrals, r.deferred_to, r.settled_on, r.settled_seen_on, r.decision, \
         r.record_accepted_time"
    };
}
pub(super) use {order_columns, reason_columns, referral_columns};

/// A row of `dispatch.work_order`.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct OrderRow {
    pub work_order_id: Uuid,
    pub household_id: Option<Uuid>,
    pub subject: Option<String>,
    pub division_code: String,
    pub assigned_to: String,
    pub level: i16,
    pub state: String,
    pub verdict: Option<String>,
    pub opened_on: NaiveDate,
    pub check_due_on: Option<NaiveDate>,
    pub check_county_on: Option<NaiveDate>,
    pub check_city_on: Option<NaiveDate>,
    pub close_due_on: Option<NaiveDate>,
    pub close_county_on: Option<NaiveDate>,
    pub close_city_on: Option<NaiveDate>,
    pub escalation: i16,
    pub late: bool,
    pub returned: bool,
    pub bounces: i32,
    pub accepted_on: Option<NaiveDate>,
    pub verified_on: Option<NaiveDate>,
    pub checked_on: Option<NaiveDate>,
    pub checker: Option<String>,
    pub person_seen: Option<bool>,
    pub evidence_digest: Option<String>,
    pub completed_on: Option<NaiveDate>,
    pub closed_on: Option<NaiveDate>,
    pub close_reason: Option<String>,
    pub next_roll_on: Option<NaiveDate>,
    pub version: i64,
}

/// A row of `dispatch.reason`: merged into a work order, or suppressed.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct ReasonRow {
    pub warning_id: Uuid,
    pub work_order_id: Option<Uuid>,
    pub household_id: Option<Uuid>,
    pub subject: Option<String>,
    pub division_code: String,
    pub indicator: String,
    pub person_key: Option<Uuid>,
    pub level: i16,
    pub raised_on: NaiveDate,
    pub cleared_on: Option<NaiveDate>,
    pub covered: bool,
    pub verdict: Option<String>,
    pub verdict_on: Option<NaiveDate>,
    pub at_county: bool,
    pub check_due_on: Option<NaiveDate>,
    pub check_county_on: Option<NaiveDate>,
    pub check_city_on: Option<NaiveDate>,
    pub close_due_on: Option<NaiveDate>,
    pub close_county_on: Option<NaiveDate>,
    pub close_city_on: Option<NaiveDate>,
    pub record_accepted_time: String,
    pub suppressed_until: Option<NaiveDate>,
}

/// A row of `dispatch.referral`.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct ReferralRow {
    pub referral_id: Uuid,
    pub work_order_id: Uuid,
    pub warning_id: Uuid,
    pub household_id: Uuid,
    pub person_key: Option<Uuid>,
    pub division_code: String,
    pub bureau: String,
    pub programme: String,
    pub indicator: String,
    pub level: i16,
    pub state: String,
    pub issued_on: NaiveDate,
    pub due_on: NaiveDate,
    pub signed_on: Option<NaiveDate>,
    pub deferrals: i16,
    pub deferred_to: Option<NaiveDate>,
    pub settled_on: Option<NaiveDate>,
    pub settled_seen_on: Option<NaiveDate>,
    pub decision: Option<String>,
    pub record_accepted_time: String,
}

impl OrderRow {
    /// The row of a work order; the version goes up by one.
    pub fn of(order: &WorkOrder) -> OrderRow {
        let Timetable { check, close } = order.timetable;
        let report = order.check.as_ref();
        OrderRow {
            work_order_id: order.id,
            household_id: order.household,
            subject: order.subject.clone(),
            division_code: order.division.clone(),
            assigned_to: order.assigned_to(),
            level: order.level,
            state: order.state.as_str().to_owned(),
            verdict: report.map(|c| c.verdict.as_str().to_owned()),
            opened_on: order.opened_on,
            check_due_on: check.due_on,
            check_county_on: check.county_on,
            check_city_on: check.city_on,
            close_due_on: close.due_on,
            close_county_on: close.county_on,
            close_city_on: close.city_on,
            escalation: order.escalation,
            late: order.late,
            returned: order.returned,
            bounces: order.bounces,
            accepted_on: order.accepted_on,
            verified_on: order.verified_on,
            checked_on: report.map(|c| c.checked_on),
            checker: report.map(|c| c.checker.clone()),
            person_seen: report.map(|c| c.person_seen),
            evidence_digest: report.map(|c| c.evidence_digest.clone()),
            completed_on: order.completed_on,
            closed_on: order.closed.map(|(on, _)| on),
            close_reason: order.closed.map(|(_, reason)| reason.as_str().to_owned()),
            next_roll_on: order.next_roll_on(),
            version: order.version + 1,
        }
    }

    /// The work order of a row, still without reasons and referrals.
    pub fn into_domain(self) -> Result<WorkOrder> {
        let check = match (self.verdict, self.checked_on) {
            (Some(verdict), Some(checked_on)) => Some(Check {
                verdict: known("verdict", Verdict::parse(&verdict))?,
                checked_on,
                checker: self.checker.unwrap_or_default(),
                person_seen: self.person_seen.unwrap_or_default(),
                evidence_digest: self.evidence_digest.unwrap_or_default(),
            }),
            _ => None,
        };
        let closed = match (self.closed_on, self.close_reason) {
            (Some(on), Some(reason)) => Some((on, known("close_reason", CloseReason::parse(&reason))?)),
            _ => None,
        };
        Ok(WorkOrder {
            id: self.work_order_id,
            household: self.household_id,
            subject: self.subject,
            division: self.division_code,
            level: self.level,
            state: known("work order state", State::parse(&self.state))?,
            opened_on: self.opened_on,
            timetable: Timetable {
                check: Limit {
                    due_on: self.check_due_on,
                    county_on: self.check_county_on,
                    city_on: self.check_city_on,
                },
                close: Limit {
                    due_on: self.close_due_on,
                    county_on: self.close_county_on,
                    city_on: self.close_city_on,
                },
            },
            escalation: self.escalation,
            late: self.late,
            returned: self.returned,
            bounces: self.bounces,
            accepted_on: self.accepted_on,
            check,
            verified_on: self.verified_on,
            completed_on: self.completed_on,
            closed,
            version: self.version,
            reasons: Vec::new(),
            referrals: Vec::new(),
        })
    }
}

impl ReasonRow {
    /// The row of a reason merged into a work order.
    pub fn of(order: &WorkOrder, reason: &Reason) -> ReasonRow {
        let Timetable { check, close } = reason.timetable;
        ReasonRow {
            warning_id: reason.warning,
            work_order_id: Some(order.id),
            household_id: order.household,
            subject: order.subject.clone(),
            division_code: order.division.clone(),
            indicator: reason.indicator.clone(),
            person_key: reason.person,
            level: reason.level,
            raised_on: reason.raised_on,
            cleared_on: reason.cleared_on,
            covered: reason.covered,
            verdict: reason.found.map(|(verdict, _)| verdict.as_str().to_owned()),
            verdict_on: reason.found.map(|(_, on)| on),
            at_county: reason.at_county,
            check_due_on: check.due_on,
            check_county_on: check.county_on,
            check_city_on: check.city_on,
            close_due_on: close.due_on,
            close_county_on: close.county_on,
            close_city_on: close.city_on,
            record_accepted_time: reason.record_accepted_time.clone(),
            suppressed_until: None,
        }
    }

    /// The reason of a row.
    pub fn into_domain(self) -> Result<Reason> {
        let found = match (self.verdict, self.verdict_on) {
            (Some(verdict), Some(on)) => Some((known("verdict", Verdict::parse(&verdict))?, on)),
            _ => None,
        };
        Ok(Reason {
            warning: self.warning_id,
            indicator: self.indicator,
            person: self.person_key,
            level: self.level,
            raised_on: self.raised_on,
            cleared_on: self.cleared_on,
            covered: self.covered,
            found,
            at_county: self.at_county,
            timetable: Timetable {
                check: Limit {
                    due_on: self.check_due_on,
                    county_on: self.check_county_on,
                    city_on: self.check_city_on,
                },
                close: Limit {
                    due_on: self.close_due_on,
                    county_on: self.close_county_on,
                    city_on: self.close_city_on,
                },
            },
            record_accepted_time: self.record_accepted_time,
        })
    }
}

impl ReferralRow {
    /// The row of a referral; feeds have none.
    pub fn of(order: &WorkOrder, referral: &Referral) -> Option<ReferralRow> {
        Some(ReferralRow {
            referral_id: referral.id,
            work_order_id: order.id,
            warning_id: referral.warning,
            household_id: order.household?,
            person_key: referral.person,
            division_code: order.division.clone(),
            bureau: referral.bureau.clone(),
            programme: referral.programme.clone(),
            indicator: referral.indicator.clone(),
            level: referral.level,
            state: referral.state.as_str().to_owned(),
            issued_on: referral.issued_on,
            due_on: referral.due_on,
            signed_on: referral.signed_on,
            deferrals: referral.deferrals,
            deferred_to: referral.deferred_to,
            settled_on: referral.settled_on,
            settled_seen_on: referral.settled_seen_on,
            decision: referral.decision.map(|d| d.as_str().to_owned()),
            record_accepted_time: referral.record_accepted_time.clone(),
        })
    }

    /// The referral of a row.
    pub fn into_domain(self) -> Result<Referral> {
        Ok(Referral {
            id: self.referral_id,
            warning: self.warning_id,
            person: self.person_key,
            bureau: self.bureau,
            programme: self.programme,
            indicator: self.indicator,
            level: self.level,
            state: known("referral state", ReferralState::parse(&self.state))?,
            issued_on: self.issued_on,
            due_on: self.due_on,
            signed_on: self.signed_on,
            deferrals: self.deferrals,
            deferred_to: self.deferred_to,
            settled_on: self.settled_on,
            settled_seen_on: self.settled_seen_on,
            decision: self.decision.map(|d| known("decision", Decision::parse(&d))).transpose()?,
            record_accepted_time: self.record_accepted_time,
        })
    }
}

fn known<T>(what: &'static str, parsed: Option<T>) -> Result<T> {
    parsed.ok_or_else(|| Error::bug(anyhow::anyhow!("a stored {what} is not known")))
}
