//! Head, parameters and programmes: that every value is of its kind, placed, dated, and complete for every county.

use super::{Complaints, filled, plain_name, unique};
use crate::{
    catalogue,
    error::Fault,
    load::Contents,
    model::{self, Area, Parameter, ParameterEntry, Programme},
    sql,
};

const HEAD: &str = "pack.yaml";
const PARAMETERS: &str = "parameters.yaml";
const PROGRAMMES: &str = "programmes.yaml";

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
        let column = catalogue::sources().values().any(|source| source.columns.contains_key(&parameter.name));
        if column {
            complaints.add(place.0, place.1, Fault::new("a column of a source has this name", "与来源字段重名"));
        }
        let mut sound = true;
        for entry in &parameter.values {
            sound &= complaints.note(place, value(parameter, entry)).is_some();
        }
        if sound {
            complaints.note(place, complete(parameter, contents));
        }
    }
}

fn value(parameter: &Parameter, entry: &ParameterEntry) -> Result<(), Fault> {
    sql::literal(&entry.value, parameter.kind)?;
    division(&entry.division)?;
    filled(&entry.document, "document", "文件依据")?;
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

/// A county without a value would leave every rule that needs it unknown for good.
fn complete(parameter: &Parameter, contents: &Contents) -> Result<(), Fault> {
    for county in &contents.head.counties {
        for area in [Area::Urban, Area::Rural] {
            if crate::pack::pick(parameter, &county.code, (area, contents.head.valid_from)).is_none() {
                return Err(Fault::new(
                    format!("no value for {} ({}) on {}", county.code, area.name(), contents.head.valid_from),
                    format!("{}（{}）在 {} 无取值", county.title.zh, area.name(), contents.head.valid_from),
                ));
            }
        }
    }
    Ok(())
}

pub(super) fn programmes(contents: &Contents, complaints: &mut Complaints) {
    unique(contents.programmes.iter().map(|programme| programme.code.as_str()), PROGRAMMES, complaints);
    for programme in &contents.programmes {
        complaints.note((PROGRAMMES, &programme.code), one_programme(programme));
    }
}

fn one_programme(programme: &Programme) -> Result<(), Fault> {
    super::plain_id(&programme.code)?;
    filled(&programme.citation, "citation", "依据")?;
    if programme.lead.is_empty() {
        return Err(Fault::new("the programme has no leading bureau", "项目没有责任单位"));
    }
    for bureau in programme.lead.iter().chain(&programme.cooperating) {
        if model::bureau(bureau).is_none() {
            return Err(Fault::new(format!("no such bureau `{bureau}`"), format!("没有部门“{bureau}”")));
        }
    }
    Ok(())
}
