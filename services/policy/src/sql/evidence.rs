//! The facts statement: every fact of every household and member asked for, each with the date its source stood.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{
    names::{AS_OF, Form, form},
    pipeline::{self, feed_stem},
};
use crate::{
    check::Analysis,
    error::Fault,
    load::Contents,
    model::{Fact, Level},
    rules::placed,
};

/// Facts of households and their members: a statement, and what its rows hold. A row is two arrays and not an object by
/// name, which would take three times as long to make as the facts themselves.
#[derive(Debug)]
pub struct FactsStatement {
    sql: String,
    household: Vec<Told>,
    person: Vec<Told>,
}

/// A fact of a row, by its place in `told`, with the place of its date in `stood`.
#[derive(Debug)]
struct Told {
    name: String,
    date: usize,
}

/// A fact as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldFact<'a> {
    pub name: &'a str,
    /// Canonical text; none while unknown.
    pub value: Option<String>,
    /// Oldest date of the sources it rests on; none when no source has one.
    pub as_of: Option<NaiveDate>,
}

impl FactsStatement {
    /// `$1 uuid[]` household ids, `$2 date` business date → one row per household (`person_key` null) and per member:
    /// `household_id uuid, person_key uuid?, told text?[], stood date?[]`, for [`FactsStatement::of_row`].
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The facts of a row, by name.
    pub fn of_row(
        &self,
        is_person: bool,
        told: Vec<Option<String>>,
        stood: Vec<Option<NaiveDate>>,
    ) -> impl Iterator<Item = ToldFact<'_>> {
        let facts = if is_person { &self.person } else { &self.household };
        facts.iter().zip(told).map(move |(fact, value)| ToldFact {
            name: &fact.name,
            value,
            as_of: stood.get(fact.date).copied().flatten(),
        })
    }
}

/// Facts that ways in, ways out and entitlements use.
pub(super) fn facts(contents: &Contents, analysis: &Analysis) -> Result<FactsStatement, Fault> {
    let used = placed(contents).iter().flat_map(|one| analysis.rule(&one.key).facts).collect();
    of(contents, analysis, &used)
}

/// Every fact of the pack.
pub(super) fn every_fact(contents: &Contents, analysis: &Analysis) -> Result<FactsStatement, Fault> {
    of(contents, analysis, &contents.facts.iter().map(|fact| fact.name.clone()).collect())
}

fn of(contents: &Contents, analysis: &Analysis, wanted: &BTreeSet<String>) -> Result<FactsStatement, Fault> {
    let steps = pipeline::build(contents, analysis, wanted, &BTreeSet::new())?;
    // What nobody can supply is unknown to everybody: it is not told.
    let known = |fact: &&Fact| !matches!(form(fact, &contents.sources), Ok(Form::Absent(_) | Form::Investigation));
    let mut told: Vec<&Fact> = contents.facts.iter().filter(known).filter(|fact| wanted.contains(&fact.name)).collect();
    told.sort_by(|a, b| a.name.cmp(&b.name));
    let arm = |level: Level, relation: &str| -> Result<(String, Vec<Told>), Fault> {
        let (mut facts, mut values, mut dates) = (Vec::new(), Vec::new(), Vec::<String>::new());
        for fact in told.iter().filter(|fact| fact.level == level) {
            let on = stood_on(fact, contents, analysis)?;
            let date = dates.iter().position(|other| *other == on).unwrap_or_else(|| {
                dates.push(on);
                dates.len() - 1
            });
            values.push(format!("b.f_{}::text", fact.name));
            facts.push(Told { name: fact.name.clone(), date });
        }
        let person = if level == Level::Person { "b.person_key" } else { "null::uuid" };
        let (values, dates) = (values.join(", "), dates.join(", "));
        let select = format!(
            "select b.household_id, {person} as person_key, array[{values}]::text[] as told, array[{dates}]::date[] as stood\n\
             from {relation} b\njoin feed fd on fd.county_code = b.county_code"
        );
        Ok((select, facts))
    };
    let (households, household) = arm(Level::Household, &steps.household)?;
    let (persons, person) = arm(Level::Person, &steps.person)?;
    let sql = steps.ctes.finish(&format!("{households}\nunion all\n{persons}"));
    Ok(FactsStatement { sql, household, person })
}

/// Oldest date among the sources the fact rests on; sources that never came are left out.
fn stood_on(fact: &Fact, contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    let mut dates = BTreeSet::new();
    let closure = analysis.closure(&BTreeSet::from([fact.name.clone()]));
    for part in contents.facts.iter().filter(|part| closure.contains(&part.name)) {
        match form(part, &contents.sources)? {
            Form::Rows(source) => match source.feed {
                Some(set) => dates.insert(format!("fd.as_of_{}", feed_stem(set))),
                None if source.name.starts_with("mesh.") => dates.insert(AS_OF.to_owned()),
                None => dates.insert("b.register_as_of".to_owned()),
            },
            Form::Register(_) => dates.insert("b.register_as_of".to_owned()),
            Form::Lifted if part.expr.as_deref() == Some("count(*)") => dates.insert("b.register_as_of".to_owned()),
            Form::Derived | Form::Lifted | Form::Investigation | Form::Absent(_) => false,
        };
    }
    let list: Vec<String> = dates.into_iter().collect();
    Ok(match list.as_slice() {
        [] => "null::date".to_owned(),
        [one] => one.clone(),
        many => format!("least({})", many.join(", ")),
    })
}
