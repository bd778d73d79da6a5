//! Statements that find the households whose outcomes may differ between a day and the day before: `$1` the day, `$2` the
//! counties there are. Parameters are those of the day: where one begins or ends, everybody is due anyway.

use std::collections::BTreeSet;

use super::{
    Ctes, names, parameter,
    pipeline::{aggregate, in_force, parameters_of, tie},
};
use crate::{
    catalogue::{DivisionLevel, Source},
    due::{Watched, is_timed, is_timed_outside, timed_arguments},
    error::Fault,
    expression::{Compiled, compile_boolean, compile_part, parse},
    load::Contents,
    model::{Fact, Level},
};

/// The two days.
pub(crate) const BEFORE: &str = "($1::date - 1)";
pub(crate) const AFTER: &str = "$1::date";

/// That an expression over a source's row says something else on the day.
pub(crate) fn differs(text: &str, contents: &Contents, source: &Source) -> Result<String, Fault> {
    let expr = parse(text)?;
    changed(contents, source, |env| compile_part(&expr, env))
}

fn changed(
    contents: &Contents,
    source: &Source,
    compiled: impl Fn(&crate::expression::Env) -> Result<Compiled, Fault>,
) -> Result<String, Fault> {
    let on = |as_of: &str| compiled(&names::of_rows(contents, source, as_of)).map(|value| value.sql);
    Ok(format!("({}) is distinct from ({})", on(BEFORE)?, on(AFTER)?))
}

/// Households of the rows in which something watched differs. Where that is a fact over rows, it is added up for both days:
/// a month's payment that comes into a window is nothing new where the last month's is in it too.
pub(crate) fn search(contents: &Contents, source: &Source, watched: &Watched<'_>) -> Result<String, Fault> {
    let mut sure: Vec<String> = watched.rows.iter().cloned().collect();
    let mut maybe = Vec::new();
    for fact in &watched.facts {
        let hints = hints(fact, contents, source)?;
        // Everybody of a division shares its few rows.
        if source.division.is_some() { sure.extend(hints) } else { maybe.extend(hints) }
    }
    let facts: &[&Fact] = if source.division.is_some() { &[] } else { &watched.facts };
    let outcomes = facts.iter().map(|fact| outcome(fact, contents, source)).collect::<Result<Vec<_>, Fault>>()?;
    let texts = sure.iter().chain(&maybe).chain(outcomes.iter().map(|(_, differs)| differs));
    let used = parameters_in(texts, contents);

    let mut ctes = Ctes::default();
    push_places(&mut ctes, contents, &used);
    push_settings(&mut ctes, &used);
    let Keys { kept, joined, household } = keys(source);
    ctes.push(
        "changed",
        &format!(
            "  select {kept}, c.sure\n  from {} r\n  cross join lateral (\n    select {} as sure,\n      {} as maybe\n  ) c\n  \
             where {} and (c.sure or c.maybe)",
            source.table,
            any_setting(&sure),
            any_setting(&maybe),
            in_force(source),
        ),
    );
    ctes.push(
        "touched",
        &format!(
            "  select {household} as household_id, bool_or(r.sure) as sure\n  from changed r{joined}\n  group by 1"
        ),
    );
    let mut found = vec!["select t.household_id from touched t where t.sure".to_owned()];
    if !outcomes.is_empty() {
        push_scope(&mut ctes);
        for level in [Level::Household, Level::Person] {
            let of_level: Vec<&str> =
                outcomes.iter().filter(|(of, _)| *of == level).map(|(_, differs)| differs.as_str()).collect();
            if !of_level.is_empty() {
                found.push(added_up(source, level, &of_level));
            }
        }
    }
    Ok(ctes.finish(&found.join("\nunion\n")))
}

/// How a row is tied to its households.
struct Keys {
    /// What is kept of a row.
    kept: &'static str,
    joined: &'static str,
    household: &'static str,
}

fn keys(source: &Source) -> Keys {
    let (kept, joined, household) = match (source.household, source.division) {
        (Some(_), _) => ("r.household_id", "", "r.household_id"),
        (None, Some(DivisionLevel::County)) => {
            ("r.division_code", "\n  join monitoring.household h on h.county_code = r.division_code", "h.household_id")
        }
        (None, Some(DivisionLevel::Township)) => (
            "r.division_code",
            "\n  join monitoring.household h on left(h.division_code, 9) || '000' = r.division_code",
            "h.household_id",
        ),
        (None, None) => {
            ("r.person_key", "\n  join monitoring.member m on m.person_key = r.person_key", "m.household_id")
        }
    };
    Keys { kept, joined, household }
}

