//! A pack's expressions, parsed once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlparser::ast::Expr;

use super::{Value, nearest::Candidate};
use crate::{
    check::Analysis,
    error::Fault,
    expression::parse,
    kind::Kind,
    load::Contents,
    model::{Condition, Fact, Level},
    rules::placed,
    sql::names::{Form, form},
};

/// Every fact and rule of a pack as parsed expressions.
#[derive(Debug)]
pub(crate) struct Book {
    /// Facts made of facts, in an order in which they can be computed.
    pub made: Vec<MadeFact>,
    /// Rules and indicators by key.
    pub rules: BTreeMap<String, ParsedRule>,
}

/// A fact made of other facts.
#[derive(Debug)]
pub(crate) struct MadeFact {
    pub name: String,
    pub level: Level,
    pub kind: Kind,
    /// Aggregate over members' facts.
    pub lifted: bool,
    pub expr: Expr,
    /// Facts it rests on, directly or through others.
    pub rests_on: BTreeSet<String>,
}

/// A rule's expressions.
#[derive(Debug)]
pub(crate) struct ParsedRule {
    pub level: Level,
    pub conditions: Vec<ParsedCondition>,
    pub amount: Option<Expr>,
    pub cap: Option<Expr>,
    pub raised: Option<Expr>,
    /// Facts and parameters it uses, directly or through others.
    pub facts: BTreeSet<String>,
    pub parameters: BTreeSet<String>,
    /// Facts it uses that come from a source and that somebody can change: not age, not sex.
    pub changeable: Vec<Candidate>,
}

/// A condition's expression.
#[derive(Debug)]
pub(crate) struct ParsedCondition {
    pub name: String,
    pub expr: Expr,
    pub unless_unknown: Option<bool>,
}

impl Book {
    /// Parses a pack that passed the check.
    pub(crate) fn of(contents: &Contents, analysis: &Analysis) -> Result<Book, Fault> {
        let mut made = Vec::new();
        for fact in &contents.facts {
            if let Some(lifted) = lifted(fact, contents)? {
                let expr = parse(fact.expr.as_deref().unwrap_or_default())?;
                let rests_on = analysis.closure(&BTreeSet::from([fact.name.clone()]));
                made.push(MadeFact {
                    name: fact.name.clone(),
                    level: fact.level,
                    kind: fact.kind,
                    lifted,
                    expr,
                    rests_on,
                });
            }
        }
        made.sort_by_key(|fact| analysis.rank(&fact.name));
        let mut rules = BTreeMap::new();
        for one in placed(contents) {
            let rule = ParsedRule {
                level: one.rule.level,
                conditions: conditions(&one.rule.conditions)?,
                amount: one.rule.amount.as_deref().map(parse).transpose()?,
                cap: one.rule.cap.as_deref().map(parse).transpose()?,
                raised: None,
                changeable: changeable(&analysis.rule(&one.key).facts, contents),
                facts: analysis.rule(&one.key).facts,
                parameters: analysis.rule(&one.key).parameters,
            };
            rules.insert(one.key, rule);
        }
        for indicator in &contents.indicators {
            let rule = ParsedRule {
                level: indicator.level,
                conditions: conditions(&indicator.conditions)?,
                amount: None,
                cap: None,
                raised: indicator.raised.as_ref().map(|raised| parse(&raised.expr)).transpose()?,
                changeable: changeable(&analysis.rule(&indicator.id).facts, contents),
                facts: analysis.rule(&indicator.id).facts,
                parameters: analysis.rule(&indicator.id).parameters,
            };
            rules.insert(indicator.id.clone(), rule);
        }
        Ok(Book { made, rules })
    }
}

/// Facts that come from a source and can change.
fn changeable(wanted: &BTreeSet<String>, contents: &Contents) -> Vec<Candidate> {
    let can_change = |fact: &&Fact| match form(fact, &contents.sources) {
        Ok(Form::Register(_)) => fact.level == Level::Household && fact.kind != Kind::Boolean,
        Ok(Form::Rows(_)) => true,
        _ => false,
    };
    let facts = contents.facts.iter().filter(|fact| wanted.contains(&fact.name)).filter(can_change);
    facts.map(|fact| Candidate { name: fact.name.clone(), level: fact.level, kind: fact.kind }).collect()
}

/// Whether a fact made of facts is lifted from members; `None` for facts that come from a source.
fn lifted(fact: &Fact, contents: &Contents) -> Result<Option<bool>, Fault> {
    Ok(match form(fact, &contents.sources)? {
        Form::Derived => Some(false),
        Form::Lifted => Some(true),
        Form::Register(_) | Form::Rows(_) | Form::Absent(_) | Form::Investigation => None,
    })
}

fn conditions(list: &[Condition]) -> Result<Vec<ParsedCondition>, Fault> {
    let parsed = |condition: &Condition| {
        let (name, unless_unknown) = (condition.name.clone(), condition.unless_unknown);
        Ok(ParsedCondition { name, expr: parse(&condition.expr)?, unless_unknown })
    };
    list.iter().map(parsed).collect()
}

/// Values by name.
pub(crate) type Values = HashMap<String, Value>;
