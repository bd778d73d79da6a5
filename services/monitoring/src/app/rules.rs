//! The policy pack in use, with the statements made of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use minqing_kit::Result;
use minqing_policy::{Indicator, Level, Pack, Severity};
use minqing_proto::minqing::types::v1::WarningLevel;

use crate::{
    domain::{error::Fault, quiet::Signs},
    store::{
        due::Source,
        evaluation::{Screening, Statements},
    },
};

/// The pack and what is asked of it all the time.
pub struct Rules {
    pub pack: Pack,
    /// Name and version.
    pub pack_tag: String,
    pub statements: Statements,
    /// Statements of packs can run as the policy role.
    pub confined: bool,
    /// Ids of all its indicators.
    pub indicators: Vec<String>,
    /// Datasets that an indicator rests on, with what is evaluated when their records changed.
    of_dataset: HashMap<String, Resting>,
    /// What rests on several sources together, by its indicators: those that one batch of events touched.
    together: Mutex<HashMap<BTreeSet<String>, Arc<Screening>>>,
    /// Sources of the facts that are told.
    told: HashSet<String>,
    /// Facts whose other values come from the data.
    pub signs: Signs,
}

/// What rests on a dataset.
struct Resting {
    indicators: Vec<String>,
    screening: Arc<Screening>,
}

/// With more of the indicators than this in a hundred, one statement is kept for all of them.
const MOST_OF_THEM: usize = 70;

impl Rules {
    /// Takes a pack into use. `confined`: its statements can run as the policy role.
    pub fn new(pack: Pack, confined: bool) -> Rules {
        let statements = Statements::new(&pack, confined);
        let indicators = pack.indicators().iter().map(|i| i.id.clone()).collect();
        let of_dataset = by_dataset(&pack, &statements);
        let signs = signs(&pack);
        let told = pack.sources_told().into_iter().map(str::to_owned).collect();
        let (pack_tag, together) = (pack.version_tag().to_owned(), Mutex::default());
        Rules { pack_tag, statements, confined, indicators, of_dataset, together, told, signs, pack }
    }

    /// What changed rows of a dataset or another source can make true or false; none when nothing rests on them.
    pub fn screening_of(&self, sources: &[&str]) -> Option<Arc<Screening>> {
        let resting: Vec<&Resting> = sources.iter().filter_map(|source| self.of_dataset.get(*source)).collect();
        if resting.len() < 2 {
            return resting.first().map(|one| Arc::clone(&one.screening));
        }
        let indicators: BTreeSet<String> = resting.iter().flat_map(|one| &one.indicators).cloned().collect();
        let mut together = self.together.lock().unwrap_or_else(PoisonError::into_inner);
        let made = together.entry(indicators).or_insert_with_key(|indicators| self.screening(indicators));
        Some(Arc::clone(made))
    }

    /// The last of the datasets that the indicator rests on.
    pub fn newest_behind<'a>(&self, indicator: &str, sources: &'a [Source]) -> Option<&'a Source> {
        let rests = |of: &&Source| {
            self.of_dataset.get(&of.source).is_some_and(|resting| resting.indicators.iter().any(|i| i == indicator))
        };
        sources.iter().rev().find(rests)
    }

    /// What time can make true or false for those due for a cause; none where only facts are told.
    pub fn screening_due(&self, cause: &str) -> Option<Arc<Screening>> {
        let reach = self.pack.due().reach(cause)?;
        (!reach.indicators.is_empty()).then(|| self.screening(&reach.indicators))
    }

    /// Evaluates some indicators, at least one.
    fn screening(&self, indicators: &BTreeSet<String>) -> Arc<Screening> {
        screening(&self.pack, &self.statements, indicators)
    }

    /// Whether a fact that is told rests on one of the sources.
    pub fn tells_of(&self, sources: &[&str]) -> bool {
        sources.iter().any(|source| self.told.contains(*source))
    }

    /// Urgency of a warning: what the screening says, else the indicator's own.
    pub fn raised_level(&self, indicator: &str, severity: Option<&str>) -> Result<WarningLevel> {
        match severity.and_then(Severity::of_name) {
            Some(severity) => Ok(severity.warning_level()),
            None => self.level(indicator),
        }
    }

    /// Urgency of an indicator's warnings.
    pub fn level(&self, indicator: &str) -> Result<WarningLevel> {
        Ok(self.indicator(indicator)?.severity.warning_level())
    }

    /// Indicators on households and persons that rest on a dataset, `hr.unemployment`.
    pub fn resting_on(&self, dataset: &str) -> Vec<String> {
        self.of_dataset.get(dataset).map(|resting| resting.indicators.clone()).unwrap_or_default()
    }

    fn indicator(&self, id: &str) -> Result<&Indicator> {
        self.pack.indicator(id).ok_or_else(|| Fault::IndicatorUnknown { indicator: id.to_owned() }.into())
    }
}

fn signs(pack: &Pack) -> Signs {
    let kind = |name: String, sign| Some((name.clone(), (pack.fact(&name)?.kind, sign)));
    pack.signs().into_iter().filter_map(|(name, sign)| kind(name, sign)).collect()
}

/// Datasets on which the same indicators rest share their statements.
fn by_dataset(pack: &Pack, statements: &Statements) -> HashMap<String, Resting> {
    let mut made: BTreeMap<BTreeSet<String>, Arc<Screening>> = BTreeMap::new();
    let resting = |(dataset, indicators): (String, BTreeSet<String>)| {
        let make = || screening(pack, statements, &indicators);
        let screening = Arc::clone(made.entry(indicators.clone()).or_insert_with(make));
        (dataset, Resting { indicators: indicators.into_iter().collect(), screening })
    };
    pack.resting().into_iter().map(resting).collect()
}

/// Evaluates some of the indicators; one statement is kept for all when it is most of them.
fn screening(pack: &Pack, statements: &Statements, indicators: &BTreeSet<String>) -> Arc<Screening> {
    let rules = pack.indicators().iter().filter(|rule| rule.level != Level::Feed).count();
    if indicators.len() * 100 > rules * MOST_OF_THEM {
        return Arc::clone(&statements.every);
    }
    let (hits, refuted) = pack.screening_of(indicators);
    Arc::new(Screening::of_some(&hits, &refuted))
}
