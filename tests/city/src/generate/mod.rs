//! Writes a city into a folder: the counties' households, every batch of every bureau as its file, which rows are dirty
//! and why, which cases hold, and a manifest of all that. Nothing of it is kept: the city's rows lie in a file without a
//! name, a batch is an outline of a few bytes a row from which one line after the other is made, and a household is
//! judged by its own rows. Batches and households are shared out to threads; what is written does not depend on them.

mod manifest;
mod progress;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Context as _;
use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::RowReason;
use serde::ser::{SerializeMap as _, Serializer as _};

pub use self::manifest::{Manifest, Record};
use self::{manifest::Summed, progress::Progress};
use crate::{
    calendar,
    city::{City, Settings, book::Book},
    dataset::{Bureau, Dataset, Transport, iso},
    defect,
    division::County,
    oracle::{HeldCase, Judge},
    plan,
    spool::{Spool, Tape},
    table,
    thresholds::Thresholds,
    truth,
};

/// Households judged at a time.
const STREET: usize = 1024;

/// What to write, and where.
pub struct Task {
    pub settings: Settings,
    pub thresholds: Thresholds,
    pub folder: PathBuf,
    pub threads: usize,
}

/// Dirty rows by file.
type Dirty = Spool<String>;

/// Writes everything; gives what is in the manifest.
pub fn generate(task: Task) -> anyhow::Result<Manifest> {
    let Task { settings, thresholds, folder, threads } = task;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let progress = Progress::new();
    let mut manifest = Manifest::of(settings);
    for note in &manifest.notes {
        progress.line(&format!("! {note}"));
    }
    progress.stage("造户 households", "户 households", settings.households);
    let mut made = 0;
    let mut told = |count: usize| {
        if count - made >= 500 || count == settings.households {
            progress.add((count - made) as u64, 0);
            made = count;
        }
    };
    let city = City::build_in(Book::large(&folder)?, settings, thresholds, &mut told)?;
    manifest.persons = city.persons();
    progress.line("[真值 truth] truth.json");
    truth::write(&city, &folder)?;

    let writing = Writing { city: &city, folder: &folder, progress: &progress, threads };
    let mut dirty: Dirty = Spool::new(Tape::file(&folder, ".dirty.part")?);
    manifest.files = writing.households(&mut dirty)?;
    let dirty = Mutex::new(dirty);
    manifest.files.extend(writing.feeds(&dirty)?);
    writing.dirty(dirty.into_inner().unwrap_or_else(PoisonError::into_inner))?;
    manifest.cases = writing.cases()?;

    let sum = |of: fn(&Record) -> u64| manifest.files.iter().map(of).sum();
    (manifest.rows, manifest.dirty_rows, manifest.bytes) = (sum(|r| r.rows), sum(|r| r.dirty_rows), sum(|r| r.bytes));
    let mut out = truth::secret(&folder.join("manifest.json"))?;
    serde_json::to_writer_pretty(&mut out, &manifest)?;
    out.flush()?;
    let Manifest { households, persons, rows, dirty_rows, bytes, cases, .. } = &manifest;
    progress.line(&format!(
        "完成 done: {households} 户 households, {persons} 人 persons, {} 个文件 files, {rows} 行 rows, {dirty_rows} 脏行 \
         dirty, {bytes} 字节 bytes, {cases} 案件 cases",
        manifest.files.len()
    ));
    Ok(manifest)
}

impl Manifest {
    fn of(settings: Settings) -> Manifest {
        let holidays = "2027 年放假安排尚未公布，只除去周末和元旦 the holidays of 2027 are not published: of its days only weekends \
                        and New Year's Day are no working days";
        Manifest {
            seed: settings.seed,
            households: settings.households,
            persons: 0,
            days: settings.days,
            first_day: iso(calendar::start()),
            last_day: iso(settings.last_day()),
            notes: settings.is_year().then_some(holidays).into_iter().collect(),
            rows: 0,
            dirty_rows: 0,
            bytes: 0,
            cases: 0,
            files: Vec::new(),
        }
    }
}

/// A city on its way into a folder.
struct Writing<'a> {
    city: &'a City,
    folder: &'a Path,
    progress: &'a Progress,
    threads: usize,
}

