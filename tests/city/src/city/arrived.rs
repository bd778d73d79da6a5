//! What has reached a household whose aid works: for whoever is in a class or of an age that brings something, the rows
//! by which the offices know that it was given. So a clean life concerns no indicator of missing aid, and what a
//! household lacks is planted, or follows from a class it gets during the play. No chance is in it.

use chrono::{Datelike as _, NaiveDate};
use minqing_proto::minqing::bureau::{
    disabled::v1 as disabled, education::v1 as education, emergency::v1 as emergency, health::v1 as health,
    housing::v1 as housing, hr::v1 as hr, medical_insurance::v1 as medical_insurance, outside::v1 as outside,
    rural::v1 as rural, women::v1 as women,
};

use super::{When, of_divisions::DEAR_MONTH, plant::price_allowance};
use crate::{
    calendar::{minus, plus, start},
    dataset::{Row, iso},
    division::SECOND,
    household::{Class, Household},
    person::Sex,
};

type Rows = Vec<(When, u8, Row)>;

const RECOGNISED: [Class; 4] = [Class::MinimumLiving, Class::Destitute, Class::Edge, Class::Rigid];
/// Months paid before the play, and when.
const PAID: [(i32, &str); 4] = [(7, "2026-07-10"), (8, "2026-08-10"), (9, "2026-09-10"), (10, "2026-10-10")];
const AIDED: [Class; 2] = [Class::MinimumLiving, Class::Destitute];

/// Rows for a household with what is known of it already.
pub(super) fn rows(home: &Household, known: &Rows) -> Rows {
    let arrived = Arrived { home, known, long_ago: iso(minus(start(), 400)), rows: Vec::new() };
    arrived.all()
}

struct Arrived<'a> {
    home: &'a Household,
    known: &'a Rows,
    long_ago: String,
    rows: Rows,
}

