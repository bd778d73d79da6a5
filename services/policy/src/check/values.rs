//! Head, parameters and programmes: that every value is of its kind, placed, dated, and complete for every county.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Complaints, citations::cited, filled, plain_name, unique};
use crate::{
    catalogue,
    error::Fault,
    load::Contents,
    model::{self, Area, Parameter, ParameterEntry, Programme, Step},
    sql,
};

const HEAD: &str = "pack.yaml";
const PARAMETERS: &str = "parameters";
const PROGRAMMES: &str = "programmes";
const DOCUMENTS: &str = "documents";
const SOURCES: &str = "sources";
const PROCESSES: &str = "processes";
const CODES: &str = "codes";
const FREQUENCIES: [&str; 13] = [
    "monthly",
    "quarterly",
    "semester",
    "yearly",
    "once",
    "per_event",
    "per_settlement",
    "per_course",
    "per_match",
    "per_plan",
    "continuous",
    "lease_term",
    "weekly",
];
const DESKS: [&str; 9] = [
    "township",
    "school",
    "hospital",
    "housing_bureau",
    "county_civil_affairs",
    "disabled_federation",
    "rescue_station",
    "employment_service",
    "automatic",
];

fn division(code: &str) -> Result<(), Fault> {
    if code.len() == 12 && code.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(Fault::new(format!("`{code}` is no division code of twelve digits"), format!("“{code}”不是12位区划代码")))
}

pub(super) fn head(contents: &Contents, complaints: &mut Complaints) {
    let head = &contents.head;
    complaints.note((HEAD, ""), plain_name(&head.name));
    complaints.note((HEAD, ""), filled(&head.version, "version", "版本"));
    complaints.note((HEAD, ""), division(&head.city));
    unique(head.counties.iter().map(|county| county.code.as_str()), HEAD, complaints);
    if head.counties.is_empty() {
        complaints.add(HEAD, "", Fault::new("the pack covers no county", "未列县区"));
    }
    for county in &head.counties {
        complaints.note((HEAD, &county.code), division(&county.code));
    }
}

pub(super) fn parameters(contents: &Contents, complaints: &mut Complaints) {
    for parameter in &contents.parameters {
        let place = (PARAMETERS, parameter.name.as_str());
        complaints.note(place, plain_name(&parameter.name));
        complaints.note(place, super::units::unit_of(parameter.kind, &parameter.unit));
        let column = catalogue::sources().values().any(|source| source.columns.contains_key(&parameter.name));
        if column {
            complaints.add(place.0, place.1, Fault::new("a column of a source has this name", "与来源字段重名"));
        }
        let mut sound = true;
        for entry in &parameter.values {
            sound &= complaints.note(place, value(parameter, entry, contents)).is_some();
        }
        if sound {
            complaints.note(place, complete(parameter, contents));
        }
    }
}

fn value(parameter: &Parameter, entry: &ParameterEntry, contents: &Contents) -> Result<(), Fault> {
    sql::literal(&entry.value, parameter.kind)?;
    division(&entry.division)?;
    super::citations::document(&entry.document, contents)?;
    if entry.to.is_some_and(|to| to < entry.from) {
        return Err(Fault::new(format!("the value of {} ends before it starts", entry.from), "有效期止早于起"));
    }
    let same = |other: &&ParameterEntry| {
        other.from == entry.from && other.area == entry.area && other.prefix() == entry.prefix()
    };
    if parameter.values.iter().filter(same).count() > 1 {
        return Err(Fault::new(
            format!("two values for {} from {}", entry.division, entry.from),
            format!("{} 自 {} 起有两个取值", entry.division, entry.from),
        ));
    }
    Ok(())
}

/// A county without a value would leave every rule that needs it unknown.
fn complete(parameter: &Parameter, contents: &Contents) -> Result<(), Fault> {
    let first = contents.head.valid_from;
    let after = parameter.values.iter().filter_map(|entry| entry.to?.succ_opt()).filter(|day| *day > first);
    let days: BTreeSet<NaiveDate> = std::iter::once(first).chain(after).collect();
    for county in &contents.head.counties {
        for area in [Area::Urban, Area::Rural] {
            for day in &days {
                if crate::pack::pick(parameter, &county.code, (area, *day)).is_none() {
                    return Err(Fault::new(
                        format!("no value for {} ({}) on {day}", county.code, area.name()),
                        format!("{}（{}）在 {day} 无取值", county.title.zh, area.name()),
                    ));
                }
            }
        }
    }
    Ok(())
}

