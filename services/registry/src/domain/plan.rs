//! Who has to leave and who has to join, so that the memberships on file become those collected; the same for
//! vehicles. Pure: rows in, plan out.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use super::prepared::{PreparedHousehold, PreparedMember, PreparedVehicle};

/// A membership on file that has not ended.
pub struct OpenMembership {
    pub membership_id: Uuid,
    pub household_id: Uuid,
    pub person_id: Uuid,
    pub relation: String,
    pub joined_on: NaiveDate,
    pub valid_from: NaiveDate,
}

/// A vehicle on file that has not gone.
pub struct OpenVehicle {
    pub vehicle_id: Uuid,
    pub household_id: Uuid,
    pub plate_hash: String,
    pub kind: String,
    pub vehicle_use: String,
    pub registered_on: Option<NaiveDate>,
    pub valid_from: NaiveDate,
}

/// A membership to begin.
pub struct Join<'a> {
    pub household_id: Uuid,
    pub member: &'a PreparedMember,
    pub joined_on: NaiveDate,
}

pub struct Plan<'a> {
    /// Memberships that end, with their last day.
    pub close: Vec<(Uuid, NaiveDate)>,
    pub join: Vec<Join<'a>>,
    /// Other households that lose a member.
    pub left: Vec<Uuid>,
}

/// The last day of what was so until the day before `as_of`; a row that began later is taken back.
fn last_day(valid_from: NaiveDate, as_of: NaiveDate) -> NaiveDate {
    let next = as_of.max(valid_from);
    next.checked_sub_days(Days::new(1)).unwrap_or(next)
}

pub fn memberships<'a>(households: &'a [PreparedHousehold], open: &[OpenMembership], as_of: NaiveDate) -> Plan<'a> {
    let ids: HashSet<Uuid> = households.iter().map(PreparedHousehold::household_id).collect();
    let by_person: HashMap<Uuid, &OpenMembership> = open.iter().map(|m| (m.person_id, m)).collect();
    let mut kept = HashSet::new();
    let mut join = Vec::new();
    let mut left = BTreeSet::new();
    for household in households {
        let household_id = household.household_id();
        for member in &household.members {
            let on_file = by_person.get(&member.person_id());
            let here = on_file.filter(|m| m.household_id == household_id);
            let joined_on = member.joined_on().or(here.map(|m| m.joined_on)).unwrap_or(as_of);
            match here {
                Some(m) if m.relation == member.relation && m.joined_on == joined_on => {
                    kept.insert(m.membership_id);
                }
                _ => join.push(Join { household_id, member, joined_on }),
            }
            if let Some(elsewhere) = on_file.filter(|m| !ids.contains(&m.household_id)) {
                left.insert(elsewhere.household_id);
            }
        }
    }
    let ends = open.iter().filter(|m| !kept.contains(&m.membership_id));
    let close = ends.map(|m| (m.membership_id, last_day(m.valid_from, as_of))).collect();
    Plan { close, join, left: left.into_iter().collect() }
}

pub struct AddVehicle<'a> {
    pub household_id: Uuid,
    pub vehicle: &'a PreparedVehicle,
}

pub struct VehiclePlan<'a> {
    pub close: Vec<(Uuid, NaiveDate)>,
    pub add: Vec<AddVehicle<'a>>,
}

pub fn vehicles<'a>(households: &'a [PreparedHousehold], open: &[OpenVehicle], as_of: NaiveDate) -> VehiclePlan<'a> {
    let on_file: HashMap<(Uuid, &str), &OpenVehicle> =
        open.iter().map(|v| ((v.household_id, v.plate_hash.as_str()), v)).collect();
    let mut kept = HashSet::new();
    let mut add = Vec::new();
    for household in households {
        let household_id = household.household_id();
        for vehicle in &household.vehicles {
            let same = |v: &&&OpenVehicle| {
                v.kind == vehicle.kind
                    && v.vehicle_use == vehicle.vehicle_use
                    && v.registered_on == vehicle.registered_on()
            };
            match on_file.get(&(household_id, vehicle.plate_hash.as_str())).filter(same) {
                Some(v) => {
                    kept.insert(v.vehicle_id);
                }
                None => add.push(AddVehicle { household_id, vehicle }),
            }
        }
    }
    let ends = open.iter().filter(|v| !kept.contains(&v.vehicle_id));
    VehiclePlan { close: ends.map(|v| (v.vehicle_id, last_day(v.valid_from, as_of))).collect(), add }
}
