//! What names stand for in each place an expression may stand. Check and generation share these, so an expression
//! that passed the check cannot fail in a statement.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::{
    catalogue::{self, Source},
    error::{Fault, did_you_mean},
    expression::{Env, Slot},
    kind::Kind,
    load::Contents,
    model::{AbsentSource, Fact, Level, Parameter, Subject},
};

/// Business date in the statements over households.
pub(crate) const AS_OF: &str = "$2::date";

/// How a fact comes about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    /// Column of the register's household or member.
    Register(&'static Source),
    /// Aggregate over the rows of a source.
    Rows(&'static Source),
    /// Aggregate over a dataset that no contract has yet: unknown.
    Absent(&'a AbsentSource),
    /// Expression over other facts.
    Derived,
    /// Aggregate over members' facts.
    Lifted,
    /// Only a field check can tell: unknown to the mesh.
    Investigation,
}

/// Form of a fact, by what it says about its source.
pub(crate) fn form<'a>(fact: &Fact, absent: &'a [AbsentSource]) -> Result<Form<'a>, Fault> {
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
        ("mesh.feed" | "mesh.feed_quality" | "register.household" | "register.member", _) => {
            Err(Fault::new(format!("`{source}` is no source of facts"), format!("“{source}”不能作为事实来源"))
                .hint("columns of household and member: source: register"))
        }
        _ => {
            if let Some(found) = absent.iter().find(|other| other.name == source) {
                return absent_form(fact, found);
            }
            let found = source_named(source)?;
            if fact.level == Level::Person && found.division.is_some() {
                return Err(of_divisions(source));
            }
            if fact.level == Level::Person && found.person.is_none() {
                return Err(of_households(source));
            }
            Ok(Form::Rows(found))
        }
    }
}

fn absent_form<'a>(fact: &Fact, source: &'a AbsentSource) -> Result<Form<'a>, Fault> {
    match (source.subject, fact.level) {
        (Subject::Feed, _) => Err(Fault::new(
            format!("`{}` is about feeds: only indicators about feeds read it", source.name),
            format!("“{}”仅用于数据质量指标", source.name),
        )),
        (Subject::Household, Level::Person) => Err(of_households(&source.name)),
        _ => Ok(Form::Absent(source)),
    }
}

fn of_households(source: &str) -> Fault {
    Fault::new(format!("rows of `{source}` belong to households"), format!("“{source}”按家庭归集"))
        .hint("level: household")
}

fn of_divisions(source: &str) -> Fault {
    Fault::new(format!("rows of `{source}` are about a county or township"), format!("“{source}”按县区或乡镇归集"))
        .hint("level: household: a household has the facts of its division")
}

fn source_named(name: &str) -> Result<&'static Source, Fault> {
    catalogue::sources().get(name).ok_or_else(|| {
        let fault = Fault::new(format!("unknown source `{name}`"), format!("未知来源“{name}”"));
        let known = catalogue::sources().keys().map(String::as_str).chain(["register", "investigation"]);
        match did_you_mean(name, known) {
            Some(hint) => fault.hint(hint),
            None => fault
                .hint("register, register.class_status, register.vehicle, mesh.referral, mesh.visit or bureau.dataset"),
        }
    })
}

/// Names that were asked for before: a pack has a thousand, and every expression asks.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<BTreeMap<String, Arc<Names>>>);

type Names = BTreeMap<String, Slot>;

impl Known {
    fn names(&self, place: String, make: impl FnOnce() -> Names) -> Arc<Names> {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(known.entry(place).or_insert_with(|| Arc::new(make())))
    }
}

fn env(names: Arc<Names>, as_of: &str) -> Env {
    Env { names, as_of: as_of.to_owned(), aggregate: false, filter: None }
}

/// Columns of a source's rows, under the alias `r`.
pub(crate) fn of_rows(contents: &Contents, source: &Source, as_of: &str) -> Env {
    let make = || {
        let mut names = parameters(contents, true);
        for column in source.columns.values() {
            names.insert(column.name.clone(), Slot::new(column.sql.clone(), column.kind).of_rows());
        }
        names
    };
    env(contents.known.names(format!("rows of {}", source.name), make), as_of)
}

/// Columns of a dataset that no contract has yet.
pub(crate) fn of_absent(contents: &Contents, source: &AbsentSource, as_of: &str) -> Env {
    let make = || {
        let mut names = parameters(contents, true);
        names.extend(absent_columns(source).map(|(name, slot)| (name, slot.of_rows())));
        names
    };
    env(contents.known.names(format!("rows of {}", source.name), make), as_of)
}

fn absent_columns(source: &AbsentSource) -> impl Iterator<Item = (String, Slot)> {
    let slot = |kind: Kind| Slot::new(format!("null::{}", kind.sql_type()), kind);
    source.columns.iter().map(move |(name, kind)| (name.clone(), slot(*kind)))
}

/// Facts of the level (alias `b`), the household's facts for a person (alias `h`), and parameters (alias `x`).
pub(crate) fn of_facts(contents: &Contents, level: Level, as_of: &str) -> Env {
    let make = || {
        let mut names = parameters(contents, false);
        for fact in &contents.facts {
            let alias = match (level, fact.level) {
                (own, of) if own == of => "b",
                (Level::Person, Level::Household) => "h",
                _ => continue,
            };
            let slot = Slot::new(format!("{alias}.f_{}", fact.name), fact.kind).in_unit(&fact.unit);
            names.insert(fact.name.clone(), slot);
        }
        names
    };
    env(contents.known.names(format!("facts of {level:?}"), make), as_of)
}

/// Members' facts under the alias `q`, inside aggregates.
pub(crate) fn of_members(contents: &Contents, as_of: &str) -> Env {
    let make = || {
        let mut names = parameters(contents, true);
        for fact in contents.facts.iter().filter(|fact| fact.level == Level::Person) {
            let slot = Slot::new(format!("q.f_{}", fact.name), fact.kind).in_unit(&fact.unit).of_rows();
            names.insert(fact.name.clone(), slot);
        }
        names
    };
    Env { aggregate: true, ..env(contents.known.names("members".to_owned(), make), as_of) }
}

/// Columns of `monitoring.feed_health`, for indicators about feeds, and of datasets about feeds that are not there yet.
pub(crate) fn of_feeds(contents: &Contents, as_of: &str) -> Env {
    let mut names = parameters(contents, false);
    for source in contents.sources.iter().filter(|source| source.subject == Subject::Feed) {
        names.extend(absent_columns(source));
    }
    for column in catalogue::feed_columns() {
        names.insert(column.name.clone(), Slot::new(column.sql.clone(), column.kind));
    }
    env(Arc::new(names), as_of)
}

fn parameters(contents: &Contents, row: bool) -> BTreeMap<String, Slot> {
    let slot = |parameter: &Parameter| {
        let slot = Slot::new(format!("x.p_{}", parameter.name), parameter.kind).in_unit(&parameter.unit);
        if row { slot.of_rows() } else { slot }
    };
    contents.parameters.iter().map(|parameter| (parameter.name.clone(), slot(parameter))).collect()
}
