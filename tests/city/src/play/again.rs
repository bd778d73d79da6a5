//! After a check that found a warning not true: whether the same kept quiet for as long as it should, came up again when it
//! should, and which visits were lost by it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::{Play, collect::Books};
use crate::{
    calendar::plus,
    dataset::{date, iso},
    indicator::Indicator,
    oracle::{Case, Check},
};

/// What became of the warnings that checks found not true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AfterChecks {
    /// Times a check found a warning of a household not true.
    pub not_true: u64,
    /// Warnings raised again that no work order took, and those of them that were true on their day.
    pub kept_quiet: u64,
    pub kept_quiet_true: u64,
    /// Warnings raised again that a work order took.
    pub came_up: u64,
    /// What became true after all and nobody came to look at: a visit lost each.
    pub losses: Vec<String>,
}

/// Warnings of a case: the day, and whether a work order took it.
type Raised = BTreeMap<NaiveDate, bool>;

impl Play {
    pub(super) fn after_checks(&mut self, books: &Books) -> AfterChecks {
        let raised = self.raised(books);
        let none = Raised::new();
        let mut after = AfterChecks::default();
        let mut wrong = Vec::new();
        let checks: Vec<Check> = self.oracle.checks().collect();
        for of_case in checks.chunk_by(|one, next| one.case == next.case) {
            let mine = raised.get(&of_case[0].case).unwrap_or(&none);
            after.not_true += of_case.len() as u64;
            for (day, taken) in mine.iter().filter(|(day, _)| **day > of_case[0].on) {
                after.came_up += u64::from(*taken);
                after.kept_quiet += u64::from(!taken);
                after.kept_quiet_true += u64::from(!taken && self.oracle.true_on(of_case[0].case, *day));
            }
            wrong.extend(of_case.iter().filter_map(|check| self.not_as_it_should(*check, mine)));
            let mut lost = of_case.iter().filter_map(|check| Some((check, self.oracle.lost_since(*check)?)));
            after.losses.extend(lost.next_back().map(|(check, since)| self.loss(*check, since)));
        }
        wrong.extend(self.not_raised_again(&raised));
        wrong.into_iter().for_each(|text| self.problem(text));
        after
    }

    fn raised(&self, books: &Books) -> HashMap<Case, Raised> {
        let taken: HashSet<&str> = books.orders.iter().flat_map(|o| &o.reasons).map(|r| r.warning.as_str()).collect();
        let mut raised: HashMap<Case, Raised> = HashMap::new();
        for warning in &books.warnings {
            let Some((indicator, day)) = Indicator::of(&warning.indicator).zip(date(&warning.raised_on)) else {
                continue;
            };
            for case in self.cases_meant(indicator, warning, books) {
                *raised.entry(case).or_default().entry(day).or_default() |= taken.contains(warning.name.as_str());
            }
        }
        raised
    }

    /// Day of what a bureau tells anew of a case after a mistake; none when no mistake was planted.
    fn news(&self, case: Case) -> Option<Option<NaiveDate>> {
        self.city.mistakes.iter().find(|m| m.case() == case).map(|m| m.news)
    }

    /// It has to be quiet until something new is told, or until the day after the last quiet one, and come up then.
    fn not_as_it_should(&self, check: Check, mine: &Raised) -> Option<String> {
        let news = self.news(check.case);
        let later = plus(self.oracle.quiet_until(check), 1);
        let next = news.flatten().filter(|day| *day > check.on).map_or(later, |day| day.min(later));
        let early = mine.iter().find(|(day, taken)| **taken && check.on < **day && **day < next);
        if let Some((day, _)) = early {
            // Where nothing was planted the data may have changed.
            return news.map(|_| format!("{} came up again on {day}, before {next}", self.told(check)));
        }
        let due = next <= self.oracle.last_seen() && self.oracle.held_on(check.case, next);
        let up = mine.get(&next).is_some_and(|taken| *taken);
        (due && !up).then(|| format!("{} did not come up again on {next}", self.told(check)))
    }

    /// Whatever the data say again after they had said otherwise must be raised again, kept quiet or not.
    fn not_raised_again(&self, raised: &HashMap<Case, Raised>) -> Vec<String> {
        let mut missing = Vec::new();
        for case in self.city.mistakes.iter().map(|m| m.case()) {
            let mine = raised.get(&case);
            for day in self.oracle.begins_to_hold(case) {
                if !mine.is_some_and(|mine| mine.contains_key(&day)) {
                    missing.push(format!("{} held again from {day} and was not raised", self.words_of(case)));
                }
            }
        }
        missing
    }

    fn loss(&self, check: Check, since: NaiveDate) -> String {
        let until = iso(self.oracle.quiet_until(check));
        format!("{} true since {since}, quiet until {until}", self.told(check))
    }

    fn told(&self, check: Check) -> String {
        format!("{}, not true on {},", self.words_of(check.case), check.on)
    }

    fn words_of(&self, case: Case) -> String {
        format!("{} on {}", case.indicator, self.city.households[case.household as usize].no)
    }
}
