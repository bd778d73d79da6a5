//! Planted truths: households made so that one indicator must fire, and others made so that it must not, though
//! they miss it by one fen, one day, a feed that never comes, or aid already given.

mod beside;
mod bureau;
mod deeds;
mod division;
mod mistakes;
mod offices;
mod register;

use chrono::NaiveDate;
use serde::Serialize;

pub(super) use self::division::{FUND_TOWNSHIPS, price_allowance};
use super::{Builder, When, family::Role, rows};
use crate::{
    calendar,
    dataset::{Bureau, Dataset, Row},
    division::{County, HOME, SECOND},
    household::{Class, Household},
    indicator::Indicator,
    oracle::Case,
    person::Sex,
    plan,
};

/// What was planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The indicator must fire.
    Fires,
    /// One fen on the wrong side of the line.
    OneFen,
    /// One day too old, too young, or in time after all.
    OneDay,
    /// A feed it needs never comes: unknown, so silent.
    Stale,
    /// Aid already reaches them.
    Aided,
    /// Another condition fails.
    Other,
}

/// A planted case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plant {
    pub indicator: Indicator,
    pub household: u32,
    pub member: Option<u8>,
    pub kind: Kind,
}

/// A bureau's record that is wrong: so the data say, and who goes and looks sees otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    pub indicator: Indicator,
    pub household: u32,
    /// Whom the record is about.
    pub member: u8,
    /// As the bureau has it.
    pub row: Row,
    /// As it ought to be; none when it is about somebody else.
    pub truth: Option<Row>,
    /// Day on which the data tell something new, so that the warning has to come up again.
    pub news: Option<NaiveDate>,
}

impl Mistake {
    /// What the wrong record makes true by the data.
    pub fn case(&self) -> Case {
        let member = self.indicator.personal().then_some(self.member);
        Case { indicator: self.indicator, household: self.household, member }
    }
}

/// A household under construction with what the bureaus know of it.
pub(super) struct Draft {
    pub home: Household,
    pub rows: Vec<(When, u8, Row)>,
}

impl Draft {
    pub fn know(&mut self, when: When, member: u8, row: Row) {
        self.rows.push((when, member, row));
    }

    /// Who pays the premium of medical insurance.
    pub fn insured_by(&mut self, payer: &str) {
        for (_, _, row) in &mut self.rows {
            if let Row::Enrolment(enrolment) = row {
                enrolment.paid_by = payer.to_owned();
            }
        }
    }

    /// Monitored against return to poverty, with the help for the premium that goes with it.
    pub fn monitored(&mut self, entered_on: NaiveDate, risk_state: &str) {
        self.know(When::Before, 0, rows::monitored(entered_on, risk_state));
        self.insured_by("fixed_subsidy");
    }
}

/// A couple in their forties with a small child: nothing about them concerns any indicator.
pub(super) const COUPLE: [Role; 3] = [(Sex::Male, 46, "02"), (Sex::Female, 44, "12"), (Sex::Male, 9, "20")];
const SCHOOL: &str = "3620000001";
/// Income that meets no line, in percent of the standard.
pub(super) const COMFORTABLE: i64 = 480;

impl Builder {
    /// Plants everything for a county; gives the number of households used.
    pub(crate) fn plant(&mut self, county: County, count: usize) -> usize {
        let begin = self.city.households.len();
        match county {
            HOME => {
                for n in 0..(count / 400).clamp(1, 6) {
                    if self.city.households.len() + 240 > begin + count && n > 0 {
                        break;
                    }
                    self.plant_round(n);
                    // A small city has room for the first sixteen only.
                    if count >= 200 {
                        self.beside(n);
                        // Every second round, so that a middling city does not have too many poor.
                        if n.is_multiple_of(2) {
                            self.offices();
                            self.deeds();
                            self.mistakes();
                        }
                    }
                }
            }
            SECOND => {
                let rounds = (count / 12).clamp(1, 6);
                if self.city.settings.households >= 200 {
                    for _ in 0..rounds {
                        self.prices_and_funds();
                    }
                }
                for n in 0..rounds * 11 {
                    if self.city.households.len() < begin + count {
                        self.plant_stale(n);
                    }
                }
            }
            _ => {}
        }
        self.city.households.len() - begin
    }

    fn plant_round(&mut self, n: usize) {
        self.severe_disability(n);
        self.job_loss(n);
        self.watched_cost(n);
        self.ordinary_cost(n);
        self.new_disease(n);
        self.school_cost(n);
        self.disaster(n);
        self.new_certificate(n);
        self.dangerous_house(n);
        self.monitored_unchecked(n);
        self.two_cancers(n);
        self.dead_but_paid(n);
        self.job_found(n);
        self.vehicle(n);
        self.late_answer(n);
    }

    /// Takes a draft in as a planted case.
    pub(super) fn set(&mut self, draft: Draft, indicator: Indicator, member: Option<u8>, kind: Kind) -> u32 {
        let household = self.add(draft.home, draft.rows);
        self.city.plants.push(Plant { indicator, household, member, kind });
        household
    }

    pub(super) fn draft(&mut self, rural: bool, roles: &[Role], percent: i64) -> Draft {
        self.draft_in(HOME, rural, roles, percent)
    }

