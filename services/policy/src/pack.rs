//! A loaded pack: what services ask it. Cheap to clone and share; never changes.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use chrono::NaiveDate;

use crate::{
    calendar::Calendar,
    check::Analysis,
    error::{PackError, PackErrors},
    load::{self, Contents, Loaded},
    model::{
        Area, Class, ClassRoute, Confidence, Fact, Head, Indicator, Level, Parameter, ParameterEntry, Programme,
        Severity,
    },
    routing::{LevelLimits, Route},
    sql::{self, Statements},
};

/// A policy pack, read, checked and compiled.
#[derive(Debug, Clone)]
pub struct Pack(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    contents: Contents,
    analysis: Analysis,
    statements: Statements,
    hash: String,
    tag: String,
}

/// A parameter's value at a place and date, with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterUse {
    /// Name.
    pub name: String,
    /// Value as text.
    pub value: String,
    /// First day it holds.
    pub effective_from: NaiveDate,
    /// Document that sets it.
    pub document: String,
    /// Article within it.
    pub article: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

impl Pack {
    /// Reads the pack in `dir`; answers every fault found, not only the first.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, PackErrors> {
        let loaded = load::load(dir.as_ref())?;
        let statements = sql::generate(&loaded.contents, &loaded.analysis).map_err(|fault| {
            PackErrors(vec![PackError {
                file: "pack.yaml".to_owned(),
                line: None,
                rule: String::new(),
                problem: fault.en,
                problem_zh: fault.zh,
                hint: fault.hint,
            }])
        })?;
        let tag = format!("{}@{}", loaded.contents.head.name, loaded.contents.head.version);
        let Loaded { contents, analysis, hash } = loaded;
        Ok(Self(Arc::new(Inner { contents, analysis, statements, hash, tag })))
    }

    /// Name and version, `longnan@2026.11`; stored with every warning and assessment.
    pub fn version_tag(&self) -> &str {
        &self.0.tag
    }

    /// SHA-256 over the pack's files, hexadecimal.
    pub fn content_hash(&self) -> &str {
        &self.0.hash
    }

    /// Name, version, counties.
    pub fn head(&self) -> &Head {
        &self.0.contents.head
    }

    /// `$1 uuid[]` household ids, `$2 date` business date → one row per household or member and indicator:
    /// `household_id uuid, person_key uuid?, indicator text, verdict boolean?, conditions jsonb, facts jsonb,
    /// parameters jsonb`. Usable as the body of a CTE; a filter on `verdict` from outside spares the rest.
    pub fn screening_sql(&self) -> &str {
        &self.0.statements.screening
    }

    /// `$1 date` business date → one row per feed and indicator about feeds: `bureau, dataset, county_code,
    /// indicator, verdict boolean?, conditions jsonb, as_of date?, due_on date?`.
    pub fn feed_screening_sql(&self) -> &str {
        &self.0.statements.feeds
    }

    /// `$1 uuid[]` household ids, `$2 date` business date → one row per household (`person_key` null) and per member:
    /// `household_id uuid, person_key uuid?, facts jsonb` of `{name: {"value": text?, "as_of": date?}}`.
    pub fn facts_sql(&self) -> &str {
        &self.0.statements.facts
    }

    /// `$1 jsonb` household facts `{name: text}`, `$2 jsonb` members `[{"person_key": uuid, "facts": {name: text}}]`,
    /// `$3 text` county, `$4 text` area kind, `$5 date` → one row per route and household or member:
    /// `class text, route text, person_key uuid?, eligible boolean?, amount_fen bigint?, conditions jsonb, facts jsonb,
    /// parameters jsonb`. The amount is null unless eligible is true. Reads no table.
    pub fn assessment_sql(&self) -> &str {
        &self.0.statements.assessment
    }

    /// Every indicator.
    pub fn indicators(&self) -> &[Indicator] {
        &self.0.contents.indicators
    }

    /// Indicator by id.
    pub fn indicator(&self, id: &str) -> Option<&Indicator> {
        self.indicators().iter().find(|rule| rule.id == id)
    }

    /// Indicators about feeds.
    pub fn feed_indicators(&self) -> impl Iterator<Item = &Indicator> {
        self.indicators().iter().filter(|rule| rule.level == Level::Feed)
    }

    /// Every fact.
    pub fn facts(&self) -> &[Fact] {
        &self.0.contents.facts
    }

    /// Fact by name.
    pub fn fact(&self, name: &str) -> Option<&Fact> {
        self.facts().iter().find(|fact| fact.name == name)
    }

    /// Sources a fact rests on, directly or through other facts: `register`, `hr.unemployment`, `investigation` …
    pub fn sources_of(&self, fact: &str) -> Vec<&str> {
        let closure = self.0.analysis.closure(&BTreeSet::from([fact.to_owned()]));
        let parts = self.facts().iter().filter(|part| closure.contains(&part.name));
        let sources: BTreeSet<&str> = parts.filter_map(|part| part.source.as_deref()).collect();
        sources.into_iter().collect()
    }

    /// Every class.
    pub fn classes(&self) -> &[Class] {
        &self.0.contents.classes
    }

    /// Route within a class by its id, `DB-01`.
    pub fn class_route(&self, id: &str) -> Option<&ClassRoute> {
        self.classes().iter().flat_map(|class| &class.routes).find(|route| route.id == id)
    }

    /// Every parameter.
    pub fn parameters(&self) -> &[Parameter] {
        &self.0.contents.parameters
    }

    /// A parameter's value: the most specific division, then the area's own, then the newest.
    pub fn parameter_at(&self, name: &str, county: &str, area: Area, on: NaiveDate) -> Option<ParameterUse> {
        let parameter = self.parameters().iter().find(|parameter| parameter.name == name)?;
        let entry = pick(parameter, county, (area, on))?;
        Some(ParameterUse {
            name: name.to_owned(),
            value: entry.value.clone(),
            effective_from: entry.from,
            document: entry.document.clone(),
            article: entry.article.clone(),
            confidence: entry.confidence,
        })
    }

    /// Parameters behind an indicator or class route, with the values of the place and date.
    pub fn parameters_used(&self, rule: &str, county: &str, area: Area, on: NaiveDate) -> Vec<ParameterUse> {
        let used = self.0.analysis.rule(rule);
        used.parameters.iter().filter_map(|name| self.parameter_at(name, county, area, on)).collect()
    }

    /// What happens with an indicator's warnings; every indicator has a route.
    pub fn routing(&self, indicator: &str) -> Option<&Route> {
        self.0.contents.routing.routes.iter().find(|route| route.indicator == indicator)
    }

    /// Every programme.
    pub fn programmes(&self) -> &[Programme] {
        &self.0.contents.programmes
    }

    /// Programme by code.
    pub fn programme(&self, code: &str) -> Option<&Programme> {
        self.programmes().iter().find(|programme| programme.code == code)
    }

    /// Time limits of a level.
    pub fn level_limits(&self, severity: Severity) -> LevelLimits {
        let limits = &self.0.contents.routing.levels;
        match severity {
            Severity::L1 => limits.l1,
            Severity::L2 => limits.l2,
            Severity::L3 => limits.l3,
            Severity::L4 => limits.l4,
            Severity::L5 => limits.l5,
        }
    }

    /// Working days a bureau has to sign for a referral.
    pub fn signing_working_days(&self) -> u32 {
        self.0.contents.routing.signing_working_days
    }

    /// Working days.
    pub fn calendar(&self) -> &Calendar {
        &self.0.contents.calendar
    }
}

/// The entry that holds for the county, area and day; the same choice as the generated SQL makes.
pub(crate) fn pick<'a>(
    parameter: &'a Parameter,
    county: &str,
    (area, on): (Area, NaiveDate),
) -> Option<&'a ParameterEntry> {
    let holds = |entry: &&ParameterEntry| {
        let dated = entry.from <= on && entry.to.is_none_or(|to| to >= on);
        dated && (entry.area == Area::All || entry.area == area) && county.starts_with(entry.prefix())
    };
    parameter
        .values
        .iter()
        .filter(holds)
        .max_by_key(|entry| (entry.prefix().len(), entry.area != Area::All, entry.from))
}
