//! Checks one household as collected, by itself: required values, codes, dates, ranges, the head, ID numbers. What
//! needs the rest of the batch or the register is checked after it.

use chrono::NaiveDate;
use minqing_kit::keys::{self, IdFault, IdNumber};
use minqing_proto::minqing::{
    registry::v1::{ClassRow, HouseholdRow, MemberRow, VehicleRow},
    types::v1::{RowReason, Sex},
};

use super::{class, division, division::Divisions, fault::Fault, relation};

const MAX_MEMBERS: usize = 30;
const MAX_VEHICLES: usize = 20;
const MAX_CLASSES: usize = 40;
const MAX_HOUSES: i64 = 50;
/// Ten billion yuan: nothing a household has is larger, and sums stay far from overflow.
const MAX_FEN: i64 = 1_000_000_000_000;

/// What a row is checked against.
pub struct Rules<'a> {
    pub divisions: &'a Divisions,
    /// County of the batch, twelve digits.
    pub county: &'a str,
    pub today: NaiveDate,
}

/// A household without fault.
pub struct Household {
    pub household_no: String,
    pub division_code: String,
    pub area_kind: &'static str,
    pub address: String,
    pub declared_income_fen: i64,
    pub financial_assets_fen: i64,
    pub house_count: i32,
    pub members: Vec<Member>,
    pub vehicles: Vec<Vehicle>,
    pub classes: Vec<Class>,
}

pub struct Member {
    pub id: IdNumber,
    pub name: String,
    pub birth_on: NaiveDate,
    pub sex: Sex,
    pub relation: String,
    pub phone: String,
    pub account: String,
    pub joined_on: Option<NaiveDate>,
}

pub struct Vehicle {
    pub plate_hash: String,
    pub kind: String,
    pub vehicle_use: String,
    pub registered_on: Option<NaiveDate>,
}

pub struct Class {
    pub assistance_class: String,
    /// The member it is for; `None` when the whole household.
    pub member: Option<IdNumber>,
    pub valid_from: NaiveDate,
    pub amount_fen: i64,
}

/// The household, or everything that is wrong with it.
pub fn check(row: HouseholdRow, rules: &Rules<'_>) -> Result<Household, Vec<Fault>> {
    let mut c = Check { faults: Vec::new(), today: rules.today };
    c.count("members", row.members.len(), MAX_MEMBERS);
    c.count("vehicles", row.vehicles.len(), MAX_VEHICLES);
    c.count("classes", row.classes.len(), MAX_CLASSES);
    if !c.faults.is_empty() {
        return Err(c.faults);
    }
    let area_kind = class::area_text(row.area_kind());
    c.expect(area_kind.is_some(), "area_kind", RowReason::CodeUnknown);
    let place = rules.divisions.place(row.division_code.trim());
    let place = place.filter(|code| division::county_of(code) == rules.county);
    c.expect(place.is_some(), "division_code", RowReason::DivisionUnknown);
    let household = Household {
        household_no: c.text("household_no", &row.household_no, 64, true),
        division_code: place.unwrap_or_default(),
        area_kind: area_kind.unwrap_or_default(),
        address: c.text("address", &row.address, 200, false),
        declared_income_fen: c.range("declared_income_fen", row.declared_income_fen, MAX_FEN),
        financial_assets_fen: c.range("financial_assets_fen", row.financial_assets_fen, MAX_FEN),
        house_count: i32::try_from(c.range("house_count", row.house_count.into(), MAX_HOUSES)).unwrap_or_default(),
        members: row.members.iter().enumerate().filter_map(|(i, m)| c.member(&format!("members[{i}]"), m)).collect(),
        vehicles: row.vehicles.iter().enumerate().map(|(i, v)| c.vehicle(&format!("vehicles[{i}]"), v)).collect(),
        classes: row.classes.iter().enumerate().filter_map(|(i, k)| c.class(&format!("classes[{i}]"), k)).collect(),
    };
    c.heads(&row.members);
    if c.faults.is_empty() { Ok(household) } else { Err(c.faults) }
}

struct Check {
    faults: Vec<Fault>,
    today: NaiveDate,
}

impl Check {
    fn fault(&mut self, field: impl Into<String>, reason: RowReason) {
        self.faults.push(Fault::new(field, reason));
    }

    fn expect(&mut self, holds: bool, field: &str, reason: RowReason) {
        if !holds {
            self.fault(field, reason);
        }
    }

    fn count(&mut self, field: &str, count: usize, most: usize) {
        self.expect(count <= most, field, RowReason::OutOfRange);
    }

    fn range(&mut self, field: &str, value: i64, most: i64) -> i64 {
        self.expect((0..=most).contains(&value), field, RowReason::OutOfRange);
        value
    }

    fn text(&mut self, field: &str, value: &str, most: usize, required: bool) -> String {
        let value = value.trim();
        self.expect(!(required && value.is_empty()), field, RowReason::RequiredValueMissing);
        self.expect(value.chars().count() <= most, field, RowReason::TextTooLong);
        self.expect(!value.chars().any(char::is_control), field, RowReason::RowUnreadable);
        value.to_owned()
    }

