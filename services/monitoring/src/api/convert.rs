//! From stored rows to the contract's messages, with the pack's words beside the pack's names.

use chrono::NaiveDate;
use minqing_kit::id;
use minqing_policy::{Area, explain};
use minqing_proto::minqing::{
    monitoring::v1 as wire,
    types::v1::{ConditionValue, FactValue, ParameterValue, Truth, WarningLevel},
};
use serde_json::Value;

use crate::{
    app::rules::Rules,
    domain::words,
    store::{
        evaluation::Facts,
        warning::{Explanation, Warning},
    },
};

/// A page with as many rows as were asked for may have a next one.
pub fn is_full(found: usize, size: i64) -> bool {
    i64::try_from(found).is_ok_and(|n| n >= size)
}

/// A warning without its explanation.
pub fn warning(rules: &Rules, of: Warning) -> wire::Warning {
    let title = rules.pack.indicator(&of.indicator).map(|i| i.title.zh.clone()).unwrap_or_default();
    wire::Warning {
        name: id::name("warnings", of.warning_id),
        indicator: of.indicator,
        title,
        level: WarningLevel::try_from(of.level).unwrap_or_default().into(),
        household: of.household_id.map(|h| id::name("households", h)).unwrap_or_default(),
        person_key: of.person_key.map(|p| p.to_string()).unwrap_or_default(),
        subject: of.subject,
        division_code: of.division_code,
        raised_on: of.raised_on.to_string(),
        cleared_on: date(of.cleared_on),
        pack: of.pack,
        clear_reason: words::clear_reason_of(of.clear_reason.as_deref()).into(),
        ..Default::default()
    }
}

/// A warning with every condition, fact and parameter behind it.
pub fn explained(rules: &Rules, of: Warning, explanation: Explanation) -> wire::Warning {
    let conditions = conditions(rules, &of.indicator, &explanation.conditions);
    let parameters = parameters(rules, &of, &explanation.parameters);
    let facts = entries(&explanation.facts)
        .map(|(name, value)| {
            let sources = rules.pack.sources_of(name);
            // As old as the oldest of its sources; dates of one form compare as text.
            let as_of = sources.iter().filter_map(|source| explanation.sources.get(source).and_then(text)).min();
            explain::fact_value(&rules.pack, name, text(value), as_of.and_then(|day| day.parse().ok()))
        })
        .collect();
    wire::Warning { conditions, facts, parameters, ..warning(rules, of) }
}

/// In the pack's order; conditions the pack no longer has come last, by name alone.
fn conditions(rules: &Rules, indicator: &str, stored: &Value) -> Vec<ConditionValue> {
    let known = rules.pack.indicator(indicator).map(|i| i.conditions.as_slice()).unwrap_or_default();
    let in_pack = known.iter().filter_map(|condition| {
        let value = stored.get(&condition.name)?;
        Some(explain::condition_value(condition, value.as_bool()))
    });
    let others = entries(stored).filter(|(name, _)| known.iter().all(|c| c.name != *name));
    let others = others.map(|(name, value)| ConditionValue {
        name: name.to_owned(),
        value: truth(value).into(),
        ..Default::default()
    });
    in_pack.chain(others).collect()
}

fn parameters(rules: &Rules, of: &Warning, stored: &Value) -> Vec<ParameterValue> {
    let area = if of.area_kind == "urban" { Area::Urban } else { Area::Rural };
    let used = rules.pack.parameters_used(&of.indicator, &of.county_code, area, of.raised_on);
    let value = |(name, value): (&str, &Value)| {
        let value = text(value).unwrap_or_default();
        // The pack's document counts only where the pack still says what the warning was raised with.
        let source = used.iter().find(|u| u.name == name && u.value == value);
        let bare = || ParameterValue { name: name.to_owned(), value: value.clone(), ..Default::default() };
        source.map_or_else(bare, |source| explain::parameter_value(&rules.pack, source.clone()))
    };
    entries(stored).map(value).collect()
}

/// Facts with the pack's titles and sources.
pub fn facts(rules: &Rules, row: Facts) -> Vec<FactValue> {
    let told = row.told_by(&rules.statements.sheet);
    told.map(|fact| explain::fact_value(&rules.pack, fact.name, fact.value, fact.as_of)).collect()
}

pub(super) fn date(of: Option<NaiveDate>) -> String {
    of.map(|d| d.to_string()).unwrap_or_default()
}

fn entries(of: &Value) -> impl Iterator<Item = (&str, &Value)> {
    of.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn truth(value: &Value) -> Truth {
    explain::truth(value.as_bool())
}
