//! Parameters and facts: the values that rules read by name.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Area, Confidence, Level, Title};
use crate::kind::Kind;

/// A dated, placed value that rules read by name.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Name in expressions.
    pub name: String,
    /// Words.
    pub title: Title,
    /// Kind of every value.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Unit in words, such as fen/person/month.
    #[serde(default)]
    pub unit: String,
    /// Values, in any order.
    pub values: Vec<ParameterEntry>,
}

/// One value of a parameter.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterEntry {
    /// Value as text.
    #[serde(deserialize_with = "scalar")]
    #[schemars(with = "Scalar")]
    pub value: String,
    /// Households it holds for.
    #[serde(default)]
    pub area: Area,
    /// Division it holds in, twelve digits; zeros at the end cover everything below.
    pub division: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day; open when absent.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// Document that sets it.
    pub document: String,
    /// Article within it.
    #[serde(default)]
    pub article: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

impl ParameterEntry {
    /// Leading digits of the division that every covered county shares.
    pub(crate) fn prefix(&self) -> &str {
        let pairs = self.division.as_bytes().chunks(2).take(3).rposition(|pair| pair != b"00");
        &self.division[..pairs.map_or(0, |last| (last + 1) * 2)]
    }
}

/// A dataset that rules need and no contract has yet: facts over it are checked, and unknown.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AbsentSource {
    /// Name, `hr.pension`.
    pub name: String,
    /// Words.
    pub title: Title,
    /// Who could supply it.
    pub supplier: Title,
    /// What a row is about.
    pub subject: Subject,
    /// Columns and their kinds.
    pub columns: BTreeMap<String, Kind>,
}

/// What a row of a dataset is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A person.
    Person,
    /// A household.
    Household,
    /// A bureau's dataset in a county.
    Feed,
}

/// A named, typed value of a person or household.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Name in expressions.
    pub name: String,
    /// Words.
    pub title: Title,
    /// Person or household.
    pub level: Level,
    /// Kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Unit in words.
    #[serde(default)]
    pub unit: String,
    /// Where it comes from: `register` (a column), a record set or register table (an aggregate over its rows),
    /// `investigation` (only a field check can tell). Absent for facts made from facts.
    #[serde(default)]
    pub source: Option<String>,
    /// `person` lifts members' facts to the household.
    #[serde(default)]
    pub from: Option<Level>,
    /// The expression; absent for `investigation`.
    #[serde(default)]
    pub expr: Option<String>,
    /// Which rows of the source count.
    #[serde(default, rename = "where")]
    pub filter: Option<String>,
    /// Value when the feed is fresh and no row counts.
    #[serde(default, deserialize_with = "optional_scalar")]
    #[schemars(with = "Option<Scalar>")]
    pub empty: Option<String>,
}

/// A value as YAML writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// true or false.
    Boolean(bool),
    /// Whole number.
    Integer(i64),
    /// Anything else.
    Text(String),
}

impl Scalar {
    /// As text.
    pub fn text(&self) -> String {
        match self {
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::Text(value) => value.clone(),
        }
    }
}

/// Fractions must be quoted (`"1.5"`): a YAML float would not keep the digits as written.
pub(super) fn scalar<'de, D: serde::Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Ok(Scalar::deserialize(input)?.text())
}

fn optional_scalar<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Scalar>::deserialize(input)?.map(|value| value.text()))
}
