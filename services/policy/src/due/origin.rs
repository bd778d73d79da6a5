//! Which values a fact can take: those of columns of rows, and constants. A superset is enough, and easier to be sure of:
//! what `where` leaves out, or which of several rows is the newest, is not looked at.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

use sqlparser::ast::Expr;

use super::syntax::{arguments, bare, function, is_timed, names};
use crate::{
    catalogue::Source,
    error::Fault,
    expression::{Env, Slot, compile_part, parse},
    load::Contents,
    model::Fact,
    sql::{
        empty,
        names::{self as scope, Form, form},
    },
};

/// Most ways of putting values for the names of one expression; beyond, it is looked at in parts.
const MOST_WAYS: usize = 32;

/// SQL of values, over the row `r` and the parameters `x`.
#[derive(Debug, Default)]
pub(super) struct Origins {
    constants: BTreeSet<String>,
    rows: BTreeSet<(&'static str, String)>,
}

/// Values put for the facts in an expression: those of one source's row, or none but constants.
pub(super) struct Way {
    pub source: Option<&'static str>,
    names: BTreeMap<String, Slot>,
}

impl Way {
    /// SQL of the expression on the business date that stands as `as_of`.
    pub(super) fn compile(&self, expr: &Expr, as_of: &str) -> Result<String, Fault> {
        let env = Env { names: Arc::new(self.names.clone()), as_of: as_of.to_owned(), aggregate: false, filter: None };
        Ok(compile_part(expr, &env)?.sql)
    }
}

/// Looks facts up, each once.
pub(super) struct Tracer<'a> {
    contents: &'a Contents,
    facts: HashMap<&'a str, &'a Fact>,
    parameters: BTreeMap<&'a str, Slot>,
    known: RefCell<HashMap<String, Option<Rc<Origins>>>>,
}

impl<'a> Tracer<'a> {
    pub(super) fn new(contents: &'a Contents) -> Self {
        let parameter = |parameter: &'a crate::model::Parameter| {
            let slot = Slot::new(format!("x.p_{}", parameter.name), parameter.kind).in_unit(&parameter.unit);
            (parameter.name.as_str(), slot)
        };
        Self {
            contents,
            facts: contents.facts.iter().map(|fact| (fact.name.as_str(), fact)).collect(),
            parameters: contents.parameters.iter().map(parameter).collect(),
            known: RefCell::default(),
        }
    }

    /// Every way to put values for the facts in an expression over facts. None when a fact's values are not known, when
    /// two facts depend on rows, or when there are too many ways.
    pub(super) fn ways(&self, expr: &Expr) -> Option<Vec<Way>> {
        let mut ways = vec![Way { source: None, names: BTreeMap::new() }];
        for name in names(expr) {
            if let Some(slot) = self.parameters.get(name.as_str()) {
                for way in &mut ways {
                    way.names.insert(name.clone(), slot.clone());
                }
                continue;
            }
            let fact = self.facts.get(name.as_str())?;
            let origins = self.origins(fact)?;
            let mut more = Vec::new();
            for way in &ways {
                if way.source.is_some() && !origins.rows.is_empty() {
                    return None;
                }
                let constants = origins.constants.iter().map(|sql| (way.source, sql));
                let rows = origins.rows.iter().map(|(source, sql)| (Some(*source), sql));
                for (source, sql) in constants.chain(rows) {
                    let mut put = way.names.clone();
                    put.insert(name.clone(), slot(fact, sql));
                    more.push(Way { source, names: put });
                }
            }
            if more.len() > MOST_WAYS {
                return None;
            }
            ways = more;
        }
        Some(ways)
    }

    fn origins(&self, fact: &Fact) -> Option<Rc<Origins>> {
        if let Some(known) = self.known.borrow().get(&fact.name) {
            return known.clone();
        }
        let found = self.find(fact).ok().flatten().map(Rc::new);
        self.known.borrow_mut().insert(fact.name.clone(), found.clone());
        found
    }

    fn find(&self, fact: &Fact) -> Result<Option<Origins>, Fault> {
        let form = form(fact, &self.contents.sources)?;
        let mut found = match form {
            Form::Investigation | Form::Absent(_) => Origins::default(),
            Form::Register(source) | Form::Rows(source) => {
                let expr = parse(fact.expr.as_deref().unwrap_or_default())?;
                let value = if let Form::Rows(_) = form { picked(&expr) } else { Some(&expr) };
                let Some(value) = value.filter(|value| !is_timed(value)) else { return Ok(None) };
                let value = compile_part(value, &scope::of_rows(self.contents, source, ""))?.sql;
                Origins { rows: BTreeSet::from([(source.name.as_str(), value)]), ..Origins::default() }
            }
            Form::Derived => {
                let expr = parse(fact.expr.as_deref().unwrap_or_default())?;
                let Some(found) = self.values(&expr)? else { return Ok(None) };
                found
            }
            Form::Lifted => {
                let expr = parse(fact.expr.as_deref().unwrap_or_default())?;
                let Some(value) = picked(&expr) else { return Ok(None) };
                let Some(found) = self.values(value)? else { return Ok(None) };
                found
            }
        };
        if fact.empty.is_some() {
            found.constants.insert(empty(fact)?);
        }
        found.constants.insert("null".to_owned());
        Ok(Some(found))
    }

    /// Values of an expression over facts.
    fn values(&self, expr: &Expr) -> Result<Option<Origins>, Fault> {
        if is_timed(expr) {
            return Ok(None);
        }
        let expr = bare(expr);
        if let Some(either) = alternatives(expr) {
            let mut all = Origins::default();
            for one in either {
                let Some(found) = self.values(one)? else { return Ok(None) };
                all.constants.extend(found.constants);
                all.rows.extend(found.rows);
            }
            return Ok(Some(all));
        }
        let Some(ways) = self.ways(expr) else { return Ok(None) };
        let mut all = Origins::default();
        for way in ways {
            let sql = way.compile(expr, "")?;
            match way.source {
                Some(source) => all.rows.insert((source, sql)),
                None => all.constants.insert(sql),
            };
        }
        Ok(Some(all))
    }
}

/// A fact's value; nulls and literals get its type.
fn slot(fact: &Fact, sql: &str) -> Slot {
    Slot::new(format!("({sql})::{}", fact.kind.sql_type()), fact.kind).in_unit(&fact.unit)
}

/// What an aggregate picks one row's value of.
fn picked(expr: &Expr) -> Option<&Expr> {
    let expr = bare(expr);
    let picks = function(expr).is_some_and(|name| ["min", "max", "newest"].contains(&name.as_str()));
    match expr {
        Expr::Function(call) if picks => arguments(call).into_iter().next(),
        _ => None,
    }
}

/// Expressions of which it is always one.
fn alternatives(expr: &Expr) -> Option<Vec<&Expr>> {
    match expr {
        Expr::Case { conditions, else_result, .. } => {
            Some(conditions.iter().map(|branch| &branch.result).chain(else_result.as_deref()).collect())
        }
        Expr::Function(call) => {
            let one_of = function(expr).is_some_and(|name| ["coalesce", "greatest", "least"].contains(&name.as_str()));
            one_of.then(|| arguments(call))
        }
        _ => None,
    }
}

/// A source by its name; every name here came from a form.
pub(super) fn source(name: &str) -> Option<&'static Source> {
    crate::catalogue::sources().get(name)
}
