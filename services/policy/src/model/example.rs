//! Worked examples: a household or feed, a rule, and what the text says of it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Area, Title, value::Scalar};

/// A household worked by hand.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Id, unique in the pack.
    pub id: String,
    /// Words.
    pub title: Title,
    /// Rule or indicator it is about.
    pub rule: String,
    /// Business date.
    pub on: NaiveDate,
    /// County, twelve digits; the pack's first when absent.
    #[serde(default)]
    pub county: Option<String>,
    /// Urban or rural.
    #[serde(default = "rural")]
    pub area: Area,
    /// Household facts.
    #[serde(default)]
    pub household: BTreeMap<String, Scalar>,
    /// Facts of each member.
    #[serde(default)]
    pub persons: Vec<BTreeMap<String, Scalar>>,
    /// Which member a rule about persons looks at, from 1.
    #[serde(default)]
    pub person: Option<usize>,
    /// Facts that are unknown.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// The feed a rule about feeds looks at: values by name.
    #[serde(default)]
    pub feed: Option<ExampleFeed>,
    /// What must come out.
    pub expect: Expected,
}

/// Values of a feed by name.
pub type ExampleFeed = BTreeMap<String, Scalar>;

/// What must come out.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// `true`, `false` or `unknown`.
    pub verdict: Scalar,
    /// Amount in fen, or yuan with 元; not compared when absent.
    #[serde(default)]
    pub amount: Option<Scalar>,
    /// Whether the higher urgency applies; not compared when absent.
    #[serde(default)]
    pub raised: Option<bool>,
}

fn rural() -> Area {
    Area::Rural
}
