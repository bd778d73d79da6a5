//! Business time. Dates that mean something to people come from a [`Clock`] that tests and simulations can set;
//! leases, back-off and latency go by the database's or the machine's clock instead.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Days, FixedOffset, NaiveDate, Utc};

/// China Standard Time has had no daylight saving since 1991.
const CHINA_OFFSET_SECONDS: i32 = 8 * 3600;

/// How long a reading of the clock file is used before the file is looked at again.
const FILE_CLOCK_AGE: Duration = Duration::from_millis(50);

/// Where business time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;

    /// Today's date in China Standard Time.
    fn today(&self) -> NaiveDate {
        china_date(self.now())
    }
}

/// A clock shared by everything in a process.
pub type SharedClock = Arc<dyn Clock>;

/// The date an instant falls on in China Standard Time (+08:00).
pub fn china_date(at: DateTime<Utc>) -> NaiveDate {
    match FixedOffset::east_opt(CHINA_OFFSET_SECONDS) {
        Some(china) => at.with_timezone(&china).date_naive(),
        None => at.date_naive(),
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::<Utc>::from(std::time::UNIX_EPOCH) + machine_time()
    }
}

fn machine_time() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// A clock that a simulation sets through a file holding one RFC 3339 instant, shared by all processes of a mesh.
/// The file is re-read at most every 50 ms; while it is missing or unreadable the last good reading stands.
#[derive(Debug)]
pub struct FileClock {
    path: PathBuf,
    reading: Mutex<Option<(Instant, DateTime<Utc>)>>,
}

impl FileClock {
    /// Opens the file; it must hold an instant already.
    pub fn open(path: impl Into<PathBuf>) -> anyhow::Result<FileClock> {
        let path = path.into();
        let now = read_instant(&path)?;
        Ok(FileClock { path, reading: Mutex::new(Some((Instant::now(), now))) })
    }
}

impl Clock for FileClock {
    fn now(&self) -> DateTime<Utc> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, now)) = *reading
            && read_at.elapsed() < FILE_CLOCK_AGE
        {
            return now;
        }
        let now = match (read_instant(&self.path), *reading) {
            (Ok(now), _) | (Err(_), Some((_, now))) => now,
            (Err(_), None) => SystemClock.now(),
        };
        *reading = Some((Instant::now(), now));
        now
    }
}

fn read_instant(path: &std::path::Path) -> anyhow::Result<DateTime<Utc>> {
    let text = std::fs::read_to_string(path)?;
    Ok(DateTime::parse_from_rfc3339(text.trim())?.with_timezone(&Utc))
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    /// Stands at `now`.
    pub fn new(now: DateTime<Utc>) -> FixedClock {
        FixedClock(Mutex::new(now))
    }

    /// Moves to `now`.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves forward by whole days.
    pub fn advance_days(&self, days: u64) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(later) = now.checked_add_days(Days::new(days)) {
            *now = later;
        }
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
    }

    #[test]
    fn the_day_begins_at_midnight_in_china() {
        let clock = FixedClock::new(at("2026-11-23T15:59:59Z"));
        assert_eq!(clock.today().to_string(), "2026-11-23");
        clock.set(at("2026-11-23T16:00:00Z"));
        assert_eq!(clock.today().to_string(), "2026-11-24");
        clock.advance_days(10);
        assert_eq!(clock.today().to_string(), "2026-12-04");
    }

    #[test]
    fn a_file_clock_follows_its_file_and_keeps_the_last_good_reading() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("now");
        std::fs::write(&path, "2026-01-01T08:00:00+08:00\n").unwrap();
        let clock = FileClock::open(&path).unwrap();
        assert_eq!(clock.now(), at("2026-01-01T00:00:00Z"));

        std::fs::write(&path, "2026-02-01T08:00:00+08:00").unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while clock.now() != at("2026-02-01T00:00:00Z") {
            assert!(Instant::now() < deadline, "the clock never read its file again");
            std::thread::yield_now();
        }

        std::fs::remove_file(&path).unwrap();
        let later = Instant::now() + FILE_CLOCK_AGE * 2;
        while Instant::now() < later {
            assert_eq!(clock.now(), at("2026-02-01T00:00:00Z"));
        }
    }
}
