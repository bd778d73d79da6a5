//! What would turn a rule's outcome, for a household as identification knows it.

use minqing_proto::minqing::types::v1::NearestChange;

use crate::{
    kind::Kind,
    known::Known,
    model::Level,
    pack::Pack,
    reference::{Candidate, Value, turn},
    sql::names::{Form, form},
};

/// Conditions that may fail before one change is no longer looked for: it would hardly mend them all.
const MOST_FAILING: usize = 2;

impl Pack {
    /// The single change of one fact, nearest to what is, that would make a failing rule hold or a holding one fail.
    /// `None` when the outcome is unknown, when no such change exists, or when too much fails for one to help. Facts that
    /// nobody can change (age, sex) are left out.
    pub fn nearest_change(&self, known: &Known, rule: &str, person: Option<&str>) -> Option<NearestChange> {
        let book = self.book();
        let key = self.key_of(rule, known.on)?;
        let parsed = book.rules.get(&key)?;
        let household = self.as_known(known).completed(book, &parsed.facts).ok()?;
        let place = person.and_then(|key| known.members.iter().position(|(other, _)| other == key));
        if parsed.level == Level::Person && place.is_none() {
            return None;
        }
        let judged = household.judge(parsed, place).ok()?;
        let failing = judged.conditions.iter().filter(|(_, value)| *value == Some(false)).count();
        let wanted = !judged.verdict?;
        if failing > MOST_FAILING {
            return None;
        }
        let candidates = self.candidates(&parsed.facts);
        let found = turn(&household, (book, parsed, place), &candidates, wanted).ok()??;
        let fact = self.fact(&found.fact)?;
        let text = |value: &Value| value.to_sql().ok().flatten().unwrap_or_default();
        Some(NearestChange {
            title: fact.title.zh.clone(),
            title_en: fact.title.en.clone(),
            value: text(&found.value),
            needed: text(&found.needed),
            person_key: found
                .member
                .and_then(|at| known.members.get(at))
                .map(|(key, _)| key.clone())
                .unwrap_or_default(),
            fact: found.fact,
        })
    }

    /// Facts that come from a source and can change.
    fn candidates(&self, wanted: &std::collections::BTreeSet<String>) -> Vec<Candidate> {
        let changeable = |fact: &&crate::model::Fact| match form(fact, self.absent_sources()) {
            Ok(Form::Register(_)) => fact.level == Level::Household && fact.kind != Kind::Boolean,
            Ok(Form::Rows(_)) => true,
            _ => false,
        };
        let facts = self.facts().iter().filter(|fact| wanted.contains(&fact.name)).filter(changeable);
        facts.map(|fact| Candidate { name: fact.name.clone(), level: fact.level, kind: fact.kind }).collect()
    }
}
