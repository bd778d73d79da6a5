//! Indicators, class routes, and where an indicator's warnings go.

use std::collections::BTreeSet;

use super::{Analysis, Complaints, filled, plain_id, plain_name, unique};
use crate::{
    error::Fault,
    expression::{Env, compile_as, compile_boolean},
    kind::Kind,
    load::Contents,
    model::{self, ClassRoute, Condition, Indicator, IndicatorClass, Level},
    routing::{Route, When},
    sql::names::{self, AS_OF},
};

const INDICATORS: &str = "indicators/";
const CLASSES: &str = "classes.yaml";
const ROUTING: &str = "routing.yaml";

pub(super) fn indicators(contents: &Contents, analysis: &mut Analysis, complaints: &mut Complaints) {
    unique(contents.indicators.iter().map(|rule| rule.id.as_str()), INDICATORS, complaints);
    for rule in &contents.indicators {
        complaints.note((INDICATORS, &rule.id), indicator(rule));
        let env = match rule.level {
            Level::Feed => names::of_feeds(AS_OF),
            level => names::of_facts(contents, level, AS_OF),
        };
        let uses = conditions((INDICATORS, &rule.id), &rule.conditions, (&env, complaints));
        if rule.level != Level::Feed {
            analysis.note_rule(contents, &rule.id, &uses);
        }
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
    filled(&rule.citation, "citation", "依据")?;
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
            zh: format!("条件“{}”：{}", condition.title, fault.zh),
            hint: fault.hint,
        });
        if let Some(compiled) = complaints.note((file, rule), result) {
            uses.extend(compiled.uses);
        }
    }
    uses
}

pub(super) fn classes(contents: &Contents, analysis: &mut Analysis, complaints: &mut Complaints) {
    unique(contents.classes.iter().map(|class| class.assistance_class.as_str()), CLASSES, complaints);
    let routes = contents.classes.iter().flat_map(|class| &class.routes);
    unique(routes.map(|route| route.id.as_str()), CLASSES, complaints);
    for class in &contents.classes {
        if model::assistance_class(&class.assistance_class).is_none() {
            complaints.add(
                CLASSES,
                &class.assistance_class,
                Fault::new("no such assistance class", "没有此救助对象类别"),
            );
        }
        for route in &class.routes {
            let env = names::of_facts(contents, route.level, AS_OF);
            let mut uses = conditions((CLASSES, &route.id), &route.conditions, (&env, complaints));
            if let Some(more) = complaints.note((CLASSES, &route.id), class_route(route, contents, &env)) {
                uses.extend(more);
            }
            analysis.note_rule(contents, &route.id, &uses);
        }
    }
}

fn class_route(route: &ClassRoute, contents: &Contents, env: &Env) -> Result<BTreeSet<String>, Fault> {
    plain_id(&route.id)?;
    filled(&route.citation, "citation", "依据")?;
    if route.level == Level::Feed {
        return Err(Fault::new("a class is of a person or household", "类别的层级应为人员或家庭"));
    }
    if contents.indicators.iter().any(|rule| rule.id == route.id) {
        return Err(Fault::new("an indicator has this id already", "编号与指标重复"));
    }
    if let Some(code) = &route.programme
        && !contents.programmes.iter().any(|programme| programme.code == *code)
    {
        return Err(Fault::new(format!("no such programme `{code}`"), format!("没有项目“{code}”")));
    }
    if route.cap.is_some() && route.amount.is_none() {
        return Err(Fault::new("a cap without an amount", "有上限而无金额"));
    }
    let mut uses = BTreeSet::new();
    for text in [&route.amount, &route.cap].into_iter().flatten() {
        uses.extend(compile_as(text, env, Kind::Money)?.uses);
    }
    Ok(uses)
}

pub(super) fn routing(contents: &Contents, complaints: &mut Complaints) {
    unique(contents.routing.routes.iter().map(|route| route.indicator.as_str()), ROUTING, complaints);
    for route in &contents.routing.routes {
        complaints.note((ROUTING, &route.indicator), one_route(route, contents));
    }
}

fn one_route(route: &Route, contents: &Contents) -> Result<(), Fault> {
    if !contents.indicators.iter().any(|rule| rule.id == route.indicator) {
        return Err(Fault::new("no such indicator", "没有此指标"));
    }
    for class in &route.candidate_classes {
        if model::assistance_class(class).is_none() {
            return Err(Fault::new(format!("no such assistance class `{class}`"), format!("没有类别“{class}”")));
        }
    }
    for referral in &route.referrals {
        let (bureau, code) = (&referral.bureau, &referral.programme);
        let programme = contents.programmes.iter().find(|programme| programme.code == *code);
        let programme =
            programme.ok_or_else(|| Fault::new(format!("no such programme `{code}`"), format!("没有项目“{code}”")))?;
        if !programme.involves(bureau) {
            return Err(Fault::new(
                format!("`{bureau}` takes no part in programme `{code}`"),
                format!("“{bureau}”不是项目“{code}”的责任或配合单位"),
            ));
        }
        if referral.when == When::Verified && !route.field_check {
            return Err(Fault::new(
                "a referral waits for a field check that the route does not have",
                "转介等待核查，但该路径不核查",
            ));
        }
    }
    Ok(())
}
