//! 到期: whose outcomes time alone can change on a day, and which. Rules name the business date `as_of`, parameters are
//! dated and feeds run out; everything else waits for data. So a daily pass need not evaluate everybody by everything.
//!
//! Nothing is worked out about dates: a search compares what the pack's own expressions say on the day and on the day
//! before, row by row. Looking at too much costs time, too little would lose a warning, so whatever is not understood
//! counts as changed.
//! - A fact over rows of a source: of the rows in which its `where` or what it adds up differs between the two days,
//!   the households whose fact then differs.
//! - An expression over facts: it is cut into the largest parts in which at most one fact depends on rows and whose
//!   facts take their value from a column (`newest`, `min`, `max`, and what `coalesce`, `case` and arithmetic make of
//!   them). The rows for whose value such a part differs; without such a fact everybody of the places where it differs.
//! - A parameter that begins or ends: everybody of its division.
//! - A feed that ran out the day before: everybody of its county, for rules that make something known of the unknown.

mod origin;
mod syntax;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use sqlparser::ast::Expr;

use crate::{
    catalogue::{self, Source},
    check::Analysis,
    error::Fault,
    expression::parse,
    load::Contents,
    model::{Fact, Level},
    rules::placed,
    sql::{
        due::{AFTER, BEFORE, calendar, search},
        names::{Form, form},
    },
};
use origin::{Tracer, Way};
use syntax::{aggregates, assumed_names, names, parts};
pub(crate) use syntax::{is_timed, is_timed_outside, timed_arguments};

/// What may change.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    /// Outcomes of these indicators about households and persons.
    pub indicators: BTreeSet<String>,
    /// Facts that rules of classes and programmes use: those of [`crate::Pack::facts_told`].
    pub facts: bool,
}

/// A statement that finds households.
#[derive(Debug)]
pub struct Search {
    /// What may have changed for those it finds.
    pub cause: String,
    /// `$1 date` day, `$2 text[]` counties → `household_id uuid`: whose outcomes may differ from those of the day before.
    pub sql: String,
}

/// Everybody of a division.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    pub cause: String,
    /// Leading digits of the counties' codes; empty for all.
    pub prefix: String,
}

/// How a daily pass finds what time can have changed.
#[derive(Debug)]
pub struct Due {
    reaches: BTreeMap<String, Reach>,
    /// One for each source and reach.
    pub searches: Vec<Search>,
    /// `$1 date`, `$2 text[]` counties → `cause text, county_code text, area_kind text`: where everybody is due.
    pub calendar: String,
    /// First and last days of parameters' values, with the place.
    turns: BTreeMap<NaiveDate, BTreeSet<Turn>>,
    /// Causes by feed, `hr.unemployment`.
    feeds: BTreeMap<String, String>,
}

impl Due {
    /// What may have changed for those found under a cause.
    pub fn reach(&self, cause: &str) -> Option<&Reach> {
        self.reaches.get(cause)
    }

    /// Every cause.
    pub fn causes(&self) -> impl Iterator<Item = (&str, &Reach)> {
        self.reaches.iter().map(|(cause, reach)| (cause.as_str(), reach))
    }

    /// Parameters' values that begin on the day, or ended the day before.
    pub fn turns(&self, day: NaiveDate) -> impl Iterator<Item = &Turn> {
        self.turns.get(&day).into_iter().flatten()
    }

    /// Cause under which the households of a county are due when a feed has run out.
    pub fn stale(&self, bureau: &str, dataset: &str) -> Option<&str> {
        self.feeds.get(&format!("{bureau}.{dataset}")).map(String::as_str)
    }

    pub(crate) fn of(contents: &Contents, analysis: &Analysis) -> Result<Due, Fault> {
        let mut plan =
            Plan { contents, reaches: reaches(contents, analysis), found: BTreeMap::new(), days: Vec::new() };
        let tracer = Tracer::new(contents);
        for fact in &contents.facts {
            let Some(reach) = plan.reaches.get(&fact.name).cloned() else { continue };
            plan.fact(fact, &reach, &tracer)?;
        }
        for rule in contents.indicators.iter().filter(|rule| rule.level != Level::Feed) {
            let reach = Reach { indicators: BTreeSet::from([rule.id.clone()]), facts: false };
            for condition in &rule.conditions {
                plan.over_facts(&parse(&condition.expr)?, (&rule.id, &reach), &tracer)?;
            }
        }
        plan.finish(analysis)
    }
}

