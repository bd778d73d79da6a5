//! What would turn a rule's outcome, for a household as identification knows it.

use minqing_proto::minqing::types::v1::NearestChange;

use crate::{
    known::Reference,
    model::Level,
    reference::{Value, turn},
};

/// Conditions that may fail before one change is no longer looked for: it would hardly mend them all.
const MOST_FAILING: usize = 2;

impl Reference<'_> {
    /// The single change of one fact, nearest to what is, that would make a failing rule hold or a holding one fail.
    /// `None` when the outcome is unknown, when no such change exists, or when too much fails for one to help. Facts that
    /// nobody can change (age, sex) are left out.
    pub fn nearest_change(&self, rule: &str, person: Option<&str>) -> Option<NearestChange> {
        let book = self.pack.book();
        let parsed = book.rules.get(self.pack.key_of(rule, self.household.on)?)?;
        let place = person.and_then(|key| self.members.iter().position(|other| other == key));
        if parsed.level == Level::Person && place.is_none() {
            return None;
        }
        let judged = self.household.judge(parsed, place).ok()?;
        let failing = judged.conditions.iter().filter(|(_, value)| *value == Some(false)).count();
        let wanted = !judged.verdict?;
        if failing > MOST_FAILING {
            return None;
        }
        let found = turn(&self.household, (book, parsed, place), wanted).ok()??;
        let fact = self.pack.fact(&found.fact)?;
        let text = |value: &Value| value.to_sql().ok().flatten().unwrap_or_default();
        Some(NearestChange {
            title: fact.title.zh.clone(),
            title_en: fact.title.en.clone(),
            value: text(&found.value),
            needed: text(&found.needed),
            person_key: found.member.and_then(|at| self.members.get(at)).cloned().unwrap_or_default(),
            fact: found.fact,
        })
    }
}
