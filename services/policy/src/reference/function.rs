//! Functions of one row.

use chrono::{Datelike, NaiveDate};
use num_traits::Signed;
use sqlparser::ast::{
    self, DateTimeField, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use super::{
    expression::{Evaluation, date_part, of_number, unchecked},
    logic,
    number::Exact,
    value::Value,
};
use crate::error::Fault;

/// Arguments of a call.
pub(super) struct Arguments<'a> {
    pub list: Vec<&'a Expr>,
    /// `*` stands in place of arguments.
    pub star: bool,
    pub distinct: bool,
}

impl Evaluation<'_> {
    pub(super) fn call(&self, call: &Function, depth: usize) -> Result<Value, Fault> {
        let name = call.name.to_string().to_lowercase();
        let arguments = arguments(call)?;
        if let Some(result) = self.aggregate(&name, &arguments, depth) {
            return result;
        }
        match (name.as_str(), arguments.list.as_slice()) {
            ("coalesce", list) => self.first_known(list, depth),
            ("date_part", [part, date]) => date_part(&field(part)?, &self.value(date, depth)?),
            (_, list) => scalar(&name, &self.values(list.iter().copied(), depth)?),
        }
    }

    fn first_known(&self, list: &[&Expr], depth: usize) -> Result<Value, Fault> {
        for item in list {
            let value = self.value(item, depth)?;
            if value != Value::Unknown {
                return Ok(value);
            }
        }
        Ok(Value::Unknown)
    }
}

fn arguments(call: &Function) -> Result<Arguments<'_>, Fault> {
    let FunctionArguments::List(list) = &call.args else { return Err(unchecked("a call without arguments")) };
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let mut found = Arguments { list: Vec::new(), star: false, distinct };
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => found.list.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => found.star = true,
            _ => return Err(unchecked("this argument")),
        }
    }
    Ok(found)
}

fn field(part: &Expr) -> Result<DateTimeField, Fault> {
    let Expr::Value(literal) = part else { return Err(unchecked("this date_part")) };
    match &literal.value {
        ast::Value::SingleQuotedString(text) if text == "year" => Ok(DateTimeField::Year),
        ast::Value::SingleQuotedString(text) if text == "month" => Ok(DateTimeField::Month),
        ast::Value::SingleQuotedString(text) if text == "day" => Ok(DateTimeField::Day),
        _ => Err(unchecked("this date_part")),
    }
}

fn scalar(name: &str, values: &[Value]) -> Result<Value, Fault> {
    match (name, values) {
        ("greatest", list) => utmost(list, true),
        ("least", list) => utmost(list, false),
        ("nullif", [value, other]) => {
            Ok(if logic::equal(value, other)? == Some(true) { Value::Unknown } else { value.clone() })
        }
        ("abs", [value]) => of_number(value, Exact::abs),
        ("round", [value]) => of_number(value, Exact::round),
        ("full_years", [from, to]) => match (from.date()?, to.date()?) {
            (Some(from), Some(to)) => Ok(Value::whole(full_years(from, to))),
            _ => Ok(Value::Unknown),
        },
        ("year_of", [date]) => date_part(&DateTimeField::Year, date),
        ("month_of", [date]) => of_date(date, |date| Ok(date.format("%Y-%m").to_string())),
        ("school_year_of", [date]) => of_date(date, school_year),
        _ => Err(unchecked(&format!("the function `{name}`"))),
    }
}

/// The greatest or least; one unknown makes the whole unknown.
pub(super) fn utmost(values: &[Value], greatest: bool) -> Result<Value, Fault> {
    let mut found: Option<&Value> = None;
    for value in values {
        let better = match found {
            None => true,
            Some(best) => match value.order(best)? {
                None => return Ok(Value::Unknown),
                Some(order) => {
                    if greatest {
                        order.is_gt()
                    } else {
                        order.is_lt()
                    }
                }
            },
        };
        if better {
            found = Some(value);
        }
    }
    Ok(found.cloned().unwrap_or(Value::Unknown))
}

fn of_date(date: &Value, text: fn(NaiveDate) -> Result<String, Fault>) -> Result<Value, Fault> {
    match date.date()? {
        Some(date) => text(date).map(Value::Text),
        None => Ok(Value::Unknown),
    }
}

/// Whole years from one date to another; negative when the second comes first. Who is born on 29 February grows older on
/// 1 March of a common year.
fn full_years(from: NaiveDate, to: NaiveDate) -> i64 {
    if to < from {
        return -full_years(to, from);
    }
    let early = (to.month(), to.day()) < (from.month(), from.day());
    i64::from(to.year() - from.year()) - i64::from(early)
}

/// A school year starts on 1 September: `2025-2026`.
fn school_year(date: NaiveDate) -> Result<String, Fault> {
    let start = if date.month() >= 9 { date.year() } else { date.year() - 1 };
    if !(1..9999).contains(&start) {
        return Err(Fault::new("the school year leaves the years 1 to 9999", "学年超出范围"));
    }
    Ok(format!("{start:04}-{:04}", start + 1))
}
