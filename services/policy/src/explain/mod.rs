//! From the pack's names to the contract's messages: conditions, facts, parameters, what is missing and who could supply
//! it, and the whole in words an applicant can be given.

mod nearest;
mod words;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::{ConditionValue, FactValue, MissingSource, ParameterValue, Truth};

use crate::{
    catalogue,
    model::{Condition, Confidence, Title, bureau_title},
    pack::{Pack, ParameterUse},
};

pub use words::Judged;

/// The contract's word for a three-valued outcome.
pub fn truth(value: Option<bool>) -> Truth {
    match value {
        Some(true) => Truth::True,
        Some(false) => Truth::False,
        None => Truth::Unknown,
    }
}

/// A condition with its outcome.
pub fn condition_value(condition: &Condition, value: Option<bool>) -> ConditionValue {
    ConditionValue {
        name: condition.name.clone(),
        title: condition.title.zh.clone(),
        title_en: condition.title.en.clone(),
        expression: condition.expr.clone(),
        value: truth(value).into(),
    }
}

/// A parameter with its value, words and document.
pub fn parameter_value(pack: &Pack, used: ParameterUse) -> ParameterValue {
    let parameter = pack.parameters().iter().find(|parameter| parameter.name == used.name);
    ParameterValue {
        title: parameter.map(|p| p.title.zh.clone()).unwrap_or_default(),
        title_en: parameter.map(|p| p.title.en.clone()).unwrap_or_default(),
        unit: parameter.map(|p| p.unit.clone()).unwrap_or_default(),
        name: used.name,
        value: used.value,
        effective_from: used.effective_from.to_string(),
        document: used.document,
        article: used.article.unwrap_or_default(),
        confidence: used.confidence.name().to_owned(),
    }
}

/// A fact with its words and sources; `as_of` is the day its oldest source stood on.
pub fn fact_value(pack: &Pack, name: &str, value: Option<String>, as_of: Option<NaiveDate>) -> FactValue {
    let fact = pack.fact(name);
    FactValue {
        name: name.to_owned(),
        title: fact.map(|f| f.title.zh.clone()).unwrap_or_default(),
        title_en: fact.map(|f| f.title.en.clone()).unwrap_or_default(),
        unit: fact.map(|f| f.unit.clone()).unwrap_or_default(),
        r#type: fact.map(|f| f.kind.name().to_owned()).unwrap_or_default(),
        source: pack.sources_of(name).join(", "),
        as_of: as_of.map(|day| day.to_string()).unwrap_or_default(),
        known: value.is_some(),
        value: value.unwrap_or_default(),
    }
}

/// Datasets behind facts that are not known, and who could supply them. The register is always there.
pub fn missing_sources<'a>(pack: &Pack, unknown: impl IntoIterator<Item = &'a str>) -> Vec<MissingSource> {
    let sources = unknown.into_iter().flat_map(|fact| pack.sources_of(fact));
    let names: BTreeSet<&str> = sources.map(String::as_str).collect();
    names.into_iter().filter(|name| !name.starts_with("register")).map(|name| missing(pack, name)).collect()
}

fn missing(pack: &Pack, name: &str) -> MissingSource {
    let words = |title: Title, supplier: Title| MissingSource {
        name: name.to_owned(),
        title: title.zh,
        title_en: title.en,
        supplier: supplier.zh,
        supplier_en: supplier.en,
    };
    if let Some(absent) = pack.absent_sources().iter().find(|source| source.name == name) {
        return words(absent.title.clone(), absent.supplier.clone());
    }
    let title = |zh: &str, en: &str| Title { zh: zh.to_owned(), en: en.to_owned() };
    match catalogue::record_sets().iter().find(|set| set.name() == name) {
        Some(set) => {
            let office = set.supplier.as_ref().map(|(zh, en)| title(zh, en));
            let office = office.unwrap_or_else(|| bureau_title(&set.bureau));
            words(title(&set.title, &set.dataset.replace('_', " ")), office)
        }
        None if name == "investigation" => {
            words(title("入户调查", "field check"), title("乡镇（街道）", "the township office"))
        }
        None => words(title(name, name), title("本系统", "this system")),
    }
}

/// The least sure of a rule and the parameters it used.
pub fn least_sure(rule: Confidence, parameters: &[ParameterValue]) -> Confidence {
    parameters.iter().filter_map(|p| Confidence::of(&p.confidence)).chain([rule]).max().unwrap_or(rule)
}
