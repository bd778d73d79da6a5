//! A checked "not true" keeps the same indicator on the same person quiet until a day, or until monitoring says that what
//! the indicator rests on has changed since the check.

use chrono::NaiveDate;

/// What a check keeps quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Last quiet day.
    pub until: NaiveDate,
    /// Business date on which the check was reported; none before that was kept.
    pub since: Option<NaiveDate>,
}

impl Quiet {
    /// Whether a warning raised on a day is kept quiet. `changed_since`: the newest check that monitoring knew of, when there
    /// is something new to it. A later check has seen it.
    pub fn holds(self, raised_on: NaiveDate, changed_since: Option<NaiveDate>) -> bool {
        let news = changed_since.is_some_and(|checked_on| self.since.is_none_or(|since| since <= checked_on));
        raised_on <= self.until && !news
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn it_holds_until_its_last_day_or_until_something_is_new_since_the_check() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let until = day("2026-11-25");
        for (since, raised_on, changed_since, holds) in [
            (Some("2026-10-26"), "2026-11-25", None, true),
            (Some("2026-10-26"), "2026-11-26", None, false),
            (Some("2026-10-26"), "2026-10-27", Some("2026-10-26"), false),
            (Some("2026-10-26"), "2026-10-27", Some("2026-10-25"), true),
            (None, "2026-10-27", None, true),
            (None, "2026-10-27", Some("2026-10-26"), false),
        ] {
            let quiet = Quiet { until, since: since.map(day) };
            assert_eq!(
                quiet.holds(day(raised_on), changed_since.map(day)),
                holds,
                "{since:?} {raised_on} {changed_since:?}"
            );
        }
    }
}