/// What a row of a source is looked at for.
#[derive(Default)]
pub(crate) struct Watched<'a> {
    /// Row by row.
    pub rows: BTreeSet<String>,
    /// Facts over the rows.
    pub facts: Vec<&'a Fact>,
}

struct Plan<'a> {
    contents: &'a Contents,
    /// By fact.
    reaches: BTreeMap<String, Reach>,
    found: BTreeMap<(&'static str, Reach), Watched<'a>>,
    /// Owner, reach and what differs between the days whoever it is about.
    days: Vec<(String, Reach, String)>,
}

impl<'a> Plan<'a> {
    fn fact(&mut self, fact: &'a Fact, reach: &Reach, tracer: &Tracer<'_>) -> Result<(), Fault> {
        let text = fact.expr.as_deref().unwrap_or_default();
        match form(fact, &self.contents.sources)? {
            Form::Investigation | Form::Absent(_) => Ok(()),
            Form::Rows(source) => {
                let filter = fact.filter.as_deref().map(parse).transpose()?;
                if is_timed(&parse(text)?) || filter.is_some_and(|filter| is_timed(&filter)) {
                    for part in split(reach) {
                        self.watched(source, part).facts.push(fact);
                    }
                }
                Ok(())
            }
            Form::Register(source) => {
                if is_timed(&parse(text)?) {
                    let differs = crate::sql::due::differs(text, self.contents, source)?;
                    for part in split(reach) {
                        self.watched(source, part).rows.insert(differs.clone());
                    }
                }
                Ok(())
            }
            Form::Derived | Form::Lifted => self.over_facts(&parse(text)?, (&fact.name, reach), tracer),
        }
    }

