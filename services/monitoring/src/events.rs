//! Events in: registry's HouseholdChanged makes the roster, dispatch's ReferralIssued and ReferralSettled the
//! referrals under way, its WorkOrderVerified and WorkOrderClosed the verdicts on warnings. Events out: WarningRaised,
//! WarningCleared, HouseholdFactsChanged, each household's in order, and PolicyApproved.

use std::sync::Arc;

use futures::future::BoxFuture;
use minqing_kit::{
    Result,
    db::Work,
    events::{Consumer, Event, Handler, decode},
};
use minqing_proto::minqing::{
    dispatch::v1::{ReferralIssued, ReferralSettled},
    registry::v1::HouseholdChanged,
};
use uuid::Uuid;

use crate::{
    app::{
        Monitoring,
        referral::{self, Referrals},
        roster, verdict,
    },
    domain::{
        error::Fault,
        roster as state,
        verdict::{self as checks, Checked},
        words,
    },
    store::referral::{Issued, Settled},
};

const HOUSEHOLD_CHANGED: &str = "minqing.registry.v1.HouseholdChanged";
const REFERRAL_ISSUED: &str = "minqing.dispatch.v1.ReferralIssued";
const REFERRAL_SETTLED: &str = "minqing.dispatch.v1.ReferralSettled";
const WORK_ORDER_VERIFIED: &str = "minqing.dispatch.v1.WorkOrderVerified";
const WORK_ORDER_CLOSED: &str = "minqing.dispatch.v1.WorkOrderClosed";

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
            types: vec![REFERRAL_ISSUED, REFERRAL_SETTLED, WORK_ORDER_VERIFIED, WORK_ORDER_CLOSED],
            audience: None,
            handler: Arc::new(Dispatched(Arc::clone(monitoring))),
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
            let mut referrals = Referrals::default();
            let mut checked = Vec::new();
            for event in events {
                read(event, &mut referrals, &mut checked)?;
            }
            // What was found of a household's warnings is a fact of its rules too.
            referrals.households.extend(checked.iter().map(|of| of.household));
            verdict::apply(work, &checked).await?;
            referral::apply(&self.0, work, referrals).await
        })
    }
}

fn read(event: &Event, referrals: &mut Referrals, checked: &mut Vec<Checked>) -> Result<()> {
    match event.r#type.as_str() {
        REFERRAL_ISSUED => {
            let unreadable = Fault::EventUnreadable { kind: REFERRAL_ISSUED };
            // A referral about a feed has no household.
            if let Some(issued) = issued(&decode(event)?).ok_or(unreadable)? {
                referrals.households.push(issued.household);
                referrals.issued.push(issued);
            }
        }
        REFERRAL_SETTLED => {
            let unreadable = Fault::EventUnreadable { kind: REFERRAL_SETTLED };
            let (household, settled) = settled(&decode(event)?).ok_or(unreadable)?;
            referrals.households.extend(household);
            referrals.settled.push(settled);
        }
        WORK_ORDER_VERIFIED => {
            let unreadable = Fault::EventUnreadable { kind: WORK_ORDER_VERIFIED };
            checked.extend(checks::verified(decode(event)?).ok_or(unreadable)?);
        }
        WORK_ORDER_CLOSED => {
            let unreadable = Fault::EventUnreadable { kind: WORK_ORDER_CLOSED };
            checked.extend(checks::closed(decode(event)?).ok_or(unreadable)?);
        }
        _ => {}
    }
    Ok(())
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

fn named(collection: &str, name: &str) -> Option<Uuid> {
    Uuid::try_parse(name.strip_prefix(collection)?).ok()
}
