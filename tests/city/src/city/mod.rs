//! The synthetic city: households, everything the bureaus know of them from the first day on, and what happens to
//! them afterwards. The same seed and size give the same city, byte for byte.

mod arrived;
mod family;
mod life;
mod of_divisions;
mod plant;
mod rows;

use std::{collections::BTreeMap, ops::Range};

use chrono::NaiveDate;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::Digest as _;

pub use self::plant::{Kind, Plant};
use crate::{
    calendar,
    dataset::{Dataset, Row},
    division::{self, County},
    household::{Household, hex},
    person::IdNumbers,
    thresholds::Thresholds,
};

/// What the city is made from.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub seed: u64,
    pub households: usize,
    /// Working days to play.
    pub days: u32,
}

impl Settings {
    /// Last working day on which the bureaus send anything new.
    pub fn last_day(&self) -> NaiveDate {
        calendar::add_working(calendar::start(), self.days.saturating_sub(1))
    }
}

/// Rows of a feed: household, member, row without identity.
type Rows = Vec<(u32, u8, Row)>;

pub struct City {
    pub settings: Settings,
    pub thresholds: Thresholds,
    /// Counties that have households here.
    pub counties: Vec<County>,
    pub households: Vec<Household>,
    pub plants: Vec<Plant>,
    /// What each bureau knows at the start.
    pub initial: BTreeMap<(Dataset, County), Rows>,
    /// What each bureau learns on a day.
    pub later: BTreeMap<(NaiveDate, Dataset, County), Rows>,
    /// What offices tell of counties and townships, by day.
    pub of_divisions: BTreeMap<(NaiveDate, Dataset, County), Vec<Row>>,
    /// Ordinary households that chance had made into cases, and that were drawn again.
    pub redrawn: usize,
    ranges: BTreeMap<County, Range<usize>>,
}

impl City {
    /// Makes the city.
    pub fn build(settings: Settings, thresholds: Thresholds) -> City {
        let shares = shares(settings.households);
        let mut builder = Builder {
            city: City {
                settings,
                thresholds,
                counties: shares.iter().map(|(county, _)| *county).collect(),
                households: Vec::with_capacity(settings.households),
                plants: Vec::new(),
                initial: BTreeMap::new(),
                later: BTreeMap::new(),
                of_divisions: BTreeMap::new(),
                redrawn: 0,
                ranges: BTreeMap::new(),
            },
            numbers: IdNumbers::default(),
            rng: ChaCha8Rng::seed_from_u64(settings.seed),
        };
        for (county, count) in shares {
            let begin = builder.city.households.len();
            let planted = builder.plant(county, count);
            for _ in planted..count {
                builder.ordinary(county);
            }
            builder.city.ranges.insert(county, begin..builder.city.households.len());
        }
        builder.go_on();
        builder.city.of_divisions = of_divisions::rows(&builder.city);
        builder.city
    }

    /// Places of a county's households.
    pub fn range_of(&self, county: County) -> Range<usize> {
        self.ranges.get(county).cloned().unwrap_or(0..0)
    }

    pub fn persons(&self) -> usize {
        self.households.iter().map(|h| h.members.len()).sum()
    }

    /// SHA-256 over everything generated: equal cities, equal digests.
    pub fn digest(&self) -> String {
        let mut sum = sha2::Sha256::new();
        for household in &self.households {
            sum.update(format!("{household:?}"));
        }
        for (feed, rows) in &self.initial {
            sum.update(format!("{feed:?}{rows:?}"));
        }
        for (feed, rows) in &self.later {
            sum.update(format!("{feed:?}{rows:?}"));
        }
        for (feed, rows) in &self.of_divisions {
            sum.update(format!("{feed:?}{rows:?}"));
        }
        sum.update(format!("{:?}", self.plants));
        hex(&sum.finalize())
    }
}

/// Households of each county: nearly all in the home county, three in a hundred in the second, and the other
/// counties with their share once the city is large.
fn shares(households: usize) -> Vec<(County, usize)> {
    let least = if households < 200 { households.min(12) / 4 } else { 12 };
    let second = (households * 3 / 100).max(least);
    let mut shares = vec![(division::HOME, households - second), (division::SECOND, second)];
    if households > 20_000 {
        let others: Vec<County> = division::counties().into_iter().skip(2).collect();
        let each = households / 20;
        shares[0].1 -= each * others.len();
        shares.extend(others.into_iter().map(|county| (county, each)));
    }
    shares.retain(|(_, count)| *count > 0);
    shares
}

/// When a bureau learns of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    Before,
    On(NaiveDate),
}

/// Makes households one after the other.
pub(crate) struct Builder {
    pub(crate) city: City,
    pub(crate) numbers: IdNumbers,
    pub(crate) rng: ChaCha8Rng,
}

impl Builder {
    /// Takes a household in with its rows; gives its place.
    pub(crate) fn add(&mut self, household: Household, rows: Vec<(When, u8, Row)>) -> u32 {
        let place = u32::try_from(self.city.households.len()).unwrap_or(u32::MAX);
        let county = household.county;
        let arrived = arrived::rows(&household, &rows);
        self.city.households.push(household);
        for (when, member, row) in rows.into_iter().chain(arrived) {
            self.learn(when, county, (place, member, row));
        }
        place
    }

    /// A bureau learns a row.
    pub(crate) fn learn(&mut self, when: When, county: County, row: (u32, u8, Row)) {
        let dataset = row.2.dataset();
        match when {
            When::Before => self.city.initial.entry((dataset, county)).or_default().push(row),
            When::On(day) => self.city.later.entry((day, dataset, county)).or_default().push(row),
        }
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.rng.random_range(low..=high)
    }

    /// A day so many days before the start.
    pub(crate) fn ago(&mut self, low: i64, high: i64) -> NaiveDate {
        let days = self.between(low, high);
        calendar::minus(calendar::start(), u64::try_from(days).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
