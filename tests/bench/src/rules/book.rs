//! The subset's rules in an anchor's language: facts it is given, facts it makes of them in an order that works, and what
//! each rule says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use chrono::NaiveDate;
use minqing_policy::{Condition, Fact, Kind, Level, Pack};
use serde_json::{Value, json};

use super::translate::{self, Language, Name, Told, Translator};

/// A fact made of facts.
#[derive(Debug)]
pub struct Made {
    pub name: String,
    pub level: Level,
    pub kind: Kind,
    /// The aggregate, where members' facts are lifted to the household; the texts are then of one member.
    pub lifted: Option<String>,
    pub told: Told,
    /// What it is to those that use it.
    pub known: Name,
}

/// A rule.
#[derive(Debug)]
pub struct Judged {
    pub id: String,
    pub level: Level,
    pub conditions: Vec<(String, Told)>,
    pub verdict: Told,
    pub amount: Option<Told>,
    /// Facts its explanation shows.
    pub facts: Vec<String>,
}

#[derive(Debug)]
pub struct Book {
    pub made: Vec<Made>,
    pub rules: Vec<Judged>,
}

/// Which facts are given, and what they are.
pub type Given = BTreeMap<String, Name>;

impl Book {
    pub fn of(pack: &Pack, (language, today): (Language, NaiveDate), given: &Given) -> anyhow::Result<Book> {
        let made = made(pack, (language, today), given)?;
        let mut rules = Vec::new();
        let known: BTreeMap<String, Name> =
            given.iter().map(|(n, k)| (n.clone(), *k)).chain(made.iter().map(|f| (f.name.clone(), f.known))).collect();
        let look = |name: &str| named(pack, &known, name);
        let translator = Translator { language, today, look: &look };
        for indicator in pack.indicators().iter().filter(|one| one.level != Level::Feed) {
            let rule = (indicator.id.as_str(), indicator.level, indicator.conditions.as_slice());
            ensure!(indicator.raised.is_none(), "{} changes its level", indicator.id);
            rules.push(judged(pack, &translator, rule, (None, None))?);
        }
        for (_, rule) in pack.rules().into_iter().filter(|(_, rule)| rule.holds(today)) {
            let parts = (rule.id.as_str(), rule.level, rule.conditions.as_slice());
            rules.push(judged(pack, &translator, parts, (rule.amount.as_deref(), rule.cap.as_deref()))?);
        }
        Ok(Book { made, rules })
    }

    /// As the Python side reads it.
    pub fn json(&self, pack: &Pack, given: &Given) -> Value {
        let kind = |name: &str| pack.fact(name).map_or("", |fact| fact.kind.name());
        let known: BTreeMap<&str, Name> = given
            .iter()
            .map(|(name, known)| (name.as_str(), *known))
            .chain(self.made.iter().map(|fact| (fact.name.as_str(), fact.known)))
            .collect();
        let text = |name: Name| match name {
            Name::Never { .. } => "False",
            Name::Sometimes => "sometimes",
            Name::Always | Name::Parameter => "True",
        };
        let of_made = self.made.iter().map(|fact| {
            json!({
                "name": fact.name, "level": level_name(fact.level), "kind": fact.kind.name(), "lifted": fact.lifted,
                "value": fact.told.value, "inner_known": fact.told.known,
                "known": if fact.lifted.is_none() && fact.known == Name::Sometimes { fact.told.known.as_str() } else { text(fact.known) },
            })
        });
        let told = |told: &Told| json!({"value": told.value, "known": told.known});
        let of_rules = self.rules.iter().map(|rule| {
            let conditions: Vec<Value> = rule
                .conditions
                .iter()
                .map(|(name, told)| json!({"name": name, "value": told.value, "known": told.known}))
                .collect();
            let facts: Vec<Value> = rule
                .facts
                .iter()
                .map(|name| json!({"name": name, "kind": kind(name), "known": known.get(name.as_str()).copied().map(text)}))
                .collect();
            json!({
                "id": rule.id, "key": rule.id.to_lowercase().replace('-', "_"), "level": level_name(rule.level),
                "conditions": conditions, "verdict": told(&rule.verdict), "amount": rule.amount.as_ref().map(told), "facts": facts,
            })
        });
        json!({"made": of_made.collect::<Vec<_>>(), "rules": of_rules.collect::<Vec<_>>()})
    }
}

