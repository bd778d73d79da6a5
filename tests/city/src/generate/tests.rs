#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::Datelike as _;

use super::*;
use crate::{
    dataset::Rhythm,
    oracle::Oracle,
    outline::Slip,
    plan::{Line, Mode, Origin},
};

fn settings(households: usize, days: u32) -> Settings {
    Settings { seed: 3, households, days }
}

/// Generates into a folder of its own, which the caller removes.
fn written(name: &str, settings: Settings, threads: usize) -> (PathBuf, Manifest) {
    let folder = std::env::temp_dir().join(format!("minqing-generate-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let task = Task { settings, thresholds: Thresholds::default(), folder: folder.clone(), threads };
    let manifest = generate(task).unwrap();
    (folder, manifest)
}

#[test]
fn a_file_holds_what_the_play_sends_and_the_manifest_knows_it() {
    let settings = settings(600, 12);
    let (folder, manifest) = written("same", settings, 2);
    let city = Arc::new(City::build(settings, Thresholds::default()));
    let mut oracle = Oracle::new(Arc::clone(&city));
    let dirty: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("dirty.json")).unwrap()).unwrap();
    let mut records = manifest.files.iter().filter(|record| record.bureau != "civil_affairs");
    for day in calendar::start().iter_days().take_while(|day| *day <= settings.last_day()) {
        for bureau in Bureau::ALL {
            for batch in plan::batches(&city, bureau, day).unwrap() {
                let record = records.next().unwrap();
                let bytes = fs::read(folder.join(&record.file)).unwrap();
                let (name, played) = table::file(&batch).unwrap();
                assert!(record.file.ends_with(&format!("/{name}")), "{} {name}", record.file);
                assert!(bytes == played, "{name} differs");
                assert_eq!(record.sha256, crate::household::hex(&sha2::Digest::finalize(sum(&bytes))));
                assert_eq!((record.rows, record.bytes), (batch.lines.len() as u64, bytes.len() as u64));
                let defects = batch.defects();
                assert_eq!(record.dirty_rows, defects.len() as u64);
                for (n, (row, reason)) in defects.iter().enumerate() {
                    assert_eq!(dirty[&record.file][n], serde_json::json!([row, reason.as_str_name()]));
                }
                oracle.deliver(&batch);
            }
        }
        oracle.scan(day);
    }
    assert!(records.next().is_none());
    let mut held: Vec<String> = oracle
        .all_held()
        .map(|(case, days)| {
            let member = case.member.map_or("-".to_owned(), |m| m.to_string());
            let no = &city.households[case.household as usize].no;
            format!("{},{no},{member},{},{}", case.indicator, days.first().unwrap(), days.last().unwrap())
        })
        .collect();
    held.sort();
    let cases = fs::read_to_string(folder.join("cases.csv")).unwrap();
    assert_eq!(cases.lines().skip(1).collect::<Vec<_>>(), held, "judged household by household as day by day");
    assert_eq!(manifest.cases, held.len() as u64);
    fs::remove_dir_all(folder).unwrap();
}

fn sum(bytes: &[u8]) -> sha2::Sha256 {
    sha2::Digest::chain_update(sha2::Digest::new(), bytes)
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (one, three) = (written("one", settings(300, 5), 1), written("three", settings(300, 5), 3));
    let sums = |manifest: &Manifest| -> Vec<(String, String)> {
        manifest.files.iter().map(|record| (record.file.clone(), record.sha256.clone())).collect()
    };
    assert_eq!(sums(&one.1), sums(&three.1));
    for name in ["truth.json", "dirty.json", "cases.csv", "manifest.json"] {
        assert!(fs::read(one.0.join(name)).unwrap() == fs::read(three.0.join(name)).unwrap(), "{name}");
    }
    let left = fs::read_dir(&one.0)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(left.count(), 0, "what is kept while writing has no name");
    fs::remove_dir_all(one.0).unwrap();
    fs::remove_dir_all(three.0).unwrap();
}

/// Counts what arrives.
struct Counter<'a>(&'a AtomicU64);

impl std::io::Write for Counter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_is_made_when_the_line_before_it_is_on_its_way() {
    let city = City::build(settings(200, 3), Thresholds::default());
    for dataset in [Dataset::DisasterRelief, Dataset::InsurancePayment, Dataset::Settlement] {
        let outline = plan::outline(&city, (dataset, crate::division::HOME), plan::first_day_of(dataset)).unwrap();
        let line = outline.lines(&city).next().unwrap().unwrap();
        let (arrived, mut asked) = (AtomicU64::new(0), 0);
        let mut one = Vec::new();
        table::write(&outline.head, std::iter::once(Ok(line.clone())), &mut one).unwrap();
        let least = one.len() as u64 / 4;
        let lines = (0..20_000_u64).map(|n| {
            asked = n;
            let behind = (n * least).saturating_sub(arrived.load(Ordering::Relaxed));
            assert!(behind <= 64 * 1024, "{behind} bytes are held back");
            Ok(line.clone())
        });
        table::write(&outline.head, lines, &mut Counter(&arrived)).unwrap();
        assert_eq!(asked, 19_999);
    }
    assert_eq!(size_of::<crate::city::book::Entry>(), 16);
    assert!(size_of::<Slip>() <= 20, "{} bytes for each line of a batch", size_of::<Slip>());
}

