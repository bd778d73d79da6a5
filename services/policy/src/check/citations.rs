//! Citations: that the document is known, the article named where somebody has read it, and that on every day on which a
//! rule holds one citation is in force.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use crate::{
    error::{Fault, did_you_mean},
    load::Contents,
    model::{Citation, Confidence, Document},
};

/// Checks the citations of something that holds on `days`.
pub(super) fn cited(
    list: &[Citation],
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
    contents: &Contents,
) -> Result<(), Fault> {
    let first = from.map_or(contents.head.valid_from, |from| from.max(contents.head.valid_from));
    let mut known = Vec::with_capacity(list.len());
    for citation in list {
        known.push((citation, document(&citation.document, contents)?));
    }
    for (citation, document) in &known {
        if citation.article.is_none() && document.confidence == Confidence::Confirmed {
            return Err(Fault::new(
                format!("the article of `{}` is missing: its text is known", citation.document),
                format!("缺少“{}”的条款", citation.document),
            ));
        }
    }
    let uncited = edges(&known, first)
        .into_iter()
        .filter(|day| to.is_none_or(|to| *day <= to))
        .find(|day| !known.iter().any(|(citation, document)| citation.holds(document, *day)));
    match uncited {
        None => Ok(()),
        Some(day) => {
            Err(Fault::new(format!("missing citation: none is in force on {day}"), format!("{day} 无有效依据"))
                .hint("cite the document that held then, or give the rule a `from`"))
        }
    }
}

/// The first day, and every day on which a citation begins or the day after one ends.
fn edges(known: &[(&Citation, &Document)], first: NaiveDate) -> BTreeSet<NaiveDate> {
    let begins = known.iter().flat_map(|(citation, document)| [citation.from, Some(document.from)]);
    let ends = known.iter().flat_map(|(citation, document)| [citation.to, document.to]);
    let after = ends.map(|day| day.and_then(|day| day.checked_add_days(Days::new(1))));
    let days = begins.chain(after).flatten().filter(|day| *day > first);
    std::iter::once(first).chain(days).collect()
}

/// Document by name.
pub(super) fn document<'a>(name: &str, contents: &'a Contents) -> Result<&'a Document, Fault> {
    contents.documents.iter().find(|document| document.name == name).ok_or_else(|| {
        let fault = Fault::new(format!("no such document `{name}`"), format!("文件目录中没有“{name}”"));
        let known = contents.documents.iter().map(|document| document.name.as_str());
        fault.hint(did_you_mean(name, known).unwrap_or_else(|| "add it to documents.yaml".to_owned()))
    })
}
