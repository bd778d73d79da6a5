//! Kinds of values a pack computes with. Money is a kind of its own so that fen never meets a count by accident.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kind of a column, parameter, fact or expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// True, false or unknown.
    Boolean,
    /// Whole number without a money unit: counts, years, days, grades, percent.
    Integer,
    /// Whole fen.
    Money,
    /// Plain factor such as 1.5. Parameters only.
    Ratio,
    /// Calendar date.
    Date,
    /// Code or text.
    Text,
}

impl Kind {
    /// PostgreSQL type that carries the kind.
    pub fn sql_type(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Integer | Kind::Money => "bigint",
            Kind::Ratio => "numeric",
            Kind::Date => "date",
            Kind::Text => "text",
        }
    }

    /// Name as packs and explanations write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::Money => "money",
            Kind::Ratio => "ratio",
            Kind::Date => "date",
            Kind::Text => "text",
        }
    }

    pub(crate) fn title_zh(self) -> &'static str {
        match self {
            Kind::Boolean => "是否",
            Kind::Integer => "整数",
            Kind::Money => "金额",
            Kind::Ratio => "比例",
            Kind::Date => "日期",
            Kind::Text => "文本",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