/// Where something that no row decides differs, with its cause.
pub(crate) fn calendar(contents: &Contents, days: &[(String, String)]) -> String {
    if days.is_empty() {
        return "select null::text as cause, null::text as county_code, null::text as area_kind \
                where false and $1::date is null and $2::text[] is null"
            .to_owned();
    }
    let used = parameters_in(days.iter().map(|(_, differs)| differs), contents);
    let mut ctes = Ctes::default();
    push_places(&mut ctes, contents, &used);
    let list: Vec<String> = days.iter().map(|(cause, differs)| format!("('{cause}', {differs})")).collect();
    ctes.finish(&format!(
        "select distinct d.cause, pl.county_code, pl.area_kind\nfrom place pl\njoin parameter x on x.place = pl.place\n\
         cross join lateral (values\n  {}\n) as d (cause, differs)\nwhere d.differs",
        list.join(",\n  ")
    ))
}

/// Rows that may make the fact differ.
fn hints(fact: &Fact, contents: &Contents, source: &Source) -> Result<Vec<String>, Fault> {
    let expr = parse(fact.expr.as_deref().unwrap_or_default())?;
    if is_timed_outside(&expr) {
        return Ok(vec!["true".to_owned()]);
    }
    let mut hints = Vec::new();
    if let Some(filter) = &fact.filter
        && is_timed(&parse(filter)?)
    {
        hints.push(changed(contents, source, |env| compile_boolean(filter, env))?);
    }
    for argument in timed_arguments(&expr) {
        hints.push(changed(contents, source, |env| compile_part(argument, env))?);
    }
    Ok(hints)
}

/// That the fact, added up over its rows, differs.
fn outcome(fact: &Fact, contents: &Contents, source: &Source) -> Result<(Level, String), Fault> {
    let on = |as_of: &str| aggregate(fact, &names::of_rows(contents, source, as_of));
    Ok((fact.level, format!("({}) is distinct from ({})", on(BEFORE)?, on(AFTER)?)))
}

fn added_up(source: &Source, level: Level, differ: &[&str]) -> String {
    let tie = tie(source, level);
    format!(
        "select m.household_id\nfrom {} m\njoin {} r on {}\n{}\nwhere {}\ngroup by {}, m.household_id\nhaving {}",
        tie.from,
        source.table,
        tie.on,
        parameters_of("m"),
        in_force(source),
        tie.subject,
        differ.join("\n  or "),
    )
}

/// Every place, and the parameters there.
fn push_places(ctes: &mut Ctes, contents: &Contents, used: &BTreeSet<String>) {
    ctes.push(
        "place",
        "  select c.county_code || '/' || a.area_kind as place, c.county_code, a.area_kind\n  from unnest($2::text[]) as c \
         (county_code)\n  cross join (values ('rural'), ('urban')) as a (area_kind)",
    );
    parameter::push(ctes, contents, used, AFTER);
}

/// What parameters come to together somewhere: a row's own place is looked at when its fact is added up.
fn push_settings(ctes: &mut Ctes, used: &BTreeSet<String>) {
    let columns: Vec<String> = used.iter().map(|name| format!("x.p_{name}")).collect();
    let columns = if columns.is_empty() { "true as here".to_owned() } else { columns.join(", ") };
    ctes.push("setting", &format!("  select distinct {columns}\n  from parameter x"));
}

/// That one of the expressions holds of the row somewhere.
fn any_setting(list: &[String]) -> String {
    if list.is_empty() {
        return "false".to_owned();
    }
    format!("exists (select from setting x where {})", list.join("\n        or "))
}

/// Households whose facts are added up, under the names that the ties expect.
fn push_scope(ctes: &mut Ctes) {
    ctes.push(
        "scope",
        "  select h.household_id, h.division_code, h.county_code, h.county_code || '/' || h.area_kind as place\n  from touched t\n  \
         join monitoring.household h on h.household_id = t.household_id\n  where not t.sure",
    );
    ctes.push(
        "member",
        "  select m.person_key, m.household_id, s.place\n  from scope s\n  join monitoring.member m on m.household_id = \
         s.household_id",
    );
}

/// Parameters that generated texts read.
fn parameters_in<'a>(texts: impl Iterator<Item = &'a String>, contents: &Contents) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in texts {
        let names = text.split("x.p_").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        });
        found.extend(names.map(str::to_owned));
    }
    found.retain(|name| contents.parameters.iter().any(|parameter| parameter.name == *name));
    found
}
