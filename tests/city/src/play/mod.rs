//! Plays the city's weeks against a running mesh: sets the clock, lets the bureaus push, the field workers check and
//! the desks decide, waits after each step until the mesh is quiet, and at the end asks the mesh what it did.

mod again;
mod bureau;
mod collect;
mod conform;
mod county;
mod digest;
mod feed;
mod fields;
mod file;
mod hours;
mod ledger;
mod quiet;
mod report;
mod screen;
mod township;
mod visits;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use chrono::NaiveDate;
use sha2::Digest as _;
use tokio::time::Instant;

pub use self::report::Report;
use self::{bureau::Office, screen::Screen};
use crate::{
    calendar,
    city::{City, Kind},
    dataset::{Bureau, iso},
    indicator::Indicator,
    mesh::Mesh,
    oracle::Oracle,
};

/// Working days after the last feeds during which what is open may come to its end.
const CLOSING_DAYS: u32 = 25;

/// Rows a bureau sent and what the mesh said of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub lines: u64,
    pub sent: u64,
    pub accepted: u64,
    pub refused: u64,
    pub changed: u64,
}

/// Dirty rows and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    pub planted: u64,
    pub matched: u64,
    pub wrong: u64,
}

/// What the play keeps while it goes on.
pub struct Play {
    mesh: Mesh,
    city: Arc<City>,
    oracle: Oracle,
    screen: Screen,
    work: Option<PathBuf>,
    households: Names,
    offices: BTreeMap<Bureau, Office>,
    township: township::Township,
    county: county::County,
    ledger_sent: bool,
    records: BTreeMap<&'static str, Tally>,
    feeds: BTreeMap<String, report::FeedCount>,
    refusals: Refusals,
    phases: Vec<(&'static str, f64)>,
    problems: Vec<String>,
    /// How many of them are what was missed.
    missed: usize,
}

/// The register's names of the city's households, both ways.
#[derive(Default)]
struct Names {
    place: HashMap<String, u32>,
    name: HashMap<u32, String>,
    person: HashMap<String, (u32, u8)>,
}

/// How far a play goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// Until nothing is left to do.
    #[default]
    Settled,
    /// Until the last day's records are screened.
    Screened,
}

/// What the player is given.
pub struct Task {
    pub city: Arc<City>,
    pub mesh: PathBuf,
    pub work: Option<PathBuf>,
    pub until: Until,
    pub chaos: String,
    /// Whether the conformance kit is run at the end; killed processes answer no kit.
    pub conform: bool,
}

/// Plays everything and reports.
pub async fn play(task: Task) -> anyhow::Result<Report> {
    let mut play = Play::new(&task)?;
    play.register().await?;
    let last = play.month(task.until).await?;
    if task.until == Until::Settled {
        play.closing(last).await?;
    }
    let began = Instant::now();
    let mut report = match task.until {
        Until::Settled => play.collect().await?,
        Until::Screened => play.collect_screened().await?,
    };
    play.phases.push(("collect", began.elapsed().as_secs_f64()));
    if task.conform && task.until == Until::Settled {
        let began = Instant::now();
        report.conformance = play.conform().await?;
        play.phases.push(("conform", began.elapsed().as_secs_f64()));
        report.judge(&play.problems);
    }
    report.phases_s = play.phases.iter().map(|(name, s)| ((*name).to_owned(), round(*s))).collect();
    report.chaos = task.chaos;
    play.screen.line(&format!("完成 done: {}", if report.ok { "ok" } else { "NOT OK" }));
    Ok(report)
}

fn round(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}

impl Play {
    fn new(task: &Task) -> anyhow::Result<Play> {
        let mesh = Mesh::open(&task.mesh)?;
        let city = Arc::clone(&task.city);
        let mut households = Names::default();
        for (place, home) in city.households.iter().enumerate() {
            for (member, person) in home.members.iter().enumerate() {
                let who = (u32::try_from(place)?, u8::try_from(member)?);
                households.person.insert(person.id_number.clone(), who);
            }
        }
        let of = |indicator: Indicator, kind: Kind| {
            let planted = city.plants.iter().filter(|p| p.indicator == indicator && p.kind == kind);
            planted.map(|p| p.household).collect()
        };
        let before =
            city.plants.iter().filter(|p| matches!(p.indicator, Indicator::P03 | Indicator::P04 | Indicator::P12));
        let pace = bureau::Pace {
            seed: city.settings.seed,
            late: of(Indicator::P02, Kind::Fires),
            last_day: of(Indicator::P02, Kind::OneDay),
            unsigned: of(Indicator::P01, Kind::Fires),
            signed_last: of(Indicator::P01, Kind::OneDay),
            told_first: before.map(|p| (p.household, p.indicator, p.kind != Kind::Fires)).collect(),
            signing_days: city.thresholds.offices.unsigned_days,
        };
        let offices = Bureau::acting().map(|b| (b, Office::new(b, pace.clone()))).collect();
        Ok(Play {
            oracle: Oracle::new(Arc::clone(&city)),
            screen: Screen::new(),
            work: task.work.clone(),
            households,
            offices,
            township: township::Township::default(),
            county: county::County::default(),
            ledger_sent: false,
            records: BTreeMap::new(),
            feeds: BTreeMap::new(),
            refusals: Refusals::default(),
            phases: Vec::new(),
            problems: Vec::new(),
            missed: 0,
            mesh,
            city,
        })
    }

