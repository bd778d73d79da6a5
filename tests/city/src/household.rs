//! A synthetic household as the register collects it.

use chrono::NaiveDate;
use minqing_proto::minqing::{registry::v1 as registry, types::v1 as types};

use crate::{
    dataset::iso,
    division::County,
    person::{Person, Sex},
};

/// Class of the low-income population.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    MinimumLiving,
    Destitute,
    Edge,
    Rigid,
    ReturnToPoverty,
    OtherHardship,
    UnattendedChild,
}

impl Class {
    pub fn proto(self) -> types::AssistanceClass {
        match self {
            Class::MinimumLiving => types::AssistanceClass::MinimumLiving,
            Class::Destitute => types::AssistanceClass::Destitute,
            Class::Edge => types::AssistanceClass::Edge,
            Class::Rigid => types::AssistanceClass::RigidExpenditure,
            Class::ReturnToPoverty => types::AssistanceClass::ReturnToPoverty,
            Class::OtherHardship => types::AssistanceClass::OtherHardship,
            Class::UnattendedChild => types::AssistanceClass::UnattendedChild,
        }
    }

    pub fn of_proto(number: i32) -> Option<Class> {
        let all = [
            Class::MinimumLiving,
            Class::Destitute,
            Class::Edge,
            Class::Rigid,
            Class::ReturnToPoverty,
            Class::OtherHardship,
            Class::UnattendedChild,
        ];
        all.into_iter().find(|c| c.proto() as i32 == number)
    }
}

/// A class status in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub class: Class,
    /// Place of the member it is for; none for the whole household.
    pub member: Option<u8>,
    pub valid_from: NaiveDate,
    pub amount_fen: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vehicle {
    pub kind: &'static str,
    pub usage: &'static str,
    pub registered_on: NaiveDate,
}

#[derive(Clone, Debug)]
pub struct Household {
    /// The county's number.
    pub no: String,
    pub county: County,
    /// Township, twelve digits.
    pub township: &'static str,
    pub rural: bool,
    pub address: String,
    /// Per year.
    pub income_fen: i64,
    pub assets_fen: i64,
    pub house_count: i32,
    pub members: Vec<Person>,
    pub vehicles: Vec<Vehicle>,
    pub classes: Vec<Held>,
}

impl Household {
    pub fn holds(&self, class: Class) -> bool {
        self.classes.iter().any(|h| h.class == class)
    }

    /// The row of the county's collection batch.
    pub fn collected(&self) -> registry::HouseholdRow {
        let members = self.members.iter().enumerate().map(|(n, p)| registry::MemberRow {
            id_number: p.id_number.clone(),
            name: p.name.clone(),
            sex: if p.sex == Sex::Male { types::Sex::Male } else { types::Sex::Female } as i32,
            relation: p.relation.to_owned(),
            phone: phone(p, n),
            bank_account: if n == 0 { format!("6217{}", &p.id_number[3..17]) } else { String::new() },
            joined_on: iso(p.joined_on()),
        });
        registry::HouseholdRow {
            household_no: self.no.clone(),
            division_code: self.township.to_owned(),
            area_kind: if self.rural { types::AreaKind::Rural } else { types::AreaKind::Urban } as i32,
            address: self.address.clone(),
            declared_income_fen: self.income_fen,
            financial_assets_fen: self.assets_fen,
            house_count: self.house_count,
            members: members.collect(),
            vehicles: self.vehicles.iter().enumerate().map(|(n, v)| self.vehicle(n, v)).collect(),
            classes: self.classes.iter().map(|h| self.class(h)).collect(),
        }
    }

    fn vehicle(&self, place: usize, vehicle: &Vehicle) -> registry::VehicleRow {
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(format!("plate {} {place}", self.no));
        registry::VehicleRow {
            plate_hash: hex(&hash),
            kind: vehicle.kind.to_owned(),
            vehicle_use: vehicle.usage.to_owned(),
            registered_on: iso(vehicle.registered_on),
        }
    }

    fn class(&self, held: &Held) -> registry::ClassRow {
        let member = held.member.and_then(|m| self.members.get(usize::from(m)));
        registry::ClassRow {
            assistance_class: held.class.proto() as i32,
            member_id_number: member.map(|p| p.id_number.clone()).unwrap_or_default(),
            valid_from: iso(held.valid_from),
            amount_fen: held.amount_fen,
        }
    }
}

fn phone(person: &Person, place: usize) -> String {
    // 199 with a tail out of the ID number: plausible, repeatable, and nobody's on purpose.
    if place > 1 { String::new() } else { format!("199{}", &person.id_number[9..17]) }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
