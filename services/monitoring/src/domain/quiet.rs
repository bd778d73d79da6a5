//! A field check found a warning not true: its indicator keeps quiet about the household or person until a day, until what
//! it rests on changes, or until it is more urgent than what was checked. Unknown changes nothing.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use minqing_policy::{Kind, Sign};
use uuid::Uuid;

/// Facts by name, as text; `None` when unknown.
pub type Facts = BTreeMap<String, Option<String>>;

/// Facts whose other values come from the data, by name.
pub type Signs = HashMap<String, (Kind, Sign)>;

/// A check that found a warning not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    pub warning: Uuid,
    pub checked_on: NaiveDate,
    pub until: NaiveDate,
    /// 1 is the most urgent.
    pub level: i32,
    /// What was known at the end of the day of the check, and what has become known since.
    pub facts: Facts,
}

/// What its indicator says now.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    pub on: NaiveDate,
    pub level: i32,
    pub facts: &'a Facts,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Quiet goes on; these facts are what is known from now on, where there is something new.
    Stays(Option<Facts>),
    /// The warning comes up again.
    ComesUp,
}

impl Quiet {
    /// Judges what its indicator says. All of the day of the check counts as seen by it, so that the order of one day's
    /// data and verdicts does not matter.
    pub fn judge(&self, now: Now<'_>, signs: &Signs) -> Turn {
        let stricter = now.level < self.level;
        if stricter || now.on > self.until {
            return Turn::ComesUp;
        }
        let seen = now.on <= self.checked_on;
        let changed = |(name, value): (&String, &Option<String>)| {
            let before = self.facts.get(name).and_then(Option::as_deref);
            signs.get(name).is_some_and(|sign| differs(before, value.as_deref(), *sign))
        };
        if !seen && now.facts.iter().any(changed) {
            return Turn::ComesUp;
        }
        let fresh = |name: &String| seen || self.facts.get(name).is_none_or(Option::is_none);
        let learnt = now.facts.iter().filter(|(name, value)| value.is_some() && fresh(name));
        let mut facts = self.facts.clone();
        facts.extend(learnt.map(|(name, value)| (name.clone(), value.clone())));
        Turn::Stays((facts != self.facts).then_some(facts))
    }
}

fn differs(before: Option<&str>, now: Option<&str>, (kind, sign): (Kind, Sign)) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return false };
    match (sign, kind) {
        (Sign::Any, _) => now != before,
        (Sign::More, Kind::Integer | Kind::Money) => match (before.parse::<i64>(), now.parse::<i64>()) {
            (Ok(before), Ok(now)) => now > before,
            _ => false,
        },
        // Dates as text are in their order, and so are false and true.
        (Sign::More, _) => now > before,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn facts<const N: usize>(list: [(&str, &str); N]) -> Facts {
        list.into_iter()
            .map(|(name, value)| (name.to_owned(), Some(value).filter(|v| *v != "?").map(str::to_owned)))
            .collect()
    }

    fn signs() -> Signs {
        HashMap::from([
            ("income".to_owned(), (Kind::Money, Sign::Any)),
            ("bills".to_owned(), (Kind::Money, Sign::More)),
            ("fell_ill_on".to_owned(), (Kind::Date, Sign::More)),
            ("disabled".to_owned(), (Kind::Boolean, Sign::More)),
        ])
    }

    fn quiet() -> Quiet {
        Quiet {
            warning: Uuid::from_u128(1),
            checked_on: day("2026-10-28"),
            until: day("2027-01-26"),
            level: 3,
            facts: facts([
                ("income", "900"),
                ("bills", "5000"),
                ("fell_ill_on", "2026-09-30"),
                ("disabled", "false"),
                ("age", "59"),
                ("insured", "?"),
            ]),
        }
    }

    fn judge(on: &str, level: i32, now: Facts) -> Turn {
        quiet().judge(Now { on: day(on), level, facts: &now }, &signs())
    }

    #[test]
    fn it_stays_quiet_while_the_facts_stand_and_the_calendar_moves() {
        let same = facts([("income", "900"), ("bills", "5000"), ("disabled", "false")]);
        assert_eq!(judge("2027-01-26", 3, same.clone()), Turn::Stays(None));
        assert_eq!(judge("2026-11-02", 4, same), Turn::Stays(None), "less urgent is no news");
        let moved = facts([("income", "900"), ("bills", "4000"), ("fell_ill_on", "2026-08-01"), ("age", "60")]);
        assert_eq!(judge("2026-11-02", 3, moved), Turn::Stays(None), "rows leave and birthdays come by themselves");
    }

    #[test]
    fn it_comes_up_when_a_fact_changes_when_it_is_more_urgent_and_after_the_day() {
        for changed in [
            ("income", "899"),
            ("income", "901"),
            ("bills", "10000"),
            ("fell_ill_on", "2026-10-01"),
            ("disabled", "true"),
        ] {
            assert_eq!(judge("2026-11-02", 3, facts([changed])), Turn::ComesUp, "{changed:?}");
        }
        assert_eq!(judge("2026-10-28", 2, Facts::new()), Turn::ComesUp, "on the day of the check as well");
        assert_eq!(judge("2027-01-27", 3, Facts::new()), Turn::ComesUp);
    }

    #[test]
    fn what_is_unknown_neither_changes_nor_is_forgotten() {
        assert_eq!(judge("2026-11-02", 3, facts([("income", "?"), ("bills", "?")])), Turn::Stays(None));
        let Turn::Stays(Some(learnt)) = judge("2026-11-02", 3, facts([("insured", "true"), ("income", "?")])) else {
            panic!("what becomes known is no change, and kept");
        };
        assert_eq!(learnt["insured"].as_deref(), Some("true"));
        assert_eq!(learnt["income"].as_deref(), Some("900"));
    }

    #[test]
    fn all_of_the_day_of_the_check_counts_as_seen() {
        let Turn::Stays(Some(seen)) = judge("2026-10-28", 3, facts([("income", "500"), ("bills", "?")])) else {
            panic!("a change on that day is no news");
        };
        assert_eq!((seen["income"].as_deref(), seen["bills"].as_deref()), (Some("500"), Some("5000")));
    }
}
