//! Whether an indicator's checks find what it warns of: its yield, and when that counts as fallen.

use chrono::{Days, NaiveDate};

/// Checks of an indicator's warnings and how many of them found the need, at least in part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    pub checked: i64,
    pub found_true: i64,
}

/// From when on a yield counts as fallen in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Days before the present one whose verdicts count.
    pub window_days: u32,
    /// Fewer checks say nothing.
    pub least_checks: i64,
    /// Lowest yield let pass.
    pub permille: i32,
}

/// What the checks of a window say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Fell,
    Recovered,
    /// As before: too few checks, or nothing has changed.
    Stays,
}

/// Work orders that two indicators share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    pub shared: i64,
    /// Work orders of the one that has fewer.
    pub smaller: i64,
}

/// From when on two indicators may be one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlapLimit {
    pub permille: i32,
    /// Fewer shared work orders say nothing.
    pub least_shared: i64,
}

impl Overlap {
    /// Shared by those of the smaller one.
    pub fn permille(self) -> i32 {
        let permille = self.shared.checked_mul(1000).and_then(|all| all.checked_div(self.smaller));
        permille.and_then(|permille| i32::try_from(permille).ok()).unwrap_or_default()
    }
}

impl OverlapLimit {
    /// Whether an overlap is as large as that.
    pub fn reached(self, overlap: Overlap) -> bool {
        overlap.shared >= self.least_shared.max(1) && overlap.permille() >= self.permille
    }
}

impl Checks {
    /// Found true by checked; unknown when nothing was checked.
    pub fn permille(self) -> Option<i32> {
        let permille = self.found_true.checked_mul(1000)?.checked_div(self.checked)?;
        i32::try_from(permille).ok()
    }
}

impl Floor {
    /// First and last day whose verdicts count on `today`. The present day is not over, so it does not count: a pass says
    /// the same whenever it runs.
    pub fn window(self, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
        Some((today.checked_sub_days(Days::new(self.window_days.into()))?, today.pred_opt()?))
    }

    /// What a window's checks mean for a yield that stands as fallen, or does not.
    pub fn judge(self, fallen: bool, checks: Checks) -> Turn {
        if checks.checked < self.least_checks.max(1) {
            return Turn::Stays;
        }
        let below = i128::from(checks.found_true) * 1000 < i128::from(checks.checked) * i128::from(self.permille);
        match (fallen, below) {
            (false, true) => Turn::Fell,
            (true, false) => Turn::Recovered,
            _ => Turn::Stays,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const FLOOR: Floor = Floor { window_days: 90, least_checks: 20, permille: 300 };

    fn checks(found_true: i64, checked: i64) -> Checks {
        Checks { checked, found_true }
    }

    #[test]
    fn a_yield_of_nothing_is_unknown_and_of_no_hits_is_nought() {
        assert_eq!(checks(0, 0).permille(), None);
        assert_eq!(checks(0, 5).permille(), Some(0));
        assert_eq!(checks(2, 3).permille(), Some(666));
        assert_eq!(checks(3, 3).permille(), Some(1000));
    }

    #[test]
    fn a_yield_falls_below_the_floor_and_not_at_it() {
        for (found_true, checked, fallen, turn) in [
            (6, 20, false, Turn::Stays),
            (5, 20, false, Turn::Fell),
            (5, 20, true, Turn::Stays),
            (6, 20, true, Turn::Recovered),
            (0, 19, false, Turn::Stays),
            (19, 19, true, Turn::Stays),
            (i64::MAX, i64::MAX, true, Turn::Recovered),
        ] {
            assert_eq!(FLOOR.judge(fallen, checks(found_true, checked)), turn, "{found_true}/{checked}");
        }
        let lenient = Floor { least_checks: 0, ..FLOOR };
        assert_eq!(lenient.judge(false, checks(0, 0)), Turn::Stays, "nothing checked says nothing");
    }

    #[test]
    fn two_indicators_may_be_one_when_the_smaller_is_hardly_ever_alone() {
        let limit = OverlapLimit { permille: 800, least_shared: 20 };
        for (shared, smaller, permille, reached) in
            [(20, 25, 800, true), (20, 26, 769, false), (19, 19, 1000, false), (0, 0, 0, false)]
        {
            let overlap = Overlap { shared, smaller };
            assert_eq!((overlap.permille(), limit.reached(overlap)), (permille, reached), "{shared}/{smaller}");
        }
        assert!(!OverlapLimit { permille: 0, least_shared: 0 }.reached(Overlap { shared: 0, smaller: 3 }));
    }

    #[test]
    fn a_window_ends_with_the_day_before() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let floor = Floor { window_days: 3, ..FLOOR };
        assert_eq!(floor.window(day("2026-03-02")).unwrap(), (day("2026-02-27"), day("2026-03-01")));
    }
}
