//! Opens cases for verified work orders: a recognition when conditions of a class may be met, a re-check when a class
//! may no longer be deserved. A household has at most one open case of each kind; a further work order joins it.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use minqing_kit::{Error, Result, db::Work, id::name, id::parse_name};
use minqing_policy::Pack;
use minqing_proto::minqing::{
    dispatch::v1::{Verdict, WorkOrderVerified},
    identification::v1::CaseOpened,
    types::v1::AssistanceClass,
};
use uuid::Uuid;

use super::{AUDIENCE, assess};
use crate::{
    domain::{
        case::Kind,
        code::{class_text, parse_date},
    },
    store::{self, case::NewCase},
};

/// Opens or joins the cases of these work orders and assesses their households.
pub async fn verified(work: &mut Work, pack: &Pack, events: &[WorkOrderVerified]) -> Result<()> {
    store::known::lock(work.conn()).await?;
    let mut households = BTreeSet::new();
    for event in events {
        // A work order about a feed has no household, and an untrue warning asks nothing of anybody.
        let holds = matches!(event.verdict(), Verdict::VerifiedTrue | Verdict::VerifiedPartly);
        if event.household.is_empty() || !holds {
            continue;
        }
        let household_id = parse_name("households", &event.household, "household")?;
        for kind in kinds(event) {
            take(work, event, household_id, kind).await?;
        }
        households.insert(household_id);
    }
    let households: Vec<Uuid> = households.into_iter().collect();
    assess::again(work, pack, &households).await
}

fn kinds(event: &WorkOrderVerified) -> Vec<Kind> {
    let recognition = (!event.candidate_classes.is_empty()).then_some(Kind::Recognition);
    recognition.into_iter().chain(event.recheck_class.then_some(Kind::Recheck)).collect()
}

async fn take(work: &mut Work, event: &WorkOrderVerified, household_id: Uuid, kind: Kind) -> Result<()> {
    if store::case::has_work_order(work.conn(), &event.work_order, kind).await? {
        return Ok(());
    }
    let verified_on = verified_on(event)?;
    let new = NewCase {
        case_id: work.new_id(),
        household_id,
        division_code: event.division_code.clone(),
        kind,
        work_order: event.work_order.clone(),
        verified_on,
        candidate_classes: if kind == Kind::Recognition { candidates(event) } else { Vec::new() },
    };
    let case_id = match store::case::join_open(work.conn(), &new).await? {
        Some(open) => open,
        None => {
            store::case::insert(work.conn(), &new).await?;
            let opened = CaseOpened {
                case: name("cases", new.case_id),
                household: event.household.clone(),
                opened_on: verified_on.to_string(),
            };
            work.emit(&opened.case.clone(), &opened, AUDIENCE);
            new.case_id
        }
    };
    store::case::note_work_order(work.conn(), &event.work_order, kind, case_id).await
}

fn verified_on(event: &WorkOrderVerified) -> Result<NaiveDate> {
    parse_date(&event.verified_on).ok_or_else(|| Error::bug(anyhow::anyhow!("an event has no readable verified_on")))
}

fn candidates(event: &WorkOrderVerified) -> Vec<String> {
    let classes = event.candidate_classes.iter().filter_map(|c| AssistanceClass::try_from(*c).ok());
    classes.filter_map(class_text).collect::<BTreeSet<_>>().into_iter().collect()
}
