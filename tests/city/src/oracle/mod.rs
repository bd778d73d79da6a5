//! What ought to be true, worked out a second time and in another way than the mesh does it: plain Rust over the
//! rows the bureaus have delivered so far, one household at a time. Missing or stale feeds make a condition unknown,
//! and an unknown condition never fires.
//!
//! Moves with the play: a batch is `deliver`ed when its bureau has pushed it, class decisions and referrals are told
//! when the simulated people make them, and `scan` notes for a business date everything that holds at that moment.

mod aid;
mod change;
mod deeds;
mod division;
mod door;
mod feeds;
mod indicators;
mod judge;
mod need;
mod office;
mod person_aid;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::NaiveDate;

use self::{
    deeds::{Deeds, Done},
    door::Door,
    feeds::Feeds,
    view::View,
};
pub use self::{
    deeds::{Record, Visit},
    door::Check,
    judge::{Held as HeldCase, Judge},
    view::Moment,
};
use crate::{
    calendar,
    city::City,
    dataset::{Dataset, Rhythm, Row},
    division::County,
    household::{Class, Held, Household},
    indicator::Indicator,
    plan::{Batch, Mode, Origin},
    thresholds::Thresholds,
};

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case {
    pub indicator: Indicator,
    pub household: u32,
    /// Place of the member; none when the warning is about the household.
    pub member: Option<u8>,
}

/// A referral as the simulated offices know it.
#[derive(Clone, Copy, Debug)]
pub struct ReferralTerm {
    pub household: u32,
    pub issued_on: NaiveDate,
    pub due_on: NaiveDate,
    pub signed_on: Option<NaiveDate>,
    pub settled_on: Option<NaiveDate>,
}

pub struct Oracle {
    city: Arc<City>,
    rows: Vec<Vec<(u8, Row)>>,
    classes: Vec<Vec<Held>>,
    /// Rows about counties and townships, by county.
    of_divisions: BTreeMap<County, Vec<Row>>,
    delivered: BTreeMap<(Dataset, County), NaiveDate>,
    referrals: HashMap<String, ReferralTerm>,
    overdue: HashMap<u32, Vec<String>>,
    deeds: Deeds,
    door: Door,
    held_true: HashMap<Case, BTreeSet<NaiveDate>>,
    late_feeds: BTreeMap<(Dataset, County), BTreeSet<NaiveDate>>,
    /// What came of each feed, and what held of it between two scans.
    feeds: Feeds,
    passing: BTreeSet<(Indicator, Dataset, County)>,
    /// What held of feeds beside lateness.
    feed_faults: BTreeMap<(Indicator, Dataset, County), BTreeSet<NaiveDate>>,
}

/// Days so near to each other that no window is narrower, up to the last.
pub fn moments(lines: &Thresholds, first: NaiveDate, last: NaiveDate) -> Vec<Moment> {
    let days = first.iter_days().skip(1).step_by(4).take_while(|day| *day <= last);
    days.chain([last]).map(|day| Moment::new(day, lines)).collect()
}

/// Whether anything holds on a day for a household of which every bureau has told what it knows.
pub fn is_struck(household: &Household, rows: &[(u8, Row)], lines: &Thresholds, at: &Moment) -> bool {
    let classes = &household.classes;
    let view = View { fresh: &|_| true, done: Done::default(), household, classes, rows, of_divisions: &[], lines, at };
    let mut found = Vec::new();
    view.cases(0, &mut found);
    // What people do is not done yet, and they will come by on their rounds.
    found.iter().any(|case| !case.indicator.by_people())
}

impl Oracle {
    pub fn new(city: Arc<City>) -> Oracle {
        let classes = city.households.iter().map(|h| h.classes.clone()).collect();
        let rows = city.households.iter().map(|_| Vec::new()).collect();
        let door = Door::of(&city);
        Oracle {
            city,
            rows,
            classes,
            of_divisions: BTreeMap::new(),
            delivered: BTreeMap::new(),
            referrals: HashMap::new(),
            overdue: HashMap::new(),
            deeds: Deeds::default(),
            door,
            held_true: HashMap::new(),
            late_feeds: BTreeMap::new(),
            feeds: Feeds::default(),
            passing: BTreeSet::new(),
            feed_faults: BTreeMap::new(),
        }
    }

    /// A bureau has pushed a batch; rows with a defect on record were refused and change nothing.
    pub fn deliver(&mut self, batch: &Batch) {
        if batch.mode == Mode::Snapshot {
            let of_county = self.city.households.iter().enumerate().filter(|(_, h)| h.county == batch.county);
            for (place, _) in of_county {
                self.rows[place].retain(|(_, row)| row.dataset() != batch.dataset);
            }
        }
        if batch.dataset.is_of_divisions() {
            self.deliver_of_divisions(batch);
        }
        for line in &batch.lines {
            let Origin::Clean { household, member } = line.origin else { continue };
            let rows = &mut self.rows[household as usize];
            let same =
                |(m, r): &&mut (u8, Row)| *m == member && r.dataset() == batch.dataset && r.key() == line.row.key();
            if let Some(old) = rows.iter_mut().find(same) {
                old.1 = line.row.clone();
            } else {
                rows.push((member, line.row.clone()));
            }
        }
        self.feeds.note(batch);
        let faults = self.feeds.faults((batch.dataset, batch.county), &self.city.thresholds);
        self.passing.extend(faults.into_iter().map(|indicator| (indicator, batch.dataset, batch.county)));
        let as_of = self.delivered.entry((batch.dataset, batch.county)).or_insert(batch.as_of);
        *as_of = (*as_of).max(batch.as_of);
    }