pub fn level_name(level: Level) -> &'static str {
    if level == Level::Person { "person" } else { "household" }
}

fn named(pack: &Pack, known: &BTreeMap<String, Name>, name: &str) -> Option<Name> {
    known.get(name).copied().or_else(|| pack.parameters().iter().any(|p| p.name == name).then_some(Name::Parameter))
}

/// Facts made of facts, each after those it uses.
fn made(pack: &Pack, (language, today): (Language, NaiveDate), given: &Given) -> anyhow::Result<Vec<Made>> {
    let mut known = given.clone();
    let mut done = Vec::new();
    let mut open: Vec<&Fact> = pack.facts().iter().filter(|fact| fact.source.is_none()).collect();
    while !open.is_empty() {
        let before = open.len();
        let mut later = Vec::new();
        for fact in open {
            let expr = translate::parse(fact.expr.as_deref().unwrap_or_default())?;
            let ready =
                translate::names(&expr).iter().all(|name| name == "as_of" || named(pack, &known, name).is_some());
            if !ready {
                later.push(fact);
                continue;
            }
            let one = make(fact, &expr, &Translator { language, today, look: &|name| named(pack, &known, name) })
                .with_context(|| format!("the fact {}", fact.name))?;
            known.insert(fact.name.clone(), one.known);
            done.push(one);
        }
        ensure!(later.len() < before, "the fact {} rests on something that is not there", later[0].name);
        open = later;
    }
    Ok(done)
}

fn make(fact: &Fact, expr: &sqlparser::ast::Expr, translator: &Translator<'_>) -> anyhow::Result<Made> {
    let boolean = fact.kind == Kind::Boolean;
    let name = |known: &str| {
        if known == translator.yes() {
            Name::Always
        } else if known == translator.no() {
            Name::Never { boolean }
        } else {
            Name::Sometimes
        }
    };
    let (lifted, told) = if fact.from.is_some() {
        let (how, inner) = translate::aggregate(expr)?;
        let whole = Told { value: translator.yes().to_owned(), known: translator.yes().to_owned() };
        (Some(how), inner.map_or(Ok(whole), |inner| translator.told(inner))?)
    } else {
        (None, translator.told(expr)?)
    };
    ensure!(!matches!(fact.kind, Kind::Text | Kind::Ratio), "a {} has no counterpart", fact.kind);
    let known = name(&told.known);
    Ok(Made { name: fact.name.clone(), level: fact.level, kind: fact.kind, lifted, told, known })
}

fn judged(
    pack: &Pack,
    translator: &Translator<'_>,
    (id, level, conditions): (&str, Level, &[Condition]),
    (amount, cap): (Option<&str>, Option<&str>),
) -> anyhow::Result<Judged> {
    let told = |text: &str| translator.told(&translate::parse(text)?).with_context(|| format!("{id}: {text}"));
    let mut verdict = Told { value: translator.yes().to_owned(), known: translator.yes().to_owned() };
    let mut parts = Vec::new();
    for condition in conditions {
        let part = told(&condition.expr)?;
        let counted = condition.unless_unknown.map_or(part.clone(), |value| translator.assumed(&part, value));
        verdict = translator.logical(&verdict, true, &counted);
        parts.push((condition.name.clone(), part));
    }
    let amount = match amount {
        Some(amount) => {
            let value = told(amount)?;
            let held =
                cap.map(told).transpose()?.map_or(value.clone(), |cap| translator.extreme("least", &value, &cap));
            let nothing = Told { value: translator.number("0"), known: translator.yes().to_owned() };
            Some(translator.extreme("greatest", &nothing, &held))
        }
        None => None,
    };
    let used: BTreeSet<String> = pack.facts_of(id, translator.today).into_iter().collect();
    let shown = pack.facts().iter().filter(|fact| used.contains(&fact.name));
    let shown = shown.filter(|fact| level == Level::Person || fact.level == Level::Household);
    let mut facts = Vec::new();
    for fact in shown {
        if matches!(fact.kind, Kind::Text | Kind::Ratio) {
            bail!("{id} shows the {} {}", fact.kind, fact.name);
        }
        facts.push(fact.name.clone());
    }
    Ok(Judged { id: id.to_owned(), level, conditions: parts, verdict, amount, facts })
}
