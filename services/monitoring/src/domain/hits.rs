//! What a pack's indicators find on one day: hits, and indicators that hit the same households. Nobody is kept.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};

use super::effect::{FieldRules, Hit, Place};

/// Pairs of indicators told.
const PAIRS: usize = 20;

/// What one indicator finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub warnings: i64,
    pub households: i64,
    /// Households that no other indicator hits.
    pub alone: i64,
    /// Households and members of whom the data cannot tell.
    pub unknown: i64,
}

/// What all of them find on a day.
#[derive(Clone, Debug, Default)]
pub struct DayHits {
    pub indicators: BTreeMap<String, Found>,
    pairs: BTreeMap<(String, String), i64>,
    /// Households hit, and hit by more than one indicator.
    pub hit: i64,
    pub hit_again: i64,
    /// Warnings that ask for a field check, households with one, hours of their visits.
    pub checks: i64,
    pub visits: i64,
    pub hours: i64,
}

impl DayHits {
    /// Counts of whom the data cannot tell, by indicator.
    pub fn add_unknown(&mut self, unknown: Vec<(String, i64)>) {
        for (indicator, count) in unknown {
            self.indicators.entry(indicator).or_default().unknown += count;
        }
    }

    /// Counts a slice of the register; `hits` are in order of household and indicator.
    pub fn add(&mut self, places: &[Place], hits: &[Hit], rules: &FieldRules) {
        let township: BTreeMap<_, _> = places.iter().map(|place| (place.household, place.township.as_str())).collect();
        for of_one in hits.chunk_by(|a, b| a.household == b.household) {
            self.hit += 1;
            self.hit_again += i64::from(of_one.len() > 1);
            for (index, hit) in of_one.iter().enumerate() {
                let found = self.indicators.entry(hit.indicator.clone()).or_default();
                found.warnings += hit.warnings;
                found.households += 1;
                found.alone += i64::from(of_one.len() == 1);
                for other in &of_one[index + 1..] {
                    *self.pairs.entry((hit.indicator.clone(), other.indicator.clone())).or_default() += 1;
                }
            }
            let asked: i64 = of_one.iter().filter(|h| rules.checked.contains(&h.indicator)).map(|h| h.warnings).sum();
            if asked > 0 {
                self.checks += asked;
                self.visits += 1;
                self.hours += township.get(&of_one[0].household).map_or(rules.hours_elsewhere, |t| rules.hours_in(t));
            }
        }
    }

    /// The pairs that hit the most households together, at most twenty.
    pub fn overlaps(&self) -> Vec<(&str, &str, i64)> {
        let mut all: Vec<_> = self.pairs.iter().map(|((a, b), n)| (a.as_str(), b.as_str(), *n)).collect();
        all.sort_by(|x, y| y.2.cmp(&x.2).then_with(|| (x.0, x.1).cmp(&(y.0, y.1))));
        all.truncate(PAIRS);
        all
    }
}

/// Last days of the months that end from `from` to `to`, both included.
pub fn month_ends(from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
    let mut days = Vec::new();
    let (mut year, mut month) = (from.year(), from.month());
    loop {
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let next = NaiveDate::from_ymd_opt(year, month, 1);
        let Some(end) = next.and_then(|first| first.pred_opt()).filter(|end| *end <= to) else { return days };
        days.push(end);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use uuid::Uuid;

    use super::*;

    fn hit(household: u128, indicator: &str) -> Hit {
        Hit { household: Uuid::from_u128(household), indicator: indicator.to_owned(), warnings: 1 }
    }

    #[test]
    fn a_household_hit_twice_counts_in_each_and_in_their_overlap() {
        let mut day = DayHits::default();
        let hits = [hit(1, "A01"), hit(1, "A02"), hit(2, "A01"), hit(3, "A01"), hit(3, "A02"), hit(3, "C01")];
        day.add(
            &[],
            &hits,
            &FieldRules { hours_elsewhere: 5, checked: ["C01".to_owned()].into(), ..Default::default() },
        );
        assert_eq!((day.hit, day.hit_again), (3, 2));
        assert_eq!(day.indicators["A01"], Found { warnings: 3, households: 3, alone: 1, unknown: 0 });
        assert_eq!(day.overlaps()[0], ("A01", "A02", 2));
        assert_eq!(day.overlaps().len(), 3);
        assert_eq!((day.checks, day.visits, day.hours), (1, 1, 5));
    }

    #[test]
    fn month_ends_are_those_within_the_range() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(month_ends(day("2025-12-31"), day("2026-02-28")).len(), 3);
        assert_eq!(month_ends(day("2025-12-15"), day("2026-02-27")), [day("2025-12-31"), day("2026-01-31")]);
        assert!(month_ends(day("2026-02-01"), day("2026-02-27")).is_empty());
        assert!(month_ends(day("2026-03-01"), day("2026-02-01")).is_empty());
    }
}
