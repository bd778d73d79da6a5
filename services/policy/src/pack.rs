//! A loaded pack: what services ask it. Cheap to clone and share; never changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, OnceLock},
};

use chrono::NaiveDate;

use crate::{
    archive::Files,
    calendar::Calendar,
    check::Analysis,
    due::Due,
    error::PackErrors,
    index::Index,
    load::{self, Contents, Loaded},
    model::{
        AbsentSource, Area, Class, CodeTable, Condition, Confidence, Document, Example, Fact, Head, Indicator, Level,
        Parameter, ParameterEntry, Process, Programme, Rule, Severity,
    },
    reference::Book,
    routing::{LevelLimits, Route},
    rules::Owner,
    sign::{self, Sign},
    sql::{self, FactsStatement, Statements},
};

/// Parameter that says how many hours a field check takes: a whole number, unit hours.
const FIELD_HOURS: &str = "field_hours_per_check";
/// Hours of a field check where the pack does not say: a visit in a real town office (practice §1.3).
const VISIT_HOURS: i64 = 5;

/// A policy pack, read, checked and compiled.
#[derive(Debug, Clone)]
pub struct Pack(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    contents: Contents,
    analysis: Analysis,
    statements: Statements,
    book: OnceLock<Book>,
    due: OnceLock<Due>,
    index: Index,
    archive: Vec<u8>,
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
        Self::of(load::load(Files::Folder(dir.as_ref().to_owned()))?)
    }

    /// Reads a pack from what [`Pack::archive`] gave, with the checks of [`Pack::load`]. Bytes that are not the archive
    /// of exactly a pack's files are refused.
    pub fn from_archive(archive: &[u8]) -> Result<Self, PackErrors> {
        Self::of(load::load_archive(archive)?)
    }

    fn of(loaded: Loaded) -> Result<Self, PackErrors> {
        let statements = sql::generate(&loaded.contents, &loaded.analysis)
            .map_err(|fault| PackErrors(vec![load::of_file("pack.yaml", fault)]))?;
        let tag = format!("{}@{}", loaded.contents.head.name, loaded.contents.head.version);
        let Loaded { contents, analysis, archive, hash } = loaded;
        let (book, due, index) = (OnceLock::new(), OnceLock::new(), Index::of(&contents, &analysis));
        Ok(Self(Arc::new(Inner { contents, analysis, statements, book, due, index, archive, hash, tag })))
    }

    /// The pack's own files as one run of bytes, the same for the same files; SHA-256 of it is the content hash.
    pub fn archive(&self) -> &[u8] {
        &self.0.archive
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
    /// `household_id uuid, person_key uuid?, indicator text, severity text, verdict boolean?, conditions jsonb, facts jsonb,
    /// parameters jsonb`. Usable as the body of a CTE; a filter on `verdict` from outside spares the rest.
    pub fn screening_sql(&self) -> &str {
        &self.0.statements.screening
    }

    /// As [`Pack::screening_sql`], only outcomes that are true and without the column verdict: each household and member is
    /// read once, whatever the number of indicators. For many households.
    pub fn hits_sql(&self) -> &str {
        &self.0.statements.hits
    }

    /// `$1 uuid[]`, `$2 date` as before → outcomes that are false: `household_id uuid, person_key uuid?, indicator text`.
    pub fn refuted_sql(&self) -> &str {
        &self.0.statements.refuted
    }

    /// [`Pack::hits_sql`] and [`Pack::refuted_sql`] of some indicators about households and persons, at least one: cheaper
    /// where only these can have changed.
    pub fn screening_of(&self, indicators: &BTreeSet<String>) -> (String, String) {
        sql::screening_of(&self.0.contents, &self.0.analysis, indicators)
            .expect("the same statements over every indicator were made of the pack")
    }

    /// As [`Pack::register_assessment_sql`], only rules whose conditions hold and without the column eligible.
    pub fn entitled_sql(&self) -> &str {
        &self.0.statements.entitled
    }

    /// `$1 date` business date, `$2 text?` bureau, `$3 text?` dataset, `$4 text?` county, all three or none: that feed
    /// alone → one row per feed and indicator about feeds: `bureau, dataset, county_code,
    /// indicator, verdict boolean?, conditions jsonb, facts jsonb` of `{name: text?}`.
    pub fn feed_screening_sql(&self) -> &str {
        &self.0.statements.feeds
    }

    /// Facts that ways in, ways out and entitlements use.
    pub fn facts_told(&self) -> &FactsStatement {
        &self.0.statements.facts
    }

    /// Sources of the facts that [`Pack::facts_told`] tells: what changes in another leaves them as they are.
    pub fn sources_told(&self) -> BTreeSet<&str> {
        let rules = crate::rules::placed(&self.0.contents);
        let facts = rules.iter().flat_map(|one| self.0.analysis.rule(&one.key).facts);
        facts.flat_map(|fact| self.sources_of(&fact)).map(String::as_str).collect()
    }

    /// As [`Pack::facts_told`], with every fact of the pack and not only those that rules use: for a household's own sheet.
    pub fn every_fact(&self) -> FactsStatement {
        sql::every_fact(&self.0.contents, &self.0.analysis)
            .expect("the same statement over fewer facts was made of the pack")
    }

    /// `$1 jsonb` household facts `{name: text}`, `$2 jsonb` members `[{"person_key": uuid, "facts": {name: text}}]`,
    /// `$3 text` county, `$4 text` area kind, `$5 date` → one row per route and household or member:
    /// `household_id uuid?, kind text, class text, route text, person_key uuid?, eligible boolean?, amount_fen bigint?,
    /// conditions jsonb, facts jsonb, parameters jsonb`. Kind is class (way in), exit (way out) or programme. The amount is null unless eligible is true. Reads no table.
    pub fn assessment_sql(&self) -> &str {
        &self.0.statements.assessment
    }

    /// `$1 uuid[]` household ids, `$2 date` business date → the rows of [`Pack::assessment_sql`] for each household,
    /// from the record tables.
    pub fn register_assessment_sql(&self) -> &str {
        &self.0.statements.register
    }

    /// Every indicator.
    pub fn indicators(&self) -> &[Indicator] {
        &self.0.contents.indicators
    }

    /// Indicator by id.
    pub fn indicator(&self, id: &str) -> Option<&Indicator> {
        self.0.index.indicator(&self.0.contents, id)
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
        self.0.index.fact(&self.0.contents, name)
    }

    /// Sources a fact rests on, directly or through other facts: `register`, `hr.unemployment`, `investigation` …
    pub fn sources_of(&self, fact: &str) -> &[String] {
        self.0.index.sources_of(fact)
    }

    /// What another value of each fact says about the data; facts without an entry move by the calendar alone.
    pub fn signs(&self) -> BTreeMap<String, Sign> {
        sign::signs(&self.0.contents, &self.0.analysis)
    }

    /// Indicators about households and persons by each source they rest on, however many facts lie between.
    pub fn resting(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for rule in self.indicators().iter().filter(|rule| rule.level != Level::Feed) {
            let facts = self.0.analysis.rule(&rule.id).facts;
            for source in facts.iter().flat_map(|fact| self.sources_of(fact)) {
                all.entry(source.clone()).or_default().insert(rule.id.clone());
            }
        }
        all
    }

    /// Whose outcomes time alone can change on a day; made on first use.
    pub fn due(&self) -> &Due {
        self.0.due.get_or_init(|| {
            Due::of(&self.0.contents, &self.0.analysis)
                .expect("every expression passed the check when the pack was read")
        })
    }

    /// Every class.
    pub fn classes(&self) -> &[Class] {
        &self.0.contents.classes
    }

    /// Way into a class, way out, or entitlement by its id and the day it is judged.
    pub fn rule(&self, id: &str, on: NaiveDate) -> Option<(Owner<'_>, &Rule)> {
        self.0.index.rule(&self.0.contents, id, on).map(|(owner, rule, _)| (owner, rule))
    }

    /// Every way into a class, way out and entitlement, of any day.
    pub fn rules(&self) -> Vec<(Owner<'_>, &Rule)> {
        self.0.index.rules(&self.0.contents).collect()
    }

    /// Conditions of a rule or indicator.
    pub fn conditions(&self, id: &str, on: NaiveDate) -> &[Condition] {
        let indicator = self.indicator(id).map(|rule| rule.conditions.as_slice());
        indicator.or_else(|| self.rule(id, on).map(|(_, rule)| rule.conditions.as_slice())).unwrap_or_default()
    }

    /// What a rule or indicator rests on in law on the day: `社会救助法 第18条; …`.
    pub fn citation(&self, id: &str, on: NaiveDate) -> String {
        let indicator = self.indicator(id).map(|rule| rule.citations.as_slice());
        let cited = indicator.or_else(|| self.rule(id, on).map(|(_, rule)| rule.citations.as_slice()));
        let document = |name: &str| self.0.index.document(&self.0.contents, name);
        let in_force =
            cited.unwrap_or_default().iter().filter(|c| document(&c.document).is_some_and(|d| c.holds(d, on)));
        in_force.map(crate::model::Citation::text).collect::<Vec<_>>().join("; ")
    }

    /// Key of the rule version that holds on the day, or of an indicator.
    pub(crate) fn key_of(&self, id: &str, on: NaiveDate) -> Option<&str> {
        if let Some(indicator) = self.indicator(id) {
            return Some(&indicator.id);
        }
        self.0.index.rule(&self.0.contents, id, on).map(|(_, _, key)| key)
    }

    /// The pack's expressions, parsed on first use.
    pub(crate) fn book(&self) -> &Book {
        self.0.book.get_or_init(|| {
            Book::of(&self.0.contents, &self.0.analysis)
                .expect("every expression passed the check when the pack was read")
        })
    }

    /// Everything the pack says.
    pub(crate) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    /// Facts that a rule or indicator uses, directly or through others.
    pub fn facts_of(&self, id: &str, on: NaiveDate) -> Vec<String> {
        let used = self.key_of(id, on).map(|key| self.0.analysis.rule(key).facts);
        used.into_iter().flatten().collect()
    }

    /// Every document.
    pub fn documents(&self) -> &[Document] {
        &self.0.contents.documents
    }

    /// Datasets that rules need and nobody supplies yet.
    pub fn absent_sources(&self) -> &[AbsentSource] {
        &self.0.contents.sources
    }

    /// Procedures with their clocks.
    pub fn processes(&self) -> &[Process] {
        &self.0.contents.processes
    }

    /// Code tables.
    pub fn code_tables(&self) -> &[CodeTable] {
        &self.0.contents.code_tables
    }

    /// Worked examples.
    pub fn examples(&self) -> &[Example] {
        &self.0.contents.examples
    }

    /// Every parameter.
    pub fn parameters(&self) -> &[Parameter] {
        &self.0.contents.parameters
    }

    /// A parameter's value: the most specific division, then the area's own, then the newest.
    pub fn parameter_at(&self, name: &str, county: &str, area: Area, on: NaiveDate) -> Option<ParameterUse> {
        let parameter = self.0.index.parameter(&self.0.contents, name)?;
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

    /// Hours of a field check in a county, by its parameter `field_hours_per_check` or as in a real town office.
    pub fn field_check_hours(&self, county: &str, on: NaiveDate) -> i64 {
        let said = self.parameter_at(FIELD_HOURS, county, Area::All, on);
        said.and_then(|used| used.value.parse().ok()).unwrap_or(VISIT_HOURS)
    }

    /// Parameters behind an indicator or rule, with the values of the place and date.
    pub fn parameters_used(&self, rule: &str, county: &str, area: Area, on: NaiveDate) -> Vec<ParameterUse> {
        let Some(key) = self.key_of(rule, on) else { return Vec::new() };
        let used = self.0.analysis.rule(key);
        used.parameters.iter().filter_map(|name| self.parameter_at(name, county, area, on)).collect()
    }

    /// What happens with an indicator's warnings; every indicator has a route.
    pub fn routing(&self, indicator: &str) -> Option<&Route> {
        self.0.contents.routing.routes.iter().find(|route| route.indicator == indicator)
    }

    /// What happens with each indicator's warnings.
    pub fn routes(&self) -> &[Route] {
        &self.0.contents.routing.routes
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
