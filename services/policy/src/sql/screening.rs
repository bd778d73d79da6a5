//! The screening statement: each indicator on each household or member asked for, with what its verdict rests on.

use std::collections::BTreeSet;

use super::{
    Ctes,
    names::{self, AS_OF},
    object,
    parameter::{self, column_name},
    pipeline::{self, parameters_of},
};
use crate::{
    catalogue,
    check::Analysis,
    error::Fault,
    expression::{Env, compile_boolean},
    load::Contents,
    model::{Condition, Indicator, Level},
};

/// Indicators to screen for; none stands for all of them.
type Only<'a> = Option<&'a BTreeSet<String>>;

/// Steps up to the conditions of every indicator meant, about households and persons. `$1` household ids, `$2` business date.
fn conditions<'a>(
    contents: &'a Contents,
    analysis: &Analysis,
    only: Only<'_>,
) -> Result<(Ctes, Vec<&'a Indicator>), Fault> {
    let meant = |rule: &&Indicator| rule.level != Level::Feed && only.is_none_or(|ids| ids.contains(&rule.id));
    let rules: Vec<&Indicator> = contents.indicators.iter().filter(meant).collect();
    let mut facts = BTreeSet::new();
    let mut parameters = BTreeSet::new();
    let mut texts = Vec::new();
    for rule in &rules {
        let used = analysis.rule(&rule.id);
        facts.extend(used.facts.iter().cloned());
        parameters.extend(used.parameters.iter().cloned());
        texts.push((rule.id.clone(), used.parameters.clone()));
    }
    let mut steps = pipeline::build(contents, analysis, &facts, &parameters)?;
    parameter::push_texts(&mut steps.ctes, &texts);
    for level in LEVELS {
        let of_level: Vec<&&Indicator> = rules.iter().filter(|rule| rule.level == level).collect();
        let mut columns = Vec::new();
        for rule in &of_level {
            let env = names::of_facts(contents, level, AS_OF);
            columns.extend(condition_columns(&rule.id, &rule.conditions, &env)?);
            if let Some(raised) = &rule.raised {
                columns.push(format!("{} as r_{}", compile_boolean(&raised.expr, &env)?.sql, column_name(&rule.id)));
            }
        }
        let body = if level == Level::Person {
            columns.splice(0..0, household_facts(contents, &facts));
            format!(
                "  select b.*{}\n  from {} b\n  join {} h on h.household_id = b.household_id\n  {}",
                super::items(&columns),
                steps.person,
                steps.household,
                parameters_of("b")
            )
        } else {
            format!("  select b.*{}\n  from {} b\n  {}", super::items(&columns), steps.household, parameters_of("b"))
        };
        steps.ctes.push(relation(level), &body);
    }
    Ok((steps.ctes, rules))
}

const LEVELS: [Level; 2] = [Level::Person, Level::Household];

/// Every outcome with its explanation: one arm an indicator, each reading the whole relation. For few households.
pub(super) fn households(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    let (ctes, rules) = conditions(contents, analysis, None)?;
    let arms: Vec<String> = rules.iter().map(|rule| arm(rule, contents, analysis)).collect();
    let none = "select null::uuid as household_id, null::uuid as person_key, null::text as indicator, null::text as \
                severity, null::boolean as verdict, null::jsonb as conditions, null::jsonb as facts, null::jsonb as parameters where false";
    Ok(ctes.finish(&if arms.is_empty() { none.to_owned() } else { arms.join("\nunion all\n") }))
}

/// Outcomes that are true, with their explanations: each household and member is read once, whatever the number of
/// indicators, and only what holds is explained.
pub(super) fn hits(contents: &Contents, analysis: &Analysis, only: Only<'_>) -> Result<String, Fault> {
    let (ctes, rules) = conditions(contents, analysis, only)?;
    let part = |level: Level| {
        let list: Vec<Choice> = rules
            .iter()
            .filter(|rule| rule.level == level)
            .map(|rule| {
                let column = column_name(&rule.id);
                Choice {
                    name: rule.id.clone(),
                    holds: verdict(&rule.id, &rule.conditions),
                    values: vec![
                        severity(rule),
                        condition_object(&rule.id, &rule.conditions),
                        fact_object(&analysis.rule(&rule.id).facts, level, contents),
                        format!("t.j_{column}"),
                    ],
                }
            })
            .collect();
        choices(&list, level, relation(level), ("indicator", &["severity", "conditions", "facts", "parameters"]))
    };
    Ok(ctes.finish(&LEVELS.map(part).join("\nunion all\n")))
}

