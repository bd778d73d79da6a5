//! Makes a checked household ready for the database: keys computed, personal fields sealed. What comes out may be
//! staged on disk. It also keeps what the batch has brought so far, so that a household or person comes once.

use std::collections::{HashMap, HashSet};

use minqing_kit::keys::{IdNumber, Keyring};
use minqing_proto::minqing::types::v1::RowReason;
use uuid::Uuid;

use crate::domain::{
    collect::{Class, Household, Member},
    fault::Fault,
    prepared::{PreparedClass, PreparedDoubt, PreparedHousehold, PreparedMember, PreparedVehicle, days},
};

/// Seals and keys the rows of one batch.
pub struct Preparer<'a> {
    pub keys: &'a Keyring,
    pub county: &'a str,
}

/// What a batch has brought so far, by keyed hash.
#[derive(Default)]
pub struct Seen {
    households: HashSet<Uuid>,
    /// Each with the name it came under.
    persons: HashMap<Uuid, Uuid>,
    /// Numbers that came under a second name: twins with one number, or somebody else's.
    pub doubts: Vec<PreparedDoubt>,
}

impl Preparer<'_> {
    /// The household ready to be stored, or what contradicts itself or the batch.
    pub fn prepare(&self, row: i32, household: Household, seen: &mut Seen) -> Result<PreparedHousehold, Vec<Fault>> {
        let household_id = self.keys.record_key(&["household", self.county, &household.household_no]);
        let members: Vec<PreparedMember> = household.members.iter().map(|m| self.member(m)).collect();
        let mut faults = duplicates(&household, household_id, &members, seen);
        let second_name = |m: &&PreparedMember| {
            let known = seen.persons.get(&m.person_key()).copied();
            let first =
                known.or_else(|| members.iter().find(|f| f.person_key() == m.person_key()).map(|f| f.name_key()));
            first != Some(m.name_key())
        };
        let doubts: Vec<_> = members.iter().filter(second_name).map(|m| PreparedDoubt::of(row, m)).collect();
        seen.doubts.extend(doubts);
        let mut classes = Vec::new();
        let mut held = HashSet::new();
        for (i, class) in household.classes.iter().enumerate() {
            let person_id = class.member.as_ref().map(|id| self.person_id(self.keys.person_key(id)));
            if person_id.is_some_and(|id| !members.iter().any(|m| m.person_id() == id)) {
                faults.push(Fault::new(format!("classes[{i}].member_id_number"), RowReason::Inconsistent));
            } else if !held.insert((person_id, &class.assistance_class)) {
                faults.push(Fault::new(format!("classes[{i}]"), RowReason::DuplicateRow));
            }
            classes.push(PreparedClass {
                assistance_class: class.assistance_class.clone(),
                person: person_id.map(|id| id.as_bytes().to_vec()),
                valid_from: days(class.valid_from),
                amount_fen: class.amount_fen,
            });
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        seen.households.insert(household_id);
        seen.persons.extend(members.iter().map(|m| (m.person_key(), m.name_key())));
        Ok(PreparedHousehold {
            row,
            household_id: household_id.as_bytes().to_vec(),
            content_key: self.content_key(&household).as_bytes().to_vec(),
            address: self.seal(household_id, "address", &household.address),
            members,
            vehicles: household.vehicles.iter().map(vehicle).collect(),
            classes,
            household_no: household.household_no,
            division_code: household.division_code,
            area_kind: household.area_kind.to_owned(),
            declared_income_fen: household.declared_income_fen,
            financial_assets_fen: household.financial_assets_fen,
            house_count: household.house_count,
        })
    }

    fn member(&self, member: &Member) -> PreparedMember {
        let key = self.keys.person_key(&member.id);
        PreparedMember {
            person_id: self.person_id(key).as_bytes().to_vec(),
            person_key: key.as_bytes().to_vec(),
            name_key: self.keys.name_key(&member.name).as_bytes().to_vec(),
            id_number: self.keys.seal(key, "id_number", member.id.expose()),
            name: self.keys.seal(key, "name", &member.name),
            phone: self.seal(key, "phone", &member.phone),
            account: self.seal(key, "account", &member.account),
            birth_on: days(member.birth_on),
            sex: member.sex.into(),
            relation: member.relation.clone(),
            joined_on_day: member.joined_on.map(days),
        }
    }

    /// The resource's id: another keyed hash, so that a resource name cannot be joined with records of other
    /// services, which carry the person key.
    fn person_id(&self, person_key: Uuid) -> Uuid {
        self.keys.record_key(&["person", &person_key.to_string()])
    }

    fn seal(&self, subject: Uuid, field: &str, plain: &str) -> Option<Vec<u8>> {
        (!plain.is_empty()).then(|| self.keys.seal(subject, field, plain))
    }

    /// Keyed hash over all that was collected: equal content, equal key.
    fn content_key(&self, h: &Household) -> Uuid {
        let mut parts = vec![
            "content".to_owned(),
            h.division_code.clone(),
            h.area_kind.to_owned(),
            h.address.clone(),
            h.declared_income_fen.to_string(),
            h.financial_assets_fen.to_string(),
            h.house_count.to_string(),
        ];
        parts.extend(sorted(&h.members, |m| {
            let joined = m.joined_on.map(|d| d.to_string()).unwrap_or_default();
            let texts = [m.id.expose(), &m.name, &m.relation, &m.phone, &m.account, &joined];
            self.keys.record_key(&texts).to_string()
        }));
        parts.extend(sorted(&h.vehicles, |v| {
            let registered = v.registered_on.map(|d| d.to_string()).unwrap_or_default();
            self.keys.record_key(&[&v.plate_hash, &v.kind, &v.vehicle_use, &registered]).to_string()
        }));
        parts.extend(sorted(&h.classes, |c: &Class| {
            let member = c.member.as_ref().map_or("", IdNumber::expose);
            let amount = c.amount_fen.to_string();
            self.keys.record_key(&[&c.assistance_class, member, &c.valid_from.to_string(), &amount]).to_string()
        }));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.keys.record_key(&parts)
    }
}

