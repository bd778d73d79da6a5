//! Events in: registry's HouseholdChanged makes the roster; dispatch's and feedback's are what the mesh itself did: referrals,
//! receipts, work orders, verdicts on warnings, visits, bureaus' records, what its books came to. Events out: WarningRaised,
//! WarningCleared, HouseholdFactsChanged, each household's in order, and PolicyApproved.

use std::sync::Arc;

use futures::future::BoxFuture;
use minqing_kit::{
    Result,
    db::Work,
    events::{Consumer, Event, Handler, decode},
};
use minqing_proto::minqing::{
    dispatch::v1::{ReferralIssued, ReferralSettled, WorkOrderClosed, WorkOrderVerified},
    feedback::v1::FeedbackRecorded,
    registry::v1::HouseholdChanged,
};
use uuid::Uuid;

use crate::{
    app::{
        Monitoring,
        deed::{self, Deeds},
        roster,
    },
    domain::{
        deed::{self as said, named},
        error::Fault,
        roster as state, verdict as checks, words,
    },
    store::referral::{Issued, Settled},
};

const HOUSEHOLD_CHANGED: &str = "minqing.registry.v1.HouseholdChanged";
const REFERRAL_ISSUED: &str = "minqing.dispatch.v1.ReferralIssued";
const REFERRAL_SETTLED: &str = "minqing.dispatch.v1.ReferralSettled";
const WORK_ORDER_OPENED: &str = "minqing.dispatch.v1.WorkOrderOpened";
const WORK_ORDER_VERIFIED: &str = "minqing.dispatch.v1.WorkOrderVerified";
const WORK_ORDER_CLOSED: &str = "minqing.dispatch.v1.WorkOrderClosed";
const WARNING_QUIETED: &str = "minqing.dispatch.v1.WarningQuieted";
const VISIT_RECORDED: &str = "minqing.dispatch.v1.VisitRecorded";
const REFERRAL_SIGNED: &str = "minqing.feedback.v1.ReferralSigned";
const FEEDBACK_RECORDED: &str = "minqing.feedback.v1.FeedbackRecorded";
const BOOKS_RECONCILED: &str = "minqing.feedback.v1.BooksReconciled";
const MONTH_RECONCILED: &str = "minqing.feedback.v1.MonthReconciled";

/// What monitoring consumes.
pub fn consumers(monitoring: &Arc<Monitoring>) -> Vec<Consumer> {
    vec![
        Consumer {
            producer: "registry",
            types: vec![HOUSEHOLD_CHANGED],
            audience: None,
            handler: Arc::new(Roster(Arc::clone(monitoring))),
        },
        Consumer {
            producer: "dispatch",
            types: vec![
                REFERRAL_ISSUED,
                REFERRAL_SETTLED,
                WORK_ORDER_OPENED,
                WORK_ORDER_VERIFIED,
                WORK_ORDER_CLOSED,
                WARNING_QUIETED,
                VISIT_RECORDED,
            ],
            audience: None,
            handler: Arc::new(Dispatched(Arc::clone(monitoring))),
        },
        Consumer {
            producer: "feedback",
            types: vec![REFERRAL_SIGNED, FEEDBACK_RECORDED, BOOKS_RECONCILED, MONTH_RECONCILED],
            audience: None,
            handler: Arc::new(Answered(Arc::clone(monitoring))),
        },
    ]
}

struct Roster(Arc<Monitoring>);

impl Handler for Roster {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut states = Vec::with_capacity(events.len());
            for event in events.iter().filter(|e| e.r#type == HOUSEHOLD_CHANGED) {
                let changed: HouseholdChanged = decode(event)?;
                let unreadable = Fault::EventUnreadable { kind: HOUSEHOLD_CHANGED };
                states.push(state::read(changed, event.aggregate_sequence).ok_or(unreadable)?);
            }
            roster::apply(&self.0, work, states).await
        })
    }
}

struct Dispatched(Arc<Monitoring>);

impl Handler for Dispatched {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut deeds = Deeds::default();
            for event in events {
                read(event, &mut deeds)?;
            }
            // What was found of a household's warnings is a fact of its rules too.
            deeds.households.extend(deeds.checked.iter().map(|of| of.household));
            deeds.households.extend(deeds.visits.iter().map(|of| of.household));
            deeds.households.extend(deeds.steps.iter().map(|of| of.household));
            deeds.households.extend(deeds.quieted.iter().map(|of| of.household));
            deed::apply(&self.0, work, deeds).await
        })
    }
}

