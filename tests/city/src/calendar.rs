//! Working days of the simulated weeks. Between 26 October and the end of 2026 the State Council's notice moves no
//! day, so weekends are enough; the city does not play beyond that, but last days may lie behind New Year's Day.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// First day of the play: a Monday.
pub fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 26).unwrap_or_default()
}

/// Last day on which anything may happen.
pub fn end() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, 31).unwrap_or_default()
}

pub fn is_working(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && (day.month(), day.day()) != (1, 1)
}

pub fn plus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

pub fn minus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

/// Last day of the last month that is over.
pub fn month_end_before(day: NaiveDate) -> NaiveDate {
    minus(day, u64::from(day.day()))
}

/// The `count`-th working day after a day.
pub fn add_working(day: NaiveDate, count: u32) -> NaiveDate {
    let (mut day, mut left) = (day, count);
    while left > 0 {
        day = plus(day, 1);
        left -= u32::from(is_working(day));
    }
    day
}

/// Working days after `from` up to and with `to`.
pub fn working_between(from: NaiveDate, to: NaiveDate) -> u32 {
    let (mut day, mut count) = (from, 0);
    while day < to {
        day = plus(day, 1);
        count += u32::from(is_working(day));
    }
    count
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn working_days_skip_weekends() {
        let friday = NaiveDate::from_ymd_opt(2026, 10, 30).unwrap();
        assert_eq!(add_working(friday, 1), NaiveDate::from_ymd_opt(2026, 11, 2).unwrap());
        assert_eq!(add_working(start(), 5), NaiveDate::from_ymd_opt(2026, 11, 2).unwrap());
        assert_eq!(month_end_before(friday), NaiveDate::from_ymd_opt(2026, 9, 30).unwrap());
        assert_eq!(month_end_before(plus(friday, 2)), plus(friday, 1), "on the first the month before is over");
        let last_week = NaiveDate::from_ymd_opt(2026, 12, 30).unwrap();
        assert_eq!(add_working(last_week, 2), NaiveDate::from_ymd_opt(2027, 1, 4).unwrap());
        assert_eq!(working_between(friday, NaiveDate::from_ymd_opt(2026, 11, 2).unwrap()), 1);
    }
}
