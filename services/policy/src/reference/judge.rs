//! One household under one pack: facts made of facts, then a rule's conditions, verdict and amount.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{
    Aggregation, Value,
    book::{Book, MadeFact, ParsedRule, Values},
    evaluate, logic,
};
use crate::{error::Fault, kind::Kind, model::Level};

/// A household's facts that come from a source, and the parameters of its place and day.
#[derive(Debug, Clone)]
pub(crate) struct Household {
    pub on: NaiveDate,
    pub parameters: Values,
    pub facts: Values,
    pub members: Vec<Values>,
}

/// What a rule says of a household, or of one of its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// True, false or unknown.
    pub verdict: Option<bool>,
    /// Fen, where the rule pays and the verdict is true.
    pub amount_fen: Option<i64>,
    /// Conditions in the pack's order.
    pub conditions: Vec<(String, Option<bool>)>,
    /// The higher severity applies.
    pub raised: bool,
}

impl Household {
    /// The household with the facts made of facts that `wanted` names.
    pub(crate) fn completed(&self, book: &Book, wanted: &BTreeSet<String>) -> Result<Household, Fault> {
        let mut whole = self.clone();
        whole.complete(book.made.iter().filter(|fact| wanted.contains(&fact.name)))?;
        Ok(whole)
    }

    /// Computes the facts anew, in this order.
    pub(crate) fn complete<'a>(&mut self, made: impl Iterator<Item = &'a MadeFact>) -> Result<(), Fault> {
        for fact in made {
            if fact.level == Level::Person {
                for place in 0..self.members.len() {
                    let value = self.of_member(place, &fact.expr)?.kept_as(fact.kind)?;
                    self.members[place].insert(fact.name.clone(), value);
                }
            } else {
                let value = self.of_household(fact)?.kept_as(fact.kind)?;
                self.facts.insert(fact.name.clone(), value);
            }
        }
        Ok(())
    }

    /// The household with only what a rule uses: cheap to change and judge again.
    pub(crate) fn pruned(&self, rule: &ParsedRule) -> Household {
        let only = |values: &Values, names: &BTreeSet<String>| -> Values {
            let used = names.iter().filter_map(|name| values.get_key_value(name));
            used.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        Household {
            on: self.on,
            parameters: only(&self.parameters, &rule.parameters),
            facts: only(&self.facts, &rule.facts),
            members: self.members.iter().map(|member| only(member, &rule.facts)).collect(),
        }
    }

    /// Verdict alone, which ends at the first condition that fails; the facts the rule uses must be complete.
    pub(crate) fn verdict(&self, rule: &ParsedRule, place: Option<usize>) -> Result<Option<bool>, Fault> {
        let mut verdict = Some(true);
        for condition in &rule.conditions {
            let outcome = self.value(&condition.expr, (rule, place))?.truth()?;
            verdict = logic::and(verdict, outcome.or(condition.unless_unknown));
            if verdict == Some(false) {
                break;
            }
        }
        Ok(verdict)
    }

    /// Judges the household, or the member at `place`, by a rule; the facts it uses must be complete.
    pub(crate) fn judge(&self, rule: &ParsedRule, place: Option<usize>) -> Result<Verdict, Fault> {
        let value = |expr| self.value(expr, (rule, place));
        let mut verdict = Some(true);
        let mut conditions = Vec::with_capacity(rule.conditions.len());
        for condition in &rule.conditions {
            let outcome = value(&condition.expr)?.truth()?;
            verdict = logic::and(verdict, outcome.or(condition.unless_unknown));
            conditions.push((condition.name.clone(), outcome));
        }
        let money = |expr| match expr {
            Some(expr) => value(expr)?.kept_as(Kind::Money)?.number(),
            None => Ok(None),
        };
        let (amount, cap) = (money(rule.amount.as_ref())?, money(rule.cap.as_ref())?);
        let amount = match (amount, cap) {
            (Some(_), None) if rule.cap.is_some() => None,
            (Some(amount), cap) => Some(cap.map_or(amount, |cap| amount.min(cap)).max(0.into())),
            (None, _) => None,
        };
        let raised = rule.raised.as_ref().map(value).transpose()?;
        Ok(Verdict {
            verdict,
            amount_fen: amount.filter(|_| verdict == Some(true)).and_then(|fen| i64::try_from(fen.to_integer()).ok()),
            conditions,
            raised: raised == Some(Value::Boolean(true)),
        })
    }

    fn value(&self, expr: &sqlparser::ast::Expr, (rule, place): (&ParsedRule, Option<usize>)) -> Result<Value, Fault> {
        match place {
            Some(place) if rule.level == Level::Person => self.of_member(place, expr),
            _ => evaluate(expr, &|name| self.named(name), self.on),
        }
    }

    fn of_member(&self, place: usize, expr: &sqlparser::ast::Expr) -> Result<Value, Fault> {
        let own = &self.members[place];
        evaluate(expr, &|name| own.get(name).cloned().unwrap_or_else(|| self.named(name)), self.on)
    }

    fn of_household(&self, fact: &MadeFact) -> Result<Value, Fault> {
        if !fact.lifted {
            return evaluate(&fact.expr, &|name| self.named(name), self.on);
        }
        let rows: Vec<_> = self
            .members
            .iter()
            .map(|own| {
                move |name: &str| own.get(name).or_else(|| self.parameters.get(name)).cloned().unwrap_or(Value::Unknown)
            })
            .collect();
        let rows: Vec<&super::Names<'_>> = rows.iter().map(|row| row as &super::Names<'_>).collect();
        Aggregation { value: &fact.expr, filter: None, empty: &Value::Unknown }.over(&rows, self.on)
    }

    fn named(&self, name: &str) -> Value {
        self.facts.get(name).or_else(|| self.parameters.get(name)).cloned().unwrap_or(Value::Unknown)
    }
}
