//! What a pack holds, in numbers, and which of its values nobody has confirmed.

use serde::Serialize;

use crate::{model::Confidence, pack::Pack, rules::Owner};

/// Counts and open points of a pack.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Name and version.
    pub pack: String,
    /// SHA-256 over its files.
    pub content_hash: String,
    /// Classes of the low-income population.
    pub classes: usize,
    /// Ways into them.
    pub routes: usize,
    /// Ways out of them.
    pub exits: usize,
    /// Programmes.
    pub programmes: usize,
    /// Entitlements of the programmes.
    pub programme_rules: usize,
    /// Indicators.
    pub indicators: usize,
    /// Facts.
    pub facts: usize,
    /// Parameters.
    pub parameters: usize,
    /// Documents.
    pub documents: usize,
    /// Datasets that rules need and nobody supplies yet.
    pub absent_sources: usize,
    /// Procedures with clocks.
    pub processes: usize,
    /// Code tables.
    pub code_tables: usize,
    /// Worked examples.
    pub examples: usize,
    /// Rules, programmes and indicators that cite nothing.
    pub without_citation: usize,
    /// Everything that is not confirmed in the text of its document.
    pub unconfirmed: Vec<Unconfirmed>,
}

/// Something that rests on a text nobody here has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unconfirmed {
    /// parameter, rule, programme, document, process or code_table.
    pub kind: &'static str,
    /// Its name or id.
    pub name: String,
    /// Value, for parameters.
    pub value: String,
    /// Document it is taken from.
    pub document: String,
    /// secondary, unconfirmed or placeholder.
    pub confidence: &'static str,
}

impl Pack {
    /// Counts and open points.
    pub fn summary(&self) -> Summary {
        let rules = self.rules();
        let count = |wanted: fn(Owner<'_>) -> bool| rules.iter().filter(|(owner, _)| wanted(*owner)).count();
        let cited = rules.iter().map(|(_, rule)| &rule.citations);
        let cited = cited.chain(self.programmes().iter().map(|programme| &programme.citations));
        let cited = cited.chain(self.indicators().iter().map(|indicator| &indicator.citations));
        Summary {
            pack: self.version_tag().to_owned(),
            content_hash: self.content_hash().to_owned(),
            classes: self.classes().len(),
            routes: count(|owner| matches!(owner, Owner::Class(_))),
            exits: count(|owner| matches!(owner, Owner::Exit(_))),
            programmes: self.programmes().len(),
            programme_rules: count(|owner| matches!(owner, Owner::Programme(_))),
            indicators: self.indicators().len(),
            facts: self.facts().len(),
            parameters: self.parameters().len(),
            documents: self.documents().len(),
            absent_sources: self.absent_sources().len(),
            processes: self.processes().len(),
            code_tables: self.code_tables().len(),
            examples: self.examples().len(),
            without_citation: cited.filter(|citations| citations.is_empty()).count(),
            unconfirmed: self.unconfirmed(),
        }
    }

    fn unconfirmed(&self) -> Vec<Unconfirmed> {
        let plain = |kind, name: &str, confidence: Confidence| Unconfirmed {
            kind,
            name: name.to_owned(),
            value: String::new(),
            document: String::new(),
            confidence: confidence.name(),
        };
        let values =
            self.parameters().iter().flat_map(|parameter| parameter.values.iter().map(move |v| (parameter, v)));
        let parameters = values.map(|(parameter, value)| Unconfirmed {
            value: value.value.clone(),
            document: value.document.clone(),
            ..plain("parameter", &parameter.name, value.confidence)
        });
        let rules = self.rules().into_iter().map(|(_, rule)| plain("rule", &rule.id, rule.confidence));
        let programmes = self.programmes().iter().map(|p| plain("programme", &p.code, p.confidence));
        let documents = self.documents().iter().map(|d| plain("document", &d.name, d.confidence));
        let processes = self.processes().iter().map(|p| plain("process", &p.id, p.confidence));
        let tables = self.code_tables().iter().map(|t| plain("code_table", &t.name, t.confidence));
        let all = parameters.chain(rules).chain(programmes).chain(documents).chain(processes).chain(tables);
        all.filter(|one| one.confidence != Confidence::Confirmed.name()).collect()
    }
}