pub(super) fn programmes(contents: &Contents, complaints: &mut Complaints) {
    unique(contents.programmes.iter().map(|programme| programme.code.as_str()), PROGRAMMES, complaints);
    for programme in &contents.programmes {
        complaints.note((PROGRAMMES, &programme.code), one_programme(programme, contents));
    }
}

fn one_programme(programme: &Programme, contents: &Contents) -> Result<(), Fault> {
    super::plain_id(&programme.code)?;
    cited(&programme.citations, (None, None), contents)?;
    if programme.lead.is_empty() {
        return Err(Fault::new("the programme has no leading bureau", "项目没有责任单位"));
    }
    for bureau in programme.lead.iter().chain(&programme.cooperating).chain(&programme.seed_lead) {
        if model::bureau(bureau).is_none() {
            return Err(Fault::new(format!("no such bureau `{bureau}`"), format!("没有部门“{bureau}”")));
        }
    }
    for class in &programme.beneficiaries {
        if model::assistance_class(class).is_none() {
            return Err(Fault::new(format!("no such assistance class `{class}`"), format!("没有类别“{class}”")));
        }
    }
    one_of(&programme.frequency, &FREQUENCIES, "frequency")?;
    one_of(&programme.apply_at, &DESKS, "apply_at")?;
    for stacking in &programme.stacking {
        if !contents.programmes.iter().any(|other| other.code == stacking.with) {
            let code = &stacking.with;
            return Err(Fault::new(format!("no such programme `{code}`"), format!("没有项目“{code}”")));
        }
        if !stacking.citations.is_empty() {
            cited(&stacking.citations, (None, None), contents)?;
        }
    }
    if programme.rules.is_empty() {
        return Err(Fault::new("the programme has no rule", "项目没有规则"));
    }
    Ok(())
}

fn one_of(word: &str, known: &[&str], field: &str) -> Result<(), Fault> {
    if known.contains(&word) {
        return Ok(());
    }
    Err(Fault::new(format!("`{word}` is no {field}"), format!("{field} 取值“{word}”不合规")).hint(known.join(", ")))
}

pub(super) fn documents(contents: &Contents, complaints: &mut Complaints) {
    unique(contents.documents.iter().map(|document| document.name.as_str()), DOCUMENTS, complaints);
    unique(contents.sources.iter().map(|source| source.name.as_str()), SOURCES, complaints);
    for source in &contents.sources {
        if catalogue::sources().contains_key(&source.name) {
            complaints.add(
                SOURCES,
                &source.name,
                Fault::new("a contract has this dataset now: remove the entry", "该数据已有契约，应删除此项"),
            );
        }
    }
}

pub(super) fn processes(contents: &Contents, complaints: &mut Complaints) {
    unique(contents.processes.iter().map(|process| process.id.as_str()), PROCESSES, complaints);
    for process in &contents.processes {
        let place = (PROCESSES, process.id.as_str());
        complaints.note(place, cited(&process.citations, (None, None), contents));
        for step in &process.steps {
            complaints.note(place, step_limit(step));
            if !step.citations.is_empty() {
                complaints.note(place, cited(&step.citations, (None, None), contents));
            }
        }
    }
    unique(contents.code_tables.iter().map(|table| table.name.as_str()), CODES, complaints);
    for table in &contents.code_tables {
        unique(table.codes.iter().map(|code| code.code.as_str()), CODES, complaints);
    }
}

fn step_limit(step: &Step) -> Result<(), Fault> {
    match (&step.limit, &step.unit) {
        (None, None) => Ok(()),
        (Some(_), Some(unit)) => one_of(unit, &["working_days", "days", "months", "hours"], "unit"),
        _ => Err(Fault::new("limit and unit go together", "时限与单位应同时填写")),
    }
}
