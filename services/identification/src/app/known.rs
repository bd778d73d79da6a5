//! Takes over what monitoring and the register tell of households. Each event holds the whole state; the newest by
//! the household's own counter stays.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minqing_kit::{Error, Result, db::Work, id::parse_name};
use minqing_policy::Pack;
use minqing_proto::minqing::{
    monitoring::v1::{FactEntry, HouseholdFactsChanged},
    registry::v1::{HouseholdChanged, RosterMember},
};
use uuid::Uuid;

use super::assess;
use crate::{
    domain::{
        code::{area_text, class_text, parse_date},
        facts::{Fact, Facts, Held, PersonFacts},
    },
    store::{
        self,
        known::{NewFacts, NewRoster},
    },
};

fn unreadable(field: &str) -> Error {
    Error::bug(anyhow::anyhow!("an event has no readable {field}"))
}

/// Facts of monitoring, with the household's counter; open cases are assessed anew.
pub async fn facts(work: &mut Work, pack: &Pack, events: Vec<(i64, HouseholdFactsChanged)>) -> Result<()> {
    let mut newest: BTreeMap<Uuid, NewFacts> = BTreeMap::new();
    for (sequence, event) in events {
        let household_id = parse_name("households", &event.household, "household")?;
        let persons = event.persons.iter().map(|p| {
            let person_key = Uuid::try_parse(&p.person_key).map_err(|_| unreadable("person_key"))?;
            Ok(PersonFacts { person_key, facts: taken(&p.facts) })
        });
        let mut persons = persons.collect::<Result<Vec<_>>>()?;
        persons.sort_by_key(|p| p.person_key);
        let new = NewFacts {
            household_id,
            area_kind: area_text(event.area_kind()),
            as_of: parse_date(&event.as_of).ok_or_else(|| unreadable("as_of"))?,
            sequence,
            facts: taken(&event.facts),
            persons,
            division_code: event.division_code,
        };
        if newest.get(&household_id).is_none_or(|known| known.sequence < sequence) {
            newest.insert(household_id, new);
        }
    }
    store::known::lock(work.conn()).await?;
    let (newest, today): (Vec<NewFacts>, _) = (newest.into_values().collect(), work.today());
    let changed = store::known::put_facts(work.conn(), &newest, today).await?;
    assess::again(work, pack, &changed).await
}

/// A fact that is not known has no value, whatever the event's text says.
fn taken(entries: &[FactEntry]) -> Facts {
    let fact = |e: &FactEntry| Fact { value: e.known.then(|| e.value.clone()), as_of: parse_date(&e.as_of) };
    entries.iter().map(|e| (e.name.clone(), fact(e))).collect()
}

/// A day of birth that was not told is not known.
fn born(member: &RosterMember) -> Option<(Uuid, NaiveDate)> {
    Some((Uuid::try_parse(&member.person_key).ok()?, parse_date(&member.birth_on)?))
}

/// The roster of the register, with the household's counter; open cases are assessed anew.
pub async fn roster(work: &mut Work, pack: &Pack, events: Vec<(i64, HouseholdChanged)>) -> Result<()> {
    let mut newest: BTreeMap<Uuid, NewRoster> = BTreeMap::new();
    for (sequence, event) in events {
        let household_id = parse_name("households", &event.household, "household")?;
        let key = |text: &str| Uuid::try_parse(text).map_err(|_| unreadable("person_key"));
        let mut members = event.members.iter().map(|m| key(&m.person_key)).collect::<Result<Vec<_>>>()?;
        members.sort_unstable();
        let classes = event.classes.iter().map(|c| {
            let person_key = if c.person_key.is_empty() { None } else { Some(key(&c.person_key)?) };
            let class = class_text(c.assistance_class()).ok_or_else(|| unreadable("assistance_class"))?;
            Ok(Held { class, person_key, valid_from: parse_date(&c.valid_from), amount_fen: c.amount_fen })
        });
        let new = NewRoster {
            household_id,
            area_kind: area_text(event.area_kind()),
            members,
            births: event.members.iter().filter_map(born).collect(),
            classes: classes.collect::<Result<Vec<_>>>()?,
            as_of: parse_date(&event.as_of).ok_or_else(|| unreadable("as_of"))?,
            sequence,
            division_code: event.division_code,
        };
        if newest.get(&household_id).is_none_or(|known| known.sequence < sequence) {
            newest.insert(household_id, new);
        }
    }
    store::known::lock(work.conn()).await?;
    let (newest, today): (Vec<NewRoster>, _) = (newest.into_values().collect(), work.today());
    let changed = store::known::put_roster(work.conn(), &newest, today).await?;
    assess::again(work, pack, &changed).await
}
