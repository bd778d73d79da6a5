//! Evaluates the forms of an expression one by one.

use std::cmp::Ordering;

use chrono::{Datelike, Days, NaiveDate};
use sqlparser::ast::{
    self, BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, InTarget, UnaryOperator,
};

use super::{
    logic,
    number::{self, Exact, Operation},
    value::{self, Value, misfit},
};
use crate::error::Fault;

/// The check lets 40 levels pass; this guards the stack where nothing was checked.
const DEPTH_LIMIT: usize = 64;

/// What a name stands for, by its lower-case spelling.
pub(crate) type Names<'a> = dyn Fn(&str) -> Value + 'a;

/// Value of an expression on the business date `as_of`. A fault when a number or date leaves its range, or when the check
/// would not have let the expression pass.
pub(crate) fn evaluate(expr: &Expr, names: &Names<'_>, as_of: NaiveDate) -> Result<Value, Fault> {
    Evaluation { place: Place::Row(names), as_of }.value(expr, 0)
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// Every name has one value.
    Row(&'a Names<'a>),
    /// The rows that count; names stand only inside aggregate functions.
    Rows(&'a [&'a Names<'a>]),
}

#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    pub place: Place<'a>,
    pub as_of: NaiveDate,
}

impl Evaluation<'_> {
    pub(super) fn value(&self, expr: &Expr, depth: usize) -> Result<Value, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(Fault::new("the expression is nested too deeply", "表达式嵌套过深"));
        }
        let next = depth + 1;
        let truth = |result: Option<bool>| Ok(Value::from(result));
        match expr {
            Expr::Identifier(ident) => self.name(&ident.value.to_lowercase()),
            Expr::Value(literal) => self.literal(&literal.value),
            Expr::TypedString(typed) if typed.data_type == DataType::Date => date_literal(&typed.value.value),
            Expr::Nested(inner) => self.value(inner, next),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, next),
            Expr::BinaryOp { left, op, right } => self.binary(left, (op, next), right),
            Expr::IsNull(inner) => truth(Some(self.value(inner, next)? == Value::Unknown)),
            Expr::IsNotNull(inner) => truth(Some(self.value(inner, next)? != Value::Unknown)),
            Expr::IsDistinctFrom(a, b) => truth(Some(logic::distinct(&self.value(a, next)?, &self.value(b, next)?)?)),
            Expr::IsNotDistinctFrom(a, b) => {
                truth(Some(!logic::distinct(&self.value(a, next)?, &self.value(b, next)?)?))
            }
            Expr::Between { expr, negated, low, high } => {
                let (value, low, high) = (self.value(expr, next)?, self.value(low, next)?, self.value(high, next)?);
                let inside = logic::between(&value, &low, &high)?;
                truth(if *negated { logic::not(inside) } else { inside })
            }
            Expr::In { expr, target: InTarget::List(list), negated, .. } => {
                let found = logic::among(&self.value(expr, next)?, &self.values(list, next)?)?;
                truth(if *negated { logic::not(found) } else { found })
            }
            Expr::Case { operand: None, conditions, else_result: Some(other), .. } => {
                self.case(conditions, other, next)
            }
            Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, .. } => self.cast(expr, data_type, next),
            Expr::Extract { field, expr, .. } => date_part(field, &self.value(expr, next)?),
            Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                of_number(&self.value(expr, next)?, Exact::ceil)
            }
            Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                of_number(&self.value(expr, next)?, Exact::floor)
            }
            Expr::Function(call) => self.call(call, next),
            _ => Err(unchecked("this form")),
        }
    }

    pub(super) fn values<'e>(
        &self,
        list: impl IntoIterator<Item = &'e Expr>,
        depth: usize,
    ) -> Result<Vec<Value>, Fault> {
        list.into_iter().map(|item| self.value(item, depth)).collect()
    }

    fn name(&self, name: &str) -> Result<Value, Fault> {
        match self.place {
            _ if name == "as_of" => Ok(Value::Date(self.as_of)),
            Place::Row(names) => Ok(names(name)),
            Place::Rows(_) => Err(unchecked(&format!("the name `{name}` outside an aggregate"))),
        }
    }

    fn literal(&self, literal: &ast::Value) -> Result<Value, Fault> {
        match literal {
            ast::Value::Number(text, _) => Ok(Value::Number(number::parse(text)?)),
            ast::Value::SingleQuotedString(text) => Ok(Value::Text(text.clone())),
            ast::Value::Boolean(value) => Ok(Value::Boolean(*value)),
            ast::Value::Null => Ok(Value::Unknown),
            _ => Err(unchecked("this literal")),
        }
    }

    fn unary(&self, operator: UnaryOperator, expr: &Expr, depth: usize) -> Result<Value, Fault> {
        let inner = self.value(expr, depth)?;
        match operator {
            UnaryOperator::Not => Ok(logic::not(inner.truth()?).into()),
            UnaryOperator::Minus => Ok(inner.number()?.map_or(Value::Unknown, |number| Value::Number(-number))),
            _ => Err(unchecked("this operator")),
        }
    }

    fn binary(&self, left: &Expr, (operator, depth): (&BinaryOperator, usize), right: &Expr) -> Result<Value, Fault> {
        let (a, b) = (self.value(left, depth)?, self.value(right, depth)?);
        let compared = |test: fn(Ordering) -> bool| Ok(Value::from(a.order(&b)?.map(test)));
        match operator {
            BinaryOperator::And => Ok(logic::and(a.truth()?, b.truth()?).into()),
            BinaryOperator::Or => Ok(logic::or(a.truth()?, b.truth()?).into()),
            BinaryOperator::Eq => compared(Ordering::is_eq),
            BinaryOperator::NotEq => compared(Ordering::is_ne),
            BinaryOperator::Lt => compared(Ordering::is_lt),
            BinaryOperator::LtEq => compared(Ordering::is_le),
            BinaryOperator::Gt => compared(Ordering::is_gt),
            BinaryOperator::GtEq => compared(Ordering::is_ge),
            BinaryOperator::Plus => moved(&a, Operation::Add, &b),
            BinaryOperator::Minus => moved(&a, Operation::Subtract, &b),
            BinaryOperator::Multiply => calculated(&a, Operation::Multiply, &b),
            BinaryOperator::Divide => calculated(&a, Operation::Divide, &b),
            _ => Err(unchecked("this operator")),
        }
    }

    /// An unknown condition makes the whole unknown; branches after the first that holds are not looked at.
    fn case(&self, branches: &[CaseWhen], other: &Expr, depth: usize) -> Result<Value, Fault> {
        for branch in branches {
            match self.value(&branch.condition, depth)?.truth()? {
                None => return Ok(Value::Unknown),
                Some(true) => return self.value(&branch.result, depth),
                Some(false) => {}
            }
        }
        self.value(other, depth)
    }

    fn cast(&self, expr: &Expr, to: &DataType, depth: usize) -> Result<Value, Fault> {
        if let (Expr::Value(literal), DataType::Date) = (expr, to) {
            return date_literal(&literal.value);
        }
        let inner = self.value(expr, depth)?;
        match to {
            DataType::BigInt(None) => match inner.number()? {
                Some(number) => Ok(Value::whole(number::whole(&number)?)),
                None => Ok(Value::Unknown),
            },
            DataType::Date => inner.date().map(|_| inner),
            DataType::Text => Ok(inner.to_sql()?.map_or(Value::Unknown, Value::Text)),
            _ => Err(unchecked("this cast")),
        }
    }
}