    fn watched(&mut self, source: &'static Source, reach: Reach) -> &mut Watched<'a> {
        self.found.entry((source.name.as_str(), reach)).or_default()
    }

    /// An expression over facts, whole where it is understood, else part by part down to the business date alone.
    fn over_facts(&mut self, expr: &Expr, owner: (&str, &Reach), tracer: &Tracer<'_>) -> Result<(), Fault> {
        if !is_timed(expr) {
            return Ok(());
        }
        let ways = if aggregates(expr) { None } else { tracer.ways(expr) };
        let differ = |ways: Vec<Way>| {
            let differs = |way: &Way| {
                let (before, after) = (way.compile(expr, BEFORE)?, way.compile(expr, AFTER)?);
                Ok((way.source, format!("({before}) is distinct from ({after})")))
            };
            ways.iter().map(differs).collect::<Result<Vec<_>, Fault>>()
        };
        let Some(found) = ways.and_then(|ways| differ(ways).ok()) else {
            for part in parts(expr) {
                self.over_facts(part, owner, tracer)?;
            }
            return Ok(());
        };
        for (source, differs) in found {
            match source.and_then(origin::source) {
                Some(source) => {
                    for part in split(owner.1) {
                        self.watched(source, part).rows.insert(differs.clone());
                    }
                }
                None => self.days.push((owner.0.to_owned(), owner.1.clone(), differs)),
            }
        }
        Ok(())
    }

    fn finish(self, analysis: &Analysis) -> Result<Due, Fault> {
        let contents = self.contents;
        let mut reaches = BTreeMap::new();
        let mut searches = Vec::new();
        for (nth, ((source, reach), watched)) in self.found.iter().enumerate() {
            let Some(source) = origin::source(source) else { continue };
            let cause = format!("{}/{nth}", source.name);
            searches.push(Search { cause: cause.clone(), sql: search(contents, source, watched)? });
            reaches.insert(cause, reach.clone());
        }
        let mut days = Vec::new();
        for (owner, reach, differs) in self.days {
            let cause = format!("day/{owner}");
            days.push((cause.clone(), differs));
            reaches.insert(cause, reach);
        }
        let mut turns: BTreeMap<NaiveDate, BTreeSet<Turn>> = BTreeMap::new();
        for (parameter, reach) in of_parameters(contents, analysis, &self.reaches) {
            let cause = format!("parameter/{parameter}");
            let named = contents.parameters.iter().filter(|other| other.name == parameter);
            for entry in named.flat_map(|parameter| &parameter.values) {
                let after = entry.to.and_then(|last| last.succ_opt());
                for day in std::iter::once(entry.from).chain(after) {
                    let turn = Turn { cause: cause.clone(), prefix: entry.prefix().to_owned() };
                    turns.entry(day).or_default().insert(turn);
                }
            }
            reaches.insert(cause, reach);
        }
        let mut feeds = BTreeMap::new();
        for (feed, reach) in of_feeds(contents, analysis)? {
            let cause = format!("stale/{feed}");
            feeds.insert(feed, cause.clone());
            reaches.insert(cause, reach);
        }
        Ok(Due { reaches, searches, calendar: calendar(contents, &days), turns, feeds })
    }
}

/// Indicators are evaluated and facts are told by different statements: whoever is due for one need not be for the other.
fn split(reach: &Reach) -> Vec<Reach> {
    let indicators = Reach { indicators: reach.indicators.clone(), facts: false };
    let facts = Reach { indicators: BTreeSet::new(), facts: reach.facts };
    [indicators, facts].into_iter().filter(|part| *part != Reach::default()).collect()
}

/// What rests on each fact.
fn reaches(contents: &Contents, analysis: &Analysis) -> BTreeMap<String, Reach> {
    let mut all: BTreeMap<String, Reach> = BTreeMap::new();
    for rule in contents.indicators.iter().filter(|rule| rule.level != Level::Feed) {
        for fact in analysis.rule(&rule.id).facts {
            all.entry(fact).or_default().indicators.insert(rule.id.clone());
        }
    }
    for one in placed(contents) {
        for fact in analysis.rule(&one.key).facts {
            all.entry(fact).or_default().facts = true;
        }
    }
    all
}

/// What rests on each parameter, itself or through facts.
fn of_parameters(contents: &Contents, analysis: &Analysis, facts: &BTreeMap<String, Reach>) -> BTreeMap<String, Reach> {
    let mut all: BTreeMap<String, Reach> = BTreeMap::new();
    for rule in contents.indicators.iter().filter(|rule| rule.level != Level::Feed) {
        for parameter in analysis.rule(&rule.id).parameters {
            all.entry(parameter).or_default().indicators.insert(rule.id.clone());
        }
    }
    for (fact, _) in facts.iter().filter(|(_, reach)| reach.facts) {
        for parameter in analysis.parameters_of(contents, &BTreeSet::from([fact.clone()])) {
            all.entry(parameter).or_default().facts = true;
        }
    }
    all
}

/// What a feed's running out can make true or false. Unknown spreads through every expression, so it can change only what
/// somewhere assumes: `unless_unknown`, `coalesce`, `is null`. Facts that are told change when they become unknown.
fn of_feeds(contents: &Contents, analysis: &Analysis) -> Result<BTreeMap<String, Reach>, Fault> {
    let by_name: BTreeMap<&str, &Fact> = contents.facts.iter().map(|fact| (fact.name.as_str(), fact)).collect();
    let feeds_under = |names: BTreeSet<String>| -> BTreeSet<String> {
        let closure = analysis.closure(&names);
        let sources = closure.iter().filter_map(|name| by_name.get(name.as_str())?.source.clone());
        sources.filter(|source| catalogue::sources().get(source).is_some_and(|source| source.feed.is_some())).collect()
    };
    let mut all: BTreeMap<String, Reach> = BTreeMap::new();
    for rule in contents.indicators.iter().filter(|rule| rule.level != Level::Feed) {
        let mut assumed = BTreeSet::new();
        for condition in &rule.conditions {
            let expr = parse(&condition.expr)?;
            assumed.extend(if condition.unless_unknown.is_some() { names(&expr) } else { assumed_names(&expr) });
        }
        for fact in analysis.rule(&rule.id).facts.iter().filter_map(|name| by_name.get(name.as_str())) {
            // Rows of a source are all known or all unknown.
            if fact.source.is_none() {
                assumed.extend(assumed_names(&parse(fact.expr.as_deref().unwrap_or_default())?));
            }
        }
        for feed in feeds_under(assumed) {
            all.entry(feed).or_default().indicators.insert(rule.id.clone());
        }
    }
    let told = placed(contents).iter().flat_map(|one| analysis.rule(&one.key).facts).collect();
    for feed in feeds_under(told) {
        all.entry(feed).or_default().facts = true;
    }
    Ok(all)
}
