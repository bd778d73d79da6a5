//! What identification consumes: facts from monitoring, households from the register, verified work orders from
//! dispatch. The final state does not depend on the order in which the three arrive: an open case is assessed anew
//! whenever the facts of its household are newer.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::future::BoxFuture;
use minqing_kit::{
    Error, Result,
    db::Work,
    events::{Consumer, Event, Handler, decode},
    id::parse_name,
};
use minqing_proto::minqing::{
    dispatch::v1::{Verdict, WorkOrderVerified},
    monitoring::v1::{FactEntry, HouseholdFactsChanged},
    registry::v1::HouseholdChanged,
    types::v1::AreaKind,
};
use serde_json::{Map, Value, json};

use crate::{
    app::{assess::Assessor, open},
    domain::case::CaseKind,
    store::household::{self, FactsRow, HouseholdRow},
};

const FACTS_CHANGED: &str = "minqing.monitoring.v1.HouseholdFactsChanged";
const HOUSEHOLD_CHANGED: &str = "minqing.registry.v1.HouseholdChanged";
const WORK_ORDER_VERIFIED: &str = "minqing.dispatch.v1.WorkOrderVerified";

/// The three consumers.
pub fn consumers(assessor: &Arc<Assessor>) -> Vec<Consumer> {
    let consumer = |producer, kind, handler: Arc<dyn Handler>| Consumer {
        producer,
        types: vec![kind],
        audience: None,
        handler,
    };
    vec![
        consumer("monitoring", FACTS_CHANGED, Arc::new(Facts { assessor: assessor.clone() })),
        consumer("registry", HOUSEHOLD_CHANGED, Arc::new(Households)),
        consumer("dispatch", WORK_ORDER_VERIFIED, Arc::new(Verified { assessor: assessor.clone() })),
    ]
}

/// Keeps the newest facts and renews open cases.
struct Facts {
    assessor: Arc<Assessor>,
}

impl Handler for Facts {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let rows = events.iter().map(facts).collect::<Result<Vec<_>>>()?;
            let newer = household::save_facts(work.conn(), &rows).await?;
            open::renew(work, &self.assessor, &newer).await
        })
    }
}

/// Keeps where a household is and which classes it holds.
struct Households;

impl Handler for Households {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let rows = events.iter().map(place).collect::<Result<Vec<_>>>()?;
            household::save_households(work.conn(), &rows).await
        })
    }
}

/// Opens cases.
struct Verified {
    assessor: Arc<Assessor>,
}

impl Handler for Verified {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for event in events {
                let verified: WorkOrderVerified = decode(event)?;
                if !matches!(verified.verdict(), Verdict::VerifiedTrue | Verdict::VerifiedPartly)
                    || verified.household.is_empty()
                {
                    continue;
                }
                let opening = open::Opening {
                    household: parse_name("households", &verified.household, "household")?,
                    work_order: parse_name("workOrders", &verified.work_order, "work_order")?,
                    division: verified.division_code.clone(),
                    on: date(&verified.verified_on, "verified_on")?,
                };
                if !verified.candidate_classes.is_empty() {
                    open::open(work, &self.assessor, &opening, CaseKind::Recognition).await?;
                }
                if verified.recheck_class {
                    open::open(work, &self.assessor, &opening, CaseKind::Recheck).await?;
                }
            }
            Ok(())
        })
    }
}

fn facts(event: &Event) -> Result<FactsRow> {
    let changed: HouseholdFactsChanged = decode(event)?;
    let persons: Vec<Value> = changed
        .persons
        .iter()
        .map(|person| json!({ "person_key": person.person_key, "facts": entries(&person.facts) }))
        .collect();
    Ok(FactsRow {
        household_id: parse_name("households", &changed.household, "household")?,
        division_code: changed.division_code.clone(),
        area_kind: area(changed.area_kind())?,
        as_of: date(&changed.as_of, "as_of")?,
        facts: entries(&changed.facts),
        persons: Value::Array(persons),
        sequence: event.aggregate_sequence,
    })
}

/// `{name: {"value": text?, "as_of": text?}}`; an unknown fact has a null value.
fn entries(facts: &[FactEntry]) -> Value {
    let map: Map<String, Value> = facts
        .iter()
        .map(|fact| {
            let value = if fact.known { json!(fact.value) } else { Value::Null };
            (fact.name.clone(), json!({ "value": value, "as_of": fact.as_of }))
        })
        .collect();
    Value::Object(map)
}

fn place(event: &Event) -> Result<HouseholdRow> {
    let changed: HouseholdChanged = decode(event)?;
    let classes: Vec<Value> = changed
        .classes
        .iter()
        .map(|class| {
            let name = class.assistance_class().as_str_name().trim_start_matches("ASSISTANCE_CLASS_").to_lowercase();
            json!({ "class": name, "person_key": class.person_key, "amount_fen": class.amount_fen })
        })
        .collect();
    Ok(HouseholdRow {
        household_id: parse_name("households", &changed.household, "household")?,
        division_code: changed.division_code.clone(),
        area_kind: area(changed.area_kind())?,
        classes: Value::Array(classes),
        sequence: event.aggregate_sequence,
    })
}

fn area(kind: AreaKind) -> Result<String> {
    match kind {
        AreaKind::Urban => Ok("urban".to_owned()),
        AreaKind::Rural => Ok("rural".to_owned()),
        AreaKind::Unspecified => Err(malformed("area_kind")),
    }
}

fn date(text: &str, field: &'static str) -> Result<NaiveDate> {
    text.parse().map_err(|_| malformed(field))
}

fn malformed(field: &'static str) -> Error {
    Error::invalid("EVENT_MALFORMED", format!("the event's {field} is malformed"), format!("事件的 {field} 格式不正确"))
}
