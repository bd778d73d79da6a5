//! The assessment statement: every class and route on one household, from facts that were computed before.
//! `$1` household facts {name: text}, `$2` members [{person_key, facts}], `$3` county, `$4` area, `$5` business date.

use std::collections::BTreeSet;

use super::{
    Ctes, items, names, object,
    parameter::{self, column_name},
    pipeline::parameters_of,
    screening::{condition_columns, condition_object, verdict},
};
use crate::{
    check::Analysis,
    error::Fault,
    expression::compile_as,
    kind::Kind,
    load::Contents,
    model::{ClassRoute, Level},
};

const AS_OF: &str = "$5::date";

pub(super) fn classes(contents: &Contents, analysis: &Analysis) -> Result<String, Fault> {
    let routes: Vec<(&str, &ClassRoute)> = contents
        .classes
        .iter()
        .flat_map(|class| class.routes.iter().map(|r| (class.assistance_class.as_str(), r)))
        .collect();
    let mut parameters = BTreeSet::new();
    let mut texts = Vec::new();
    for (_, route) in &routes {
        let used = analysis.rule(&route.id);
        parameters.extend(used.parameters.iter().cloned());
        texts.push((route.id.clone(), used.parameters.clone()));
    }
    let mut ctes = Ctes::default();
    ctes.push("place", "  select 'here' as place, $3::text as county_code, $4::text as area_kind");
    parameter::push(&mut ctes, contents, &parameters, AS_OF);
    parameter::push_texts(&mut ctes, &texts);
    given(&mut ctes, contents);
    for level in [Level::Household, Level::Person] {
        let of_level: Vec<&ClassRoute> = routes.iter().map(|(_, route)| *route).filter(|r| r.level == level).collect();
        push_conditions(&mut ctes, contents, (level, &of_level))?;
    }
    let arms: Vec<String> = routes.iter().map(|(class, route)| arm(class, route, (contents, analysis))).collect();
    let none = "select null::text as class, null::text as route, null::uuid as person_key, null::boolean as eligible, \
                null::bigint as amount_fen, null::jsonb as conditions, null::jsonb as facts, null::jsonb as parameters where false";
    Ok(ctes.finish(&if arms.is_empty() { none.to_owned() } else { arms.join("\nunion all\n") }))
}

/// Facts as given: a name that is absent or null stays unknown.
fn given(ctes: &mut Ctes, contents: &Contents) {
    let columns = |level: Level, from: &str| -> Vec<String> {
        let of_level = contents.facts.iter().filter(|fact| fact.level == level);
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

fn push_conditions(
    ctes: &mut Ctes,
    contents: &Contents,
    (level, routes): (Level, &[&ClassRoute]),
) -> Result<(), Fault> {
    let env = names::of_facts(contents, level, AS_OF);
    let mut columns = Vec::new();
    for route in routes {
        columns.extend(condition_columns(&route.id, &route.conditions, &env)?);
        columns.push(format!("{} as a_{}", amount(route, &env)?, column_name(&route.id)));
    }
    let body = if level == Level::Household {
        format!("  select b.*{}\n  from household b\n  {}", items(&columns), parameters_of("b"))
    } else {
        let of_household = contents.facts.iter().filter(|fact| fact.level == Level::Household);
        columns.splice(0..0, of_household.map(|fact| format!("h.f_{}", fact.name)));
        format!("  select b.*{}\n  from person b\n  cross join household h\n  {}", items(&columns), parameters_of("b"))
    };
    ctes.push(relation(level), &body);
    Ok(())
}

fn relation(level: Level) -> &'static str {
    if level == Level::Household { "household_condition" } else { "person_condition" }
}

/// Monthly amount between nothing and the cap; unknown while an input is unknown.
fn amount(route: &ClassRoute, env: &crate::expression::Env) -> Result<String, Fault> {
    let Some(text) = &route.amount else {
        return Ok("null::bigint".to_owned());
    };
    let value = compile_as(text, env, Kind::Money)?.sql;
    let cap = match &route.cap {
        Some(cap) => compile_as(cap, env, Kind::Money)?.sql,
        None => value.clone(),
    };
    Ok(format!("case when ({value}) is not null and ({cap}) is not null then greatest(0, least({value}, {cap})) end"))
}

fn arm(class: &str, route: &ClassRoute, (contents, analysis): (&Contents, &Analysis)) -> String {
    let used = analysis.rule(&route.id);
    let shown = contents.facts.iter().filter(|fact| used.facts.contains(&fact.name));
    let shown = shown.filter(|fact| route.level == Level::Person || fact.level == Level::Household);
    let facts: Vec<_> = shown.map(|fact| (fact.name.clone(), format!("c.f_{}::text", fact.name))).collect();
    let person = if route.level == Level::Person { "c.person_key" } else { "null::uuid" };
    let column = column_name(&route.id);
    let eligible = verdict(&route.id, &route.conditions);
    // An amount is shown only to those who are eligible: with an unknown condition it would read as a promise.
    format!(
        "select '{class}'::text as class, '{}'::text as route, {person} as person_key, {eligible} as eligible,\n  case when \
         {eligible} then c.a_{column} end as amount_fen,\n  {} as conditions,\n  {} as facts,\n  t.j_{column} as \
         parameters\nfrom {} c\ncross join parameter_text t",
        route.id,
        condition_object(&route.id, &route.conditions),
        object(&facts),
        relation(route.level),
    )
}