    /// Writes the clock; readers see the old instant or the new one, never half of it.
    async fn set_clock(&self, day: NaiveDate) -> anyhow::Result<()> {
        let file =
            self.mesh.file.clock_file.as_ref().context("the mesh runs by the real clock and cannot be played")?;
        let part = file.with_extension("part");
        tokio::fs::write(&part, format!("{}T09:00:00+08:00", iso(day))).await?;
        tokio::fs::rename(&part, file).await?;
        Ok(())
    }

    /// The first day's morning: the counties collect their households.
    async fn register(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        self.set_clock(calendar::start()).await?;
        self.quiet(calendar::start()).await?;
        self.import().await?;
        self.quiet(calendar::start()).await?;
        self.learn_names().await?;
        self.phases.push(("register", began.elapsed().as_secs_f64()));
        Ok(())
    }

    /// The days on which the bureaus send; gives the day after the last.
    async fn month(&mut self, until: Until) -> anyhow::Result<NaiveDate> {
        let (mut began, mut day) = (Instant::now(), calendar::start());
        let last = self.city.settings.last_day();
        while day <= last {
            let people_act = day < last || until == Until::Settled;
            self.day(day, people_act, "月 month").await?;
            day = calendar::plus(day, 1);
            if day == calendar::plus(calendar::start(), 2) {
                self.phases.push(("first_feeds", began.elapsed().as_secs_f64()));
                began = Instant::now();
            }
        }
        self.phases.push(("month", began.elapsed().as_secs_f64()));
        Ok(day)
    }

    /// The days on which nothing new happens, until all is settled.
    async fn closing(&mut self, first: NaiveDate) -> anyhow::Result<()> {
        let (began, mut day) = (Instant::now(), first);
        let end = calendar::add_working(first, CLOSING_DAYS).min(calendar::end());
        while day <= end {
            self.day(day, true, "收尾 closing").await?;
            if calendar::is_working(day) && day >= self.all_come_about() && self.all_settled() {
                // One more morning: what was completed today is closed by tomorrow's pass.
                day = calendar::plus(day, 1);
                self.morning(day).await?;
                break;
            }
            day = calendar::plus(day, 1);
        }
        self.phases.push(("closing", began.elapsed().as_secs_f64()));
        Ok(())
    }

    fn all_settled(&self) -> bool {
        self.ledger_sent
            && self.offices.values().all(Office::is_idle)
            && self.township.is_idle()
            && self.county.is_idle()
    }

    async fn morning(&mut self, day: NaiveDate) -> anyhow::Result<()> {
        self.set_clock(day).await?;
        self.quiet(day).await?;
        self.oracle.scan(day);
        Ok(())
    }

    async fn day(&mut self, day: NaiveDate, people_act: bool, phase: &str) -> anyhow::Result<()> {
        self.morning(day).await?;
        let rows = self.push(day).await?;
        self.quiet(day).await?;
        self.oracle.scan(day);
        let mut acted = 0;
        // Nobody works at the weekend; machines do.
        if people_act && calendar::is_working(day) {
            acted += self.receive(day).await?;
            acted += self.check_fields(day).await?;
            acted += self.visit(day).await?;
            self.quiet(day).await?;
            acted += self.decide_cases(day).await?;
            acted += self.answer(day).await?;
            self.quiet(day).await?;
            if self.ledger_is_due(day) {
                self.send_ledger(day).await?;
                self.quiet(day).await?;
            }
            self.oracle.scan(day);
        }
        self.screen.progress(phase, day, rows, acted);
        Ok(())
    }
}

/// A number that follows from words alone: the same people do the same in every play.
fn chance(seed: u64, what: &str) -> u64 {
    let hash = sha2::Sha256::digest(format!("{seed} {what}"));
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Waits for a condition that another process brings about, looking often at first.
async fn until<T, F: FnMut() -> anyhow::Result<Option<T>>>(
    what: &str,
    limit: Duration,
    mut look: F,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < end, "{what} did not happen within {} s", limit.as_secs());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
