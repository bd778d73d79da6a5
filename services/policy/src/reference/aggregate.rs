//! Aggregates over the rows of one subject.

use std::cmp::Ordering;

use chrono::NaiveDate;
use sqlparser::ast::Expr;

use super::{
    expression::{Evaluation, Names, Place, evaluate, unchecked},
    function::{Arguments, utmost},
    number,
    value::Value,
};
use crate::error::Fault;

/// An aggregate and the rows it runs over.
pub(crate) struct Aggregation<'a> {
    /// Expression with aggregate functions.
    pub value: &'a Expr,
    /// Whether a row counts; every row does when absent.
    pub filter: Option<&'a Expr>,
    /// Answer when no row counts. Facts lifted from members have none: unknown.
    pub empty: &'a Value,
}

impl Aggregation<'_> {
    /// The aggregate over a subject's rows: unknown when `filter` cannot tell of any row, `empty` when no row counts.
    pub(crate) fn over(&self, rows: &[&Names<'_>], as_of: NaiveDate) -> Result<Value, Fault> {
        let mut counted = Vec::with_capacity(rows.len());
        for row in rows {
            let counts = match self.filter {
                Some(filter) => evaluate(filter, row, as_of)?.truth()?,
                None => Some(true),
            };
            match counts {
                None => return Ok(Value::Unknown),
                Some(true) => counted.push(*row),
                Some(false) => {}
            }
        }
        if counted.is_empty() {
            return Ok(self.empty.clone());
        }
        Evaluation { place: Place::Rows(&counted), as_of }.value(self.value, 0)
    }
}

impl Evaluation<'_> {
    /// Value of an aggregate function; `None` when the name is none.
    pub(super) fn aggregate(
        &self,
        name: &str,
        arguments: &Arguments<'_>,
        depth: usize,
    ) -> Option<Result<Value, Fault>> {
        let function: fn(&[Value]) -> Result<Value, Fault> = match name {
            "bool_or" => |values| decided(values, true),
            "bool_and" => |values| decided(values, false),
            "count" if arguments.distinct => distinct,
            "count" => |values| known(values, |all| Ok(size(all.len()))),
            "count_if" => |values| known(values, count_if),
            "sum" => |values| known(values, sum),
            "min" => |values| known(values, |all| utmost(all, false)),
            "max" => |values| known(values, |all| utmost(all, true)),
            "newest" => return Some(self.newest(arguments, depth)),
            _ => return None,
        };
        Some(self.rows(name).and_then(|rows| match arguments.list.as_slice() {
            [] if arguments.star && name == "count" => Ok(size(rows.len())),
            [expr] => function(&self.column(rows, expr, depth)?),
            _ => Err(unchecked(&format!("this form of `{name}`"))),
        }))
    }

    fn rows(&self, name: &str) -> Result<&[&Names<'_>], Fault> {
        match self.place {
            Place::Rows(rows) => Ok(rows),
            Place::Row(_) => Err(unchecked(&format!("the aggregate `{name}` here"))),
        }
    }

    fn column(&self, rows: &[&Names<'_>], expr: &Expr, depth: usize) -> Result<Vec<Value>, Fault> {
        let of_row = |row: &&Names<'_>| Evaluation { place: Place::Row(*row), as_of: self.as_of }.value(expr, depth);
        rows.iter().map(of_row).collect()
    }

    /// The value of the row that comes last by the second argument. Unknown comes before everything known; among rows
    /// that come last together, the greatest value.
    fn newest(&self, arguments: &Arguments<'_>, depth: usize) -> Result<Value, Fault> {
        let [value, by] = arguments.list.as_slice() else { return Err(unchecked("this form of `newest`")) };
        let rows = self.rows("newest")?;
        let (values, order) = (self.column(rows, value, depth)?, self.column(rows, by, depth)?);
        let mut best: Option<(&Value, &Value)> = None;
        for (value, by) in values.iter().zip(&order) {
            let later = match best {
                None => true,
                Some((other, last)) => unknown_first(by, last)?.then(unknown_first(value, other)?).is_gt(),
            };
            if later {
                best = Some((value, by));
            }
        }
        Ok(best.map_or(Value::Unknown, |(value, _)| value.clone()))
    }
}

fn unknown_first(a: &Value, b: &Value) -> Result<Ordering, Fault> {
    let known = |value: &Value| *value != Value::Unknown;
    Ok(a.order(b)?.unwrap_or_else(|| known(a).cmp(&known(b))))
}

/// `deciding` in any row decides; apart from that an unknown row makes the whole unknown.
fn decided(values: &[Value], deciding: bool) -> Result<Value, Fault> {
    let mut result = Value::Boolean(!deciding);
    for value in values {
        match value.truth()? {
            Some(truth) if truth == deciding => return Ok(Value::Boolean(deciding)),
            Some(_) => {}
            None => result = Value::Unknown,
        }
    }
    Ok(result)
}

/// The result of `function` when every value is known.
fn known(values: &[Value], function: fn(&[Value]) -> Result<Value, Fault>) -> Result<Value, Fault> {
    if values.contains(&Value::Unknown) { Ok(Value::Unknown) } else { function(values) }
}

fn distinct(values: &[Value]) -> Result<Value, Fault> {
    known(values, |all| {
        let first = |(at, value): &(usize, &Value)| !all[..*at].contains(value);
        Ok(size(all.iter().enumerate().filter(first).count()))
    })
}

fn count_if(values: &[Value]) -> Result<Value, Fault> {
    let mut count = 0;
    for value in values {
        count += usize::from(value.truth()? == Some(true));
    }
    Ok(size(count))
}

fn sum(values: &[Value]) -> Result<Value, Fault> {
    let mut numbers = Vec::with_capacity(values.len());
    for value in values {
        numbers.extend(value.number()?);
    }
    Ok(Value::Number(number::sum(numbers)?))
}

fn size(count: usize) -> Value {
    Value::whole(i64::try_from(count).expect("rows are counted in memory"))
}