    pub(super) fn draft_in(&mut self, county: County, rural: bool, roles: &[Role], percent: i64) -> Draft {
        let home = self.household(county, rural, roles, percent);
        let mut rows = Vec::new();
        if rural {
            let surveyed = self.ago(200, 700);
            let mut row = rows::house("A", true, surveyed);
            if let Row::RuralHouseSafety(house) = &mut row {
                house.house_code = "NF0000".to_owned();
            }
            rows.push((When::Before, 0, row));
        }
        let roll = NaiveDate::from_ymd_opt(2024, 9, 1).unwrap_or_default();
        for (member, (_, age, _)) in (0_u8..).zip(roles) {
            rows.push((When::Before, member, rows::enrolment("2026", "resident", "self")));
            let stage = if *age < 15 { "compulsory" } else { "senior_high" };
            match age {
                6..18 => rows.push((When::Before, member, rows::student(stage, SCHOOL, roll, false))),
                18..60 => rows.push((When::Before, member, rows::resident_pension())),
                _ => {}
            }
        }
        Draft { home, rows }
    }

    /// A household with a class, on the income that goes with it.
    pub(super) fn draft_of(&mut self, class: Class, rural: bool, roles: &[Role]) -> Draft {
        let percent = match class {
            Class::MinimumLiving | Class::Destitute => 60,
            _ => 130,
        };
        let mut draft = self.draft(rural, roles, percent);
        self.give(&mut draft, class);
        draft
    }

    /// Whether the play is long enough for what takes a month to come about.
    pub(super) fn takes_a_month(&self) -> bool {
        self.city.settings.days >= 22
    }

    pub(super) fn give(&mut self, draft: &mut Draft, class: Class) {
        let held = self.held(&draft.home, class);
        draft.home.classes.push(held);
        if matches!(class, Class::MinimumLiving | Class::Destitute) {
            draft.insured_by("full_subsidy");
        }
    }

    /// Sets a member's birthday, and with it the ID number.
    pub(super) fn born(&mut self, draft: &mut Draft, member: usize, birth_on: NaiveDate) {
        let person = &mut draft.home.members[member];
        let (id_number, birth_on) = self.numbers.next(draft.home.county, birth_on, person.sex);
        person.id_number = id_number;
        person.birth_on = birth_on;
    }

    /// When the `n`-th positive of an indicator comes: every second one during the play.
    pub(super) fn moment(&self, n: usize) -> When {
        let days = self.city.settings.days;
        if n.is_multiple_of(2) || days < 6 {
            return When::Before;
        }
        let step = u32::try_from(n).unwrap_or(0) * 2 % (days * 6 / 10).max(1);
        When::On(calendar::add_working(calendar::start(), 3 + step))
    }

    /// The day on which a bureau tells what it learns at `when`.
    pub(super) fn told(when: When, bureau: Bureau) -> NaiveDate {
        when.day().unwrap_or_else(|| plan::first_day(bureau))
    }

    /// In the second county: all that a positive needs, but one of its feeds never comes.
    fn plant_stale(&mut self, n: usize) {
        let class = |b: &mut Builder, class: Class| {
            let mut draft = b.draft_in(SECOND, true, &COUPLE, if class == Class::MinimumLiving { 60 } else { 130 });
            b.give(&mut draft, class);
            draft
        };
        let (draft, indicator, member) = match n % 11 {
            0 => (self.stale_certificate(800, 1), Indicator::A03, Some(1)),
            1 => (self.stale(150, 1, rows::unemployment(self.before(20), None)), Indicator::A05, Some(1)),
            2 => {
                let mut draft = class(self, Class::Edge);
                let visit = format!("{}-S", draft.home.no);
                draft.know(When::Before, 1, rows::settlement(true, 700_000, self.before(9), visit));
                (draft, Indicator::A08, Some(1))
            }
            3 => {
                let row = rows::settlement(true, 1_400_000, self.before(9), format!("S{}", self.city.households.len()));
                (self.stale(COMFORTABLE, 1, row), Indicator::A09, Some(1))
            }
            4 => (self.stale(COMFORTABLE, 1, rows::disease(self.before(4))), Indicator::A12, Some(1)),
            5 => {
                let row = rows::school_cost("senior_high", "2026-2027", [1_000_000, 200_000, 0, 0]);
                (self.stale(200, 2, row), Indicator::A13, Some(2))
            }
            6 => (
                self.stale(COMFORTABLE, 0, rows::loss("FL202610-01", self.before(3), "severe", [0, 0])),
                Indicator::A15,
                None,
            ),
            7 => (self.stale_certificate(6, 2), Indicator::A17, Some(2)),
            8 => {
                let mut draft = class(self, Class::Edge);
                draft.rows.retain(|(_, _, row)| row.dataset() != Dataset::RuralHouseSafety);
                draft.know(When::Before, 0, rows::house("D", true, self.before(80)));
                (draft, Indicator::A20, None)
            }
            9 => (self.stale(COMFORTABLE, 0, rows::monitored(self.before(200), "open")), Indicator::A25, None),
            _ => {
                let mut draft = class(self, Class::MinimumLiving);
                let number = format!("SW-S{}", self.city.households.len());
                draft.know(When::Before, 1, rows::death(self.before(3), number));
                (draft, Indicator::C01, Some(1))
            }
        };
        self.set(draft, indicator, member, Kind::Stale);
    }

    fn before(&self, days: u64) -> NaiveDate {
        calendar::minus(calendar::start(), days)
    }

    fn stale(&mut self, percent: i64, member: u8, row: Row) -> Draft {
        let mut draft = self.draft_in(SECOND, true, &COUPLE, percent);
        draft.know(When::Before, member, row);
        draft
    }

    /// A severe certificate, issued so many days ago.
    fn stale_certificate(&mut self, days: u64, member: u8) -> Draft {
        self.stale(COMFORTABLE, member, rows::certificate("physical", 1, self.before(days)))
    }
}