/// The order of members, vehicles and classes in a row says nothing, so it does not go into the key. Each list ends
/// with a mark, lest one run into the next.
fn sorted<T>(items: &[T], text: impl FnMut(&T) -> String) -> Vec<String> {
    let mut texts: Vec<String> = items.iter().map(text).collect();
    texts.sort_unstable();
    texts.push("end".to_owned());
    texts
}

fn vehicle(vehicle: &crate::domain::collect::Vehicle) -> PreparedVehicle {
    PreparedVehicle {
        plate_hash: vehicle.plate_hash.clone(),
        kind: vehicle.kind.clone(),
        vehicle_use: vehicle.vehicle_use.clone(),
        registered_on_day: vehicle.registered_on.map(days),
    }
}

/// The household, a person or a plate that the batch or the row itself holds already. The first one stays.
fn duplicates(household: &Household, household_id: Uuid, members: &[PreparedMember], seen: &Seen) -> Vec<Fault> {
    let mut faults = Vec::new();
    if seen.households.contains(&household_id) {
        faults.push(Fault::new("household_no", RowReason::DuplicateRow));
    }
    let mut here = HashSet::new();
    for (i, member) in members.iter().enumerate() {
        let key = member.person_key();
        if seen.persons.contains_key(&key) || !here.insert(key) {
            faults.push(Fault::new(format!("members[{i}].id_number"), RowReason::DuplicateRow));
        }
    }
    let mut plates = HashSet::new();
    for (i, vehicle) in household.vehicles.iter().enumerate() {
        if !plates.insert(&vehicle.plate_hash) {
            faults.push(Fault::new(format!("vehicles[{i}].plate_hash"), RowReason::DuplicateRow));
        }
    }
    faults
}
