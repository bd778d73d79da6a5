//! Aggregates over groups of rows, with and without `where`, against PostgreSQL.

use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};

use super::{
    database::{Database, Row, as_of, env, with_rows},
    grammar::{Grammar, form, grammar},
    scalars::random_row,
};
use crate::{
    error::Fault,
    expression::{Env, compile_as, compile_boolean, parse},
    kind::Kind,
    reference::{Aggregation, Names, Value},
    sql,
};

/// Groups asked about; rows fall into all but the last.
const GROUPS: usize = 7;

/// A fact over rows.
#[derive(Debug, Clone)]
struct Question {
    text: String,
    kind: Kind,
    filter: Option<String>,
}

impl Question {
    fn empty(&self) -> &'static str {
        match self.kind {
            Kind::Boolean => "false",
            Kind::Integer | Kind::Money | Kind::Ratio => "0",
            Kind::Date => "1900-01-01",
            Kind::Text => "none",
        }
    }

    /// The generator does not know that a quotient must be rounded before it is multiplied or compared for equality.
    fn keeps_its_digits(&self) -> bool {
        let columns = env();
        let mut env = Env { aggregate: true, ..columns.clone() };
        std::sync::Arc::make_mut(&mut env.names).values_mut().for_each(|slot| slot.row = true);
        let value = compile_as(&self.text, &env, self.kind);
        let filter = self.filter.as_ref().map(|text| compile_boolean(text, &columns));
        let cut = |fault: &Fault| fault.en.contains("quotient");
        !value.is_err_and(|fault| cut(&fault)) && !filter.is_some_and(|filter| filter.is_err_and(|fault| cut(&fault)))
    }

    /// As `sql::pipeline` writes a fact over the rows of a source.
    fn sql(&self) -> String {
        let columns = env();
        let mut env = Env { aggregate: true, ..columns.clone() };
        std::sync::Arc::make_mut(&mut env.names).values_mut().for_each(|slot| slot.row = true);
        let empty = sql::literal(self.empty(), self.kind).unwrap();
        let filter = self.filter.as_ref().map(|text| compile_boolean(text, &columns).unwrap());
        env.filter = filter.as_ref().map(|filter| filter.sql.clone());
        let value = compile_as(&self.text, &env, self.kind).unwrap_or_else(|fault| panic!("{self:?}\n{fault:?}")).sql;
        let value = filter.map_or(value.clone(), |filter| {
            let which = &filter.sql;
            let doubt =
                if filter.nullable { format!("when bool_or({which} is null) then null ") } else { String::new() };
            format!("case {doubt}when count(*) filter (where {which}) = 0 then {empty} else {value} end")
        });
        format!(
            "select s.id, (case when r.subject is null then {empty} else r.f end)::text from generate_series(0, {GROUPS}) s (id) \
             left join (select v.g as subject, {value} as f from v group by v.g) r on r.subject = s.id"
        )
    }

    /// The reference's answer for one group.
    fn answer(&self, rows: &[&Row]) -> Result<Value, Fault> {
        let lookups: Vec<_> = rows.iter().map(|row| |name: &str| row.value(name)).collect();
        let names: Vec<&Names<'_>> = lookups.iter().map(|lookup| lookup as &Names<'_>).collect();
        let value = parse(&self.text)?;
        let filter = self.filter.as_deref().map(parse).transpose()?;
        let empty = Value::from_sql(Some(self.empty()), self.kind)?;
        Aggregation { value: &value, filter: filter.as_ref(), empty: &empty }.over(&names, as_of())?.kept_as(self.kind)
    }
}

/// Every answer of the reference that differs from PostgreSQL's, in words.
fn disagreements(database: &Database, questions: &[Question], rows: &[(Row, usize)]) -> Vec<String> {
    let (all, groups): (Vec<Row>, Vec<usize>) = rows.iter().cloned().unzip();
    let statements: Vec<String> = questions.iter().map(Question::sql).collect();
    let mut found = Vec::new();
    for (question, answers) in questions.iter().zip(database.answers(&with_rows(&all, &groups), &statements)) {
        for (group, answer) in answers.into_iter().enumerate() {
            let of_group: Vec<&Row> = rows.iter().filter(|(_, of)| *of == group).map(|(row, _)| row).collect();
            let (ours, theirs) = (question.answer(&of_group), Value::from_sql(answer.as_deref(), question.kind));
            if ours != theirs {
                found.push(format!("{question:?}\n  rows {of_group:?}\n  reference {ours:?}\n  PostgreSQL {theirs:?}"));
            }
        }
    }
    found
}

