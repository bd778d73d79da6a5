//! Rules and indicators: their conditions, amounts, dates and citations.

use std::collections::BTreeSet;

use super::{Analysis, Complaints, citations::cited, filled, plain_id, plain_name, unique};
use crate::{
    error::Fault,
    expression::{Env, compile_as, compile_boolean},
    kind::Kind,
    load::Contents,
    model::{self, Condition, Indicator, IndicatorClass, Level, Rule},
    rules::{Owner, PlacedRule, placed},
    sql::names::{self, AS_OF},
};

const INDICATORS: &str = "indicators";
const CLASSES: &str = "classes";
const PROGRAMMES: &str = "programmes";
const ROUTING: &str = "routing";

pub(super) fn indicators(contents: &Contents, analysis: &mut Analysis, complaints: &mut Complaints) {
    unique(contents.indicators.iter().map(|rule| rule.id.as_str()), INDICATORS, complaints);
    for rule in &contents.indicators {
        let place = (INDICATORS, rule.id.as_str());
        complaints.note(place, indicator(rule));
        complaints.note(place, cited(&rule.citations, (None, None), contents));
        let env = match rule.level {
            Level::Feed => names::of_feeds(contents, AS_OF),
            level => names::of_facts(contents, level, AS_OF),
        };
        let mut uses = conditions(place, &rule.conditions, (&env, complaints));
        if let Some(raised) = &rule.raised
            && let Some(compiled) = complaints.note(place, compile_boolean(&raised.expr, &env))
        {
            uses.extend(compiled.uses);
        }
        analysis.note_rule(contents, &rule.id, &uses);
        if !contents.routing.routes.iter().any(|route| route.indicator == rule.id) {
            complaints.add(ROUTING, &rule.id, Fault::new("the indicator has no route", "指标没有处置路径"));
        }
    }
}

fn indicator(rule: &Indicator) -> Result<(), Fault> {
    plain_id(&rule.id)?;
    let letter = match rule.class {
        IndicatorClass::A => "A",
        IndicatorClass::B => "B",
        IndicatorClass::C => "C",
        IndicatorClass::P => "P",
        IndicatorClass::Q => "Q",
    };
    if !rule.id.starts_with(letter) {
        return Err(Fault::new(
            format!("an indicator of class {letter} has an id that starts with it"),
            "编号与类别不符",
        ));
    }
    if !(1..=4).contains(&rule.disposition) {
        return Err(Fault::new("disposition is 1 to 4", "处置类型应为1至4"));
    }
    if let Some(raised) = &rule.raised
        && raised.severity >= rule.severity
    {
        return Err(Fault::new("the raised severity is not higher", "提级后的等级未提高"));
    }
    filled(&rule.basis, "basis", "来源")
}

