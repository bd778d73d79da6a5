//! What the bureaus send on which day: the generated rows made into batches, each bureau in its rhythm, with the
//! dirty rows mixed in and on record.

use std::collections::HashSet;

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::RowReason;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    calendar,
    city::City,
    dataset::{Bureau, Dataset, Rhythm, Row},
    defect,
    division::County,
    feed_plant,
    oracle::Oracle,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Snapshot,
    Changes,
}

impl Mode {
    pub fn text(self) -> &'static str {
        match self {
            Mode::Snapshot => "snapshot",
            Mode::Changes => "changes",
        }
    }
}

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Clean {
        household: u32,
        member: u8,
    },
    /// A clean row about somebody whom the register does not know.
    Stranger,
    /// A clean row about a county or a township.
    Division,
    /// The mesh must refuse the row, for this reason.
    Dirty(RowReason),
}

/// One row of a batch as it leaves the bureau.
#[derive(Clone, Debug)]
pub struct Line {
    pub row: Row,
    pub origin: Origin,
    /// A cell that no typed row can hold: field and what stands there instead. Files only.
    pub cell: Option<(&'static str, Cell)>,
}

/// What stands in a cell instead of the row's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    /// A number where a spreadsheet should have a text.
    Number(f64),
}

#[derive(Clone, Debug)]
pub struct Batch {
    pub dataset: Dataset,
    pub county: County,
    pub as_of: NaiveDate,
    pub mode: Mode,
    pub batch_no: String,
    pub lines: Vec<Line>,
}

impl Batch {
    /// Places of the dirty rows, from 1, with the reason each must be refused for.
    pub fn defects(&self) -> Vec<(i32, RowReason)> {
        let numbered = self.lines.iter().enumerate();
        let dirty = numbered.filter_map(|(n, line)| match line.origin {
            Origin::Dirty(reason) => Some((i32::try_from(n + 1).unwrap_or(i32::MAX), reason)),
            Origin::Clean { .. } | Origin::Stranger | Origin::Division => None,
        });
        dirty.collect()
    }
}

/// Feeds of the second county that never come. Whoever needs one of them there stays unknown.
pub const WITHHELD: [Dataset; 11] = [
    Dataset::SchoolCost,
    Dataset::InsurancePayment,
    Dataset::Unemployment,
    Dataset::HouseRenovation,
    Dataset::MajorDisease,
    Dataset::Settlement,
    Dataset::DisasterRelief,
    Dataset::MonitoredHousehold,
    Dataset::DisabilitySubsidy,
    Dataset::TwoCancerPatient,
    Dataset::DeathCertificate,
];

/// Datasets that their bureau sends whole when they are due; the others send what changed.
const WHOLE: [Dataset; 6] = [
    Dataset::StudentEnrolment,
    Dataset::DisabilityCertificate,
    Dataset::DisabilitySubsidy,
    Dataset::TwoCancerPatient,
    Dataset::FamilyVisit,
    Dataset::MonitoredHousehold,
];

/// Whether a feed never comes.
pub fn withheld(dataset: Dataset, county: County) -> bool {
    county == crate::division::SECOND && WITHHELD.contains(&dataset)
}

/// Day of a bureau's first full snapshots: the registers of people first, then what happened to them.
pub fn first_day(bureau: Bureau) -> NaiveDate {
    let early = [Bureau::Education, Bureau::Hr, Bureau::Housing, Bureau::Disabled, Bureau::Rural, Bureau::Outside];
    if early.contains(&bureau) { calendar::start() } else { calendar::plus(calendar::start(), 1) }
}

/// The batches of one bureau on one day, in the order in which it sends them.
pub fn batches(city: &City, oracle: &Oracle, bureau: Bureau, day: NaiveDate) -> Vec<Batch> {
    let mut all = Vec::new();
    for dataset in Dataset::ALL.iter().copied().filter(|d| d.bureau() == bureau) {
        for county in city.counties.iter().copied().filter(|c| !withheld(dataset, c)) {
            all.extend(batch(city, oracle, (dataset, county), day));
        }
    }
    all
}

