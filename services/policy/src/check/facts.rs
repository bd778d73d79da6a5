//! Facts: their form, their expression, and that none rests on itself.

use std::collections::BTreeSet;

use super::{Analysis, Complaints, filled, plain_name, unique};
use crate::{
    error::Fault,
    expression::{Env, compile_as, compile_boolean},
    kind::Kind,
    load::Contents,
    model::{Fact, Level},
    sql::names::{self, AS_OF, Form},
};

const FILE: &str = "facts";

pub(super) fn facts(contents: &Contents, analysis: &mut Analysis, complaints: &mut Complaints) {
    let parameters = contents.parameters.iter().map(|parameter| parameter.name.as_str());
    unique(parameters.chain(contents.facts.iter().map(|fact| fact.name.as_str())), FILE, complaints);
    for fact in &contents.facts {
        let place = (FILE, fact.name.as_str());
        complaints.note(place, plain_name(&fact.name));
        let uses = complaints.note(place, uses_of(fact, contents)).unwrap_or_default();
        analysis.uses.insert(fact.name.clone(), uses);
    }
    let made: BTreeSet<&str> = contents.facts.iter().filter(|f| f.source.is_none()).map(|f| f.name.as_str()).collect();
    for fact in &contents.facts {
        let rank = rank(&fact.name, (analysis, &made), &mut Vec::new());
        if let Some(rank) = complaints.note((FILE, &fact.name), rank) {
            analysis.ranks.insert(fact.name.clone(), rank);
        }
    }
}

/// Names the fact uses, after checking its form and expression.
fn uses_of(fact: &Fact, contents: &Contents) -> Result<BTreeSet<String>, Fault> {
    if fact.level == Level::Feed {
        return Err(Fault::new("a fact is of a person or household", "事实的层级应为人员或家庭"));
    }
    if fact.kind == Kind::Ratio {
        return Err(Fault::new("a fact cannot be a ratio", "事实不能是比例")
            .hint("keep amounts, and compare them multiplied out"));
    }
    super::units::unit_of(fact.kind, &fact.unit)?;
    filled(&fact.title.en, "title.en", "英文名称")?;
    let form = names::form(fact, &contents.sources)?;
    if let Form::Investigation = form {
        return match (&fact.expr, &fact.filter, &fact.empty) {
            (None, None, None) => Ok(BTreeSet::new()),
            _ => Err(Fault::new("a fact of investigation has no expression", "入户调查事实不应有表达式")),
        };
    }
    let expr = fact.expr.as_deref().ok_or_else(|| Fault::new("`expr` is missing", "缺少 expr"))?;
    if !matches!(form, Form::Rows(_) | Form::Absent(_)) && (fact.filter.is_some() || fact.empty.is_some()) {
        return Err(Fault::new(
            "where and empty belong to facts over a source's rows",
            "where、empty 仅用于按来源汇总的事实",
        ));
    }
    let of_columns = match form {
        Form::Register(source) => compile_as(expr, &names::of_rows(contents, source, AS_OF), fact.kind)?.uses,
        Form::Rows(source) => rows(fact, expr, &names::of_rows(contents, source, AS_OF))?,
        Form::Absent(source) => rows(fact, expr, &names::of_absent(contents, source, AS_OF))?,
        Form::Derived => return Ok(compile_as(expr, &names::of_facts(contents, fact.level, AS_OF), fact.kind)?.uses),
        Form::Lifted => return Ok(compile_as(expr, &names::of_members(contents, AS_OF), fact.kind)?.uses),
        Form::Investigation => return Ok(BTreeSet::new()),
    };
    // A column may have the name of a fact elsewhere: only the parameters count.
    let parameter = |name: &String| contents.parameters.iter().any(|parameter| parameter.name == *name);
    Ok(of_columns.into_iter().filter(parameter).collect())
}

fn rows(fact: &Fact, expr: &str, env: &Env) -> Result<BTreeSet<String>, Fault> {
    crate::sql::empty(fact)?;
    let aggregate = Env { aggregate: true, ..env.clone() };
    let mut uses = compile_as(expr, &aggregate, fact.kind)?.uses;
    if let Some(filter) = &fact.filter {
        uses.extend(compile_boolean(filter, env)?.uses);
    }
    Ok(uses)
}

/// One more than the highest rank of what the fact rests on. Facts made of facts (`made`) never have rank 0: they are
/// computed from a finished layer, even when they use no fact by name, such as a count of members.
fn rank(name: &str, known: (&Analysis, &BTreeSet<&str>), path: &mut Vec<String>) -> Result<usize, Fault> {
    let (analysis, made) = known;
    if let Some(rank) = analysis.ranks.get(name) {
        return Ok(*rank);
    }
    if path.iter().any(|step| step == name) {
        path.push(name.to_owned());
        let circle = path.join(" → ");
        return Err(Fault::new(format!("the fact rests on itself: {circle}"), format!("事实循环引用：{circle}")));
    }
    path.push(name.to_owned());
    let mut found = usize::from(made.contains(name));
    for used in analysis.uses.get(name).into_iter().flatten() {
        if analysis.uses.contains_key(used) {
            found = found.max(rank(used, known, path)? + 1);
        }
    }
    path.pop();
    Ok(found)
}
