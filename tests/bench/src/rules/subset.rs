//! The rules that the anchors judge too, as a pack of their own, so that every side computes only what these rules need.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use minqing_policy::{Fact, Pack};
use serde_yaml_ng::{Mapping, Value};

use super::{
    book::{Book, Given},
    translate::{Language, Name},
};

/// Rules both sides can say, where the pack has them.
pub const RULES: [&str; 15] =
    ["A03", "A05", "A08", "A09", "A12", "A13", "A20", "A25", "C09", "C11", "DB-01", "DB-03", "DB-04", "BY-01", "GX-01"];

/// What of the pack is kept.
struct Kept<'a> {
    rules: &'a BTreeSet<String>,
    facts: BTreeSet<String>,
    today: NaiveDate,
}

/// Rules of [`RULES`] that the pack has on the day and that other engines can say, and why the others are left out.
pub fn choose(pack: &Pack, (from, scratch): (&Path, &Path), today: NaiveDate) -> (BTreeSet<String>, Vec<String>) {
    let (mut chosen, mut left) = (BTreeSet::new(), Vec::new());
    for id in RULES {
        match sayable(pack, (from, scratch), (id, today)) {
            Ok(()) => _ = chosen.insert(id.to_owned()),
            Err(error) => left.push(format!("{id}: {error:#}")),
        }
    }
    (chosen, left)
}

fn sayable(pack: &Pack, paths: (&Path, &Path), (id, today): (&str, NaiveDate)) -> anyhow::Result<()> {
    ensure!(pack.indicator(id).is_some() || pack.rule(id, today).is_some(), "the pack does not have it");
    let alone = self::pack(pack, paths, (&BTreeSet::from([id.to_owned()]), today))?;
    let given: Given = leaves(&alone).map(|fact| (fact.name.clone(), Name::Sometimes)).collect();
    for language in [Language::Python, Language::Cel, Language::Zen] {
        Book::of(&alone, (language, today), &given)?;
    }
    Ok(())
}

/// Facts that come from a source.
pub fn leaves(pack: &Pack) -> impl Iterator<Item = &Fact> {
    pack.facts().iter().filter(|fact| fact.source.is_some())
}

/// Copies the pack in `from` to `to` with these rules, the facts they need, and no others, and loads it.
pub fn pack(
    whole: &Pack,
    (from, to): (&Path, &Path),
    (rules, today): (&BTreeSet<String>, NaiveDate),
) -> anyhow::Result<Pack> {
    let _ = fs::remove_dir_all(to);
    let facts = rules.iter().flat_map(|id| whole.facts_of(id, today)).collect();
    copy(from, from, to, &Kept { rules, facts, today })?;
    Pack::load(to).map_err(|errors| anyhow::anyhow!("the pack of fewer rules is not sound: {errors}"))
}

fn copy(root: &Path, from: &Path, to: &Path, kept: &Kept<'_>) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(root, &path, &target, kept)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path)?;
            let kind = path.strip_prefix(root)?.iter().next().and_then(|name| name.to_str()).unwrap_or_default();
            fs::write(&target, pruned(kind.trim_end_matches(".yaml"), &text, kept)?)?;
        }
    }
    Ok(())
}

/// A file without what hangs on rules that are left out.
fn pruned(kind: &str, text: &str, kept: &Kept<'_>) -> anyhow::Result<String> {
    if !["facts", "indicators", "classes", "programmes", "routing", "examples"].contains(&kind) {
        return Ok(text.to_owned());
    }
    let mut file: Value = serde_yaml_ng::from_str(text)?;
    let map = file.as_mapping_mut().context("a file of the pack is no mapping")?;
    let has = |set: &BTreeSet<String>, entry: &Value, key: &str| {
        entry.get(key).and_then(Value::as_str).is_some_and(|id| set.contains(id))
    };
    let wanted = |entry: &Value, key: &str| has(kept.rules, entry, key);
    match kind {
        "facts" => list(map, "facts").retain(|entry| has(&kept.facts, entry, "name")),
        "indicators" => list(map, "indicators").retain(|entry| wanted(entry, "id")),
        "classes" => {
            let classes = list(map, "classes");
            for class in classes.iter_mut().filter_map(Value::as_mapping_mut) {
                class.remove("exits");
                list(class, "routes").retain(|route| wanted(route, "id") && holds(route, kept.today));
                for route in list(class, "routes").iter_mut().filter_map(Value::as_mapping_mut) {
                    route.remove("programme");
                }
            }
            classes.retain_mut(|class| class.as_mapping_mut().is_some_and(|class| !list(class, "routes").is_empty()));
        }
        "programmes" => list(map, "programmes").clear(),
        "examples" => list(map, "examples").clear(),
        _ => {
            let routes = list(map, "routes");
            routes.retain(|route| wanted(route, "indicator"));
            for route in routes.iter_mut().filter_map(Value::as_mapping_mut) {
                route.remove("referrals");
            }
        }
    }
    Ok(serde_yaml_ng::to_string(&file)?)
}

/// The rule's own dates let it hold on the day.
fn holds(rule: &Value, today: NaiveDate) -> bool {
    let day = |key: &str| rule.get(key).and_then(Value::as_str).and_then(|text| text.parse::<NaiveDate>().ok());
    day("from").is_none_or(|from| from <= today) && day("to").is_none_or(|to| today <= to)
}

/// The list under a key; one that was not there stays empty.
fn list<'a>(map: &'a mut Mapping, key: &str) -> &'a mut Vec<Value> {
    let entry = map.entry(Value::from(key)).or_insert_with(|| Value::Sequence(Vec::new()));
    if !entry.is_sequence() {
        *entry = Value::Sequence(Vec::new());
    }
    entry.as_sequence_mut().expect("it was made a list just now")
}

/// Datasets that the rules rest on.
pub fn sources(pack: &Pack) -> BTreeSet<String> {
    pack.facts().iter().flat_map(|fact| pack.sources_of(&fact.name)).cloned().collect()
}
