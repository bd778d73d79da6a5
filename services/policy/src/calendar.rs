//! Working days as the State Council arranges them: holidays, make-up working days, and nothing guessed. A year
//! the pack does not have is an error, because counting plain weekends would set wrong legal time limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{Datelike, Days, NaiveDate, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{error::Fault, model::Confidence};

/// The pack's calendar.
#[derive(Debug, Clone)]
pub struct Calendar {
    years: BTreeMap<i32, Year>,
}

#[derive(Debug, Clone)]
struct Year {
    holidays: BTreeSet<NaiveDate>,
    workdays: BTreeSet<NaiveDate>,
    confidence: Confidence,
}

/// A date the calendar says nothing about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarError {
    /// Year that is missing.
    pub year: i32,
}

impl fmt::Display for CalendarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the policy pack's calendar has no year {0}; enter the State Council's holiday arrangement for {0} in \
             calendar.yaml (政策包日历缺少{0}年，请按国务院办公厅放假安排录入 calendar.yaml)",
            self.year
        )
    }
}

impl std::error::Error for CalendarError {}

impl Calendar {
    /// Whether people work on the day.
    pub fn is_working_day(&self, day: NaiveDate) -> Result<bool, CalendarError> {
        let year = self.years.get(&day.year()).ok_or(CalendarError { year: day.year() })?;
        if year.workdays.contains(&day) {
            return Ok(true);
        }
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        Ok(!weekend && !year.holidays.contains(&day))
    }

    /// The `days`-th working day after `day`; `day` itself when 0.
    pub fn add_working_days(&self, day: NaiveDate, days: u32) -> Result<NaiveDate, CalendarError> {
        let mut at = day;
        let mut left = days;
        while left > 0 {
            at = at.checked_add_days(Days::new(1)).ok_or(CalendarError { year: at.year() })?;
            if self.is_working_day(at)? {
                left -= 1;
            }
        }
        Ok(at)
    }

    /// Working days after `from` up to and including `to`; 0 when `to` is not later. The inverse of
    /// [`Calendar::add_working_days`].
    pub fn working_days_between(&self, from: NaiveDate, to: NaiveDate) -> Result<u32, CalendarError> {
        let mut count = 0;
        let mut at = from;
        while at < to {
            at = at.checked_add_days(Days::new(1)).ok_or(CalendarError { year: at.year() })?;
            if self.is_working_day(at)? {
                count += 1;
            }
        }
        Ok(count)
    }

    /// The day's year stands in the calendar ahead of the State Council's notice and may still change.
    pub fn is_provisional(&self, day: NaiveDate) -> bool {
        self.years.get(&day.year()).is_some_and(|year| year.confidence != Confidence::Confirmed)
    }

    /// Years the calendar has.
    pub fn years(&self) -> impl Iterator<Item = i32> + '_ {
        self.years.keys().copied()
    }

    pub(crate) fn of(entries: Vec<YearEntry>) -> Result<Self, Fault> {
        let mut years = BTreeMap::new();
        for entry in entries {
            let number = entry.year;
            if years.insert(number, entry.checked()?).is_some() {
                return Err(Fault::new(format!("year {number} is given twice"), format!("{number}年重复")));
            }
        }
        if years.is_empty() {
            return Err(Fault::new("the calendar has no year", "日历为空"));
        }
        Ok(Self { years })
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarFile {
    pub years: Vec<YearEntry>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct YearEntry {
    year: i32,
    #[serde(rename = "document")]
    _document: String,
    confidence: Confidence,
    holidays: Vec<Holiday>,
    #[serde(default)]
    workdays: Vec<NaiveDate>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Holiday {
    #[serde(rename = "title")]
    _title: String,
    from: NaiveDate,
    to: NaiveDate,
}

impl YearEntry {
    fn checked(self) -> Result<Year, Fault> {
        let mut holidays = BTreeSet::new();
        for holiday in &self.holidays {
            let wrong = holiday.from > holiday.to || holiday.from.year() != self.year || holiday.to.year() != self.year;
            if wrong {
                let (from, to) = (holiday.from, holiday.to);
                return Err(Fault::new(
                    format!("holiday {from} to {to} does not lie within {}", self.year),
                    format!("假期 {from} 至 {to} 不在{}年内", self.year),
                ));
            }
            holidays.extend(holiday.from.iter_days().take_while(|day| *day <= holiday.to));
        }
        for day in &self.workdays {
            let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            if !weekend || holidays.contains(day) || day.year() != self.year {
                return Err(Fault::new(
                    format!("make-up working day {day} is no weekend day of {} outside its holidays", self.year),
                    format!("调休上班日 {day} 不是{}年假期以外的周末", self.year),
                ));
            }
        }
        Ok(Year { holidays, workdays: self.workdays.into_iter().collect(), confidence: self.confidence })
    }
}
