//! What differs between two packs, entry by entry and field by field.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::pack::Pack;

/// How an entry differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the second pack has it.
    Added,
    /// Only the first pack has it.
    Removed,
    /// Both have it, with other contents.
    Changed,
}

/// One entry that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// parameter, fact, class, programme, indicator, route, document, source, process, code_table or example.
    pub kind: &'static str,
    /// Its name or id.
    pub name: String,
    /// How.
    pub change: Change,
    /// Fields that differ; empty for what was added or removed.
    pub fields: Vec<FieldChange>,
}

/// One field that differs, by its path within the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// `values[2].value`.
    pub field: String,
    /// In the first pack; empty where it is missing.
    pub before: String,
    /// In the second.
    pub after: String,
}

impl Pack {
    /// What `other` has otherwise, in a fixed order.
    pub fn differences(&self, other: &Pack) -> Vec<Difference> {
        let (before, after) = (entries(self), entries(other));
        let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        keys.into_iter().filter_map(|key| difference(key, before.get(key), after.get(key))).collect()
    }
}

type Key = (&'static str, String);

fn entries(pack: &Pack) -> BTreeMap<Key, Value> {
    let mut all = BTreeMap::new();
    take(&mut all, "document", pack.documents(), |d| d.name.clone());
    take(&mut all, "source", pack.absent_sources(), |s| s.name.clone());
    take(&mut all, "parameter", pack.parameters(), |p| p.name.clone());
    take(&mut all, "fact", pack.facts(), |f| f.name.clone());
    take(&mut all, "class", pack.classes(), |c| c.assistance_class.clone());
    take(&mut all, "programme", pack.programmes(), |p| p.code.clone());
    take(&mut all, "indicator", pack.indicators(), |i| i.id.clone());
    take(&mut all, "route", pack.routes(), |r| r.indicator.clone());
    take(&mut all, "process", pack.processes(), |p| p.id.clone());
    take(&mut all, "code_table", pack.code_tables(), |t| t.name.clone());
    take(&mut all, "example", pack.examples(), |e| e.id.clone());
    all
}

fn take<T: Serialize>(all: &mut BTreeMap<Key, Value>, kind: &'static str, list: &[T], name: fn(&T) -> String) {
    all.extend(list.iter().map(|entry| ((kind, name(entry)), serde_json::to_value(entry).unwrap_or_default())));
}

fn difference((kind, name): &Key, before: Option<&Value>, after: Option<&Value>) -> Option<Difference> {
    let change = match (before, after) {
        (Some(_), None) => Change::Removed,
        (None, Some(_)) => Change::Added,
        _ => Change::Changed,
    };
    let mut fields = Vec::new();
    if let (Some(before), Some(after)) = (before, after) {
        compare(String::new(), (before, after), &mut fields);
        if fields.is_empty() {
            return None;
        }
    }
    Some(Difference { kind, name: name.clone(), change, fields })
}

fn compare(path: String, (before, after): (&Value, &Value), found: &mut Vec<FieldChange>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(path, (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null)), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let pair = (a.get(index).unwrap_or(&Value::Null), b.get(index).unwrap_or(&Value::Null));
                compare(format!("{path}[{index}]"), pair, found);
            }
        }
        _ if before == after => {}
        _ => found.push(FieldChange { field: path, before: text(before), after: text(after) }),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
