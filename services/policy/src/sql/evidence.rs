//! The facts statement: every fact of every household and member asked for, each with the date its source stood.

use std::collections::BTreeSet;

use super::{
    names::{AS_OF, Form, form},
    object,
    pipeline::{self, feed_stem},
};
use crate::{
    check::Analysis,
    error::Fault,
    load::Contents,
    model::{Fact, Level},
    rules::placed,
};

/// Facts that ways in, ways out and entitlements use. `$1` household ids, `$2` business date.
pub(super) fn facts(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    let used = placed(contents).iter().flat_map(|one| analysis.rule(&one.key).facts).collect();
    of(contents, analysis, &used)
}

/// Every fact of the pack.
pub(super) fn every_fact(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    of(contents, analysis, &contents.facts.iter().map(|fact| fact.name.clone()).collect())
}

fn of(contents: &Contents, analysis: &Analysis, wanted: &BTreeSet<String>) -> Result<String, Fault> {
    let steps = pipeline::build(contents, analysis, wanted, &BTreeSet::new())?;
    // What nobody can supply is unknown to everybody: it is not told.
    let told = |fact: &&Fact| {
        let known = !matches!(form(fact, &contents.sources), Ok(Form::Absent(_) | Form::Investigation));
        known && wanted.contains(&fact.name)
    };
    let arm = |level: Level, relation: &str| -> Result<String, Fault> {
        let mut pairs = Vec::new();
        for fact in contents.facts.iter().filter(told).filter(|fact| fact.level == level) {
            let date = stood_on(fact, contents, analysis)?;
            let entry = format!("jsonb_build_object('value', b.f_{}::text, 'as_of', {date})", fact.name);
            pairs.push((fact.name.clone(), entry));
        }
        let person = if level == Level::Person { "b.person_key" } else { "null::uuid" };
        Ok(format!(
            "select b.household_id, {person} as person_key, {} as facts\nfrom {relation} b\njoin feed fd on fd.county_code = \
             b.county_code",
            object(&pairs)
        ))
    };
    let household = arm(Level::Household, &steps.household)?;
    let person = arm(Level::Person, &steps.person)?;
    Ok(steps.ctes.finish(&format!("{household}\nunion all\n{person}")))
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
