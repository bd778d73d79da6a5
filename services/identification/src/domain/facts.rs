//! Facts of a household and its members as they are stored and as the pack's statement takes them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// A fact; without a value it is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub value: Option<String>,
    pub as_of: Option<NaiveDate>,
}

/// Facts by name.
pub type Facts = BTreeMap<String, Fact>;

/// A member's facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFacts {
    pub person_key: Uuid,
    pub facts: Facts,
}

/// A class the household or a member holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub class: String,
    pub person_key: Option<Uuid>,
    pub valid_from: Option<NaiveDate>,
    pub amount_fen: i64,
}

/// `{name: text|null}`, the form the pack's statement takes.
pub fn plain(facts: &Facts) -> Value {
    facts.iter().map(|(name, fact)| (name.clone(), json!(fact.value))).collect::<serde_json::Map<_, _>>().into()
}

/// `[{person_key, facts: {name: text|null}}]`.
pub fn plain_persons(persons: &[PersonFacts]) -> Value {
    persons.iter().map(|p| json!({ "person_key": p.person_key, "facts": plain(&p.facts) })).collect()
}
