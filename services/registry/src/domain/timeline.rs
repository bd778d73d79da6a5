//! Class status over time: the periods of one class for one subject never overlap and at most one is open. Every
//! function looks at the periods and says what to change; nothing is changed in place but by those changes.

use chrono::{Days, NaiveDate};
use uuid::Uuid;

/// A period on file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub id: Uuid,
    pub valid_from: NaiveDate,
    /// Last day; `None` while it lasts; the day before `valid_from` when taken back.
    pub valid_to: Option<NaiveDate>,
    pub amount_fen: i64,
    /// Granted or ended by a decision: collection does not touch it any more.
    pub decided: bool,
}

/// What to do to the periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Open { from: NaiveDate, amount_fen: i64 },
    Close { id: Uuid, last_day: NaiveDate },
    Amend { id: Uuid, amount_fen: i64 },
}

fn before(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(1)).unwrap_or(day)
}

fn after(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

impl Period {
    fn lived(&self) -> bool {
        self.valid_to.is_none_or(|to| to >= self.valid_from)
    }

    fn reaches(&self, day: NaiveDate) -> bool {
        self.lived() && self.valid_to.is_none_or(|to| to >= day)
    }

    /// Ends it on `last_day`, or takes it back when it began later.
    fn close(&self, last_day: NaiveDate) -> Change {
        Change::Close { id: self.id, last_day: last_day.max(before(self.valid_from)) }
    }
}

/// A decision grants the class from a day on. The same grant again changes nothing; another amount or an earlier
/// start ends what was there.
pub fn grant(periods: &[Period], from: NaiveDate, amount_fen: i64) -> Vec<Change> {
    let same = |p: &Period| p.valid_to.is_none() && p.valid_from <= from && p.amount_fen == amount_fen;
    if periods.iter().any(same) {
        return Vec::new();
    }
    let mut changes: Vec<Change> = periods.iter().filter(|p| p.reaches(from)).map(|p| p.close(before(from))).collect();
    changes.push(Change::Open { from, amount_fen });
    changes
}

/// A decision ends the class after `last_day`.
pub fn end(periods: &[Period], last_day: NaiveDate) -> Vec<Change> {
    periods.iter().filter(|p| p.reaches(after(last_day))).map(|p| p.close(last_day)).collect()
}

/// Collection found the class in force since a day. A decision outranks it; a different amount with a later start
/// is a new period, without one a correction.
pub fn collect(periods: &[Period], from: NaiveDate, amount_fen: i64) -> Vec<Change> {
    if let Some(open) = periods.iter().find(|p| p.valid_to.is_none()) {
        return match open {
            p if p.decided || p.amount_fen == amount_fen => Vec::new(),
            p if from > p.valid_from => vec![p.close(before(from)), Change::Open { from, amount_fen }],
            p => vec![Change::Amend { id: p.id, amount_fen }],
        };
    }
    if periods.iter().any(|p| p.decided && p.reaches(from)) {
        return Vec::new();
    }
    let last = periods.iter().filter(|p| p.lived()).filter_map(|p| p.valid_to).max();
    vec![Change::Open { from: last.map_or(from, |day| from.max(after(day))), amount_fen }]
}

/// Collection no longer found the class.
pub fn absent(periods: &[Period], as_of: NaiveDate) -> Vec<Change> {
    periods.iter().filter(|p| p.valid_to.is_none() && !p.decided).map(|p| p.close(before(as_of))).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn day(n: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(n)
    }

    fn apply(changes: Vec<Change>, periods: &mut Vec<Period>, decided: bool) {
        for change in changes {
            match change {
                Change::Open { from, amount_fen } => {
                    let id = Uuid::from_u128(periods.len() as u128 + 1);
                    periods.push(Period { id, valid_from: from, valid_to: None, amount_fen, decided });
                }
                Change::Close { id, last_day } => {
                    let p = periods.iter_mut().find(|p| p.id == id).unwrap();
                    assert!(last_day >= before(p.valid_from));
                    p.valid_to = Some(last_day);
                    p.decided |= decided;
                }
                Change::Amend { id, amount_fen } => {
                    periods.iter_mut().find(|p| p.id == id).unwrap().amount_fen = amount_fen;
                }
            }
        }
    }

    fn check(periods: &[Period]) {
        assert!(periods.iter().filter(|p| p.valid_to.is_none()).count() <= 1, "two open: {periods:?}");
        let lived: Vec<_> = periods.iter().filter(|p| p.lived()).collect();
        for (i, a) in lived.iter().enumerate() {
            for b in &lived[i + 1..] {
                let apart =
                    a.valid_to.is_some_and(|to| to < b.valid_from) || b.valid_to.is_some_and(|to| to < a.valid_from);
                assert!(apart, "overlap: {a:?} {b:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn never_are_two_periods_open_or_overlapping(steps in prop::collection::vec((0_u8..4, 0_u64..60, 0_i64..3), 1..40)) {
            let mut periods = Vec::new();
            for (what, at, amount) in steps {
                let changes = match what {
                    0 => grant(&periods, day(at), amount),
                    1 => end(&periods, day(at)),
                    2 => collect(&periods, day(at), amount),
                    _ => absent(&periods, day(at)),
                };
                apply(changes, &mut periods, what < 2);
                check(&periods);
            }
        }

        #[test]
        fn the_same_step_again_changes_nothing(what in 0_u8..4, at in 0_u64..60, amount in 0_i64..3, first in 0_u64..60) {
            let mut periods = Vec::new();
            apply(grant(&periods, day(first), 1), &mut periods, true);
            let step = |periods: &[Period]| match what {
                0 => grant(periods, day(at), amount),
                1 => end(periods, day(at)),
                2 => collect(periods, day(at), amount),
                _ => absent(periods, day(at)),
            };
            let changes = step(&periods);
            apply(changes, &mut periods, what < 2);
            prop_assert_eq!(step(&periods), vec![]);
        }
    }

    #[test]
    fn another_amount_ends_the_period_the_day_before() {
        let mut periods = Vec::new();
        apply(collect(&periods, day(0), 300), &mut periods, false);
        apply(grant(&periods, day(10), 400), &mut periods, true);
        assert_eq!(periods[0].valid_to, Some(day(9)));
        assert_eq!((periods[1].valid_from, periods[1].valid_to, periods[1].amount_fen), (day(10), None, 400));
    }

    #[test]
    fn collection_does_not_bring_back_what_a_decision_ended() {
        let mut periods = Vec::new();
        apply(collect(&periods, day(0), 300), &mut periods, false);
        apply(end(&periods, day(20)), &mut periods, true);
        assert_eq!(collect(&periods, day(0), 300), vec![]);
        assert_eq!(collect(&periods, day(30), 300).len(), 1);
    }
}
