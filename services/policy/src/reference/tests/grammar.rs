//! Random well-typed expressions over the columns of [`super::database`].
//!
//! Amounts stay below 10^16 and a quotient whose digits do not end is rounded or compared at once: past that PostgreSQL's
//! sixteen digits differ from the exact fraction, as the module header of `reference` says.

use proptest::{prelude::*, sample::select};

/// One strategy per type; `whole` and `money` are whole, `fraction` may not be.
#[derive(Clone)]
pub(super) struct Grammar {
    pub whole: BoxedStrategy<String>,
    pub money: BoxedStrategy<String>,
    pub fraction: BoxedStrategy<String>,
    pub date: BoxedStrategy<String>,
    pub text: BoxedStrategy<String>,
    pub boolean: BoxedStrategy<String>,
}

/// Expressions up to `levels` operators deep.
pub(super) fn grammar(levels: usize) -> Grammar {
    (0..levels).fold(leaves(), |inner, _| over(&inner))
}

fn leaves() -> Grammar {
    let one_of = |list: &'static [&'static str]| select(list).prop_map(str::to_owned).boxed();
    Grammar {
        whole: one_of(&["a", "b", "0", "1", "7", "(-3)", "100"]),
        money: one_of(&["m", "n"]),
        fraction: one_of(&["r", "2.5", "0.125", "(-1.5)"]),
        date: one_of(&["d", "e", "as_of", "'2024-02-29'::date", "date '1999-12-31'"]),
        text: one_of(&["t", "u", "'valid'", "''", "'丧失'", "'it''s'"]),
        boolean: one_of(&["p", "q", "true", "false"]),
    }
}

fn over(inner: &Grammar) -> Grammar {
    Grammar {
        whole: prop_oneof![whole(inner), of_any_type(&inner.whole, inner)].boxed(),
        money: prop_oneof![money(inner), of_any_type(&inner.money, inner)].boxed(),
        fraction: prop_oneof![fraction(inner), of_any_type(&inner.fraction, inner)].boxed(),
        date: prop_oneof![date(inner), of_any_type(&inner.date, inner)].boxed(),
        text: prop_oneof![text(inner), of_any_type(&inner.text, inner)].boxed(),
        boolean: prop_oneof![3 => boolean(inner), 1 => of_any_type(&inner.boolean, inner)].boxed(),
    }
}

/// One of the templates, its marks `{}` filled with the parts in order.
pub(super) fn form(templates: &'static [&'static str], parts: &[&BoxedStrategy<String>]) -> BoxedStrategy<String> {
    let parts: Vec<BoxedStrategy<String>> = parts.iter().copied().cloned().collect();
    let filled = |(template, parts): (&str, Vec<String>)| {
        parts.iter().fold(template.to_owned(), |text, part| text.replacen("{}", part, 1))
    };
    (select(templates), parts).prop_map(filled).boxed()
}

/// Forms that give the type they take.
fn of_any_type(same: &BoxedStrategy<String>, inner: &Grammar) -> BoxedStrategy<String> {
    const TWO: &[&str] = &[
        "coalesce({}, {})",
        "coalesce(null, {}, {})",
        "nullif({}, {})",
        "greatest({}, {})",
        "least({}, {})",
        "greatest({}, null, {})",
    ];
    const CASES: &[&str] = &[
        "case when {} then {} else {} end",
        "case when {} then null when p then {} else {} end",
        "case when p then null when {} then {} else {} end",
        "case when q then null when p then null when {} then {} else {} end",
    ];
    prop_oneof![
        2 => same.clone(),
        1 => form(&["nullif({}, null)", "coalesce({}, null)", "case when q then {} else null end"], &[same]),
        2 => form(TWO, &[same, same]),
        2 => form(CASES, &[&inner.boolean, same, same]),
        1 => form(&["coalesce({}, {}, {})", "greatest({}, {}, {})", "least({}, {}, {})"], &[same, same, same]),
    ]
    .boxed()
}

/// A quotient whose digits may not end, of whole numbers.
fn quotient(numerator: &BoxedStrategy<String>) -> BoxedStrategy<String> {
    form(&["{} / 3", "{} / 7", "{} / 0.3", "{} / nullif(a, 0)", "{} / (- nullif(b, 0))"], &[numerator])
}

const ROUNDINGS: &[&str] = &["round({})", "ceil({})", "floor({})", "({})::bigint"];