    /// Rows of a dataset now in force in a county.
    #[cfg(test)]
    pub(crate) fn rows_of(&self, dataset: Dataset, county: County) -> Vec<(u32, u8, Row)> {
        let mut found = Vec::new();
        for place in self.city.range_of(county) {
            let mine = self.rows[place].iter().filter(|(_, row)| row.dataset() == dataset);
            found.extend(mine.map(|(member, row)| (u32::try_from(place).unwrap_or(u32::MAX), *member, row.clone())));
        }
        found
    }

    pub fn grant(&mut self, household: u32, held: Held) {
        let classes = &mut self.classes[household as usize];
        classes.retain(|h| (h.class, h.member) != (held.class, held.member));
        classes.push(held);
    }

    pub fn end_class(&mut self, household: u32, class: Class, member: Option<u8>) {
        self.classes[household as usize].retain(|h| (h.class, h.member) != (class, member));
    }

    pub fn classes(&self, household: u32) -> &[Held] {
        &self.classes[household as usize]
    }

    /// A referral is on its way; telling it again changes nothing.
    pub fn referred(&mut self, name: &str, term: ReferralTerm) {
        if !self.referrals.contains_key(name) {
            self.overdue.entry(term.household).or_default().push(name.to_owned());
            self.referrals.insert(name.to_owned(), term);
        }
    }

    pub fn settled(&mut self, name: &str, day: NaiveDate) {
        if let Some(term) = self.referrals.get_mut(name) {
            term.settled_on.get_or_insert(day);
        }
    }

    /// A bureau signed for a referral.
    pub fn signed(&mut self, name: &str, day: NaiveDate) {
        if let Some(term) = self.referrals.get_mut(name) {
            term.signed_on.get_or_insert(day);
        }
    }

    /// The household a referral is about.
    pub fn household_of(&self, referral: &str) -> Option<u32> {
        self.referrals.get(referral).map(|term| term.household)
    }

    pub fn visited(&mut self, household: u32, visit: Visit) {
        self.deeds.visits.entry(household).or_default().push(visit);
    }

    pub fn recorded(&mut self, household: u32, record: Record) {
        self.deeds.records.entry(household).or_default().push(record);
    }

    /// A bureau's ledger of the month that ended on a day lacks a record about the household.
    pub fn differs(&mut self, household: u32, month_ended_on: NaiveDate) {
        self.deeds.differing.entry(household).or_default().push(month_ended_on);
    }

    /// A red work order, opened on a day, was found true.
    pub fn found_red(&mut self, household: u32, opened_on: NaiveDate) {
        self.deeds.red.entry(household).or_default().push(opened_on);
    }

    /// In the low-income population or monitored: somebody has to come by.
    pub fn is_watched(&self, place: u32, today: NaiveDate) -> bool {
        let at = Moment::new(today, &self.city.thresholds);
        self.view(place, &at, &|dataset| self.fresh(dataset, self.city.households[place as usize].county, today))
            .watched()
            == Some(true)
    }

    fn terms_of(&self, household: u32) -> impl Iterator<Item = &ReferralTerm> {
        let names = self.overdue.get(&household).map_or(&[][..], Vec::as_slice);
        names.iter().filter_map(|n| self.referrals.get(n))
    }

    fn has_overdue(&self, household: u32, today: NaiveDate) -> bool {
        self.terms_of(household).any(|t| t.settled_on.is_none() && today > t.due_on)
    }

    fn has_unsigned(&self, household: u32, today: NaiveDate) -> bool {
        let late = calendar::minus(today, self.city.thresholds.offices.unsigned_days);
        self.terms_of(household).any(|t| t.settled_on.is_none() && t.signed_on.is_none() && t.issued_on < late)
    }

    /// One need is settled, another has been waiting for long.
    fn has_forgotten(&self, household: u32, today: NaiveDate) -> bool {
        let long = calendar::minus(today, self.city.thresholds.beside.open_need_days);
        let open = |t: &ReferralTerm| t.settled_on.is_none() && t.issued_on < long;
        self.terms_of(household).any(open) && self.terms_of(household).any(|t| t.settled_on.is_some())
    }

    /// Everything that holds for a household now.
    pub fn cases_of(&self, household: u32, today: NaiveDate, found: &mut Vec<Case>) {
        self.cases_at(household, &Moment::new(today, &self.city.thresholds), found);
    }

    fn cases_at(&self, place: u32, at: &Moment, found: &mut Vec<Case>) {
        let county = self.city.households[place as usize].county;
        self.view(place, at, &|dataset| self.fresh(dataset, county, at.today)).cases(place, found);
    }