/// A part of a date as a number; unknown stays unknown.
pub(super) fn date_part(field: &DateTimeField, date: &Value) -> Result<Value, Fault> {
    let Some(date) = date.date()? else { return Ok(Value::Unknown) };
    match field {
        DateTimeField::Year => Ok(Value::whole(i64::from(date.year()))),
        DateTimeField::Month => Ok(Value::whole(i64::from(date.month()))),
        DateTimeField::Day => Ok(Value::whole(i64::from(date.day()))),
        _ => Err(unchecked("this date part")),
    }
}

/// A function of one number; unknown stays unknown.
pub(super) fn of_number(value: &Value, how: fn(&Exact) -> Exact) -> Result<Value, Fault> {
    Ok(value.number()?.map_or(Value::Unknown, |number| Value::Number(how(&number))))
}

/// The check lets nothing pass that ends here.
pub(super) fn unchecked(what: &str) -> Fault {
    Fault::new(format!("{what} is not allowed in a pack"), "政策包不允许此种写法")
}

fn date_literal(literal: &ast::Value) -> Result<Value, Fault> {
    match literal {
        ast::Value::SingleQuotedString(text) => {
            value::date(text).map(Value::Date).ok_or_else(|| unchecked("this date"))
        }
        _ => Err(unchecked("this date literal")),
    }
}

fn calculated(a: &Value, operation: Operation, b: &Value) -> Result<Value, Fault> {
    match (a.number()?, b.number()?) {
        (Some(a), Some(b)) => Ok(Value::Number(number::apply(&a, operation, &b)?)),
        _ => Ok(Value::Unknown),
    }
}

/// Sum or difference; a date moves by whole days, the difference of two dates is in days.
fn moved(a: &Value, operation: Operation, b: &Value) -> Result<Value, Fault> {
    match (a, b) {
        (Value::Date(_), Value::Unknown) | (Value::Unknown, Value::Date(_)) => Ok(Value::Unknown),
        (Value::Date(date), Value::Number(days)) => {
            let days = if operation == Operation::Subtract { -days } else { *days };
            later(*date, &days).map(Value::Date)
        }
        (Value::Date(to), Value::Date(from)) if operation == Operation::Subtract => {
            Ok(Value::whole((*to - *from).num_days()))
        }
        (Value::Date(_), other) => Err(misfit("number", other)),
        _ => calculated(a, operation, b),
    }
}

fn later(date: NaiveDate, days: &Exact) -> Result<NaiveDate, Fault> {
    let outside = || Fault::new("the date leaves the years 1 to 9999", "日期超出范围");
    let days = number::whole(days)?;
    let distance = Days::new(days.unsigned_abs());
    let found = if days < 0 { date.checked_sub_days(distance) } else { date.checked_add_days(distance) };
    found.filter(|found| value::in_range(*found)).ok_or_else(outside)
}
