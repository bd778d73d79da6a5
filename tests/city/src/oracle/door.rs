//! What whoever goes and looks sees: a bureau's wrong record is put right, and nothing is unknown because a feed is old.
//! And what checks found not true, which keeps quiet what may come up again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use super::{Case, Oracle, view::Moment};
use crate::{
    calendar::plus,
    city::City,
    dataset::{Dataset, Row},
    plan,
};

/// A check that found a case not true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check {
    pub case: Case,
    pub on: NaiveDate,
}

/// A record as it comes, and as it ought to be.
struct Wrong {
    member: u8,
    row: Row,
    truth: Option<Row>,
}

#[derive(Default)]
pub(super) struct Door {
    wrong: BTreeMap<u32, Vec<Wrong>>,
    checks: BTreeSet<Check>,
    /// Days on which a case was true, of households with a wrong record or such a check.
    true_on: HashMap<Case, BTreeSet<NaiveDate>>,
    last_seen: NaiveDate,
}

impl Door {
    pub fn of(city: &City) -> Door {
        let mut wrong: BTreeMap<u32, Vec<Wrong>> = BTreeMap::new();
        for mistake in &city.mistakes {
            let (household, member) = (mistake.household, mistake.member);
            let identified = |row: &Row| {
                let mut row = row.clone();
                plan::identify(city, &mut row, household, member);
                row
            };
            let (row, truth) = (identified(&mistake.row), mistake.truth.as_ref().map(identified));
            wrong.entry(household).or_default().push(Wrong { member, row, truth });
        }
        Door { wrong, ..Door::default() }
    }
}

impl Oracle {
    /// What is known of a household, with the truth where a bureau is wrong.
    fn rows_at_the_door(&self, place: u32) -> Vec<(u8, Row)> {
        let rows = &self.rows[place as usize];
        let Some(wrong) = self.door.wrong.get(&place) else { return rows.clone() };
        let put_right = |(member, row): &(u8, Row)| {
            // A bureau may write a person's number in the old way.
            let mut same = row.clone();
            plan::identify(&self.city, &mut same, place, *member);
            match wrong.iter().find(|w| w.member == *member && w.row == same) {
                Some(of) => of.truth.clone().map(|truth| (*member, truth)),
                None => Some((*member, row.clone())),
            }
        };
        rows.iter().filter_map(put_right).collect()
    }

    /// Everything that is true of a household, whatever the data say.
    pub fn cases_at_the_door(&self, household: u32, today: NaiveDate) -> Vec<Case> {
        self.behind_the_door(household, &Moment::new(today, &self.city.thresholds))
    }

    fn behind_the_door(&self, place: u32, at: &Moment) -> Vec<Case> {
        let rows = self.rows_at_the_door(place);
        let known = |_: Dataset| true;
        let mut found = Vec::new();
        super::View { rows: &rows, ..self.view(place, at, &known) }.cases(place, &mut found);
        found
    }

    /// Notes for a business date what is true where it may differ from the data, or may come up again.
    pub(super) fn look_behind_doors(&mut self, at: &Moment) {
        self.door.last_seen = self.door.last_seen.max(at.today);
        let mut places: BTreeSet<u32> = self.door.wrong.keys().copied().collect();
        places.extend(self.door.checks.iter().map(|check| check.case.household));
        for place in places {
            for case in self.behind_the_door(place, at) {
                self.door.true_on.entry(case).or_default().insert(at.today);
            }
        }
    }

    /// A check found a case not true.
    pub fn found_not_true(&mut self, case: Case, on: NaiveDate) {
        self.deeds.not_true.entry(case.household).or_default().push((case.indicator, on));
        self.door.checks.insert(Check { case, on });
    }

    /// Checks that found a case not true, in order of case and day.
    pub fn checks(&self) -> impl Iterator<Item = Check> + '_ {
        self.door.checks.iter().copied()
    }

    /// The last day that was looked at.
    pub fn last_seen(&self) -> NaiveDate {
        self.door.last_seen
    }

    /// Days on which the data begin to say that a case holds.
    pub fn begins_to_hold(&self, case: Case) -> Vec<NaiveDate> {
        let days: Vec<NaiveDate> = self.held_true.get(&case).into_iter().flatten().copied().collect();
        days.chunk_by(|one, next| plus(*one, 1) == *next).filter_map(|spell| spell.first().copied()).collect()
    }

    /// Whether what was checked is true on a day.
    pub fn true_on(&self, case: Case, day: NaiveDate) -> bool {
        self.door.true_on.get(&case).is_some_and(|days| days.contains(&day))
    }

    /// Last day of an indicator's quiet after a check.
    pub fn quiet_until(&self, check: Check) -> NaiveDate {
        let days = self.city.thresholds.quiet_days.get(check.case.indicator.text()).copied().unwrap_or(0);
        plus(check.on, days)
    }

    /// The day on which something became true that a check had found not true, where nobody came to look any more.
    pub fn lost_since(&self, check: Check) -> Option<NaiveDate> {
        let days = self.door.true_on.get(&check.case)?;
        let since = *days.iter().find(|day| **day > check.on)?;
        let visits = self.deeds.visits.get(&check.case.household).map_or(&[][..], Vec::as_slice);
        visits.iter().all(|visit| !visit.check || visit.on < since).then_some(since)
    }
}
