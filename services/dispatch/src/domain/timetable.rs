//! The days by which a work order must be checked and closed, and from which lateness goes one level up. Dates only:
//! who makes them knows the calendar. Merging takes the earlier of each, so the order of merging does not matter.

use chrono::NaiveDate;

/// Last days and escalation days; `None` means there is no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timetable {
    /// Last day for the field check, and the days from which its lateness is the county's and the city's.
    pub check: Limit,
    /// The same for the whole chain.
    pub close: Limit,
}

/// One limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Last day in time.
    pub due_on: Option<NaiveDate>,
    /// From this day the county has it.
    pub county_on: Option<NaiveDate>,
    /// From this day the city has it (督办).
    pub city_on: Option<NaiveDate>,
}

impl Timetable {
    /// The stricter of two timetables in every entry.
    pub fn merge(self, other: Timetable) -> Timetable {
        Timetable { check: self.check.merge(other.check), close: self.close.merge(other.close) }
    }
}

impl Limit {
    /// The stricter of two limits in every entry.
    pub fn merge(self, other: Limit) -> Limit {
        Limit {
            due_on: earlier(self.due_on, other.due_on),
            county_on: earlier(self.county_on, other.county_on),
            city_on: earlier(self.city_on, other.city_on),
        }
    }
}

/// The earlier of two days of which either may be missing.
pub fn earlier(a: Option<NaiveDate>, b: Option<NaiveDate>) -> Option<NaiveDate> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, None) | (None, one) => one,
    }
}
