//! The synthetic city: households, everything the bureaus know of them from the first day on, and what happens to
//! them afterwards. The same seed and size give the same city, byte for byte.

mod arrived;
pub mod book;
mod family;
mod life;
mod of_divisions;
mod plant;
mod rows;
mod year;

use std::{collections::BTreeMap, io, ops::Range};

use chrono::NaiveDate;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::Digest as _;

use self::book::{Book, Page, When};
pub use self::plant::{Kind, Mistake, Plant};
use crate::{
    calendar,
    dataset::{Dataset, Row},
    division::{self, County},
    feed_plant,
    household::{Household, hex},
    oracle::{self, Moment},
    person::{IdNumbers, Person},
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

    /// Whether the bureaus send beyond what a play can reach.
    pub fn is_year(&self) -> bool {
        self.last_day() > calendar::end()
    }
}

pub struct City {
    pub settings: Settings,
    pub thresholds: Thresholds,
    /// Counties that have households here.
    pub counties: Vec<County>,
    pub households: Vec<Household>,
    pub plants: Vec<Plant>,
    /// What bureaus have wrong.
    pub mistakes: Vec<Mistake>,
    /// What each bureau knows at the start, and what it learns on a day.
    pub book: Book,
    /// What offices tell of counties and townships, by day.
    pub of_divisions: BTreeMap<(NaiveDate, Dataset, County), Vec<Row>>,
    /// Ordinary households that chance had made into cases, and that were drawn again.
    pub redrawn: usize,
    ranges: BTreeMap<County, Range<usize>>,
}

impl City {
    /// Makes the city in memory.
    pub fn build(settings: Settings, thresholds: Thresholds) -> City {
        City::build_in(Book::small(), settings, thresholds, &mut |_| {}).expect("memory does not fail")
    }

    /// Makes the city with its rows in a book; tells how many households there are so far.
    pub fn build_in(
        book: Book,
        settings: Settings,
        thresholds: Thresholds,
        told: &mut dyn FnMut(usize),
    ) -> io::Result<City> {
        let shares = shares(settings.households);
        let mut builder = Builder {
            city: City {
                settings,
                thresholds: thresholds.clone(),
                counties: shares.iter().map(|(county, _)| *county).collect(),
                households: Vec::with_capacity(settings.households),
                plants: Vec::new(),
                mistakes: Vec::new(),
                book,
                of_divisions: BTreeMap::new(),
                redrawn: 0,
                ranges: BTreeMap::new(),
            },
            numbers: IdNumbers::default(),
            rng: ChaCha8Rng::seed_from_u64(settings.seed),
            year_to: Some(settings.last_day()).filter(|_| settings.is_year()),
            moments: oracle::moments(&thresholds, calendar::start(), calendar::end()),
        };
        for (county, count) in shares {
            let begin = builder.city.households.len();
            let planted = builder.plant(county, count);
            for _ in planted..count {
                builder.ordinary(county);
                told(builder.city.households.len());
            }
            builder.city.ranges.insert(county, begin..builder.city.households.len());
        }
        builder.go_on();
        for (day, household, row) in feed_plant::many(&builder.city) {
            builder.city.book.add(When::Beside(day), division::HOME, (household, 0, row));
        }
        builder.city.of_divisions = of_divisions::rows(&builder.city);
        builder.city.book.finish()?;
        Ok(builder.city)
    }

    /// Places of a county's households.
    pub fn range_of(&self, county: County) -> Range<usize> {
        self.ranges.get(county).cloned().unwrap_or(0..0)
    }

    pub fn person(&self, household: u32, member: u8) -> &Person {
        &self.households[household as usize].members[usize::from(member)]
    }

    pub fn persons(&self) -> usize {
        self.households.iter().map(|h| h.members.len()).sum()
    }

    /// SHA-256 over everything generated: equal cities, equal digests.
    pub fn digest(&self) -> anyhow::Result<String> {
        let mut sum = sha2::Sha256::new();
        for household in &self.households {
            sum.update(format!("{household:?}"));
        }
        for page in self.book.pages() {
            let (when, dataset, county) = *page;
            match when {
                When::Before => sum.update(format!("{:?}[", (dataset, county))),
                When::On(day) => sum.update(format!("{:?}[", (day, dataset, county))),
                When::Beside(_) => continue,
            }
            self.sum_up(*page, &mut sum)?;
            sum.update("]");
        }
        for (feed, rows) in &self.of_divisions {
            sum.update(format!("{feed:?}{rows:?}"));
        }
        sum.update(format!("{:?}{:?}", self.plants, self.mistakes));
        Ok(hex(&sum.finalize()))
    }

    fn sum_up(&self, page: Page, sum: &mut sha2::Sha256) -> anyhow::Result<()> {
        for (n, entry) in self.book.entries(page)?.into_iter().enumerate() {
            let row = self.book.row(page.1, entry)?;
            let comma = if n == 0 { "" } else { ", " };
            sum.update(format!("{comma}{:?}", (entry.household, entry.member, row)));
        }
        Ok(())
    }
}

/// Households of each county: nearly all in the home county, three in a hundred in the second, and the other
/// counties with their share once the city is large. From a hundred thousand on the home county has a fifth.
fn shares(households: usize) -> Vec<(County, usize)> {
    let least = if households < 200 { households.min(12) / 4 } else { 12 };
    let second = (households * 3 / 100).max(least);
    let mut shares = vec![(division::HOME, households - second), (division::SECOND, second)];
    if households > 20_000 {
        let others: Vec<County> = division::counties().into_iter().skip(2).collect();
        let each = if households < 100_000 { households / 20 } else { households * 11 / 100 };
        shares[0].1 -= each * others.len();
        shares.extend(others.into_iter().map(|county| (county, each)));
    }
    shares.retain(|(_, count)| *count > 0);
    shares
}

/// Makes households one after the other.
pub(crate) struct Builder {
    pub(crate) city: City,
    pub(crate) numbers: IdNumbers,
    pub(crate) rng: ChaCha8Rng,
    /// The last day, where that is beyond what a play can reach.
    pub(crate) year_to: Option<NaiveDate>,
    /// Days of the play on which a household is looked at.
    pub(crate) moments: Vec<Moment>,
}

impl Builder {
    /// Takes a household in with its rows; gives its place.
    pub(crate) fn add(&mut self, household: Household, rows: Vec<(When, u8, Row)>) -> u32 {
        let place = u32::try_from(self.city.households.len()).unwrap_or(u32::MAX);
        let county = household.county;
        let arrived = arrived::rows(&household, &rows);
        self.city.households.push(household);
        let told = || rows.iter().chain(&arrived);
        let further = self.year_to.map_or_else(Vec::new, |last| year::rows(told(), last));
        self.city.book.home(county, told().chain(&further));
        place
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
