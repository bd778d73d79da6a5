//! The same judgement over a whole span of days for one household after the other, of which nobody acts on anything: what
//! a household is told of comes out of the city's book, and which feeds are fresh follows from the plan alone.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    Case,
    deeds::Done,
    view::{Moment, View},
};
use crate::{
    calendar,
    city::City,
    dataset::{Bureau, Dataset, Row},
    division::County,
    plan,
};

/// When a case held: on these days, and maybe not on all between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub case: Case,
    pub first: NaiveDate,
    pub last: NaiveDate,
}

pub struct Judge<'a> {
    city: &'a City,
    days: Vec<Day>,
    /// What is known of a county and its townships, from a day on.
    of_divisions: BTreeMap<County, Vec<(NaiveDate, Vec<Row>)>>,
}

struct Day {
    at: Moment,
    /// One bit for each fresh dataset.
    fresh: BTreeMap<County, u128>,
}

impl<'a> Judge<'a> {
    pub fn new(city: &'a City) -> Judge<'a> {
        let mut came: BTreeMap<(Dataset, County), NaiveDate> = BTreeMap::new();
        let (mut days, mut of_divisions) = (Vec::new(), BTreeMap::new());
        let last = city.settings.last_day();
        for day in calendar::start().iter_days().take_while(|day| *day <= last) {
            let feeds = Bureau::ALL.into_iter().flat_map(|bureau| plan::feeds(city, bureau));
            for feed in feeds.filter(|feed| plan::is_sent(city, *feed, day)) {
                came.insert(feed, day);
                if let Some(rows) = city.of_divisions.get(&(day, feed.0, feed.1)) {
                    tell(of_divisions.entry(feed.1).or_default(), day, rows);
                }
            }
            let mut fresh = BTreeMap::new();
            for ((dataset, county), as_of) in &came {
                let bit = u128::from(calendar::plus(*as_of, dataset.fresh_days()) >= day) << *dataset as u32;
                *fresh.entry(*county).or_default() |= bit;
            }
            days.push(Day { at: Moment::new(day, &city.thresholds), fresh });
        }
        Judge { city, days, of_divisions }
    }

    /// Everything that holds for a household on any day.
    pub fn held(&self, place: u32) -> anyhow::Result<Vec<Held>> {
        let household = &self.city.households[place as usize];
        let mut told = self.told(place)?.into_iter().peekable();
        let (mut rows, mut now, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for Day { at, fresh } in &self.days {
            while let Some((_, member, row)) = told.next_if(|(day, ..)| *day <= at.today) {
                learn(&mut rows, member, row);
            }
            let fresh = fresh.get(household.county).copied().unwrap_or(0);
            let view = View {
                fresh: &|dataset| fresh >> dataset as u32 & 1 == 1,
                done: Done::default(),
                household,
                classes: &household.classes,
                rows: &rows,
                of_divisions: self.of_divisions(household.county, at.today),
                lines: &self.city.thresholds,
                at,
            };
            now.clear();
            view.cases(place, &mut now);
            for case in &now {
                note(&mut held, *case, at.today);
            }
        }
        Ok(held)
    }

    fn of_divisions(&self, county: County, day: NaiveDate) -> &[Row] {
        let states = self.of_divisions.get(county).map_or(&[][..], Vec::as_slice);
        let now = states.partition_point(|(since, _)| *since <= day).checked_sub(1);
        now.map_or(&[], |now| &states[now].1)
    }

    /// What bureaus tell of a household, in the order in which they tell it.
    fn told(&self, place: u32) -> anyhow::Result<Vec<(NaiveDate, u8, Row)>> {
        let county = self.city.households[place as usize].county;
        let mut told = Vec::new();
        for (when, member, mut row) in self.city.book.of_household(place)? {
            let dataset = row.dataset();
            let first = plan::first_day_of(dataset);
            let day = when.day().unwrap_or(first);
            if day >= first && !plan::withheld(dataset, county) {
                plan::identify(self.city, &mut row, place, member);
                told.push((day, member, row));
            }
        }
        told.sort_by_key(|(day, _, row)| (*day, row.dataset().bureau(), row.dataset()));
        Ok(told)
    }
}

/// The rows of a county and its townships from a day on.
fn tell(states: &mut Vec<(NaiveDate, Vec<Row>)>, day: NaiveDate, news: &[Row]) {
    let mut rows = states.last().map_or_else(Vec::new, |(_, rows)| rows.clone());
    for new in news {
        rows.retain(|old| old.dataset() != new.dataset() || old.key() != new.key());
        rows.push(new.clone());
    }
    match states.last_mut().filter(|(since, _)| *since == day) {
        Some(state) => state.1 = rows,
        None => states.push((day, rows)),
    }
}

fn learn(rows: &mut Vec<(u8, Row)>, member: u8, row: Row) {
    let same = |(m, r): &&mut (u8, Row)| *m == member && r.dataset() == row.dataset() && r.key() == row.key();
    match rows.iter_mut().find(same) {
        Some(old) => old.1 = row,
        None => rows.push((member, row)),
    }
}

fn note(held: &mut Vec<Held>, case: Case, day: NaiveDate) {
    match held.iter_mut().find(|other| other.case == case) {
        Some(other) => other.last = day,
        None => held.push(Held { case, first: day, last: day }),
    }
}