/// Aggregates of a kind over random expressions of rows.
fn aggregate(kind: Kind) -> BoxedStrategy<String> {
    let Grammar { whole, money, fraction, date, text, boolean } = grammar(2);
    let known_text = form(&["coalesce({}, t)"], &[&text]);
    match kind {
        Kind::Boolean => prop_oneof![
            4 => form(&["bool_or({})", "bool_and({})", "not bool_or({}) and count(*) > 1"], &[&boolean]),
            1 => form(&["newest({}, {})"], &[&boolean, &date]),
            1 => form(&["max({}) > min({})"], &[&fraction, &whole]),
            1 => form(&["min({}) = max({})"], &[&known_text, &known_text]),
        ]
        .boxed(),
        Kind::Integer | Kind::Ratio => prop_oneof![
            3 => form(&["sum({})", "min({})", "max({})", "count({})", "round(sum({}) / nullif(count(*), 0))"], &[&whole]),
            2 => form(&["count_if({})", "count({})", "count(distinct {})"], &[&boolean]),
            1 => form(&["count(distinct {})"], &[&prop_oneof![fraction, known_text.clone(), date.clone()].boxed()]),
            1 => form(&["max({}) - min({})", "full_years(min({}), newest({}, t))"], &[&date, &date]),
            1 => form(&["newest({}, {})"], &[&whole, &prop_oneof![date, known_text, whole.clone()].boxed()]),
            1 => Just("count(*)".to_owned()),
        ]
        .boxed(),
        Kind::Money => prop_oneof![
            form(&["sum({})", "min({})", "max({})", "greatest(0, sum({}) - 100)"], &[&money]),
            form(&["newest({}, {})"], &[&money, &date]),
        ]
        .boxed(),
        Kind::Date => prop_oneof![
            form(&["min({})", "max({})", "coalesce(max({}), as_of) - 1"], &[&date]),
            form(&["newest({}, {})"], &[&date, &prop_oneof![text, money, boolean].boxed()]),
        ]
        .boxed(),
        Kind::Text => prop_oneof![
            form(&["min({})", "max({})", "least(min({}), 'm')"], &[&known_text]),
            form(&["newest({}, {})"], &[&known_text, &date]),
        ]
        .boxed(),
    }
}

fn question() -> impl Strategy<Value = Question> {
    let kinds = vec![Kind::Boolean, Kind::Integer, Kind::Money, Kind::Date, Kind::Text];
    let filter = prop_oneof![
        2 => Just(None),
        2 => select(vec!["p", "a > 0", "d <= as_of", "t = 'valid' or q", "p is null", "false"]).prop_map(|f| Some(f.to_owned())),
        1 => grammar(2).boolean.prop_map(Some),
    ];
    (select(kinds), filter).prop_flat_map(|(kind, filter)| {
        aggregate(kind).prop_map(move |text| Question { text, kind, filter: filter.clone() })
    })
}

#[test]
fn any_aggregate_gives_what_postgresql_gives() {
    let database = Database::new();
    let row = prop_oneof![random_row(2), random_row(30)];
    let cases = (vec(question(), 200), vec((row, 0..GROUPS), 1..30));
    // Every disagreement is named with its rows: there is nothing to shrink to.
    let mut runner = TestRunner::new(ProptestConfig { cases: 12, max_shrink_iters: 0, ..ProptestConfig::default() });

    let result = runner.run(&cases, |(questions, rows)| {
        let questions: Vec<Question> = questions.into_iter().filter(Question::keeps_its_digits).collect();
        let found = disagreements(&database, &questions, &rows);
        prop_assert!(found.is_empty(), "{} differ:\n{}", found.len(), found[..found.len().min(10)].join("\n"));
        Ok(())
    });

    result.unwrap();
}
