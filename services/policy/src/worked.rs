//! Worked examples: an official writes a household and what the text says of it; here the pack is asked the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::{
    error::{Fault, did_you_mean},
    expression::parse,
    kind::Kind,
    model::{Area, Example, Fact, Level, Scalar},
    pack::Pack,
    reference::{Household, Value, Values, Verdict, evaluate},
    sql::names::{self, Form, form},
};

/// What came of an example.
#[derive(Debug, Clone)]
pub struct Worked {
    /// Example's id.
    pub example: String,
    /// Rule it is about.
    pub rule: String,
    /// What the example expects of the verdict.
    pub expected: Option<bool>,
    /// What the pack says; none where the example cannot be worked.
    pub verdict: Option<Verdict>,
    /// Why it failed: English and Chinese. None when it holds.
    pub failure: Option<(String, String)>,
}

impl Pack {
    /// Works every example, in the order of the files.
    pub fn work_examples(&self) -> Vec<Worked> {
        self.examples().iter().map(|example| self.work(example)).collect()
    }

    /// Works one example.
    pub fn work(&self, example: &Example) -> Worked {
        let outcome = self.outcome(example);
        let expected = example.expect.verdict.text().parse().ok();
        let failure = match &outcome {
            Ok(verdict) => differs(example, verdict),
            Err(fault) => Some((fault.en.clone(), fault.zh.clone())),
        };
        let (example, rule) = (example.id.clone(), example.rule.clone());
        Worked { example, rule, expected, verdict: outcome.ok(), failure }
    }

    fn outcome(&self, example: &Example) -> Result<Verdict, Fault> {
        let key = self.key_of(&example.rule, example.on).ok_or_else(|| {
            Fault::new(
                format!("no rule `{}` holds on {}", example.rule, example.on),
                format!("{} 没有规则“{}”", example.on, example.rule),
            )
        })?;
        let book = self.book();
        let rule = &book.rules[key];
        if rule.level == Level::Feed {
            return self.of_feed(example)?.judge(rule, None);
        }
        let household = self.household(example)?.completed(book, &rule.facts)?;
        let place = match rule.level {
            Level::Person => Some(self.place(example)?),
            _ => None,
        };
        household.judge(rule, place)
    }

    fn place(&self, example: &Example) -> Result<usize, Fault> {
        let place = example.person.unwrap_or(1);
        if (1..=example.persons.len()).contains(&place) {
            return Ok(place - 1);
        }
        Err(Fault::new(
            format!("the rule is about a person: there is no person {place}"),
            format!("规则针对个人，但没有第{place}人"),
        ))
    }

    /// The household as the example gives it. What is not given: a dataset's `empty`, as if it were fresh and had no row;
    /// unknown for the register, field checks and datasets nobody supplies.
    fn household(&self, example: &Example) -> Result<Household, Fault> {
        let county = example.county.clone().unwrap_or_else(|| self.head().counties[0].code.clone());
        let mut household = Household {
            on: example.on,
            parameters: self.parameter_values(&county, example.area, example.on)?,
            facts: self.given(example, Level::Household, &example.household)?,
            members: Vec::new(),
        };
        for member in &example.persons {
            household.members.push(self.given(example, Level::Person, member)?);
        }
        Ok(household)
    }

    fn given(&self, example: &Example, level: Level, given: &BTreeMap<String, Scalar>) -> Result<Values, Fault> {
        let facts: Vec<&Fact> = self.facts().iter().filter(|fact| fact.level == level).collect();
        if let Some(name) = given.keys().find(|name| !facts.iter().any(|fact| fact.name == **name)) {
            let known = facts.iter().map(|fact| fact.name.as_str());
            let hint = did_you_mean(name, known).unwrap_or_default();
            return Err(Fault::new(format!("no such fact `{name}` here; {hint}"), format!("此处没有事实“{name}”")));
        }
        let mut values = Values::new();
        for fact in facts {
            if let Some(value) = self.leaf(fact, given.get(&fact.name), example)? {
                values.insert(fact.name.clone(), value);
            }
        }
        Ok(values)
    }

    /// A fact that comes from a source; `None` for one made of facts.
    fn leaf(&self, fact: &Fact, given: Option<&Scalar>, example: &Example) -> Result<Option<Value>, Fault> {
        let form = form(fact, self.absent_sources())?;
        if matches!(form, Form::Derived | Form::Lifted) {
            return match given {
                None => Ok(None),
                Some(_) => Err(Fault::new(
                    format!("`{}` is made of other facts: give those", fact.name),
                    format!("“{}”由其他事实计算得出，不能直接给出", fact.name),
                )),
            };
        }
        if let Some(value) = given {
            return scalar(value, fact.kind).map(Some);
        }
        if example.unknown.contains(&fact.name) {
            return Ok(Some(Value::Unknown));
        }
        Ok(Some(match form {
            Form::Rows(_) => Value::from_sql(fact.empty.as_deref(), fact.kind)?,
            Form::Register(_) => by_area(fact, example)?,
            _ => Value::Unknown,
        }))
    }

