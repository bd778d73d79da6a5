//! Everything a pack must satisfy before a statement is made of it, and what the check learns on the way: which fact
//! rests on which.

mod citations;
mod facts;
mod routing;
mod rules;
mod units;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::{error::Fault, load::Contents};

/// A fault and where it belongs.
#[derive(Debug)]
pub(crate) struct Complaint {
    /// File, or folder of files, the rule stands in.
    pub file: &'static str,
    pub rule: String,
    pub fault: Fault,
}

/// Faults so far.
#[derive(Debug, Default)]
pub(crate) struct Complaints(pub Vec<Complaint>);

impl Complaints {
    fn add(&mut self, file: &'static str, rule: &str, fault: Fault) {
        self.0.push(Complaint { file, rule: rule.to_owned(), fault });
    }

    /// Notes the fault, if there is one.
    fn note<T>(&mut self, (file, rule): (&'static str, &str), result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.add(file, rule, fault);
                None
            }
        }
    }
}

/// What a rule rests on, directly or through other facts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used {
    pub facts: BTreeSet<String>,
    pub parameters: BTreeSet<String>,
}

/// Which fact rests on which, in which order they can be computed, and what each rule uses.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    /// Names each fact uses.
    uses: BTreeMap<String, BTreeSet<String>>,
    ranks: BTreeMap<String, usize>,
    rules: BTreeMap<String, Used>,
}

impl Analysis {
    /// Step in which the fact is computed; 0 when it rests on no other fact.
    pub(crate) fn rank(&self, fact: &str) -> usize {
        self.ranks.get(fact).copied().unwrap_or(0)
    }

    /// The facts and all they rest on.
    pub(crate) fn closure(&self, wanted: &BTreeSet<String>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&String> = wanted.iter().collect();
        while let Some(name) = open.pop() {
            let Some(uses) = self.uses.get(name) else { continue };
            if found.insert(name.clone()) {
                open.extend(uses);
            }
        }
        found
    }

    /// Parameters the facts use directly.
    pub(crate) fn parameters_of(&self, contents: &Contents, facts: &BTreeSet<String>) -> BTreeSet<String> {
        let used: BTreeSet<&String> = facts.iter().filter_map(|fact| self.uses.get(fact)).flatten().collect();
        contents.parameters.iter().filter(|p| used.contains(&p.name)).map(|p| p.name.clone()).collect()
    }

    /// What an indicator or class route uses; nothing when there is no such rule.
    pub(crate) fn rule(&self, id: &str) -> Used {
        self.rules.get(id).cloned().unwrap_or_default()
    }

    fn note_rule(&mut self, contents: &Contents, id: &str, names: &BTreeSet<String>) {
        let facts = self.closure(names);
        let mut parameters = self.parameters_of(contents, &facts);
        parameters.extend(contents.parameters.iter().filter(|p| names.contains(&p.name)).map(|p| p.name.clone()));
        self.rules.insert(id.to_owned(), Used { facts, parameters });
    }
}

/// Checks the whole pack; the analysis counts only when there is no complaint.
pub(crate) fn check(contents: &Contents) -> (Analysis, Vec<Complaint>) {
    let mut complaints = Complaints::default();
    let mut analysis = Analysis::default();
    values::head(contents, &mut complaints);
    values::documents(contents, &mut complaints);
    values::parameters(contents, &mut complaints);
    values::programmes(contents, &mut complaints);
    facts::facts(contents, &mut analysis, &mut complaints);
    rules::indicators(contents, &mut analysis, &mut complaints);
    rules::rules(contents, &mut analysis, &mut complaints);
    routing::routing(contents, &mut complaints);
    values::processes(contents, &mut complaints);
    (analysis, complaints.0)
}

/// A lower-case name that can stand in SQL as part of a column's name.
fn plain_name(name: &str) -> Result<(), Fault> {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if first && rest && name.len() <= 50 && name != "as_of" {
        return Ok(());
    }
    Err(Fault::new(
        format!("`{name}` is no name: lower-case letters, digits and `_`, at most 50"),
        format!("名称“{name}”不合规（小写字母、数字、下划线，至多50字符）"),
    ))
}

/// An id such as A03 or DB-01.
fn plain_id(id: &str) -> Result<(), Fault> {
    let fine = id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    if fine && !id.is_empty() && id.len() <= 20 {
        return Ok(());
    }
    Err(Fault::new(format!("`{id}` is no id: capitals, digits and `-`"), format!("编号“{id}”不合规")))
}

/// Complains about every second use of a name.
fn unique<'a>(names: impl Iterator<Item = &'a str>, file: &'static str, complaints: &mut Complaints) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            complaints.add(file, name, Fault::new("the name is used twice", "名称重复"));
        }
    }
}

/// A text that must say something.
fn filled(text: &str, what: &str, what_zh: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new(format!("{what} is empty"), format!("{what_zh}为空")));
    }
    Ok(())
}
