//! Values the language computes with, and their form as PostgreSQL's `::text` writes them.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate};

use super::number::{self, Exact};
use crate::{error::Fault, kind::Kind};

/// A value. Money is a number of fen; its kind is the expression's matter, not the value's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// NULL: nobody knows, which is not no.
    Unknown,
    Boolean(bool),
    Number(Exact),
    /// Years 1 to 9999.
    Date(NaiveDate),
    Text(String),
}

impl Value {
    pub(crate) fn whole(number: i64) -> Self {
        Self::Number(Exact::from_integer(i128::from(number)))
    }

    /// Reads what PostgreSQL's `::text` gives for a value of the kind. A fault when it is no such value, when a date lies
    /// outside the years 1 to 9999, or when an integer or money does not fit `bigint`.
    pub(crate) fn from_sql(text: Option<&str>, kind: Kind) -> Result<Self, Fault> {
        let Some(text) = text else { return Ok(Self::Unknown) };
        let wrong = || Fault::new(format!("`{text}` is no {kind}"), format!("“{text}”不是“{}”", kind.title_zh()));
        Ok(match kind {
            Kind::Boolean => Self::Boolean(text.parse().map_err(|_| wrong())?),
            Kind::Integer | Kind::Money => Self::whole(text.parse().map_err(|_| wrong())?),
            Kind::Ratio => Self::Number(number::parse(text)?),
            Kind::Date => Self::Date(date(text).ok_or_else(wrong)?),
            Kind::Text => Self::Text(text.to_owned()),
        })
    }

    /// The text PostgreSQL's `::text` gives; `None` for unknown. A fault for a fraction whose digits do not end.
    pub(crate) fn to_sql(&self) -> Result<Option<String>, Fault> {
        Ok(match self {
            Self::Unknown => None,
            Self::Boolean(value) => Some(value.to_string()),
            Self::Number(number) => Some(number::print(number)?),
            Self::Date(date) => Some(date.format("%Y-%m-%d").to_string()),
            Self::Text(text) => Some(text.clone()),
        })
    }

    /// The value as a fact of the kind keeps it: integers and money rounded half away from zero, as `::bigint` does. A
    /// fault when the value is of another kind or does not fit `bigint`.
    pub(crate) fn kept_as(self, kind: Kind) -> Result<Self, Fault> {
        match (self, kind) {
            (Self::Number(number), Kind::Integer | Kind::Money) => Ok(Self::whole(number::whole(&number)?)),
            (value @ Self::Unknown, _)
            | (value @ Self::Boolean(_), Kind::Boolean)
            | (value @ Self::Number(_), Kind::Ratio)
            | (value @ Self::Date(_), Kind::Date)
            | (value @ Self::Text(_), Kind::Text) => Ok(value),
            (value, _) => Err(misfit(kind.name(), &value)),
        }
    }

    /// `None` for unknown; a fault when it is no boolean.
    pub(super) fn truth(&self) -> Result<Option<bool>, Fault> {
        match self {
            Self::Unknown => Ok(None),
            Self::Boolean(value) => Ok(Some(*value)),
            other => Err(misfit("boolean", other)),
        }
    }

    /// `None` for unknown; a fault when it is no number.
    pub(super) fn number(&self) -> Result<Option<Exact>, Fault> {
        match self {
            Self::Unknown => Ok(None),
            Self::Number(number) => Ok(Some(*number)),
            other => Err(misfit("number", other)),
        }
    }

    /// `None` for unknown; a fault when it is no date.
    pub(super) fn date(&self) -> Result<Option<NaiveDate>, Fault> {
        match self {
            Self::Unknown => Ok(None),
            Self::Date(date) => Ok(Some(*date)),
            other => Err(misfit("date", other)),
        }
    }

    /// Order of two values, `None` when one is unknown; a fault when their kinds differ. False comes before true, texts
    /// are ordered by their bytes.
    pub(super) fn order(&self, other: &Self) -> Result<Option<Ordering>, Fault> {
        Ok(match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (a, b) => return Err(misfit(a.name(), b)),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Boolean(_) => "boolean",
            Self::Number(_) => "number",
            Self::Date(_) => "date",
            Self::Text(_) => "text",
        }
    }
}

impl From<Option<bool>> for Value {
    fn from(truth: Option<bool>) -> Self {
        truth.map_or(Self::Unknown, Self::Boolean)
    }
}

/// A date `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let found = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10 && in_range(found)).then_some(found)
}

pub(super) fn in_range(date: NaiveDate) -> bool {
    (1..=9999).contains(&date.year())
}

/// The check lets no such expression pass.
pub(super) fn misfit(wanted: &str, found: &Value) -> Fault {
    Fault::new(format!("{wanted} is wanted here, not {}", found.name()), "表达式的值类型不符")
}