    fn view<'a>(&'a self, place: u32, at: &'a Moment, fresh: &'a dyn Fn(Dataset) -> bool) -> View<'a> {
        View {
            fresh,
            done: Done {
                overdue: self.has_overdue(place, at.today),
                forgotten: self.has_forgotten(place, at.today),
                unsigned: self.has_unsigned(place, at.today),
                ..self.deeds.of(place)
            },
            household: &self.city.households[place as usize],
            classes: &self.classes[place as usize],
            rows: &self.rows[place as usize],
            of_divisions: self.of_divisions.get(self.city.households[place as usize].county).map_or(&[], Vec::as_slice),
            lines: &self.city.thresholds,
            at,
        }
    }

    /// Whether the newest batch of a feed still counts.
    pub fn fresh(&self, dataset: Dataset, county: County, today: NaiveDate) -> bool {
        self.delivered
            .get(&(dataset, county))
            .is_some_and(|as_of| calendar::plus(*as_of, dataset.fresh_days()) >= today)
    }

    /// Whether a feed is late: its due day has passed and nothing newer came.
    pub fn feed_late(&self, dataset: Dataset, county: County, today: NaiveDate) -> bool {
        // A feed that never came is due from the day its county's first household was on file.
        let since = self.delivered.get(&(dataset, county)).copied().unwrap_or_else(calendar::start);
        dataset.rhythm().next_due(since).is_some_and(|due| due < today)
    }

    /// Whether an indicator of feeds holds: late, late for days or never come, run out.
    pub fn feed_holds(&self, indicator: Indicator, feed: (Dataset, County), today: NaiveDate) -> bool {
        let (dataset, county) = feed;
        let came = self.delivered.get(&feed);
        let long = calendar::minus(today, self.city.thresholds.beside.feed_missing_days);
        match indicator {
            Indicator::P11 => self.feed_late(dataset, county, today),
            Indicator::Q01 => self.feed_late(dataset, county, if came.is_none() { today } else { long }),
            Indicator::Q10 => came.is_some() && !self.fresh(dataset, county, today),
            _ => false,
        }
    }

    /// Notes everything that holds at this moment of a business date; gives what holds now.
    pub fn scan(&mut self, today: NaiveDate) -> Vec<Case> {
        let mut now = Vec::new();
        let moment = Moment::new(today, &self.city.thresholds);
        for place in 0..self.city.households.len() {
            self.cases_at(u32::try_from(place).unwrap_or(u32::MAX), &moment, &mut now);
        }
        for case in &now {
            self.held_true.entry(*case).or_default().insert(today);
        }
        self.look_behind_doors(&moment);
        for county in &self.city.counties {
            for dataset in Dataset::ALL {
                if self.feed_late(*dataset, county, today) {
                    self.late_feeds.entry((*dataset, county)).or_default().insert(today);
                }
                let faults = self.feeds.faults((*dataset, county), &self.city.thresholds);
                self.passing.extend(faults.into_iter().map(|indicator| (indicator, *dataset, *county)));
                for indicator in [Indicator::Q01, Indicator::Q10] {
                    if self.feed_holds(indicator, (*dataset, county), today) {
                        self.feed_faults.entry((indicator, *dataset, county)).or_default().insert(today);
                    }
                }
            }
        }
        for fault in std::mem::take(&mut self.passing) {
            self.feed_faults.entry(fault).or_default().insert(today);
        }
        now
    }

    /// Whether a case held at any moment of a date that was scanned.
    pub fn held_on(&self, case: Case, day: NaiveDate) -> bool {
        self.held_true.get(&case).is_some_and(|days| days.contains(&day))
    }

    /// Whether a case held at any time.
    pub fn ever_held(&self, case: Case) -> bool {
        self.held_true.contains_key(&case)
    }

    /// Everything that held at any time.
    pub fn all_held(&self) -> impl Iterator<Item = (&Case, &BTreeSet<NaiveDate>)> {
        self.held_true.iter()
    }

    pub fn feed_held_on(&self, indicator: Indicator, feed: (Dataset, County), day: NaiveDate) -> bool {
        let days = match indicator {
            Indicator::P11 => self.late_feeds.get(&feed),
            _ => self.feed_faults.get(&(indicator, feed.0, feed.1)),
        };
        days.is_some_and(|days| days.contains(&day))
    }

    /// Feeds that were at fault at any time, lateness aside.
    pub fn feed_faults(&self) -> impl Iterator<Item = &(Indicator, Dataset, County)> {
        self.feed_faults.keys()
    }

    /// Feeds with a rhythm that were never late.
    pub fn feeds_in_time(&self) -> Vec<(Dataset, County)> {
        let rhythmic = self.delivered.keys().filter(|(dataset, _)| dataset.rhythm() != Rhythm::OnEvent);
        rhythmic.filter(|feed| !self.late_feeds.contains_key(feed)).copied().collect()
    }

    /// Feeds that were late at any time.
    pub fn late_feeds(&self) -> impl Iterator<Item = &(Dataset, County)> {
        self.late_feeds.keys()
    }
}