    fn digits(&mut self, field: &str, value: &str, most: usize) -> String {
        let text = self.text(field, value, most, false);
        let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b' '));
        self.expect(plain, field, RowReason::NumberMalformed);
        text
    }

    fn date(&mut self, field: &str, value: &str) -> Option<NaiveDate> {
        let date = parse_date(value.trim());
        match date {
            None => self.fault(field, RowReason::DateMalformed),
            Some(date) => self.expect(date <= self.today, field, RowReason::DateInFuture),
        }
        date
    }

    fn date_if_given(&mut self, field: &str, value: &str) -> Option<NaiveDate> {
        if value.trim().is_empty() { None } else { self.date(field, value) }
    }

    fn id_number(&mut self, field: &str, value: &str) -> Option<IdNumber> {
        let reason = match IdNumber::parse(value) {
            Ok(id) if id.birth_on() <= self.today => return Some(id),
            _ if value.trim().is_empty() => RowReason::RequiredValueMissing,
            // A spreadsheet shows a long number as 6.21202E+17.
            _ if value.to_ascii_uppercase().contains("E+") => RowReason::NumericIdCell,
            Err(IdFault::CheckDigit) => RowReason::IdNumberCheckDigit,
            Ok(_) | Err(IdFault::Malformed) => RowReason::IdNumberMalformed,
        };
        self.fault(field, reason);
        None
    }

    fn member(&mut self, at: &str, row: &MemberRow) -> Option<Member> {
        let id = self.id_number(&format!("{at}.id_number"), &row.id_number);
        let name = self.text(&format!("{at}.name"), &row.name, 50, true);
        let relation = row.relation.trim();
        self.expect(relation::is_known(relation), &format!("{at}.relation"), RowReason::CodeUnknown);
        let phone = self.digits(&format!("{at}.phone"), &row.phone, 20);
        let account = self.digits(&format!("{at}.bank_account"), &row.bank_account, 40);
        let joined_on = self.date_if_given(&format!("{at}.joined_on"), &row.joined_on);
        let sex_field = format!("{at}.sex");
        match Sex::try_from(row.sex) {
            Ok(Sex::Unspecified) => self.fault(sex_field, RowReason::RequiredValueMissing),
            Err(_) => self.fault(sex_field, RowReason::CodeUnknown),
            // 9 is "not stated" and contradicts nothing.
            Ok(Sex::Unknown) => {}
            Ok(stated) => {
                let agrees = id.as_ref().is_none_or(|id| sex_of(id) == stated);
                self.expect(agrees, &sex_field, RowReason::Inconsistent);
            }
        }
        let id = id?;
        let (birth_on, sex) = (id.birth_on(), sex_of(&id));
        let born = joined_on.is_none_or(|joined| joined >= birth_on);
        self.expect(born, &format!("{at}.joined_on"), RowReason::Inconsistent);
        Some(Member { id, name, birth_on, sex, relation: relation.to_owned(), phone, account, joined_on })
    }

    fn heads(&mut self, rows: &[MemberRow]) {
        let heads = rows.iter().filter(|m| relation::is_head(m.relation.trim())).count();
        match (rows.len(), heads) {
            (0, _) => self.fault("members", RowReason::RequiredValueMissing),
            (_, 1) => {}
            _ => self.fault("members", RowReason::Inconsistent),
        }
    }

    fn vehicle(&mut self, at: &str, row: &VehicleRow) -> Vehicle {
        let known = |value: &str, codes: &[&str]| codes.contains(&value);
        let kind = row.kind.trim();
        self.expect(
            known(kind, &["car", "motorcycle", "tricycle", "farm"]),
            &format!("{at}.kind"),
            RowReason::CodeUnknown,
        );
        let used = row.vehicle_use.trim();
        self.expect(
            known(used, &["private", "disabled", "livelihood"]),
            &format!("{at}.vehicle_use"),
            RowReason::CodeUnknown,
        );
        Vehicle {
            plate_hash: self.text(&format!("{at}.plate_hash"), &row.plate_hash, 128, true),
            kind: kind.to_owned(),
            vehicle_use: used.to_owned(),
            registered_on: self.date_if_given(&format!("{at}.registered_on"), &row.registered_on),
        }
    }

    fn class(&mut self, at: &str, row: &ClassRow) -> Option<Class> {
        let class = class::class_text(row.assistance_class());
        self.expect(class.is_some(), &format!("{at}.assistance_class"), RowReason::CodeUnknown);
        let amount_fen = self.range(&format!("{at}.amount_fen"), row.amount_fen, MAX_FEN);
        let valid_from = self.date(&format!("{at}.valid_from"), &row.valid_from);
        let whole = row.member_id_number.trim().is_empty();
        let member =
            if whole { None } else { Some(self.id_number(&format!("{at}.member_id_number"), &row.member_id_number)?) };
        Some(Class { assistance_class: class?, member, valid_from: valid_from?, amount_fen })
    }
}

fn sex_of(id: &IdNumber) -> Sex {
    match id.sex() {
        keys::Sex::Male => Sex::Male,
        keys::Sex::Female => Sex::Female,
    }
}

/// A real date written YYYY-MM-DD and in no other way.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10 && date.to_string() == text).then_some(date)
}
