//! When a feed is due and how long its data count. Pure dates; the rhythm comes from the dataset's descriptor.

use chrono::{Datelike, Days, Months, NaiveDate};

/// How often a feed comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// Every day.
    Daily,
    /// By the 10th, the 20th and the last day of a month.
    TenDays,
    /// Once a month, by this day.
    Monthly(u32),
    /// When there is something to tell; never late.
    OnEvent,
}

impl Rhythm {
    /// The word stored with the feed.
    pub fn word(self) -> &'static str {
        match self {
            Rhythm::Daily => "daily",
            Rhythm::TenDays => "ten_days",
            Rhythm::Monthly(_) => "monthly",
            Rhythm::OnEvent => "on_event",
        }
    }
}

/// Day by which the batch after the one of `as_of` is due; late from the day after. `None` is never.
pub fn due_on(rhythm: Rhythm, as_of: NaiveDate) -> Option<NaiveDate> {
    match rhythm {
        Rhythm::Daily => as_of.checked_add_days(Days::new(1)),
        Rhythm::TenDays => next_tenth(as_of),
        Rhythm::Monthly(day) => {
            let month = as_of.with_day(1)?.checked_add_months(Months::new(1))?;
            month.with_day(day.clamp(1, last_day(month)?))
        }
        Rhythm::OnEvent => None,
    }
}

/// Last day on which data of `as_of` still count as known.
pub fn fresh_until(as_of: NaiveDate, fresh_days: u32) -> NaiveDate {
    as_of.checked_add_days(Days::new(u64::from(fresh_days))).unwrap_or(NaiveDate::MAX)
}

fn next_tenth(as_of: NaiveDate) -> Option<NaiveDate> {
    let last = last_day(as_of)?;
    let within = [10, 20, last].into_iter().find(|day| *day > as_of.day());
    match within {
        Some(day) => as_of.with_day(day),
        None => as_of.with_day(1)?.checked_add_months(Months::new(1))?.with_day(10),
    }
}

fn last_day(of: NaiveDate) -> Option<u32> {
    of.with_day(1)?.checked_add_months(Months::new(1))?.pred_opt().map(|d| d.day())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn due(rhythm: Rhythm, as_of: &str) -> String {
        due_on(rhythm, as_of.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_daily_feed_is_due_the_day_after() {
        assert_eq!(due(Rhythm::Daily, "2026-10-26"), "2026-10-27");
        assert_eq!(due(Rhythm::Daily, "2026-12-31"), "2027-01-01");
    }

    #[test]
    fn a_ten_day_feed_is_due_on_the_next_of_tenth_twentieth_and_last() {
        for (as_of, due_day) in [
            ("2026-10-09", "2026-10-10"),
            ("2026-10-10", "2026-10-20"),
            ("2026-10-20", "2026-10-31"),
            ("2026-10-30", "2026-10-31"),
            ("2026-10-31", "2026-11-10"),
            ("2027-02-20", "2027-02-28"),
            ("2027-02-28", "2027-03-10"),
            ("2028-02-28", "2028-02-29"),
            ("2026-12-31", "2027-01-10"),
        ] {
            assert_eq!(due(Rhythm::TenDays, as_of), due_day, "{as_of}");
        }
    }

    #[test]
    fn a_monthly_feed_is_due_on_its_day_of_the_month_after() {
        assert_eq!(due(Rhythm::Monthly(15), "2026-10-31"), "2026-11-15");
        assert_eq!(due(Rhythm::Monthly(15), "2026-11-01"), "2026-12-15");
        assert_eq!(due(Rhythm::Monthly(25), "2026-12-10"), "2027-01-25");
        assert_eq!(due(Rhythm::Monthly(31), "2027-01-31"), "2027-02-28");
    }

    #[test]
    fn a_feed_on_event_is_never_due() {
        assert_eq!(due_on(Rhythm::OnEvent, "2026-10-26".parse().unwrap()), None);
    }

    #[test]
    fn data_count_as_fresh_through_the_last_of_their_days() {
        assert_eq!(fresh_until("2026-10-01".parse().unwrap(), 45).to_string(), "2026-11-15");
        assert_eq!(fresh_until(NaiveDate::MAX, 45), NaiveDate::MAX);
    }
}
