//! What names stand for in each place an expression may stand. Check and generation share these, so an expression
//! that passed the check cannot fail in a statement.

use std::collections::BTreeMap;

use crate::{
    catalogue::{self, Source},
    error::{Fault, did_you_mean},
    expression::{Env, Slot},
    load::Contents,
    model::{Fact, Level},
};

/// Business date in the statements over households.
pub(crate) const AS_OF: &str = "$2::date";

/// How a fact comes about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Column of the register's household or member.
    Register(&'static Source),
    /// Aggregate over the rows of a source.
    Rows(&'static Source),
    /// Expression over other facts.
    Derived,
    /// Aggregate over members' facts.
    Lifted,
    /// Only a field check can tell: unknown to the mesh.
    Investigation,
}

/// Form of a fact, by what it says about its source.
pub(crate) fn form(fact: &Fact) -> Result<Form, Fault> {
    let source = match (&fact.source, fact.from) {
        (Some(_), Some(_)) => {
            return Err(Fault::new("source and from exclude each other", "source 与 from 不能同时出现"));
        }
        (None, Some(Level::Person)) if fact.level == Level::Household => return Ok(Form::Lifted),
        (None, Some(_)) => {
            return Err(Fault::new("only members' facts are lifted, to the household", "仅可由人员事实汇总为家庭事实"));
        }
        (None, None) => return Ok(Form::Derived),
        (Some(source), None) => source.as_str(),
    };
    match (source, fact.level) {
        ("investigation", _) => Ok(Form::Investigation),
        ("register", Level::Household) => Ok(Form::Register(source_named("register.household")?)),
        ("register", Level::Person) => Ok(Form::Register(source_named("register.member")?)),
        ("mesh.feed" | "register.household" | "register.member", _) => {
            Err(Fault::new(format!("`{source}` is no source of facts"), format!("“{source}”不能作为事实来源"))
                .hint("columns of household and member: source: register"))
        }
        _ => {
            let found = source_named(source)?;
            if fact.level == Level::Person && found.person.is_none() {
                return Err(Fault::new(
                    format!("rows of `{source}` belong to households"),
                    format!("“{source}”按家庭归集"),
                )
                .hint("level: household"));
            }
            Ok(Form::Rows(found))
        }
    }
}

fn source_named(name: &str) -> Result<&'static Source, Fault> {
    catalogue::sources().get(name).ok_or_else(|| {
        let fault = Fault::new(format!("unknown source `{name}`"), format!("未知来源“{name}”"));
        let known = catalogue::sources().keys().map(String::as_str).chain(["register", "investigation"]);
        match did_you_mean(name, known) {
            Some(hint) => fault.hint(hint),
            None => fault.hint("register, register.class_status, register.vehicle, mesh.referral or bureau.dataset"),
        }
    })
}

/// Columns of a source's rows, under the alias `r`.
pub(crate) fn of_rows(contents: &Contents, source: &Source, as_of: &str) -> Env {
    let mut names = parameters(contents, true);
    for column in source.columns.values() {
        names.insert(column.name.clone(), Slot { sql: column.sql.clone(), kind: column.kind, row: true });
    }
    Env { names, as_of: as_of.to_owned(), aggregate: false, filter: None }
}

/// Facts of the level (alias `b`), the household's facts for a person (alias `h`), and parameters (alias `x`).
pub(crate) fn of_facts(contents: &Contents, level: Level, as_of: &str) -> Env {
    let mut names = parameters(contents, false);
    for fact in &contents.facts {
        let alias = match (level, fact.level) {
            (own, of) if own == of => "b",
            (Level::Person, Level::Household) => "h",
            _ => continue,
        };
        let slot = Slot { sql: format!("{alias}.f_{}", fact.name), kind: fact.kind, row: false };
        names.insert(fact.name.clone(), slot);
    }
    Env { names, as_of: as_of.to_owned(), aggregate: false, filter: None }
}

/// Members' facts under the alias `q`, inside aggregates.
pub(crate) fn of_members(contents: &Contents, as_of: &str) -> Env {
    let mut names = parameters(contents, true);
    for fact in contents.facts.iter().filter(|fact| fact.level == Level::Person) {
        let slot = Slot { sql: format!("q.f_{}", fact.name), kind: fact.kind, row: true };
        names.insert(fact.name.clone(), slot);
    }
    Env { names, as_of: as_of.to_owned(), aggregate: true, filter: None }
}

/// Columns of `monitoring.feed`, for indicators about feeds.
pub(crate) fn of_feeds(as_of: &str) -> Env {
    let mut names = BTreeMap::new();
    if let Some(source) = catalogue::sources().get("mesh.feed") {
        for column in source.columns.values() {
            names.insert(column.name.clone(), Slot { sql: column.sql.clone(), kind: column.kind, row: false });
        }
    }
    Env { names, as_of: as_of.to_owned(), aggregate: false, filter: None }
}

fn parameters(contents: &Contents, row: bool) -> BTreeMap<String, Slot> {
    let slot = |name: &str, kind| Slot { sql: format!("x.p_{name}"), kind, row };
    contents.parameters.iter().map(|p| (p.name.clone(), slot(&p.name, p.kind))).collect()
}
