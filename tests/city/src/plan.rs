//! What the bureaus send on which day: the generated rows made into batches, each bureau in its rhythm, with the
//! dirty rows mixed in and on record.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::RowReason;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    calendar,
    city::{
        City,
        book::{Entry, When},
    },
    dataset::{Bureau, Dataset, Rhythm, Row},
    defect,
    division::County,
    feed_plant,
    outline::{Change, Head, Outline, Slip, Slips},
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
    pub fn head(&self) -> Head {
        let Batch { dataset, county, as_of, mode, ref batch_no, .. } = *self;
        Head { dataset, county, as_of, mode, batch_no: batch_no.clone() }
    }

    /// Places of the dirty rows, from 1, with the reason each must be refused for.
    pub fn defects(&self) -> Vec<(i32, RowReason)> {
        let numbered = self.lines.iter().zip(1..);
        numbered.filter_map(|(line, place)| Some((place, line.reason()?))).collect()
    }
}

impl Line {
    /// What the mesh must refuse it for.
    pub fn reason(&self) -> Option<RowReason> {
        match self.origin {
            Origin::Dirty(reason) => Some(reason),
            Origin::Clean { .. } | Origin::Stranger | Origin::Division => None,
        }
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
pub fn batches(city: &City, bureau: Bureau, day: NaiveDate) -> anyhow::Result<Vec<Batch>> {
    let mut all = Vec::new();
    for feed in feeds(city, bureau).filter(|feed| is_sent(city, *feed, day)) {
        all.push(outline(city, feed, day)?.batch(city)?);
    }
    Ok(all)
}

/// What a bureau sends at all, in the order in which it sends it.
pub fn feeds(city: &City, bureau: Bureau) -> impl Iterator<Item = (Dataset, County)> {
    let mine = Dataset::ALL.iter().copied().filter(move |d| d.bureau() == bureau);
    let of_counties = mine.flat_map(|dataset| city.counties.iter().map(move |county| (dataset, *county)));
    of_counties.filter(|(dataset, county)| !withheld(*dataset, county))
}

/// Day of a dataset's first batch.
pub fn first_day_of(dataset: Dataset) -> NaiveDate {
    // The ledger of events is there before the losses that rest on it, and what counts of a bill before the bill: until then
    // the whole bill would count.
    let early = matches!(dataset, Dataset::Event | Dataset::PolicyShare);
    if early { calendar::start() } else { first_day(dataset.bureau()) }
}

/// Whether a dataset comes on a day whatever happened.
fn is_due(city: &City, dataset: Dataset, day: NaiveDate) -> bool {
    match dataset.rhythm() {
        // An empty batch once a month keeps the feed fresh when nothing happens.
        Rhythm::OnEvent if !dataset.is_of_divisions() => {
            let days = (day - first_day_of(dataset)).num_days();
            days == 30 || (days > 30 && days % 30 == 0 && city.settings.is_year())
        }
        rhythm => rhythm.due_today(day),
    }
}

/// Whether a feed sends a batch on a day: the first, when it is due, and when something happened.
pub fn is_sent(city: &City, feed: (Dataset, County), day: NaiveDate) -> bool {
    let (dataset, county) = feed;
    if dataset.is_of_divisions() {
        let rows = city.of_divisions.get(&(day, dataset, county)).is_some_and(|rows| !rows.is_empty());
        return rows || day == first_day(dataset.bureau()) || is_due(city, dataset, day);
    }
    let first = first_day_of(dataset);
    let news = [When::On(day), When::Beside(day)].into_iter().any(|when| city.book.has((when, dataset, county)));
    day == first || (day > first && (is_due(city, dataset, day) || news))
}

/// What a feed sends on a day on which it sends.
pub fn outline(city: &City, feed: (Dataset, County), day: NaiveDate) -> anyhow::Result<Outline> {
    let (dataset, county) = feed;
    let first = day == first_day_of(dataset);
    if dataset.is_of_divisions() {
        return Ok(division_outline(city, feed, day));
    }
    let whole = first || (WHOLE.contains(&dataset) && is_due(city, dataset, day));
    let mut entries = Vec::new();
    if whole {
        // All that came so far.
        let before = city.book.pages_of(dataset, county).filter(|(when, ..)| match when.day() {
            None => true,
            Some(told) => first_day_of(dataset) <= told && told < day,
        });
        for page in before {
            entries.extend(city.book.entries(page)?);
        }
    }
    for when in [When::On(day), When::Beside(day)] {
        entries.extend(city.book.entries((when, dataset, county))?);
    }
    newest(city, dataset, &mut entries)?;
    let mode = if whole { Mode::Snapshot } else { Mode::Changes };
    let mut rng = ChaCha8Rng::seed_from_u64(city.settings.seed ^ mix(feed, day));
    entries.shuffle(&mut rng);
    let head = Head { dataset, county, as_of: day, mode, batch_no: number(feed, day) };
    let slips = slips(city, &entries, &mut rng);
    let mut outline = Outline { head, entries, slips, ready: Vec::new() };
    defect::soil(city, &mut outline, &mut rng);
    feed_plant::soil(city, &mut outline);
    Ok(outline)
}

fn number((dataset, county): (Dataset, County), day: NaiveDate) -> String {
    format!("{}{}{:02}", county, day.format("%Y%m%d"), dataset as u8)
}

/// What an office tells of a county and its townships: everything on the first day, then what is new.
fn division_outline(city: &City, feed: (Dataset, County), day: NaiveDate) -> Outline {
    let (dataset, county) = feed;
    let rows = city.of_divisions.get(&(day, dataset, county)).map_or(&[][..], Vec::as_slice);
    let first = day == first_day(dataset.bureau());
    let line = |row: &Row| Line { row: row.clone(), origin: Origin::Division, cell: None };
    let mode = if first { Mode::Snapshot } else { Mode::Changes };
    let head = Head { dataset, county, as_of: day, mode, batch_no: number(feed, day) };
    let mut ready = rows.iter().map(line).collect();
    defect::soil_division(&head, &mut ready);
    Outline { head, entries: Vec::new(), slips: Slips::default(), ready }
}

/// Puts the rows in order of household, member and key; of rows with the same the newest, which comes last, remains.
fn newest(city: &City, dataset: Dataset, entries: &mut Vec<Entry>) -> anyhow::Result<()> {
    entries.sort_by_key(|entry| (entry.household, entry.member));
    let mut sorted = Vec::with_capacity(entries.len());
    for mine in entries.chunk_by(|one, next| (one.household, one.member) == (next.household, next.member)) {
        if let [only] = mine {
            sorted.push(*only);
            continue;
        }
        let mut by_key = BTreeMap::new();
        for entry in mine {
            by_key.insert(city.book.row(dataset, *entry)?.key(), *entry);
        }
        sorted.extend(by_key.into_values());
    }
    *entries = sorted;
    Ok(())
}

/// One slip for each row. Old registers still hold numbers of fifteen digits; they are right and must be understood.
fn slips(city: &City, entries: &[Entry], rng: &mut ChaCha8Rng) -> Slips {
    let mut slips = Slips::default();
    for (place, entry) in (0..).zip(entries) {
        let had = city.person(entry.household, entry.member).had_old_number();
        slips.push(Slip { entry: place, old: had && rng.random_bool(0.004), change: Change::Clean });
    }
    slips
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
