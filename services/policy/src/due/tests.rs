//! What is watched of small expressions over the facts of a small pack. That watching it is enough is tested against the
//! database, on every rule of Longnan.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, Reach, origin::Tracer, syntax};
use crate::{Pack, expression::parse};

fn pack() -> Pack {
    Pack::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pack")).unwrap()
}

/// Sources whose rows are watched for an expression, and how many expressions concern everybody.
fn watched(text: &str) -> (Vec<String>, usize) {
    let (rows, days) = texts(text);
    (rows.into_iter().map(|(source, _)| source).collect::<BTreeSet<_>>().into_iter().collect(), days.len())
}

fn texts(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let pack = pack();
    let contents = pack.contents();
    let mut plan = Plan { contents, reaches: BTreeMap::new(), found: BTreeMap::new(), days: Vec::new() };
    let reach = Reach { indicators: BTreeSet::from(["A01".to_owned()]), facts: false };
    plan.over_facts(&parse(text).unwrap(), ("A01", &reach), &Tracer::new(contents)).unwrap();
    let rows = plan
        .found
        .iter()
        .flat_map(|((source, _), watched)| watched.rows.iter().map(move |sql| ((*source).to_owned(), sql.clone())));
    (rows.collect(), plan.days.into_iter().map(|(_, _, sql)| sql).collect())
}

fn rows_of(source: &str) -> Vec<String> {
    vec![source.to_owned()]
}

#[test]
fn an_expression_without_the_date_waits_for_data() {
    assert_eq!(watched("disaster_ended_on > disaster_relief_on and houses > 1"), (vec![], 0));
}

#[test]
fn a_date_that_is_compared_is_watched_row_by_row() {
    let (rows, days) = texts("disaster_ended_on between as_of - disaster_days and as_of");
    let on = |day: &str| format!("(((r.row_ended_on)::date between ({day} - (x.p_disaster_days)::integer) and {day}))");
    let differs = format!("{} is distinct from {}", on("($1::date - 1)"), on("$1::date"));
    assert_eq!(rows, [("emergency.disaster_loss".to_owned(), differs)]);
    // Without a row the fact is null, or what the pack says is there then.
    assert!(!days.is_empty() && days.iter().all(|sql| !sql.contains("r.")), "{days:?}");
}

#[test]
fn years_months_and_differences_of_days_are_watched_where_their_date_stands() {
    for text in [
        "full_years(disaster_ended_on, as_of) >= 1",
        "full_years(disaster_ended_on, as_of + 30) >= 1",
        "month_of(disaster_ended_on) = month_of(as_of)",
        "school_year_of(disaster_ended_on) = school_year_of(as_of - 30)",
        "(year_of(as_of) - year_of(disaster_ended_on)) * 12 + date_part('month', as_of) - date_part('month', disaster_ended_on) \
         - (case when date_part('day', as_of) < date_part('day', disaster_ended_on) then 1 else 0 end) >= 12",
        "as_of - disaster_ended_on > 30",
        "disaster_ended_on in (as_of, as_of - 1)",
        "not (disaster_ended_on < as_of)",
        "coalesce(disaster_ended_on, '1900-01-01'::date) < as_of",
    ] {
        assert_eq!(watched(text).0, rows_of("emergency.disaster_loss"), "{text}");
    }
}

#[test]
fn the_calendar_alone_concerns_everybody() {
    for text in [
        "date_part('month', as_of) >= 11",
        "school_year_of(as_of - 30) = school_year_of(as_of)",
        "as_of > '2026-01-01'::date",
    ] {
        assert_eq!(watched(text), (vec![], 1), "{text}");
    }
}

#[test]
fn parts_that_rest_on_different_rows_are_watched_apart() {
    let both = "disaster_ended_on < as_of - 30 and (disaster_relief_on is null or disaster_relief_on >= as_of - 30)";
    let sources = ["emergency.disaster_loss", "emergency.disaster_relief"].map(str::to_owned).to_vec();
    assert_eq!(watched(both).0, sources);
    // Two dates in one comparison: what is left is the date itself, which is another one every day.
    let (rows, days) = texts("disaster_relief_on - disaster_ended_on < as_of - '2026-01-01'::date");
    assert_eq!((rows.len(), days.len()), (0, 1));
    assert!(days[0].contains("$1::date"), "{days:?}");
}

#[test]
fn what_has_no_value_of_a_row_is_left_to_the_calendar() {
    // A count of members can be any number.
    let (rows, days) = texts("as_of - labour_age_members > disaster_ended_on");
    assert_eq!((rows.len(), days), (0, vec!["(($1::date - 1)) is distinct from ($1::date)".to_owned()]));
}

#[test]
fn assuming_is_told_from_spreading_the_unknown() {
    let assumed = |text: &str| syntax::assumed_names(&parse(text).unwrap()).into_iter().collect::<Vec<_>>();
    assert_eq!(assumed("a and b or not c between d and e"), Vec::<String>::new());
    assert_eq!(assumed("a and coalesce(b, c > 1)"), ["b", "c"]);
    assert_eq!(assumed("case when a is null then b else c end"), ["a"]);
    assert_eq!(assumed("a is distinct from b or c is not null"), ["a", "b", "c"]);
    assert_eq!(assumed("newest(a, b)"), ["a", "b"]);
}

#[test]
fn what_an_aggregate_adds_up_is_told_from_what_stands_beside_it() {
    let expr = parse("max(case when a <= as_of then b else null end) + sum(c)").unwrap();
    assert!(syntax::is_timed(&expr) && !syntax::is_timed_outside(&expr));
    assert_eq!(syntax::timed_arguments(&expr).len(), 1);
    let outside = parse("max(a) < as_of - 30").unwrap();
    assert!(syntax::is_timed_outside(&outside));
    assert!(syntax::timed_arguments(&outside).is_empty());
}
