//! Which facts show that the data have changed, and which move by the calendar alone. Told by how a fact asks for the
//! business date, so it follows the pack by itself.

use std::collections::BTreeMap;

use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::{
    check::Analysis,
    expression::parse,
    kind::Kind,
    load::Contents,
    model::Fact,
    sql::names::{Form, form},
};

const AS_OF: &str = "as_of";
/// What grows with what it is made of. A minimum does not: it rises when rows leave.
const GROWS: [&str; 7] = ["sum", "max", "count", "count_if", "newest", "bool_or", "coalesce"];

/// What another value of a fact says about the data behind it. A parameter that changes is the law's doing and counts as
/// if the data had changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The fact does not ask for the business date: any other value comes from the data.
    Any,
    /// Days that pass only take rows from it, so more of it comes from the data: a higher number, a later date, a yes.
    More,
}

/// Signs by fact. What has none moves by the calendar alone: an age, the months since something, a yes that ends.
pub(crate) fn signs(contents: &Contents, analysis: &Analysis) -> BTreeMap<String, Sign> {
    let mut facts: Vec<&Fact> = contents.facts.iter().collect();
    facts.sort_by_key(|fact| analysis.rank(&fact.name));
    let mut known: BTreeMap<String, Option<Sign>> = BTreeMap::new();
    for fact in facts {
        known.insert(fact.name.clone(), of(fact, contents, &known));
    }
    known.into_iter().filter_map(|(name, sign)| Some((name, sign?))).collect()
}

fn of(fact: &Fact, contents: &Contents, known: &BTreeMap<String, Option<Sign>>) -> Option<Sign> {
    let text = fact.expr.as_deref()?;
    let dated = mentions(text) || fact.filter.as_deref().is_some_and(mentions);
    let ordered = fact.kind != Kind::Text;
    match form(fact, &contents.sources).ok()? {
        Form::Register(_) | Form::Rows(_) if !dated => Some(Sign::Any),
        Form::Rows(_) if ordered => {
            let rows = fact.filter.as_deref().map(parse).transpose().ok()?;
            let guarded = rows.as_ref().is_some_and(ends_today);
            let leaves = rows.as_ref().is_none_or(|rows| !comes_late(rows, guarded));
            (leaves && grows(&parse(text).ok()?, guarded)).then_some(Sign::More)
        }
        Form::Derived | Form::Lifted if !dated => {
            let parts: Vec<Option<Sign>> = words(text).filter_map(|word| known.get(&word).copied()).collect();
            if parts.iter().all(|part| *part == Some(Sign::Any)) {
                return Some(Sign::Any);
            }
            let grown = ordered && parts.iter().all(Option::is_some) && grows(&parse(text).ok()?, false);
            grown.then_some(Sign::More)
        }
        _ => None,
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_lowercase)
}

fn mentions(text: &str) -> bool {
    words(text).any(|word| word == AS_OF)
}

fn asks(expr: &Expr) -> bool {
    mentions(&expr.to_string())
}

fn is_today(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.value.eq_ignore_ascii_case(AS_OF))
}

/// Made by nothing but sums and the like of what grows, over rows that come on their day and may leave later. `guarded`:
/// rows count on the day they are dated at the earliest.
fn grows(expr: &Expr, guarded: bool) -> bool {
    match expr {
        Expr::Nested(inner) => grows(inner, guarded),
        Expr::BinaryOp { left, op: BinaryOperator::Plus, right } => grows(left, guarded) && grows(right, guarded),
        Expr::Function(call) => {
            let FunctionArguments::List(list) = &call.args else { return false };
            GROWS.contains(&call.name.to_string().to_lowercase().as_str())
                && list.args.iter().all(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => {
                        !asks(expr) || !comes_late(expr, guarded || ends_today(expr))
                    }
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => true,
                    _ => false,
                })
        }
        Expr::Identifier(_) | Expr::Value(_) => !asks(expr),
        _ => false,
    }
}

/// Rows count on the day they are dated at the earliest: one that begins to count has only just come.
fn ends_today(rows: &Expr) -> bool {
    match rows {
        Expr::Nested(inner) => ends_today(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => ends_today(left) || ends_today(right),
        Expr::BinaryOp { left, op: BinaryOperator::LtEq, right } => is_column(left) && is_today(right),
        Expr::Between { expr, negated: false, high, .. } => is_column(expr) && is_today(high),
        _ => false,
    }
}

/// Something in it may let a row in only days after the row came.
fn comes_late(rows: &Expr, guarded: bool) -> bool {
    match rows {
        Expr::Nested(inner) => comes_late(inner, guarded),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            comes_late(left, guarded) || comes_late(right, guarded)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Lt | BinaryOperator::LtEq, right } => {
            asks(right) && !(is_column(left) && is_today(right))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Gt | BinaryOperator::GtEq, .. } => asks(left),
        Expr::BinaryOp { op: BinaryOperator::Eq, .. } => asks(rows) && !guarded,
        Expr::Between { expr, negated: false, high, .. } => {
            asks(expr) || asks(high) && !(is_column(expr) && is_today(high))
        }
        _ => asks(rows),
    }
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_)) && !is_today(expr)
}
