//! Rules and households as the bench writes them.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Input {
    pub cel: Book,
    pub zen: Book,
    pub households: Vec<Household>,
}

#[derive(Deserialize)]
pub struct Book {
    pub made: Vec<Made>,
    pub rules: Vec<Rule>,
}

/// A fact made of facts, each after those it uses. The texts of a lifted one are of a member.
#[derive(Deserialize)]
pub struct Made {
    pub name: String,
    pub level: Level,
    pub lifted: Option<String>,
    pub value: String,
    pub inner_known: String,
}

#[derive(Deserialize)]
pub struct Rule {
    pub id: String,
    pub level: Level,
    pub verdict: Told,
    pub amount: Option<Told>,
}

#[derive(Deserialize)]
pub struct Told {
    pub value: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Household,
    Person,
}

/// A value. Money and dates are numbers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Known {
    Truth(bool),
    Number(f64),
}

impl Known {
    pub fn truth(self) -> bool {
        self == Known::Truth(true)
    }

    pub fn number(self) -> f64 {
        match self {
            Known::Truth(value) => f64::from(u8::from(value)),
            Known::Number(value) => value,
        }
    }
}

/// Facts by name, the parameters of the place among the household's.
#[derive(Deserialize)]
pub struct Household {
    pub facts: Vec<(String, Known)>,
    pub members: Vec<Vec<(String, Known)>>,
}
