//! What the language says, in answers anyone can check by hand. No database.

use chrono::NaiveDate;

use super::database::{Row, as_of};
use crate::{
    expression::parse,
    kind::Kind,
    reference::{Aggregation, Names, Value, evaluate},
};

fn nobody(name: &str) -> Value {
    panic!("no value for {name}")
}

/// PostgreSQL's text of the answer, `unknown` or `fault`.
fn answer(text: &str, names: &Names<'_>) -> String {
    let value = evaluate(&parse(text).unwrap(), names, as_of()).and_then(|value| value.to_sql());
    value.map_or("fault".to_owned(), |text| text.unwrap_or("unknown".to_owned()))
}

fn expect(answers: &[(&str, &str)]) {
    for (text, wanted) in answers {
        assert_eq!(answer(text, &nobody), *wanted, "{text}");
    }
}

#[test]
fn unknown_is_not_no() {
    expect(&[
        ("null and false", "false"),
        ("null and true", "unknown"),
        ("null or true", "true"),
        ("null or false", "unknown"),
        ("not null", "unknown"),
        ("case when null then 1 else 2 end", "unknown"),
        ("case when true then 1 when null then 2 else 3 end", "1"),
        ("greatest(1, null)", "unknown"),
        ("least(null, 1)", "unknown"),
        ("coalesce(null, 1)", "1"),
        ("1 in (2, null)", "unknown"),
        ("1 in (1, null)", "true"),
        ("1 not in (2, null)", "unknown"),
        ("3 between null and 2", "false"),
        ("null is distinct from 1", "true"),
    ]);
}

#[test]
fn quotients_are_exact() {
    expect(&[
        ("1 / 3 * 3", "1"),
        ("ceil(200 / 3 * 12)", "800"),
        ("floor(100 / 3 * 12)", "400"),
        ("round(5 / 2)", "3"),
        ("round(-5 / 2)", "-3"),
        ("1 / 8", "0.125"),
    ]);
}

#[test]
fn somebody_grows_older_on_the_birthday() {
    expect(&[
        ("full_years('2008-10-26'::date, as_of)", "18"),
        ("full_years('2008-10-27'::date, as_of)", "17"),
        ("full_years('2008-02-29'::date, '2026-02-28'::date)", "17"),
        ("full_years('2008-02-29'::date, '2026-03-01'::date)", "18"),
        ("full_years(as_of, '2008-10-27'::date)", "-17"),
        ("school_year_of('2026-08-31'::date)", "2025-2026"),
        ("school_year_of('2026-09-01'::date)", "2026-2027"),
    ]);
}

#[test]
fn what_leaves_its_range_is_a_fault_and_no_panic() {
    let huge = "999999999999999 * 999999999999999 * 999999999999999";
    expect(&[
        (huge, "fault"),
        (&format!("- ({huge})"), "fault"),
        ("1 / 999999999999999 / 999999999999999 / 999999999999999", "fault"),
        ("1 / 0", "fault"),
        ("(999999999999999 * 999999999999999)::bigint", "fault"),
        ("'9999-12-31'::date + 1", "fault"),
        ("'0001-01-01'::date - 999999999999999", "fault"),
        ("school_year_of('0001-08-31'::date)", "fault"),
        ("1 / 3", "fault"),
        ("9223372036854775807 + 1", "9223372036854775808"),
    ]);
}

#[test]
fn what_the_check_would_refuse_is_a_fault_and_no_panic() {
    expect(&[
        ("1 = 'a'", "fault"),
        ("'a' and true", "fault"),
        ("'a' + 1", "fault"),
        ("as_of + as_of", "fault"),
        ("as_of + 'a'", "fault"),
        ("month_of(1)", "fault"),
        ("sum(1)", "fault"),
        ("pg_sleep(9)", "fault"),
        ("(select 1)", "fault"),
        ("'2026-02-30'::date", "fault"),
        ("1 || 2", "fault"),
    ]);
    let chain = vec!["1"; 500].join(" + ");
    expect(&[(&chain, "fault")]);
}

