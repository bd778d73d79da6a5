//! PostgreSQL's answers to many expressions over many rows, in one statement.

use std::{cell::RefCell, fmt};

use chrono::NaiveDate;
use minqing_test_kit::Postgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, postgres::PgRow};
use tokio::runtime::{Builder, Runtime};

use crate::{
    expression::{Env, Slot},
    kind::Kind,
    reference::Value,
};

/// Names of a row and what they stand for.
pub(super) const COLUMNS: [(&str, Kind); 11] = [
    ("a", Kind::Integer),
    ("b", Kind::Integer),
    ("m", Kind::Money),
    ("n", Kind::Money),
    ("r", Kind::Ratio),
    ("d", Kind::Date),
    ("e", Kind::Date),
    ("t", Kind::Text),
    ("u", Kind::Text),
    ("p", Kind::Boolean),
    ("q", Kind::Boolean),
];

/// Values in the order of [`COLUMNS`].
#[derive(Clone)]
pub(super) struct Row(Vec<Value>);

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((name, _), value) in COLUMNS.iter().zip(&self.0) {
            let text = value.to_sql().map_err(|_| fmt::Error)?;
            write!(f, "{name}={} ", text.as_deref().unwrap_or("-"))?;
        }
        Ok(())
    }
}

impl Row {
    /// Row of PostgreSQL's texts; `-` is unknown.
    pub(super) fn of(texts: [&str; 11]) -> Self {
        let value =
            |(text, (_, kind)): (&str, (&str, Kind))| Value::from_sql((text != "-").then_some(text), kind).unwrap();
        Self(texts.into_iter().zip(COLUMNS).map(value).collect())
    }

    pub(super) fn value(&self, name: &str) -> Value {
        let at = COLUMNS.iter().position(|(column, _)| *column == name).unwrap_or_else(|| panic!("no name {name}"));
        self.0[at].clone()
    }
}

/// Business date of the tests.
pub(super) fn as_of() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 26).unwrap()
}

/// The columns as names of an expression.
pub(super) fn env() -> Env {
    let slot = |(name, kind): &(&str, Kind)| ((*name).to_owned(), Slot::new(format!("v.{name}"), *kind));
    let as_of = format!("'{}'::date", as_of());
    Env { names: std::sync::Arc::new(COLUMNS.iter().map(slot).collect()), as_of, aggregate: false, filter: None }
}

pub(super) struct Database {
    runtime: Runtime,
    connection: RefCell<PgConnection>,
}

impl Database {
    pub(super) fn new() -> Self {
        let url = Postgres::shared().unwrap().admin_url("postgres");
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = RefCell::new(runtime.block_on(PgConnection::connect(&url)).unwrap());
        Self { runtime, connection }
    }

    /// Answers to `questions`, each a select of a number and a text; one list per question, in the order of the numbers.
    /// `with` holds what they read.
    pub(super) fn answers(&self, with: &str, questions: &[String]) -> Vec<Vec<Option<String>>> {
        let rows = self.ask(with, questions).unwrap_or_else(|error| {
            let refused = questions.iter().find(|question| self.ask(with, &[(*question).clone()]).is_err());
            panic!("{error}\n{refused:?}")
        });
        let mut answers = vec![Vec::new(); questions.len()];
        for row in rows {
            answers[usize::try_from(row.get::<i32, _>(0)).unwrap()].push(row.get(2));
        }
        answers
    }

    fn ask(&self, with: &str, questions: &[String]) -> sqlx::Result<Vec<PgRow>> {
        let numbered = |(at, sql): (usize, &String)| format!("select {at}, q.id, q.answer from ({sql}) q (id, answer)");
        let parts: Vec<String> = questions.iter().enumerate().map(numbered).collect();
        let statement = format!("{with} {} order by 1, 2", parts.join("\nunion all "));
        let query = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        self.runtime.block_on(query.fetch_all(&mut *self.connection.borrow_mut()))
    }

    /// Collation of the database.
    pub(super) fn collation(&self) -> String {
        let query = sqlx::query_scalar("select datcollate::text from pg_database where datname = current_database()");
        self.runtime.block_on(query.fetch_one(&mut *self.connection.borrow_mut())).unwrap()
    }
}

/// The rows as the relation `v`, with their position as `id` and their group as `g`.
pub(super) fn with_rows(rows: &[Row], groups: &[usize]) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = rows.iter().zip(groups).enumerate().map(|(id, row)| literals(id, row)).collect();
    format!("with v (id, g, {}) as materialized (values {})", names.join(", "), values.join(",\n"))
}

fn literals(id: usize, (row, group): (&Row, &usize)) -> String {
    let mut items = vec![id.to_string(), group.to_string()];
    for (value, (_, kind)) in row.0.iter().zip(COLUMNS) {
        let literal = match value.to_sql().unwrap() {
            Some(text) => format!("'{}'", text.replace('\'', "''")),
            None => "null".to_owned(),
        };
        items.push(format!("{literal}::{}", kind.sql_type()));
    }
    format!("({})", items.join(", "))
}

/// Kind to read an answer as: what is not kept yet may have a fraction.
pub(super) fn read_as(kind: Option<Kind>) -> Kind {
    match kind {
        None | Some(Kind::Integer | Kind::Money) => Kind::Ratio,
        Some(other) => other,
    }
}