/// Outcomes that are false, without explanation.
pub(super) fn refuted(contents: &Contents, analysis: &Analysis, only: Only<'_>) -> Result<String, Fault> {
    let (ctes, rules) = conditions(contents, analysis, only)?;
    let part = |level: Level| {
        let list: Vec<Choice> = rules
            .iter()
            .filter(|rule| rule.level == level)
            .map(|rule| Choice {
                name: rule.id.clone(),
                holds: format!("not {}", verdict(&rule.id, &rule.conditions)),
                values: Vec::new(),
            })
            .collect();
        choices(&list, level, relation(level), ("indicator", &[]))
    };
    Ok(ctes.finish(&LEVELS.map(part).join("\nunion all\n")))
}

/// A rule among many: when it is chosen, and what is shown of it.
pub(super) struct Choice {
    pub name: String,
    pub holds: String,
    pub values: Vec<String>,
}

/// One row per subject of the relation and rule that is chosen for it: the rule's name and its values.
pub(super) fn choices(list: &[Choice], level: Level, relation: &str, (word, columns): (&str, &[&str])) -> String {
    let person = if level == Level::Person { "c.person_key" } else { "null::uuid" };
    let name = |choice: &Choice| format!("'{}'", choice.name);
    let test = |(at, choice): (usize, &Choice)| format!("case when {} then {at} end", choice.holds);
    let names: Vec<String> = list.iter().map(name).collect();
    let tests: Vec<String> = list.iter().enumerate().map(test).collect();
    let values: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let of = |(at, choice): (usize, &Choice)| format!("when {at} then {}", choice.values[place]);
            let branches: Vec<String> = list.iter().enumerate().map(of).collect();
            let value = if branches.is_empty() {
                "null".to_owned()
            } else {
                format!("case k.at {} end", branches.join("\n    "))
            };
            format!(",\n  {value} as {column}")
        })
        .collect();
    format!(
        "select c.household_id, {person} as person_key, (array[{}]::text[])[k.at + 1] as {word}{}\nfrom {relation} c\njoin \
         parameter_text t on t.place = c.place\ncross join lateral unnest(array[{}]::integer[]) as k (at)\nwhere k.at is not null",
        names.join(", "),
        values.concat(),
        tests.join(",\n  "),
    )
}

/// Facts a rule used, as an object of texts.
pub(super) fn fact_object(used: &BTreeSet<String>, level: Level, contents: &Contents) -> String {
    let shown = contents.facts.iter().filter(|fact| used.contains(&fact.name));
    let shown = shown.filter(|fact| level == Level::Person || fact.level == Level::Household);
    object(&shown.map(|fact| (fact.name.clone(), format!("c.f_{}::text", fact.name))).collect::<Vec<_>>())
}

fn relation(level: Level) -> &'static str {
    if level == Level::Person { "person_condition" } else { "household_condition" }
}

/// The household's facts beside the member's, for explanations.
fn household_facts(contents: &Contents, wanted: &BTreeSet<String>) -> Vec<String> {
    let of_household =
        contents.facts.iter().filter(|fact| fact.level == Level::Household && wanted.contains(&fact.name));
    of_household.map(|fact| format!("h.f_{}", fact.name)).collect()
}

/// One arm per indicator: a filter from outside on the verdict spares building the explanations of the others.
fn arm(rule: &Indicator, contents: &Contents, analysis: &Analysis) -> String {
    let facts = fact_object(&analysis.rule(&rule.id).facts, rule.level, contents);
    let person = if rule.level == Level::Person { "c.person_key" } else { "null::uuid" };
    format!(
        "select c.household_id, {person} as person_key, '{}'::text as indicator,\n  {} as severity,\n  {} as verdict,\n  {} as conditions,\n  {} as \
         facts,\n  t.j_{} as parameters\nfrom {} c\njoin parameter_text t on t.place = c.place",
        rule.id,
        severity(rule),
        verdict(&rule.id, &rule.conditions),
        condition_object(&rule.id, &rule.conditions),
        facts,
        column_name(&rule.id),
        relation(rule.level),
    )
}

