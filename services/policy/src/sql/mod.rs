//! Generated statements. Each is one SELECT built of common table expressions, set-based over the households
//! asked for; nothing in it depends on a clock or on the order of rows.

mod assessment;
pub(crate) mod due;
mod evidence;
pub(crate) mod names;
mod parameter;
mod pipeline;
mod screening;

pub use evidence::{FactsStatement, ToldFact};
pub(crate) use parameter::column_name;
pub(crate) use pipeline::{empty, literal};

use std::collections::BTreeSet;

use crate::{check::Analysis, error::Fault, load::Contents};

/// The pack's statements.
#[derive(Debug)]
pub(crate) struct Statements {
    pub screening: String,
    pub feeds: String,
    pub facts: FactsStatement,
    pub assessment: String,
    pub register: String,
    pub hits: String,
    pub refuted: String,
    pub entitled: String,
}

pub(crate) fn generate(contents: &Contents, analysis: &Analysis) -> Result<Statements, Fault> {
    Ok(Statements {
        screening: screening::households(contents, analysis)?,
        feeds: screening::feeds(contents, analysis)?,
        facts: evidence::facts(contents, analysis)?,
        assessment: assessment::one_household(contents, analysis)?,
        register: assessment::register(contents, analysis)?,
        hits: screening::hits(contents, analysis, None)?,
        refuted: screening::refuted(contents, analysis, None)?,
        entitled: assessment::entitled(contents, analysis)?,
    })
}

/// Outcomes that are true, and those that are false, of some indicators.
pub(crate) fn screening_of(
    contents: &Contents,
    analysis: &Analysis,
    indicators: &BTreeSet<String>,
) -> Result<(String, String), Fault> {
    Ok((
        screening::hits(contents, analysis, Some(indicators))?,
        screening::refuted(contents, analysis, Some(indicators))?,
    ))
}

/// Every fact of households and members, with the date its source stood.
pub(crate) fn every_fact(contents: &Contents, analysis: &Analysis) -> Result<FactsStatement, Fault> {
    evidence::every_fact(contents, analysis)
}

/// Common table expressions in the order of their use.
#[derive(Debug, Default)]
struct Ctes(Vec<String>);

impl Ctes {
    /// Materialised, so that an expression runs once per row however often later steps read it.
    fn push(&mut self, name: &str, body: &str) {
        self.0.push(format!("{name} as materialized (\n{body}\n)"));
    }

    fn finish(self, select: &str) -> String {
        format!("with {}\n{select}", self.0.join(",\n"))
    }
}

/// Pairs that one call of jsonb_build_object may take: PostgreSQL allows 100 arguments.
const PAIRS: usize = 45;

/// A jsonb object of name and SQL.
fn object(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return "'{}'::jsonb".to_owned();
    }
    let part = |chunk: &[(String, String)]| {
        let list: Vec<String> = chunk.iter().map(|(name, sql)| format!("'{name}', {sql}")).collect();
        format!("jsonb_build_object({})", list.join(", "))
    };
    pairs.chunks(PAIRS).map(part).collect::<Vec<_>>().join(" || ")
}

/// A list of select items, each after a comma.
fn items(list: &[String]) -> String {
    list.iter().map(|item| format!(",\n    {item}")).collect()
}
