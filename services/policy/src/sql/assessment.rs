//! The assessment statements: every way into a class, way out of one and entitlement. Over one household's facts that
//! were computed before, or over the register's households with the facts computed on the way.

use std::collections::BTreeSet;

use super::{
    Ctes, items, names, parameter,
    pipeline::{self, parameters_of},
    screening::{Choice, choices, condition_columns, condition_object, fact_object, verdict},
};
use crate::{
    check::Analysis,
    error::Fault,
    expression::{Env, compile_as},
    kind::Kind,
    load::Contents,
    model::{Level, Rule},
    rules::{PlacedRule, placed},
};

/// Facts and parameters that rules use, and each rule's parameters.
#[derive(Default)]
struct Wanted {
    facts: BTreeSet<String>,
    parameters: BTreeSet<String>,
    texts: Vec<(String, BTreeSet<String>)>,
}

impl Wanted {
    fn by(rules: &[PlacedRule<'_>], analysis: &Analysis) -> Wanted {
        let mut wanted = Wanted::default();
        for one in rules {
            let used = analysis.rule(&one.key);
            wanted.facts.extend(used.facts);
            wanted.parameters.extend(used.parameters.iter().cloned());
            wanted.texts.push((one.key.clone(), used.parameters));
        }
        wanted
    }
}

/// `$1` household facts {name: text}, `$2` members [{person_key, facts}], `$3` county, `$4` area, `$5` business date.
pub(super) fn one_household(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    const AS_OF: &str = "$5::date";
    let rules = placed(contents);
    let wanted = Wanted::by(&rules, analysis);
    let mut ctes = Ctes::default();
    ctes.push("place", "  select 'here' as place, $3::text as county_code, $4::text as area_kind");
    parameter::push(&mut ctes, contents, &wanted.parameters, AS_OF);
    parameter::push_texts(&mut ctes, &wanted.texts);
    given(&mut ctes, contents, &wanted);
    for level in [Level::Household, Level::Person] {
        let mut columns = rule_columns(&rules, (level, contents, AS_OF))?;
        let body = if level == Level::Household {
            format!("  select b.*{}\n  from household b\n  {}", items(&columns), parameters_of("b"))
        } else {
            columns.splice(0..0, household_facts(contents, &wanted));
            format!(
                "  select b.*{}\n  from person b\n  cross join household h\n  {}",
                items(&columns),
                parameters_of("b")
            )
        };
        ctes.push(relation(level), &body);
    }
    Ok(ctes.finish(&arms(&rules, (contents, analysis, AS_OF), "null::uuid as household_id, ")))
}

/// Steps up to the conditions of every rule. `$1` household ids, `$2` business date.
fn conditions(contents: &Contents, analysis: &Analysis, rules: &[PlacedRule<'_>]) -> Result<Ctes, Fault> {
    let wanted = Wanted::by(rules, analysis);
    let mut steps = pipeline::build(contents, analysis, &wanted.facts, &wanted.parameters)?;
    parameter::push_texts(&mut steps.ctes, &wanted.texts);
    for level in [Level::Household, Level::Person] {
        let mut columns = rule_columns(rules, (level, contents, names::AS_OF))?;
        let body = if level == Level::Household {
            format!("  select b.*{}\n  from {} b\n  {}", items(&columns), steps.household, parameters_of("b"))
        } else {
            columns.splice(0..0, household_facts(contents, &wanted));
            format!(
                "  select b.*{}\n  from {} b\n  join {} h on h.household_id = b.household_id\n  {}",
                items(&columns),
                steps.person,
                steps.household,
                parameters_of("b")
            )
        };
        steps.ctes.push(relation(level), &body);
    }
    Ok(steps.ctes)
}

/// Every outcome with its explanation: one arm a rule, each reading the whole relation. For few households.
pub(super) fn register(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    let rules = placed(contents);
    let ctes = conditions(contents, analysis, &rules)?;
    Ok(ctes.finish(&arms(&rules, (contents, analysis, names::AS_OF), "c.household_id, ")))
}

/// Outcomes that are true, with their explanations: each household and member is read once.
pub(super) fn entitled(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    let rules = placed(contents);
    let ctes = conditions(contents, analysis, &rules)?;
    let part = |level: Level| {
        let list: Vec<Choice> = rules
            .iter()
            .filter(|one| one.rule.level == level)
            .map(|one| Choice {
                name: one.rule.id.clone(),
                holds: during(one.rule, names::AS_OF, &verdict(&one.key, &one.rule.conditions)),
                values: vec![
                    format!("'{}'", one.owner.kind()),
                    format!("'{}'", one.owner.code()),
                    format!("c.a_{}", one.key),
                    condition_object(&one.key, &one.rule.conditions),
                    fact_object(&analysis.rule(&one.key).facts, level, contents),
                    format!("t.j_{}", one.key),
                ],
            })
            .collect();
        let columns = ["kind", "class", "amount_fen", "conditions", "facts", "parameters"];
        choices(&list, level, relation(level), ("route", &columns))
    };
    Ok(ctes.finish(&[Level::Household, Level::Person].map(part).join("\nunion all\n")))
}

/// The verdict, on days on which the rule holds.
fn during(rule: &Rule, as_of: &str, verdict: &str) -> String {
    let bounds = bounds(rule, as_of);
    if bounds.is_empty() { verdict.to_owned() } else { format!("({} and {verdict})", bounds.join(" and ")) }
}

/// Facts as given: a name that is absent or null stays unknown.
fn given(ctes: &mut Ctes, contents: &Contents, wanted: &Wanted) {
    let columns = |level: Level, from: &str| -> Vec<String> {
        let of_level = contents.facts.iter().filter(|fact| fact.level == level && wanted.facts.contains(&fact.name));
        of_level.map(|fact| format!("({from} ->> '{0}')::{1} as f_{0}", fact.name, fact.kind.sql_type())).collect()
    };
    let household = columns(Level::Household, "$1::jsonb");
    ctes.push("household", &format!("  select pl.place{}\n  from place pl", items(&household)));
    let person = columns(Level::Person, "(e.value -> 'facts')");
    ctes.push(
        "person",
        &format!(
            "  select (e.value ->> 'person_key')::uuid as person_key, pl.place{}\n  from place pl\n  cross \
             join jsonb_array_elements($2::jsonb) as e (value)",
            items(&person)
        ),
    );
}

fn household_facts(contents: &Contents, wanted: &Wanted) -> Vec<String> {
    let of_household = contents.facts.iter().filter(|fact| fact.level == Level::Household);
    let wanted_ones = of_household.filter(|fact| wanted.facts.contains(&fact.name));
    wanted_ones.map(|fact| format!("h.f_{}", fact.name)).collect()
}

/// Conditions and amounts of the rules of a level.
fn rule_columns(
    rules: &[PlacedRule<'_>],
    (level, contents, as_of): (Level, &Contents, &str),
) -> Result<Vec<String>, Fault> {
    let env = names::of_facts(contents, level, as_of);
    let mut columns = Vec::new();
    for one in rules.iter().filter(|one| one.rule.level == level) {
        columns.extend(condition_columns(&one.key, &one.rule.conditions, &env)?);
        columns.push(format!("{} as a_{}", amount(one.rule, &env)?, one.key));
    }
    Ok(columns)
}

fn relation(level: Level) -> &'static str {
    if level == Level::Household { "household_rule" } else { "person_rule" }
}

/// Amount between nothing and the cap; unknown while an input is unknown.
fn amount(rule: &Rule, env: &Env) -> Result<String, Fault> {
    let Some(text) = &rule.amount else {
        return Ok("null::bigint".to_owned());
    };
    let value = compile_as(text, env, Kind::Money)?.sql;
    let cap = match &rule.cap {
        Some(cap) => compile_as(cap, env, Kind::Money)?.sql,
        None => value.clone(),
    };
    Ok(format!("case when ({value}) is not null and ({cap}) is not null then greatest(0, least({value}, {cap})) end"))
}

fn arms(rules: &[PlacedRule<'_>], about: (&Contents, &Analysis, &str), subject: &str) -> String {
    let arms: Vec<String> = rules.iter().map(|one| arm(one, about, subject)).collect();
    if arms.is_empty() {
        return "select null::uuid as household_id, null::text as kind, null::text as class, null::text as route, \
                null::uuid as person_key, null::boolean as eligible, null::bigint as amount_fen, null::jsonb as conditions, \
                null::jsonb as facts, null::jsonb as parameters where false"
            .to_owned();
    }
    arms.join("\nunion all\n")
}

fn arm(one: &PlacedRule<'_>, (contents, analysis, as_of): (&Contents, &Analysis, &str), subject: &str) -> String {
    let (rule, column) = (one.rule, &one.key);
    let facts = fact_object(&analysis.rule(&one.key).facts, rule.level, contents);
    let person = if rule.level == Level::Person { "c.person_key" } else { "null::uuid" };
    let eligible = verdict(&one.key, &rule.conditions);
    // An amount is shown only to those who are eligible: with an unknown condition it would read as a promise.
    format!(
        "select {subject}'{}'::text as kind, '{}'::text as class, '{}'::text as route, {person} as person_key,\n  {eligible} as \
         eligible,\n  case when {eligible} then c.a_{column} end as amount_fen,\n  {} as conditions,\n  {} as facts,\n  \
         t.j_{column} as parameters\nfrom {} c\njoin parameter_text t on t.place = c.place{}",
        one.owner.kind(),
        one.owner.code(),
        rule.id,
        condition_object(&one.key, &rule.conditions),
        facts,
        relation(rule.level),
        validity(rule, as_of),
    )
}

/// Only on days on which the rule holds.
fn validity(rule: &Rule, as_of: &str) -> String {
    let bounds = bounds(rule, as_of);
    if bounds.is_empty() { String::new() } else { format!("\nwhere {}", bounds.join(" and ")) }
}

fn bounds(rule: &Rule, as_of: &str) -> Vec<String> {
    let from = rule.from.map(|from| format!("{as_of} >= '{from}'::date"));
    let to = rule.to.map(|to| format!("{as_of} <= '{to}'::date"));
    from.into_iter().chain(to).collect()
}
