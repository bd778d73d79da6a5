//! What ought to be true, worked out a second time and in another way than the mesh does it: plain Rust over the
//! rows the bureaus have delivered so far, one household at a time. Missing or stale feeds make a condition unknown,
//! and an unknown condition never fires.
//!
//! Moves with the play: a batch is `deliver`ed when its bureau has pushed it, class decisions and referrals are told
//! when the simulated people make them, and `scan` notes for a business date everything that holds at that moment.

mod indicators;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::NaiveDate;

use crate::{
    calendar,
    city::City,
    dataset::{Dataset, Rhythm, Row},
    division::County,
    household::{Class, Held},
    indicator::Indicator,
    plan::{Batch, Mode, Origin},
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
    pub due_on: NaiveDate,
    pub settled_on: Option<NaiveDate>,
}

pub struct Oracle {
    city: Arc<City>,
    rows: Vec<Vec<(u8, Row)>>,
    classes: Vec<Vec<Held>>,
    delivered: BTreeMap<(Dataset, County), NaiveDate>,
    referrals: HashMap<String, ReferralTerm>,
    overdue: HashMap<u32, Vec<String>>,
    held_true: HashMap<Case, BTreeSet<NaiveDate>>,
    late_feeds: BTreeMap<(Dataset, County), BTreeSet<NaiveDate>>,
}

impl Oracle {
    pub fn new(city: Arc<City>) -> Oracle {
        let classes = city.households.iter().map(|h| h.classes.clone()).collect();
        let rows = city.households.iter().map(|_| Vec::new()).collect();
        Oracle {
            city,
            rows,
            classes,
            delivered: BTreeMap::new(),
            referrals: HashMap::new(),
            overdue: HashMap::new(),
            held_true: HashMap::new(),
            late_feeds: BTreeMap::new(),
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
        let as_of = self.delivered.entry((batch.dataset, batch.county)).or_insert(batch.as_of);
        *as_of = (*as_of).max(batch.as_of);
    }

    /// Rows of a dataset now in force in a county, for the bureaus' full snapshots.
    pub fn rows_of(&self, dataset: Dataset, county: County) -> Vec<(u32, u8, Row)> {
        let of_county = self.city.households.iter().enumerate().filter(|(_, h)| h.county == county);
        let mut found = Vec::new();
        for (place, _) in of_county {
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

    fn has_overdue(&self, household: u32, today: NaiveDate) -> bool {
        let names = self.overdue.get(&household).map_or(&[][..], Vec::as_slice);
        names.iter().filter_map(|n| self.referrals.get(n)).any(|t| t.settled_on.is_none() && today > t.due_on)
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

    /// Notes everything that holds at this moment of a business date; gives what holds now.
    pub fn scan(&mut self, today: NaiveDate) -> Vec<Case> {
        let mut now = Vec::new();
        let moment = indicators::Moment::new(today, &self.city.thresholds);
        for place in 0..self.city.households.len() {
            self.cases_at(u32::try_from(place).unwrap_or(u32::MAX), &moment, &mut now);
        }
        for case in &now {
            self.held_true.entry(*case).or_default().insert(today);
        }
        for county in &self.city.counties {
            for dataset in Dataset::ALL {
                if self.feed_late(*dataset, county, today) {
                    self.late_feeds.entry((*dataset, county)).or_default().insert(today);
                }
            }
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

    pub fn feed_late_on(&self, dataset: Dataset, county: County, day: NaiveDate) -> bool {
        self.late_feeds.get(&(dataset, county)).is_some_and(|days| days.contains(&day))
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