fn severity(rule: &Indicator) -> String {
    let plain = rule.severity.name();
    match &rule.raised {
        Some(raised) => {
            let (higher, column) = (raised.severity.name(), column_name(&rule.id));
            format!("case when c.r_{column} then '{higher}' else '{plain}' end")
        }
        None => format!("'{plain}'::text"),
    }
}

/// Columns `c_<rule>_<n>`, one per condition.
pub(super) fn condition_columns(rule: &str, conditions: &[Condition], env: &Env) -> Result<Vec<String>, Fault> {
    let mut columns = Vec::with_capacity(conditions.len());
    for (index, condition) in conditions.iter().enumerate() {
        let value = compile_boolean(&condition.expr, env)?;
        columns.push(format!("{} as c_{}_{index}", value.sql, column_name(rule)));
    }
    Ok(columns)
}

/// AND of the conditions, three-valued.
pub(super) fn verdict(rule: &str, conditions: &[Condition]) -> String {
    let part = |(index, condition): (usize, &Condition)| {
        let column = format!("c.c_{}_{index}", column_name(rule));
        condition.unless_unknown.map_or(column.clone(), |value| format!("coalesce({column}, {value})"))
    };
    let parts: Vec<String> = conditions.iter().enumerate().map(part).collect();
    format!("({})", parts.join(" and "))
}

/// Conditions by name.
pub(super) fn condition_object(rule: &str, conditions: &[Condition]) -> String {
    let pair = |(index, condition): (usize, &Condition)| {
        (condition.name.clone(), format!("c.c_{}_{index}", column_name(rule)))
    };
    object(&conditions.iter().enumerate().map(pair).collect::<Vec<_>>())
}

/// `$1` business date, `$2` to `$4` one feed: each feed, or the one, under each indicator about feeds.
pub(super) fn feeds(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    const AS_OF: &str = "$1::date";
    let rules: Vec<&Indicator> = contents.indicators.iter().filter(|rule| rule.level == Level::Feed).collect();
    let env = names::of_feeds(contents, AS_OF);
    let shown = catalogue::feed_columns().filter(|column| !["bureau", "dataset"].contains(&column.name.as_str()));
    let shown = object(&shown.map(|column| (column.name.clone(), format!("{}::text", column.sql))).collect::<Vec<_>>());
    let mut parameters = BTreeSet::new();
    let mut arms = Vec::new();
    for rule in rules {
        parameters.extend(analysis.rule(&rule.id).parameters);
        let columns = condition_columns(&rule.id, &rule.conditions, &env)?;
        arms.push(format!(
            "select c.bureau, c.dataset, c.county_code, '{}'::text as indicator, {} as verdict, {} as conditions, c.facts\n\
             from (\n  select r.bureau, r.dataset, r.county_code, {shown} as facts{}\n  from health r\n  join parameter x \
             on x.place = r.county_code\n) c",
            rule.id,
            verdict(&rule.id, &rule.conditions),
            condition_object(&rule.id, &rule.conditions),
            super::items(&columns)
        ));
    }
    let none = "select null::text as bureau, null::text as dataset, null::text as county_code, null::text as indicator, \
                null::boolean as verdict, null::jsonb as conditions, null::jsonb as facts where false";
    let mut ctes = super::Ctes::default();
    ctes.push(
        "place",
        "  select distinct f.county_code as place, f.county_code, 'all'::text as area_kind\n  from monitoring.feed f",
    );
    parameter::push(&mut ctes, contents, &parameters, AS_OF);
    // The view looks batches up for each feed: once, not once an indicator.
    ctes.push(
        "health",
        "  select f.* from monitoring.feed_health f\n  \
         where $2::text is null or (f.bureau = $2::text and f.dataset = $3::text and f.county_code = $4::text)",
    );
    Ok(ctes.finish(&if arms.is_empty() { none.to_owned() } else { arms.join("\nunion all\n") }))
}
