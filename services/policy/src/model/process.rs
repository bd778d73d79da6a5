//! Procedures with their clocks, and code tables.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Citation, Confidence, Title};

/// A procedure and the time each step may take.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Id, `PR-04`.
    pub id: String,
    /// Words.
    pub title: Title,
    /// What it is about: a class, a programme or a word.
    pub subject: String,
    /// Steps in their order.
    pub steps: Vec<Step>,
    /// Law and article.
    pub citations: Vec<Citation>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// One step of a procedure.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Words.
    pub step: Title,
    /// Who acts.
    pub actor: String,
    /// Most it may take; `None` where the law says only "at once" or nothing.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Unit of the limit: working_days, days, months or hours.
    #[serde(default)]
    pub unit: Option<String>,
    /// Event from which the clock runs.
    #[serde(default)]
    pub after: Option<String>,
    /// Limit in special cases, same unit.
    #[serde(default)]
    pub special_limit: Option<u32>,
    /// Law and article.
    #[serde(default)]
    pub citations: Vec<Citation>,
}

/// Codes that records use, with their words.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeTable {
    /// Name, `sex`.
    pub name: String,
    /// Words.
    pub title: Title,
    /// Standard that defines it; empty where there is none.
    #[serde(default)]
    pub standard: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// Codes.
    pub codes: Vec<Code>,
}

/// One code.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Code as records write it.
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}
