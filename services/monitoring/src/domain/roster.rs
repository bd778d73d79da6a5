//! The roster: what HouseholdChanged says, one newest state per household and one household per person. Pure; the
//! consumer decodes, the store writes.

use std::collections::HashMap;

use chrono::NaiveDate;
use minqing_proto::minqing::{registry::v1 as wire, types::v1::Sex};
use uuid::Uuid;

use super::words;

/// A household as it now stands.
#[derive(Clone, Debug)]
pub struct Household {
    pub id: Uuid,
    pub sequence: i64,
    pub division_code: String,
    pub area_kind: &'static str,
    pub declared_income_fen: i64,
    pub income_as_of: Option<NaiveDate>,
    pub financial_assets_fen: i64,
    pub house_count: i32,
    pub as_of: Option<NaiveDate>,
    pub members: Vec<Member>,
    pub classes: Vec<Class>,
    pub vehicles: Vec<Vehicle>,
}

/// A member.
#[derive(Clone, Debug)]
pub struct Member {
    pub person_key: Uuid,
    pub birth_on: Option<NaiveDate>,
    pub sex: i32,
    pub relation: String,
    pub joined_on: Option<NaiveDate>,
}

/// A class status in force.
#[derive(Clone, Debug)]
pub struct Class {
    pub person_key: Option<Uuid>,
    pub assistance_class: String,
    pub valid_from: Option<NaiveDate>,
    pub amount_fen: i64,
}

/// A vehicle.
#[derive(Clone, Debug)]
pub struct Vehicle {
    pub kind: String,
    pub vehicle_use: String,
    pub registered_on: Option<NaiveDate>,
}

/// Reads an event; `None` when its household or a member's key cannot be read.
pub fn read(event: wire::HouseholdChanged, sequence: i64) -> Option<Household> {
    let area_kind = words::area(event.area_kind());
    let members = event.members.into_iter().map(member).collect::<Option<Vec<_>>>()?;
    let classes = event.classes.into_iter().map(class).collect::<Option<Vec<_>>>()?;
    Some(Household {
        id: Uuid::try_parse(event.household.strip_prefix("households/")?).ok()?,
        sequence,
        division_code: event.division_code,
        area_kind,
        declared_income_fen: event.declared_income_fen,
        income_as_of: date(&event.income_as_of),
        financial_assets_fen: event.financial_assets_fen,
        house_count: event.house_count,
        as_of: date(&event.as_of),
        members,
        classes,
        vehicles: event.vehicles.into_iter().map(vehicle).collect(),
    })
}

fn member(wire: wire::RosterMember) -> Option<Member> {
    let sex = Sex::try_from(wire.sex).unwrap_or(Sex::Unknown).into();
    Some(Member {
        person_key: person(&wire.person_key)?,
        birth_on: date(&wire.birth_on),
        sex,
        relation: wire.relation,
        joined_on: date(&wire.joined_on),
    })
}

fn class(wire: wire::RosterClass) -> Option<Class> {
    let person_key = if wire.person_key.is_empty() { None } else { Some(person(&wire.person_key)?) };
    Some(Class {
        person_key,
        assistance_class: words::class(wire.assistance_class()),
        valid_from: date(&wire.valid_from),
        amount_fen: wire.amount_fen,
    })
}

fn vehicle(wire: wire::RosterVehicle) -> Vehicle {
    Vehicle { kind: wire.kind, vehicle_use: wire.vehicle_use, registered_on: date(&wire.registered_on) }
}

/// A person's key, bare or as a resource name.
pub fn person(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.strip_prefix("persons/").unwrap_or(text)).ok()
}

/// A date of an event; empty is none.
pub fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// Keeps the newest state of each household, in order of id, and each person in the household that named it last.
/// `states` are in the order in which they happened.
pub fn newest(states: Vec<Household>) -> Vec<Household> {
    let mut at: HashMap<Uuid, (usize, Household)> = HashMap::new();
    for (position, state) in states.into_iter().enumerate() {
        match at.get(&state.id) {
            Some((_, known)) if known.sequence >= state.sequence => {}
            _ => {
                at.insert(state.id, (position, state));
            }
        }
    }
    let mut home: HashMap<Uuid, (usize, Uuid)> = HashMap::new();
    for (position, state) in at.values() {
        for member in &state.members {
            let entry = home.entry(member.person_key).or_insert((*position, state.id));
            if entry.0 < *position {
                *entry = (*position, state.id);
            }
        }
    }
    let mut kept: Vec<_> = at.into_values().map(|(_, state)| state).collect();
    kept.sort_by_key(|state| state.id);
    for state in &mut kept {
        let id = state.id;
        let mut first = std::collections::HashSet::new();
        state.members.retain(|m| home.get(&m.person_key).is_some_and(|h| h.1 == id) && first.insert(m.person_key));
    }
    kept
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn state(id: u128, sequence: i64, persons: &[u128]) -> Household {
        let members = persons
            .iter()
            .map(|p| wire::RosterMember { person_key: Uuid::from_u128(*p).to_string(), ..Default::default() });
        let event = wire::HouseholdChanged {
            household: format!("households/{}", Uuid::from_u128(id)),
            division_code: "621202103201".into(),
            members: members.collect(),
            ..Default::default()
        };
        read(event, sequence).unwrap()
    }

    fn members(of: &Household) -> Vec<u128> {
        of.members.iter().map(|m| m.person_key.as_u128()).collect()
    }

    #[test]
    fn the_newest_state_of_each_household_is_kept() {
        let kept = newest(vec![state(2, 1, &[20]), state(1, 2, &[10, 11]), state(1, 1, &[10]), state(2, 3, &[])]);
        assert_eq!(kept.iter().map(|h| (h.id.as_u128(), h.sequence)).collect::<Vec<_>>(), [(1, 2), (2, 3)]);
        assert_eq!(members(&kept[0]), [10, 11]);
        assert!(members(&kept[1]).is_empty());
    }

    #[test]
    fn a_person_in_two_households_belongs_to_the_one_that_named_it_last() {
        let kept = newest(vec![state(1, 1, &[10, 11]), state(2, 1, &[11, 20])]);
        assert_eq!(members(&kept[0]), [10]);
        assert_eq!(members(&kept[1]), [11, 20]);
    }

    #[test]
    fn an_event_without_a_readable_key_is_not_read() {
        assert!(read(wire::HouseholdChanged::default(), 1).is_none());
    }
}