#[test]
fn a_snapshot_holds_all_that_came_so_far() {
    let settings = settings(1_300, 30);
    let city = Arc::new(City::build(settings, Thresholds::default()));
    let mut oracle = Oracle::new(Arc::clone(&city));
    let mut snapshots = 0;
    for day in calendar::start().iter_days().take_while(|day| *day <= settings.last_day()) {
        for batch in Bureau::ALL.into_iter().flat_map(|bureau| plan::batches(&city, bureau, day).unwrap()) {
            let mut before: Vec<_> = oracle.rows_of(batch.dataset, batch.county);
            oracle.deliver(&batch);
            let mut now = oracle.rows_of(batch.dataset, batch.county);
            let whole = batch.mode == Mode::Snapshot && day > calendar::plus(calendar::start(), 1);
            if whole {
                snapshots += 1;
                let key = |(household, member, row): &(u32, u8, crate::dataset::Row)| (*household, *member, row.key());
                before.sort_by_key(key);
                now.sort_by_key(key);
                let news = city.book.has((crate::city::book::When::On(day), batch.dataset, batch.county));
                assert!(before.len() <= now.len() && (news || before.len() == now.len()), "{:?} {day}", batch.dataset);
                let known: BTreeSet<_> = now.iter().map(key).collect();
                assert!(before.iter().all(|row| known.contains(&key(row))), "{:?} {day}", batch.dataset);
            }
        }
    }
    // Six datasets in November, three of them from the second county too.
    assert_eq!(snapshots, 9);
}

#[test]
fn a_year_has_every_dataset_s_month() {
    let settings = settings(400, 250);
    let city = City::build(settings, Thresholds::default());
    let last = settings.last_day();
    assert!(settings.is_year() && last.year() == 2027 && last.month() >= 10, "{last}");
    let months: Vec<NaiveDate> = (0..11)
        .filter_map(|n| NaiveDate::from_ymd_opt(2026, 11, 1)?.checked_add_months(chrono::Months::new(n)))
        .collect();
    let money = [
        Dataset::InsurancePayment,
        Dataset::Settlement,
        Dataset::CivilPayment,
        Dataset::OutpatientMonth,
        Dataset::StudentEnrolment,
        Dataset::DisabilityCertificate,
        Dataset::StatisticsPriceIndex,
        Dataset::CivilReserveFund,
    ];
    for feed in Bureau::ALL.into_iter().flat_map(|bureau| plan::feeds(&city, bureau)) {
        let (dataset, county) = feed;
        let sent: Vec<NaiveDate> = calendar::start()
            .iter_days()
            .take_while(|day| *day <= last)
            .filter(|d| plan::is_sent(&city, feed, *d))
            .collect();
        assert_eq!(sent.first(), Some(&plan::first_day_of(dataset)));
        for month in &months {
            let of_month: Vec<_> =
                sent.iter().filter(|d| (d.year(), d.month()) == (month.year(), month.month())).collect();
            let least = match dataset.rhythm() {
                Rhythm::Daily => 28,
                Rhythm::TenDays => 3,
                Rhythm::Monthly(_) => 1,
                // Thirty days and thirty days may step over February.
                Rhythm::OnEvent => usize::from(month.month() != 2),
            };
            assert!(of_month.len() >= least, "{dataset:?} {county} {month}: {}", of_month.len());
            if money.contains(&dataset) && county == crate::division::HOME {
                let outlines = of_month.iter().map(|day| plan::outline(&city, feed, **day).unwrap());
                assert!(outlines.map(|outline| outline.len()).sum::<usize>() > 0, "{dataset:?} {month} is empty");
            }
        }
    }
    assert_eq!(Manifest::of(settings).notes.len(), 1);
    assert!(Manifest::of(self::settings(400, 22)).notes.is_empty());
}

#[test]
fn in_a_year_no_row_is_about_a_day_to_come() {
    let settings = settings(400, 250);
    let city = City::build(settings, Thresholds::default());
    for day in calendar::start().iter_days().take_while(|day| *day <= settings.last_day()) {
        for dataset in [Dataset::CivilPayment, Dataset::Settlement, Dataset::CivilReview, Dataset::SelfCare] {
            let feed = (dataset, crate::division::HOME);
            if !plan::is_sent(&city, feed, day) {
                continue;
            }
            for line in plan::outline(&city, feed, day).unwrap().lines(&city) {
                let Line { row, origin, .. } = line.unwrap();
                let on = match &row {
                    crate::dataset::Row::CivilPayment(p) => &p.paid_on,
                    crate::dataset::Row::Settlement(s) => &s.settled_on,
                    crate::dataset::Row::CivilReview(r) => &r.reviewed_on,
                    crate::dataset::Row::SelfCare(s) => &s.assessed_on,
                    _ => continue,
                };
                let clean = matches!(origin, Origin::Clean { .. });
                assert!(!clean || *on <= iso(day), "{dataset:?} of {day} is about {on}");
            }
        }
    }
}