/// Checks every condition; answers the names they use.
fn conditions(
    (file, rule): (&'static str, &str),
    list: &[Condition],
    (env, complaints): (&Env, &mut Complaints),
) -> BTreeSet<String> {
    let mut uses = BTreeSet::new();
    if list.is_empty() {
        complaints.add(file, rule, Fault::new("the rule has no condition", "规则没有条件"));
    }
    unique(list.iter().map(|condition| condition.name.as_str()), file, complaints);
    for condition in list {
        let result = plain_name(&condition.name).and_then(|()| compile_boolean(&condition.expr, env));
        let result = result.map_err(|fault| Fault {
            en: format!("condition `{}`: {}", condition.name, fault.en),
            zh: format!("条件“{}”：{}", condition.title.zh, fault.zh),
            hint: fault.hint,
        });
        let Some(compiled) = complaints.note((file, rule), result) else { continue };
        if compiled.uses.is_empty() {
            let fault = Fault::new(
                format!("condition `{}` looks at nothing: it never changes", condition.name),
                format!("条件“{}”未引用任何事实", condition.title.zh),
            );
            complaints.add(file, rule, fault.hint("a rule that never or always holds is unreachable or needless"));
        }
        if let Some(other) = list.iter().find(|other| denies(&condition.expr, &other.expr)) {
            let fault = Fault::new(
                format!("unreachable: conditions `{}` and `{}` exclude each other", other.name, condition.name),
                format!("规则永不成立：条件“{}”与“{}”互斥", other.title.zh, condition.title.zh),
            );
            complaints.add(file, rule, fault);
        }
        uses.extend(compiled.uses);
    }
    uses
}

/// `one` is `not other`, as written.
fn denies(one: &str, other: &str) -> bool {
    one.trim().strip_prefix("not ").is_some_and(|inner| {
        let inner = inner.trim();
        inner.trim_start_matches('(').trim_end_matches(')').trim() == other.trim()
            && !inner.contains(" and ")
            && !inner.contains(" or ")
    })
}

pub(super) fn rules(contents: &Contents, analysis: &mut Analysis, complaints: &mut Complaints) {
    unique(contents.classes.iter().map(|class| class.assistance_class.as_str()), CLASSES, complaints);
    for class in &contents.classes {
        if model::assistance_class(&class.assistance_class).is_none() {
            let fault = Fault::new("no such assistance class", "没有此救助对象类别");
            complaints.add(CLASSES, &class.assistance_class, fault);
        }
    }
    let all = placed(contents);
    for one in &all {
        let place = (file(one.owner), one.rule.id.as_str());
        let env = names::of_facts(contents, one.rule.level, AS_OF);
        let mut uses = conditions(place, &one.rule.conditions, (&env, complaints));
        complaints.note(place, cited(&one.rule.citations, (one.rule.from, one.rule.to), contents));
        if let Some(more) = complaints.note(place, amounts(one, contents, &env)) {
            uses.extend(more);
        }
        complaints.note(place, dates(one, &all, contents));
        analysis.note_rule(contents, &one.key, &uses);
    }
}

fn file(owner: Owner<'_>) -> &'static str {
    if matches!(owner, Owner::Programme(_)) { PROGRAMMES } else { CLASSES }
}

/// Form of the rule, and the names its amount uses.
fn amounts(one: &PlacedRule<'_>, contents: &Contents, env: &Env) -> Result<BTreeSet<String>, Fault> {
    let rule = one.rule;
    plain_id(&rule.id)?;
    if rule.level == Level::Feed {
        return Err(Fault::new("a rule is of a person or household", "规则的层级应为人员或家庭"));
    }
    if contents.indicators.iter().any(|indicator| indicator.id == rule.id) {
        return Err(Fault::new("an indicator has this id already", "编号与指标重复"));
    }
    if let Some(code) = &rule.programme
        && !contents.programmes.iter().any(|programme| programme.code == *code)
    {
        return Err(Fault::new(format!("no such programme `{code}`"), format!("没有项目“{code}”")));
    }
    if rule.amount.is_none() && (rule.cap.is_some() || rule.unit.is_some()) {
        return Err(Fault::new("a cap or unit without an amount", "有上限或单位而无金额"));
    }
    if matches!(one.owner, Owner::Exit(_)) && (rule.amount.is_some() || rule.programme.is_some()) {
        return Err(Fault::new("a way out pays nothing", "退出规则不应有金额或项目"));
    }
    if let Some(unit) = &rule.unit {
        super::units::unit_of(Kind::Money, unit)?;
    }
    let mut uses = BTreeSet::new();
    for text in [&rule.amount, &rule.cap].into_iter().flatten() {
        uses.extend(compile_as(text, env, Kind::Money)?.uses);
    }
    Ok(uses)
}

/// A rule holds on some day of the pack, and two of one id never on the same day.
fn dates(one: &PlacedRule<'_>, all: &[PlacedRule<'_>], contents: &Contents) -> Result<(), Fault> {
    let rule = one.rule;
    if rule.to.is_some_and(|to| rule.from.is_some_and(|from| to < from) || to < contents.head.valid_from) {
        return Err(Fault::new("unreachable: the rule holds on no day of the pack", "规则在政策包有效期内无有效日"));
    }
    let overlaps = |other: &Rule| {
        let starts_before_end = |a: &Rule, b: &Rule| a.from.is_none_or(|from| b.to.is_none_or(|to| from <= to));
        starts_before_end(rule, other) && starts_before_end(other, rule)
    };
    let twin = all.iter().find(|other| other.rule.id == rule.id && other.key != one.key);
    match twin {
        Some(other) if other.owner != one.owner => Err(Fault::new("another rule has this id", "编号与其他规则重复")),
        Some(_) if all.iter().any(|o| o.rule.id == rule.id && o.key != one.key && overlaps(o.rule)) => Err(Fault::new(
            "overlapping validity: two versions of the rule hold on one day",
            "同一规则的两个版本有效期重叠",
        )),
        _ => Ok(()),
    }
}