impl Arrived<'_> {
    fn all(mut self) -> Rows {
        self.household();
        self.allowance();
        for member in 0..u8::try_from(self.home.members.len()).unwrap_or(u8::MAX) {
            self.person(member);
            self.besides(member);
        }
        self.rows
    }

    fn tell(&mut self, member: u8, row: impl Into<Row>) {
        self.rows.push((When::Before, member, row.into()));
    }

    fn holds(&self, set: &[Class]) -> bool {
        self.home.classes.iter().any(|held| set.contains(&held.class))
    }

    fn holds_for(&self, member: u8, class: Class) -> bool {
        self.home.classes.iter().any(|held| held.class == class && held.member.is_none_or(|m| m == member))
    }

    fn watched(&self) -> bool {
        let monitored = |row: &Row| matches!(row, Row::MonitoredHousehold(m) if m.risk_state != "removed");
        self.holds(&RECOGNISED)
            || self.holds(&[Class::ReturnToPoverty])
            || self.known.iter().any(|(_, _, row)| monitored(row))
    }

    fn certified(&self, member: u8, such: impl Fn(&str, i32) -> bool) -> bool {
        self.known.iter().any(|(_, m, row)| match row {
            Row::DisabilityCertificate(c) => *m == member && such(&c.category, c.grade),
            _ => false,
        })
    }

    fn age(&self, member: u8, day: NaiveDate) -> i32 {
        self.home.members[usize::from(member)].age(day)
    }

    fn household(&mut self) {
        let heads = i32::try_from(self.home.members.len()).unwrap_or(1);
        if self.holds(&RECOGNISED) {
            let paid_on = iso(minus(start(), 6));
            let winter = "2026-2027".to_owned();
            self.tell(0, outside::CivilHeating { winter, paid_on, amount_fen: 30_000, ..Default::default() });
            let struck = self.known.iter().any(|(_, _, row)| matches!(row, Row::DisasterLoss(_)));
            if struck {
                let (winter, listed_on) = ("2026-2027".to_owned(), iso(minus(start(), 20)));
                self.tell(0, emergency::WinterSpring { winter, listed_on, paid_fen: 15_000, ..Default::default() });
            }
        }
        if !self.home.rural && self.holds(&RECOGNISED) {
            let started_on = self.long_ago.clone();
            if self.home.house_count == 0 {
                let kind = "subsidy".to_owned();
                self.tell(0, housing::PublicRental { kind, amount_fen: 18_000, started_on, ..Default::default() });
            }
            self.tell(
                0,
                housing::Dwelling {
                    house_code: format!("CF{}", self.home.no),
                    kind: "own".to_owned(),
                    area_decimetres: 2_800 * heads,
                    registered_on: self.long_ago.clone(),
                    ..Default::default()
                },
            );
        }
        // What a class brings in money has been paid for months; where a payment is planted nothing is added.
        if !self.known.iter().any(|(_, _, row)| matches!(row, Row::CivilPayment(_))) {
            for held in self.home.classes.iter().filter(|held| held.amount_fen > 0) {
                for (month, paid_on) in PAID {
                    let payment = outside::CivilPayment {
                        programme: "P-JB-01".to_owned(),
                        paid_month: 202_600 + month,
                        amount_fen: held.amount_fen,
                        paid_on: paid_on.to_owned(),
                        paying_division: "621202".to_owned(),
                        ..Default::default()
                    };
                    self.tell(held.member.unwrap_or(0), payment);
                }
            }
        }
        let reviewed = self.known.iter().any(|(_, _, row)| matches!(row, Row::CivilReview(_)));
        if self.holds(&AIDED) && !reviewed {
            let (reviewed_on, category) = (iso(minus(start(), 16)), "B".to_owned());
            let income_fen = self.home.income_fen / 12 / i64::from(heads);
            self.tell(0, outside::CivilReview { reviewed_on, category, income_fen, ..Default::default() });
        }
    }

    /// The allowance of the dear month, where there was one.
    fn allowance(&mut self) {
        let told = |row: &Row| matches!(row, Row::CivilPayment(p) if p.programme == "P-JB-09");
        if self.home.county == SECOND && self.holds(&AIDED) && !self.known.iter().any(|(_, _, row)| told(row)) {
            self.tell(0, price_allowance(DEAR_MONTH, &self.home.no));
        }
    }

    fn person(&mut self, m: u8) {
        let age = self.age(m, start());
        let severe = self.certified(m, |_, grade| grade <= 2);
        if self.holds_for(m, Class::MinimumLiving) {
            let ill = self.known.iter().any(|(_, who, row)| *who == m && matches!(row, Row::MajorDisease(_)));
            let kinds =
                [(age < 18, "minor"), (age >= 70, "elder"), (severe, "severe_disability"), (ill, "severe_illness")];
            for (_, kind) in kinds.into_iter().filter(|(due, _)| *due) {
                let kind = kind.to_owned();
                self.tell(m, outside::CivilSupplement { kind, amount_fen: 12_000, ..Default::default() });
            }
        }
        if self.holds_for(m, Class::Destitute) {
            let assessed_on = iso(minus(start(), 90));
            self.tell(m, health::SelfCare { assessed_on, failed_items: 0, ..Default::default() });
        }
        let alone = self.home.members.len() == 1 && age >= 60;
        if self.watched() && (alone || severe) {
            let (kind, started_on) = ("visit".to_owned(), self.long_ago.clone());
            self.tell(m, outside::CivilCareService { kind, hours: 4, started_on, ..Default::default() });
        }
        let day_care = self.certified(m, |category, grade| {
            category == "intellectual" || category == "mental" || (category == "physical" && grade <= 2)
        });
        if self.watched() && day_care && (16..60).contains(&age) {
            let (mode, started_on) = ("home".to_owned(), self.long_ago.clone());
            self.tell(m, disabled::SunshineHome { mode, started_on, ..Default::default() });
        }
        if alone && !self.known.iter().any(|(_, who, row)| *who == m && matches!(row, Row::Pension(_))) {
            let pension = |certified_on| {
                let (kind, started_on) = ("resident".to_owned(), self.long_ago.clone());
                hr::Pension { kind, monthly_fen: 32_000, started_on, certified_on, ..Default::default() }
            };
            let (last, next) = (pension(iso(minus(start(), 40))), plus(start(), 21));
            let again = pension(iso(minus(next, 3)));
            self.tell(m, last);
            self.rows.push((When::On(next), m, again.into()));
        }
        let soon = self.age(m, plus(start(), 31));
        if let Some(bracket) = [100, 90, 80].into_iter().find(|bracket| soon >= *bracket) {
            let started_on = iso(minus(start(), 25));
            self.tell(m, outside::CivilOldAgeAllowance { bracket, started_on, ..Default::default() });
        }
        let unemployed = self.known.iter().any(|(_, who, row)| *who == m && matches!(row, Row::Unemployment(_)));
        if unemployed && self.watched() {
            let (kind, registered_on) = ("minimum_living".to_owned(), self.long_ago.clone());
            self.tell(m, hr::EmploymentDifficult { kind, registered_on, ..Default::default() });
        }
    }

    /// Data that no rule of the pack reads yet, of every tenth person or so.
    fn besides(&mut self, m: u8) {
        let person = &self.home.members[usize::from(m)];
        let (sex, age, birth_on) = (person.sex, person.age(start()), person.birth_on);
        // Spread evenly, and the same in every run.
        let lot = (birth_on.ordinal() + u32::from(m) * 7) % 20;
        let (day, until) = (iso(minus(start(), 120)), iso(plus(start(), 240)));
        match lot {
            0 => self.tell(m, health::FamilyDoctor { signed_on: day, valid_to: until, ..Default::default() }),
            1 if sex == Sex::Female && (35..65).contains(&age) => {
                let kind = "both".to_owned();
                self.tell(m, health::TwoCancerScreen { screened_on: day, kind, ..Default::default() });
            }
            2 if self.holds(&AIDED) => {
                let (insured_year, kind) = ("2026".to_owned(), "full".to_owned());
                self.tell(
                    m,
                    medical_insurance::PremiumAid { insured_year, kind, amount_fen: 40_000, ..Default::default() },
                );
            }
            3 if (20..60).contains(&age) && self.home.rural => {
                let work_year = "2025".to_owned();
                self.tell(m, rural::LabourMigration { work_year, months: 8, wage_fen: 380_000, ..Default::default() });
            }
            4 if (20..60).contains(&age) => {
                let (certificate_no, occupation) = (format!("JN{}{m}", self.home.no), "中式烹调师".to_owned());
                let row = hr::Skill { certificate_no, occupation, grade: 4, issued_on: day, ..Default::default() };
                self.tell(m, row);
            }
            5 if age >= 16 => self.tell(
                m,
                hr::PensionPremium {
                    premium_year: "2026".to_owned(),
                    paid_by: "self".to_owned(),
                    amount_fen: 30_000,
                    ..Default::default()
                },
            ),
            6 if self.certified(m, |_, _| true) => {
                let device = "轮椅".to_owned();
                self.tell(m, disabled::Device { device, amount_fen: 80_000, given_on: day, ..Default::default() });
            }
            7 if (7..18).contains(&age) => {
                if sex == Sex::Female {
                    let aid_year = "2026".to_owned();
                    self.tell(m, women::SpringBud { aid_year, amount_fen: 50_000, paid_on: day, ..Default::default() });
                } else {
                    let (programme, term) = ("living_subsidy".to_owned(), "2025-2026-2".to_owned());
                    self.tell(
                        m,
                        education::StudentAid {
                            programme,
                            term,
                            amount_fen: 62_500,
                            paid_on: day,
                            ..Default::default()
                        },
                    );
                }
            }
            8 => {
                let paid_month = 202_609;
                self.tell(
                    m,
                    medical_insurance::OutpatientMonth { paid_month, own_paid_fen: 4_200, ..Default::default() },
                );
            }
            9 if age >= 16 => self
                .tell(m, outside::PoliceIdentity { state: "valid".to_owned(), changed_on: day, ..Default::default() }),
            10 if age >= 20 => self.tell(
                m,
                outside::VehicleRegistration {
                    vehicle_no: format!("CL{}{m}", self.home.no),
                    kind: "motorcycle".to_owned(),
                    vehicle_use: "private".to_owned(),
                    registered_on: day,
                    state: "normal".to_owned(),
                    ..Default::default()
                },
            ),
            11 if self.holds(&RECOGNISED) => self.tell(
                m,
                outside::CharityItem {
                    item_no: format!("CS{}{m}", self.home.no),
                    kind: "living".to_owned(),
                    amount_fen: 20_000,
                    given_on: day,
                    ..Default::default()
                },
            ),
            _ => {}
        }
    }
}
