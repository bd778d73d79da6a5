//! Laws and documents, and where a rule stands in them.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Confidence;

/// A law or document that rules and parameters cite.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Name by which citations refer to it.
    pub name: String,
    /// Document number, 文号.
    pub number: String,
    /// What it is, English.
    pub title_en: String,
    /// First day it is the text to judge by.
    pub from: NaiveDate,
    /// Last such day; open when absent.
    #[serde(default)]
    pub to: Option<NaiveDate>,
    /// How its text was seen.
    pub confidence: Confidence,
}

/// A place in a document that a rule rests on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Name of the document.
    pub document: String,
    /// Article, or item such as `一(一)`; absent where nobody has seen the text.
    #[serde(default)]
    pub article: Option<String>,
    /// First day this citation holds; the document's when absent.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// Last day; the document's when absent.
    #[serde(default)]
    pub to: Option<NaiveDate>,
}

impl Citation {
    /// As people write it: `社会救助法 第18条`.
    pub fn text(&self) -> String {
        match &self.article {
            None => self.document.clone(),
            Some(article) if article.chars().all(|c| c.is_ascii_digit() || "、,-–".contains(c)) => {
                format!("{} 第{article}条", self.document)
            }
            Some(article) => format!("{} {article}", self.document),
        }
    }

    /// Holds on the day, by its own dates and the document's.
    pub fn holds(&self, document: &Document, on: NaiveDate) -> bool {
        let from = self.from.map_or(document.from, |from| from.max(document.from));
        let to = match (self.to, document.to) {
            (Some(own), Some(of)) => Some(own.min(of)),
            (own, of) => own.or(of),
        };
        from <= on && to.is_none_or(|to| on <= to)
    }
}