    /// A feed's values, and the parameters that hold for every household of its county.
    fn of_feed(&self, example: &Example) -> Result<Household, Fault> {
        let county = example.county.clone().unwrap_or_else(|| self.head().counties[0].code.clone());
        let names = names::of_feeds(self.contents(), names::AS_OF).names;
        let mut facts = Values::new();
        for (name, value) in example.feed.iter().flatten() {
            let slot = names
                .get(name)
                .ok_or_else(|| Fault::new(format!("a feed has no `{name}`"), format!("数据源没有“{name}”")))?;
            facts.insert(name.clone(), scalar(value, slot.kind)?);
        }
        let parameters = self.parameter_values(&county, Area::All, example.on)?;
        Ok(Household { on: example.on, parameters, facts, members: Vec::new() })
    }

    /// Every parameter's value at a place and day.
    pub(crate) fn parameter_values(&self, county: &str, area: Area, on: NaiveDate) -> Result<Values, Fault> {
        let mut values = Values::new();
        for parameter in self.parameters() {
            let used = self.parameter_at(&parameter.name, county, area, on);
            let value = Value::from_sql(used.as_ref().map(|used| used.value.as_str()), parameter.kind)?;
            values.insert(parameter.name.clone(), value);
        }
        Ok(values)
    }

    /// Rules and programmes of which no example says yes, or none says no.
    pub fn untried(&self) -> Vec<(String, &'static str)> {
        let of = |verdict: bool| -> BTreeSet<&str> {
            let wanted = verdict.to_string();
            let matching = self.examples().iter().filter(|example| example.expect.verdict.text() == wanted);
            matching.map(|example| example.rule.as_str()).collect()
        };
        let (yes, no) = (of(true), of(false));
        let rules = self.rules();
        let ids: BTreeSet<&str> = rules.iter().map(|(_, rule)| rule.id.as_str()).collect();
        let lacking =
            |tried: &BTreeSet<&str>, word| ids.difference(tried).map(|id| ((*id).to_owned(), word)).collect::<Vec<_>>();
        [lacking(&yes, "qualifies"), lacking(&no, "does not qualify")].concat()
    }
}

/// Whether a household is rural or urban is given by the example's area; other columns of the register are not known.
fn by_area(fact: &Fact, example: &Example) -> Result<Value, Fault> {
    let known = |name: &str| match name {
        "area_kind" => Value::Text(example.area.name().to_owned()),
        _ => Value::Unknown,
    };
    evaluate(&parse(fact.expr.as_deref().unwrap_or_default())?, &known, example.on)?.kept_as(fact.kind)
}

fn scalar(value: &Scalar, kind: Kind) -> Result<Value, Fault> {
    let text = value.text();
    match (kind, text.strip_suffix('元')) {
        (Kind::Money, Some(yuan)) => Ok(Value::whole(fen(yuan.trim())?)),
        _ => Value::from_sql(Some(&text), kind),
    }
}

/// Fen of yuan with at most two decimals.
fn fen(yuan: &str) -> Result<i64, Fault> {
    let wrong = || Fault::new(format!("`{yuan}元` is no amount"), format!("“{yuan}元”不是金额"));
    let (whole, cents) = yuan.split_once('.').unwrap_or((yuan, ""));
    let cents = format!("{cents:0<2}");
    if cents.len() > 2 || !cents.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    format!("{}{cents}", whole.replace(',', "")).parse().map_err(|_| wrong())
}

fn differs(example: &Example, verdict: &Verdict) -> Option<(String, String)> {
    let expected = example.expect.verdict.text();
    let found = verdict.verdict.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    let conditions = || {
        let shown = verdict.conditions.iter().map(|(name, value)| {
            format!("{name}={}", value.map_or_else(|| "unknown".to_owned(), |value| value.to_string()))
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    if expected != found {
        let text = format!("expected {expected}, found {found} ({})", conditions());
        return Some((text, format!("应为 {expected}，实为 {found}（{}）", conditions())));
    }
    if let Some(amount) = &example.expect.amount {
        let expected = match scalar(amount, Kind::Money) {
            Ok(value) => value,
            Err(fault) => return Some((fault.en, fault.zh)),
        };
        let found = verdict.amount_fen.map_or(Value::Unknown, Value::whole);
        if expected != found {
            let fen = |value: &Value| value.to_sql().ok().flatten().unwrap_or_else(|| "nothing".to_owned());
            let (expected, found) = (fen(&expected), fen(&found));
            return Some((
                format!("expected {expected} fen, found {found}"),
                format!("金额应为 {expected} 分，实为 {found}"),
            ));
        }
    }
    match example.expect.raised {
        Some(raised) if raised != verdict.raised => {
            Some((format!("expected raised {raised}"), format!("提级应为 {raised}")))
        }
        _ => None,
    }
}
