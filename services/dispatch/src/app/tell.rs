//! Effects of the domain as events: what others learn of a change, in the order in which it happened.

use chrono::NaiveDate;
use minqing_kit::{db::Work, id};
use minqing_proto::minqing::dispatch::v1::{
    ReferralIssued, ReferralSettled, WarningQuieted, WorkOrderClosed, WorkOrderEscalated, WorkOrderOpened,
    WorkOrderVerified,
};
use uuid::Uuid;

use super::{rules::Rules, view};
use crate::{
    domain::{
        referral::Referral,
        work_order::{Effect, WorkOrder},
    },
    store::suppression::Suppression,
};

/// Resource names.
pub const WORK_ORDERS: &str = "workOrders";
pub const REFERRALS: &str = "referrals";
pub const HOUSEHOLDS: &str = "households";
pub const WARNINGS: &str = "warnings";

/// Adds the events of a work order's effects to the transaction; gives back the suppressions they ask for.
pub fn tell(work: &mut Work, rules: &Rules, order: &WorkOrder, effects: &[Effect]) -> Vec<Suppression> {
    let mut suppressions = Vec::new();
    for effect in effects {
        match effect {
            Effect::Opened => work.emit(&order_name(order), &opened(order), None),
            Effect::Verified => work.emit(&order_name(order), &verified(rules, order), None),
            Effect::Closed => work.emit(&order_name(order), &closed(order), None),
            Effect::Escalated { level, on } => work.emit(&order_name(order), &escalated(order, *level, *on), None),
            Effect::Issued(id) => {
                if let Some(referral) = find(order, *id) {
                    let audience = format!("adapter/{}", referral.bureau);
                    let event = issued(rules, order, referral);
                    work.emit(&event.referral.clone(), &event, Some(&audience));
                }
            }
            Effect::Settled(id) => {
                if let Some(referral) = find(order, *id) {
                    let event = settled(order, referral);
                    work.emit(&event.referral.clone(), &event, None);
                }
            }
            Effect::NotTrue(warning) => {
                if let Some(suppression) = suppression(rules, order, *warning, work.today()) {
                    work.emit(&order_name(order), &quieted(*warning, order, &suppression, work.today()), None);
                    suppressions.push(suppression);
                }
            }
        }
    }
    suppressions
}

/// Resource name of a work order.
pub fn order_name(order: &WorkOrder) -> String {
    id::name(WORK_ORDERS, order.id)
}

/// Resource name of a work order's household; empty for a feed.
pub fn household_name(order: &WorkOrder) -> String {
    order.household.map_or_else(String::new, |h| id::name(HOUSEHOLDS, h))
}

fn find(order: &WorkOrder, id: Uuid) -> Option<&Referral> {
    order.referrals.iter().find(|r| r.id == id)
}

fn opened(order: &WorkOrder) -> WorkOrderOpened {
    WorkOrderOpened {
        work_order: order_name(order),
        household: household_name(order),
        division_code: order.division.clone(),
        level: i32::from(order.level),
        opened_on: order.opened_on.to_string(),
    }
}

fn verified(rules: &Rules, order: &WorkOrder) -> WorkOrderVerified {
    let indicators = order.indicators();
    let (classes, recheck_class) = rules.classes(&indicators);
    WorkOrderVerified {
        work_order: order_name(order),
        household: household_name(order),
        division_code: order.division.clone(),
        verdict: view::verdict(order) as i32,
        indicators,
        candidate_classes: classes.into_iter().map(|c| c as i32).collect(),
        recheck_class,
        verified_on: view::day(order.check.as_ref().map(|c| c.checked_on)),
        level: i32::from(order.level),
    }
}

fn closed(order: &WorkOrder) -> WorkOrderClosed {
    WorkOrderClosed {
        work_order: order_name(order),
        household: household_name(order),
        verdict: view::verdict(order) as i32,
        closed_on: view::day(order.closed.map(|(on, _)| on)),
    }
}

fn escalated(order: &WorkOrder, level: i16, on: NaiveDate) -> WorkOrderEscalated {
    WorkOrderEscalated {
        work_order: order_name(order),
        household: household_name(order),
        escalation: i32::from(level),
        escalated_on: on.to_string(),
    }
}

fn issued(rules: &Rules, order: &WorkOrder, referral: &Referral) -> ReferralIssued {
    ReferralIssued {
        referral: id::name(REFERRALS, referral.id),
        work_order: order_name(order),
        household: household_name(order),
        person_key: view::key(referral.person),
        bureau: view::bureau(&referral.bureau) as i32,
        programme: referral.programme.clone(),
        programme_title: rules.programme_title(&referral.programme),
        indicator: referral.indicator.clone(),
        indicator_title: rules.indicator_title(&referral.indicator),
        level: i32::from(referral.level),
        division_code: order.division.clone(),
        issued_on: referral.issued_on.to_string(),
        due_on: referral.due_on.to_string(),
        record_accepted_time: referral.record_accepted_time.clone(),
    }
}

fn settled(order: &WorkOrder, referral: &Referral) -> ReferralSettled {
    ReferralSettled {
        referral: id::name(REFERRALS, referral.id),
        household: household_name(order),
        person_key: view::key(referral.person),
        bureau: view::bureau(&referral.bureau) as i32,
        programme: referral.programme.clone(),
        decision: view::decision(referral.decision) as i32,
        due_on: referral.due_on.to_string(),
        settled_on: view::day(referral.settled_on),
    }
}

fn quieted(warning: Uuid, order: &WorkOrder, suppression: &Suppression, today: NaiveDate) -> WarningQuieted {
    WarningQuieted {
        warning: id::name(WARNINGS, warning),
        household: household_name(order),
        indicator: suppression.indicator.clone(),
        checked_on: today.to_string(),
        quiet_until: suppression.until_on.to_string(),
    }
}

fn suppression(rules: &Rules, order: &WorkOrder, warning: Uuid, today: NaiveDate) -> Option<Suppression> {
    let reason = order.reasons.iter().find(|r| r.warning == warning)?;
    let days = rules.suppress_days(&reason.indicator);
    (days > 0).then(|| Suppression {
        household_id: order.household,
        subject: order.subject.clone(),
        indicator: reason.indicator.clone(),
        person_key: reason.person,
        until_on: today + chrono::Days::new(u64::from(days)),
        work_order_id: order.id,
        quieted_on: Some(today),
    })
}
