//! A household as somebody knows it, judged without a database.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::{
    model::{Area, Level},
    pack::Pack,
    reference::{Household, Value, Values, Verdict},
};

/// A household as it is known: facts by name, `None` for unknown.
#[derive(Debug, Clone)]
pub struct Known {
    /// Business date.
    pub on: NaiveDate,
    /// County, twelve digits.
    pub county: String,
    /// Urban or rural.
    pub area: Area,
    /// The household's facts.
    pub facts: BTreeMap<String, Option<String>>,
    /// Each member's key and facts.
    pub members: Vec<(String, BTreeMap<String, Option<String>>)>,
}

/// The household with every fact made of facts.
#[derive(Debug)]
pub struct Reference<'a> {
    pub(crate) pack: &'a Pack,
    pub(crate) household: Household,
    pub(crate) members: Vec<String>,
}

impl Reference<'_> {
    /// What a rule or indicator says of the household, or of the member with the key. `None` when no such rule holds on the
    /// day, or its numbers leave their range.
    pub fn judge(&self, rule: &str, person: Option<&str>) -> Option<Verdict> {
        let key = self.pack.key_of(rule, self.household.on)?;
        let parsed = self.pack.book().rules.get(key)?;
        let place = person.and_then(|key| self.members.iter().position(|other| other == key));
        self.household.judge(parsed, place).ok()
    }

    /// A fact of the household or of a member, as PostgreSQL writes it; `None` for unknown.
    pub fn fact(&self, name: &str, person: Option<&str>) -> Option<String> {
        let place = person.and_then(|key| self.members.iter().position(|other| other == key));
        let values = place.map_or(&self.household.facts, |place| &self.household.members[place]);
        values.get(name)?.to_sql().ok().flatten()
    }
}

impl Pack {
    /// The pack's slow, independent evaluation: the expressions as they stand, without SQL. Facts made of facts are
    /// computed anew from those that come from a source. An error when a number leaves its range.
    pub fn reference(&self, known: &Known) -> Result<Reference<'_>, String> {
        let all = self.facts().iter().map(|fact| fact.name.clone()).collect();
        self.reference_with(known, &all)
    }

    /// The same with only those facts that ways into classes use.
    pub fn reference_of_classes(&self, known: &Known) -> Result<Reference<'_>, String> {
        let ways_in = self.classes().iter().flat_map(|class| &class.routes);
        let used = ways_in.flat_map(|rule| self.facts_of(&rule.id, known.on)).collect();
        self.reference_with(known, &used)
    }

    fn reference_with(&self, known: &Known, all: &BTreeSet<String>) -> Result<Reference<'_>, String> {
        let household = self.as_known(known).completed(self.book(), all).map_err(|fault| fault.en)?;
        Ok(Reference { pack: self, household, members: known.members.iter().map(|(key, _)| key.clone()).collect() })
    }

    fn as_known(&self, known: &Known) -> Household {
        let values = |facts: &BTreeMap<String, Option<String>>, level: Level| -> Values {
            let of_level = self.facts().iter().filter(|fact| fact.level == level);
            let value = |text: Option<&Option<String>>, kind| {
                Value::from_sql(text.and_then(|text| text.as_deref()), kind).unwrap_or(Value::Unknown)
            };
            of_level.map(|fact| (fact.name.clone(), value(facts.get(&fact.name), fact.kind))).collect()
        };
        Household {
            on: known.on,
            parameters: self.parameter_values(&known.county, known.area, known.on).unwrap_or_default(),
            facts: values(&known.facts, Level::Household),
            members: known.members.iter().map(|(_, facts)| values(facts, Level::Person)).collect(),
        }
    }
}