#[test]
fn values_keep_their_text() {
    for (text, kind) in [
        ("true", Kind::Boolean),
        ("-9223372036854775808", Kind::Integer),
        ("150000", Kind::Money),
        ("-0.05", Kind::Ratio),
        ("12.125", Kind::Ratio),
        ("2024-02-29", Kind::Date),
        ("it's 丧失", Kind::Text),
    ] {
        let value = Value::from_sql(Some(text), kind).unwrap();
        assert_eq!(value.to_sql().unwrap().as_deref(), Some(text));
        assert_eq!(value.clone().kept_as(kind), Ok(value));
    }
    assert_eq!(Value::from_sql(None, Kind::Date), Ok(Value::Unknown));
}

#[test]
fn no_other_text_is_a_value() {
    for (text, kind) in [
        ("yes", Kind::Boolean),
        ("9223372036854775808", Kind::Integer),
        ("1.5", Kind::Money),
        ("NaN", Kind::Ratio),
        ("1e3", Kind::Ratio),
        (".", Kind::Ratio),
        ("infinity", Kind::Date),
        ("12026-01-01", Kind::Date),
        ("0044-03-15 BC", Kind::Date),
    ] {
        assert!(Value::from_sql(Some(text), kind).is_err(), "{text}");
    }
}

#[test]
fn a_value_is_kept_as_its_kind_or_not_at_all() {
    let half = Value::from_sql(Some("-2.5"), Kind::Ratio).unwrap();
    assert_eq!(half.clone().kept_as(Kind::Money), Ok(Value::whole(-3)));
    assert!(half.kept_as(Kind::Text).is_err());
    let beyond = Value::from_sql(Some("9223372036854775808"), Kind::Ratio).unwrap();
    assert!(beyond.kept_as(Kind::Integer).is_err());
    assert_eq!(Value::Unknown.kept_as(Kind::Date), Ok(Value::Unknown));
}

/// The aggregate over rows of `a`, `d` and `p`, where `a` is above 0.
fn aggregated(text: &str, rows: &[[&str; 3]]) -> String {
    let rows: Vec<Row> =
        rows.iter().map(|[a, d, p]| Row::of([a, "-", "-", "-", "-", d, "-", "-", "-", p, "-"])).collect();
    let lookups: Vec<_> = rows.iter().map(|row| |name: &str| row.value(name)).collect();
    let names: Vec<&Names<'_>> = lookups.iter().map(|lookup| lookup as &Names<'_>).collect();
    let (value, filter) = (parse(text).unwrap(), parse("a > 0").unwrap());
    let aggregation = Aggregation { value: &value, filter: Some(&filter), empty: &Value::Text("empty".to_owned()) };
    let value = aggregation.over(&names, NaiveDate::default()).unwrap();
    value.to_sql().unwrap().unwrap_or("unknown".to_owned())
}

#[test]
fn an_aggregate_knows_what_its_rows_let_it_know() {
    let rows = [["1", "2026-01-01", "true"], ["2", "2026-02-01", "-"], ["-5", "-", "-"]];
    let known = [["1", "2026-03-01", "false"], ["2", "-", "false"], ["3", "2026-03-01", "true"]];
    for (text, rows, wanted) in [
        ("bool_or(p)", &rows, "true"),
        ("bool_and(p)", &rows, "unknown"),
        ("count_if(p)", &rows, "unknown"),
        ("count_if(p)", &known, "1"),
        ("sum(a)", &rows, "3"),
        ("max(d)", &rows, "2026-02-01"),
        ("max(d)", &known, "unknown"),
        ("count(*)", &rows, "2"),
        ("count(distinct p)", &known, "2"),
        ("newest(a, d)", &rows, "2"),
        ("newest(a, d)", &known, "3"),
        ("newest(p, a)", &rows, "unknown"),
        ("count(*) > 1 and bool_or(a = 2)", &known, "true"),
    ] {
        assert_eq!(aggregated(text, rows), wanted, "{text}");
    }
}

#[test]
fn one_row_nobody_can_judge_makes_an_aggregate_unknown_and_none_makes_it_empty() {
    assert_eq!(aggregated("bool_or(p)", &[["1", "-", "true"], ["-", "-", "true"]]), "unknown");
    assert_eq!(aggregated("bool_or(p)", &[["-1", "-", "true"]]), "empty");
    assert_eq!(aggregated("count(*)", &[]), "empty");
}
