//! The policy pack in use, with the statements made of it.

use chrono::NaiveDate;
use minqing_kit::Result;
use minqing_policy::{Indicator, Pack, Severity};
use minqing_proto::minqing::types::v1::WarningLevel;

use crate::{domain::error::Fault, store::evaluation::Statements};

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
}

impl Rules {
    /// Takes a pack into use. `confined`: its statements can run as the policy role.
    pub fn new(pack: Pack, confined: bool) -> Rules {
        let statements = Statements::new(&pack, confined);
        let indicators = pack.indicators().iter().map(|i| i.id.clone()).collect();
        Rules { pack_tag: pack.version_tag().to_owned(), statements, confined, indicators, pack }
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
    pub fn resting_on(&self, dataset: &str, on: NaiveDate) -> Vec<String> {
        let rests = |id: &String| {
            let facts = self.pack.facts_of(id, on);
            facts.iter().any(|fact| self.pack.sources_of(fact).iter().any(|source| source == dataset))
        };
        self.indicators.iter().filter(|id| rests(id)).cloned().collect()
    }

    fn indicator(&self, id: &str) -> Result<&Indicator> {
        self.pack.indicator(id).ok_or_else(|| Fault::IndicatorUnknown { indicator: id.to_owned() }.into())
    }
}