fn read(event: &Event, deeds: &mut Deeds) -> Result<()> {
    match event.r#type.as_str() {
        REFERRAL_ISSUED => {
            let unreadable = Fault::EventUnreadable { kind: REFERRAL_ISSUED };
            // A referral about a feed has no household.
            if let Some(issued) = issued(&decode(event)?).ok_or(unreadable)? {
                deeds.households.push(issued.household);
                deeds.issued.push(issued);
            }
        }
        REFERRAL_SETTLED => {
            let unreadable = Fault::EventUnreadable { kind: REFERRAL_SETTLED };
            let (household, settled) = settled(&decode(event)?).ok_or(unreadable)?;
            deeds.households.extend(household);
            deeds.settled.push(settled);
        }
        WORK_ORDER_OPENED => {
            let unreadable = Fault::EventUnreadable { kind: WORK_ORDER_OPENED };
            deeds.steps.extend(said::opened(&decode(event)?).ok_or(unreadable)?);
        }
        WORK_ORDER_VERIFIED => {
            let unreadable = || Fault::EventUnreadable { kind: WORK_ORDER_VERIFIED };
            let verified: WorkOrderVerified = decode(event)?;
            deeds.steps.extend(said::verified(&verified).ok_or_else(unreadable)?);
            deeds.checked.extend(checks::verified(verified).ok_or_else(unreadable)?);
        }
        WORK_ORDER_CLOSED => {
            let unreadable = || Fault::EventUnreadable { kind: WORK_ORDER_CLOSED };
            let closed: WorkOrderClosed = decode(event)?;
            deeds.steps.extend(said::closed(&closed).ok_or_else(unreadable)?);
            deeds.checked.extend(checks::closed(closed).ok_or_else(unreadable)?);
        }
        WARNING_QUIETED => {
            let unreadable = Fault::EventUnreadable { kind: WARNING_QUIETED };
            deeds.quieted.extend(said::quieted(&decode(event)?).ok_or(unreadable)?);
        }
        VISIT_RECORDED => {
            let unreadable = Fault::EventUnreadable { kind: VISIT_RECORDED };
            deeds.visits.push(said::visit(&decode(event)?).ok_or(unreadable)?);
        }
        _ => {}
    }
    Ok(())
}

struct Answered(Arc<Monitoring>);

impl Handler for Answered {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut deeds = Deeds::default();
            for event in events {
                match event.r#type.as_str() {
                    REFERRAL_SIGNED => {
                        let unreadable = Fault::EventUnreadable { kind: REFERRAL_SIGNED };
                        deeds.receipts.push(said::receipt(&decode(event)?).ok_or(unreadable)?);
                    }
                    FEEDBACK_RECORDED => {
                        let unreadable = Fault::EventUnreadable { kind: FEEDBACK_RECORDED };
                        let recorded = decode::<FeedbackRecorded>(event)?.feedback.and_then(said::record);
                        deeds.records.extend(recorded.ok_or(unreadable)?);
                    }
                    BOOKS_RECONCILED => {
                        let unreadable = Fault::EventUnreadable { kind: BOOKS_RECONCILED };
                        let books = said::books(&decode(event)?, event.aggregate_sequence);
                        deeds.books.push(books.ok_or(unreadable)?);
                    }
                    MONTH_RECONCILED => {
                        let unreadable = Fault::EventUnreadable { kind: MONTH_RECONCILED };
                        deeds.months.push(said::month_reconciled(&decode(event)?).ok_or(unreadable)?);
                    }
                    _ => {}
                }
            }
            deeds.households.extend(deeds.records.iter().map(|of| of.household));
            deeds.households.extend(deeds.books.iter().map(|of| of.household));
            deed::apply(&self.0, work, deeds).await
        })
    }
}

fn issued(event: &ReferralIssued) -> Option<Option<Issued>> {
    let id = named("referrals/", &event.referral)?;
    if event.household.is_empty() {
        return Some(None);
    }
    let person = if event.person_key.is_empty() { None } else { Some(state::person(&event.person_key)?) };
    Some(Some(Issued {
        id,
        household: named("households/", &event.household)?,
        work_order: named("workOrders/", &event.work_order),
        person,
        bureau: words::bureau(event.bureau()),
        programme: event.programme.clone(),
        issued_on: state::date(&event.issued_on)?,
        due_on: state::date(&event.due_on),
    }))
}

fn settled(event: &ReferralSettled) -> Option<(Option<Uuid>, Settled)> {
    let household = if event.household.is_empty() { None } else { Some(named("households/", &event.household)?) };
    let settled = Settled {
        id: named("referrals/", &event.referral)?,
        decision: words::decision(event.decision()),
        settled_on: state::date(&event.settled_on)?,
    };
    Some((household, settled))
}