fn batch(city: &City, oracle: &Oracle, feed: (Dataset, County), day: NaiveDate) -> Option<Batch> {
    let (dataset, county) = feed;
    if dataset.is_of_divisions() {
        return division_batch(city, feed, day);
    }
    // The ledger of events is there before the losses that rest on it, and what counts of a bill before the bill: until then
    // the whole bill would count.
    let early = matches!(dataset, Dataset::Event | Dataset::PolicyShare);
    let first = if early { calendar::start() } else { first_day(dataset.bureau()) };
    let due = match dataset.rhythm() {
        // An empty batch once a month keeps the feed fresh when nothing happens.
        Rhythm::OnEvent => day == calendar::plus(first, 30),
        rhythm => rhythm.due_today(day),
    };
    let whole = day == first || (due && WHOLE.contains(&dataset));
    let mut rows: Vec<(u32, u8, Row)> = Vec::new();
    if day == first {
        rows.extend(city.initial.get(&feed).into_iter().flatten().cloned());
    } else if day < first {
        return None;
    } else if whole {
        rows = oracle.rows_of(dataset, county);
    }
    let fresh = city.later.get(&(day, dataset, county)).map_or(&[][..], Vec::as_slice);
    merge(&mut rows, fresh);
    merge(&mut rows, &feed_plant::many(city, feed, day));
    if day != first && !due && rows.is_empty() {
        return None;
    }
    let mode = if whole { Mode::Snapshot } else { Mode::Changes };
    let mut rng = ChaCha8Rng::seed_from_u64(city.settings.seed ^ mix(feed, day));
    rows.sort_by_cached_key(|(household, member, row)| (*household, *member, row.key()));
    rows.shuffle(&mut rng);
    let lines = lines(city, rows, &mut rng);
    let mut batch = Batch { dataset, county, as_of: day, mode, batch_no: number(feed, day), lines };
    defect::soil(city, &mut batch, &mut rng);
    feed_plant::soil(city, &mut batch);
    Some(batch)
}

fn number((dataset, county): (Dataset, County), day: NaiveDate) -> String {
    format!("{}{}{:02}", county, day.format("%Y%m%d"), dataset as u8)
}

/// What an office tells of a county and its townships: everything on the first day, then what is new.
fn division_batch(city: &City, feed: (Dataset, County), day: NaiveDate) -> Option<Batch> {
    let (dataset, county) = feed;
    let rows = city.of_divisions.get(&(day, dataset, county)).map_or(&[][..], Vec::as_slice);
    let first = day == first_day(dataset.bureau());
    if rows.is_empty() && !first && !dataset.rhythm().due_today(day) {
        return None;
    }
    let line = |row: &Row| Line { row: row.clone(), origin: Origin::Division, cell: None };
    let mode = if first { Mode::Snapshot } else { Mode::Changes };
    let lines = rows.iter().map(line).collect();
    let mut batch = Batch { dataset, county, as_of: day, mode, batch_no: number(feed, day), lines };
    defect::soil_division(&mut batch);
    Some(batch)
}

/// Rows of today replace what they change.
fn merge(rows: &mut Vec<(u32, u8, Row)>, fresh: &[(u32, u8, Row)]) {
    let keys: HashSet<(u32, u8, String)> = fresh.iter().map(|(h, m, r)| (*h, *m, r.key())).collect();
    rows.retain(|(h, m, r)| !keys.contains(&(*h, *m, r.key())));
    rows.extend(fresh.iter().cloned());
}

/// Fills in who the rows are about, the way this bureau writes it.
fn lines(city: &City, rows: Vec<(u32, u8, Row)>, rng: &mut ChaCha8Rng) -> Vec<Line> {
    let mut lines = Vec::with_capacity(rows.len());
    for (household, member, mut row) in rows {
        identify(city, &mut row, household, member);
        // Old registers still hold numbers of fifteen digits; they are right and must be understood.
        let person = &city.households[household as usize].members[usize::from(member)];
        if let Some(old) = person.old_id_number().filter(|_| rng.random_bool(0.004)) {
            row.set_identity(&old, &person.name);
        }
        lines.push(Line { row, origin: Origin::Clean { household, member }, cell: None });
    }
    lines
}

/// Puts a person's identity and division into a row.
pub fn identify(city: &City, row: &mut Row, household: u32, member: u8) {
    let home = &city.households[household as usize];
    let person = &home.members[usize::from(member)];
    row.set_identity(&person.id_number, &person.name);
    // Some bureaus keep the county only, some the township in nine digits.
    let digits = match row.dataset().bureau() {
        Bureau::Education | Bureau::MedicalInsurance => 6,
        Bureau::Hr | Bureau::Women => 9,
        _ => 12,
    };
    row.set_division(&home.township[..digits]);
}

fn mix(feed: (Dataset, County), day: NaiveDate) -> u64 {
    use chrono::Datelike as _;
    let county: u64 = feed.1.parse().unwrap_or_default();
    let days = u64::from(day.num_days_from_ce().unsigned_abs());
    (days << 40 | (feed.0 as u64) << 24 | county).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