impl Writing<'_> {
    /// A file of the folder, summed up as it is written.
    fn file(&self, name: &str) -> anyhow::Result<Summed<BufWriter<File>>> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Summed::new(BufWriter::with_capacity(1 << 16, file)))
    }

    /// The counties' collections of households.
    fn households(&self, dirty: &mut Dirty) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        for county in &self.city.counties {
            let name = format!("civil_affairs/households__{county}.csv");
            let mut out = self.file(&name)?;
            writeln!(out, "household_no,division_code")?;
            let mut defects = Vec::new();
            let mut rows = 0;
            for (row, reason) in defect::collected(self.city, county) {
                rows += 1;
                writeln!(out, "{},{}", row.household_no, row.division_code)?;
                defects.extend(reason.map(|reason| (rows, reason)));
            }
            let (bytes, sha256) = out.end()?;
            note(dirty, &name, defects.iter().copied());
            records.push(Record {
                file: name,
                bureau: "civil_affairs",
                dataset: "households",
                county,
                day: iso(calendar::start()),
                mode: plan::Mode::Snapshot.text(),
                rows: u64::try_from(rows)?,
                dirty_rows: defects.len() as u64,
                bytes,
                sha256,
            });
        }
        Ok(records)
    }

    /// Every batch of every bureau, in the order of their days.
    fn feeds(&self, dirty: &Mutex<Dirty>) -> anyhow::Result<Vec<Record>> {
        let last = self.city.settings.last_day();
        let mut batches = Vec::new();
        for day in calendar::start().iter_days().take_while(|day| *day <= last) {
            let feeds = Bureau::ALL.into_iter().flat_map(|bureau| plan::feeds(self.city, bureau));
            batches.extend(feeds.filter(|feed| plan::is_sent(self.city, *feed, day)).map(|feed| (feed, day)));
        }
        self.progress.stage("报送 feeds", "批 batches", batches.len());
        let records = Mutex::new(Vec::new());
        share(self.threads, batches.len(), |n| {
            let record = self.batch(batches[n].0, batches[n].1, dirty)?;
            self.progress.add(1, record.rows);
            records.lock().unwrap_or_else(PoisonError::into_inner).push((n, record));
            Ok(())
        })?;
        let mut records = records.into_inner().unwrap_or_else(PoisonError::into_inner);
        records.sort_by_key(|(n, _)| *n);
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    fn batch(&self, feed: (Dataset, County), day: NaiveDate, dirty: &Mutex<Dirty>) -> anyhow::Result<Record> {
        let outline = plan::outline(self.city, feed, day)?;
        let bureau = feed.0.bureau();
        let under = if bureau.transport() == Transport::Grpc { "grpc/" } else { "" };
        let name = format!("{}/{under}{}", bureau.text(), table::name(&outline.head, outline.is_empty()));
        let mut out = self.file(&name)?;
        table::write(&outline.head, outline.lines(self.city), &mut out)?;
        let (bytes, sha256) = out.end()?;
        let dirty_rows = outline.defects().count() as u64;
        if dirty_rows > 0 {
            note(&mut dirty.lock().unwrap_or_else(PoisonError::into_inner), &name, outline.defects());
        }
        Ok(Record {
            file: name,
            bureau: bureau.text(),
            dataset: feed.0.name(),
            county: feed.1,
            day: iso(day),
            mode: outline.head.mode.text(),
            rows: outline.len() as u64,
            dirty_rows,
            bytes,
            sha256,
        })
    }

    /// `dirty.json`: by file the places of its dirty rows and what each must be refused for.
    fn dirty(&self, mut dirty: Dirty) -> anyhow::Result<()> {
        dirty.finish()?;
        let mut out = truth::secret(&self.folder.join("dirty.json"))?;
        let mut json = serde_json::Serializer::pretty(&mut out);
        let mut files = json.serialize_map(Some(dirty.keys().count()))?;
        for file in dirty.keys() {
            let mut rows = Vec::new();
            for part in dirty.parts(file) {
                rows.extend(part?.chunks_exact(8).map(|bytes| {
                    let number =
                        |at: usize| i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
                    (number(0), RowReason::try_from(number(4)).unwrap_or_default().as_str_name())
                }));
            }
            files.serialize_entry(file, &rows)?;
        }
        files.end()?;
        Ok(out.flush()?)
    }

    /// `cases.csv`: every case with the first and the last day on which it held; gives their number.
    fn cases(&self) -> anyhow::Result<u64> {
        let judge = Judge::new(self.city);
        let all = self.city.households.len();
        self.progress.stage("判定 cases", "户 households", all);
        // By indicator, and within it by street: households lie in the order of their numbers.
        let found: Mutex<Spool<(&str, usize)>> = Mutex::new(Spool::new(Tape::file(self.folder, ".cases.part")?));
        let count = AtomicUsize::new(0);
        share(self.threads, all.div_ceil(STREET), |street| {
            let mut lines = Vec::new();
            let homes = street * STREET..all.min((street + 1) * STREET);
            let judged = homes.len() as u64;
            for place in homes {
                let held = judge.held(u32::try_from(place)?)?;
                lines.extend(held.into_iter().map(|held| (held.case.indicator.text(), self.case(held))));
            }
            lines.sort();
            count.fetch_add(lines.len(), Ordering::Relaxed);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            lines.iter().for_each(|(indicator, line)| found.append((indicator, street), line.as_bytes()));
            self.progress.add(judged, 0);
            Ok(())
        })?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.finish()?;
        let mut out = truth::secret(&self.folder.join("cases.csv"))?;
        writeln!(out, "indicator,household_no,member,first,last")?;
        for key in found.keys() {
            for part in found.parts(key) {
                out.write_all(&part?)?;
            }
        }
        out.flush()?;
        Ok(count.into_inner() as u64)
    }

    fn case(&self, held: HeldCase) -> String {
        let HeldCase { case, first, last } = held;
        let no = &self.city.households[case.household as usize].no;
        let member = case.member.map_or_else(|| "-".to_owned(), |m| m.to_string());
        format!("{},{no},{member},{},{}\n", case.indicator, iso(first), iso(last))
    }
}

fn note(dirty: &mut Dirty, file: &str, defects: impl Iterator<Item = (i32, RowReason)>) {
    for (row, reason) in defects {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&row.to_le_bytes());
        bytes[4..].copy_from_slice(&(reason as i32).to_le_bytes());
        dirty.append(file.to_owned(), &bytes);
    }
}

/// Does pieces of work side by side; the first that fails ends it.
fn share(threads: usize, pieces: usize, work: impl Fn(usize) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let worker = || -> anyhow::Result<()> {
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                return Ok(());
            }
            if let Err(error) = work(piece) {
                next.store(pieces, Ordering::Relaxed);
                return Err(error);
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let mut outcome = worker();
        for other in others {
            let joined = other.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")));
            outcome = outcome.and(joined);
        }
        outcome
    })
}