fn whole(inner: &Grammar) -> BoxedStrategy<String> {
    const OF_DATE: &[&str] = &[
        "year_of({})",
        "full_years({}, as_of)",
        "full_years(e, {})",
        "extract(month from {})",
        "date_part('day', {})",
        "extract(year from {})",
    ];
    prop_oneof![
        form(&["({} + {})", "({} - {})"], &[&inner.whole, &inner.whole]),
        form(&["(- {})", "abs({})", "({} * 12)", "(3 * {})", "({})::bigint"], &[&inner.whole]),
        form(OF_DATE, &[&inner.date]),
        form(&["({} - {})", "full_years({}, {})"], &[&inner.date, &inner.date]),
        form(ROUNDINGS, &[&inner.fraction]),
        form(ROUNDINGS, &[&quotient(&inner.whole)]),
    ]
    .boxed()
}

fn money(inner: &Grammar) -> BoxedStrategy<String> {
    const WHOLE: &[&str] = &["round({})", "ceil({})", "floor({})", "(ceil({} / 100) * 100)"];
    prop_oneof![
        form(&["({} + {})", "({} - {})"], &[&inner.money, &inner.money]),
        form(&["(- {})", "abs({})", "({} * 12)", "({} + 100)", "greatest(0, {})", "round({} * r)"], &[&inner.money]),
        form(WHOLE, &[&inner.money]),
        form(&["round({})", "ceil({})", "floor({})"], &[&quotient(&inner.money)]),
        Just("(m * a)".to_owned()),
    ]
    .boxed()
}

fn fraction(inner: &Grammar) -> BoxedStrategy<String> {
    prop_oneof![
        form(&["({} + {})", "({} - {})", "(r * ({} + {}))"], &[&inner.fraction, &inner.whole]),
        form(&["({} / 2)", "({} / 8)", "({} / 0.5)", "(r * {})", "({} * 0.1)"], &[&inner.whole]),
        form(&["(- {})", "abs({})"], &[&inner.fraction]),
        Just("(r / 4)".to_owned()),
    ]
    .boxed()
}

fn date(inner: &Grammar) -> BoxedStrategy<String> {
    form(&["({} + 30)", "({} - a)", "({} + coalesce(b, 365))", "({} - (a + 1))", "({})::date"], &[&inner.date])
}

fn text(inner: &Grammar) -> BoxedStrategy<String> {
    prop_oneof![
        2 => form(&["month_of({})", "school_year_of({})", "({})::text"], &[&inner.date]),
        1 => form(&["({})::text", "(not {})::text"], &[&inner.boolean]),
        1 => form(&["(a + {})::text", "(b * {})::text"], &[&inner.whole]),
        1 => form(&["({})::text"], &[&inner.money]),
    ]
    .boxed()
}

fn boolean(inner: &Grammar) -> BoxedStrategy<String> {
    const LOGIC: &[&str] = &["({} and {})", "({} or {})", "(not {} or {})", "(not ({} and {}))"];
    prop_oneof![
        4 => form(LOGIC, &[&inner.boolean, &inner.boolean]),
        1 => form(&["(not {})", "({} is null)", "({} is not null)"], &[&inner.boolean]),
        1 => tested(&inner.boolean),
        2 => tested(&inner.whole),
        1 => tested(&inner.money),
        1 => tested(&inner.fraction),
        2 => tested(&inner.date),
        2 => tested(&inner.text),
        1 => form(&["({} <= {})", "({} > {})"], &[&quotient(&inner.whole), &inner.whole]),
        1 => form(&["({} < {})", "({} is distinct from {})"], &[&inner.whole, &inner.fraction]),
    ]
    .boxed()
}

/// Questions about values of one type, with null in every place that takes it.
fn tested(of: &BoxedStrategy<String>) -> BoxedStrategy<String> {
    const ONE: &[&str] = &[
        "({} is null)",
        "({} is not null)",
        "({} is distinct from null)",
        "(null is not distinct from {})",
        "({} in (null))",
        "({} between null and null)",
    ];
    const TWO: &[&str] = &[
        "({} = {})",
        "({} <> {})",
        "({} < {})",
        "({} <= {})",
        "({} > {})",
        "({} >= {})",
        "({} is distinct from {})",
        "({} is not distinct from {})",
        "({} not in ({}, null))",
        "({} between {} and null)",
        "({} not between null and {})",
    ];
    const THREE: &[&str] = &[
        "({} between {} and {})",
        "({} not between {} and {})",
        "({} in ({}, {}))",
        "({} not in ({}, {}))",
        "({} in (null, {}, {}))",
    ];
    prop_oneof![
        1 => form(ONE, &[of]),
        3 => form(TWO, &[of, of]),
        2 => form(THREE, &[of, of, of]),
    ]
    .boxed()
}
