//! The numbers of the policy pack that the city needs, read from the pack's parameter file by a reader of its own:
//! the oracle must not lean on the mesh's code, only on the same published values.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::{
    calendar,
    division::{self, County, HOME},
};

/// Every line the indicators draw. Multiples are in percent so that nothing is ever divided.
#[derive(Clone, Debug)]
pub struct Thresholds {
    pub standard_rural_fen: i64,
    pub standard_urban_fen: i64,
    /// Where a county sets its own urban standard.
    pub standard_urban_of: BTreeMap<String, i64>,
    pub rural_income_fen: i64,
    pub minimum_wage_fen: i64,
    pub adult_age: i32,
    pub no_job_days: u64,
    pub benefit_days: u64,
    pub earlier_job_days: u64,
    pub job_loss_income_percent: i64,
    pub watched_year_percent: i64,
    pub watched_inpatient_fen: i64,
    pub watched_stay_fen: i64,
    pub ordinary_year_percent: i64,
    pub ordinary_all_fen: i64,
    pub ordinary_stay_fen: i64,
    pub disease_days: u64,
    pub school_cost_fen: i64,
    pub school_income_percent: i64,
    pub disaster_days: u64,
    pub loss_percent: i32,
    pub certificate_days: u64,
    pub monitored_days: u64,
    pub cancer_income_percent: i64,
    pub job_days: u64,
    pub job_months: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            standard_rural_fen: 58_500,
            standard_urban_fen: 86_200,
            standard_urban_of: BTreeMap::from([("621202".to_owned(), 88_200)]),
            rural_income_fen: 1_290_000,
            minimum_wage_fen: 208_000,
            adult_age: 18,
            no_job_days: 90,
            benefit_days: 180,
            earlier_job_days: 365,
            job_loss_income_percent: 200,
            watched_year_percent: 50,
            watched_inpatient_fen: 500_000,
            watched_stay_fen: 600_000,
            ordinary_year_percent: 100,
            ordinary_all_fen: 2_000_000,
            ordinary_stay_fen: 1_000_000,
            disease_days: 31,
            school_cost_fen: 1_000_000,
            school_income_percent: 300,
            disaster_days: 30,
            loss_percent: 50,
            certificate_days: 30,
            monitored_days: 90,
            cancer_income_percent: 150,
            job_days: 95,
            job_months: 2,
        }
    }
}

impl Thresholds {
    /// Monthly standard of a household, fen a head.
    pub fn standard_fen(&self, county: County, rural: bool) -> i64 {
        if rural {
            return self.standard_rural_fen;
        }
        self.standard_urban_of.get(county).copied().unwrap_or(self.standard_urban_fen)
    }

    /// Reads the values that hold at the start of the play from a pack's folder.
    pub fn load(pack: &Path) -> anyhow::Result<Thresholds> {
        let path = pack.join("parameters/base.yaml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: ParameterFile =
            serde_yaml_ng::from_str(&text).with_context(|| format!("{} is no parameter file", path.display()))?;
        let book = Book { parameters: file.parameters };
        let urban_of = division::counties()
            .into_iter()
            .map(|county| Ok((county.to_owned(), book.fen("minimum_living_standard", "urban", county)?)))
            .collect::<anyhow::Result<_>>()?;
        let days = |name: &str| -> anyhow::Result<u64> { Ok(u64::try_from(book.fen(name, "all", HOME)?)?) };
        let small = |name: &str| -> anyhow::Result<i32> { Ok(i32::try_from(book.fen(name, "all", HOME)?)?) };
        Ok(Thresholds {
            standard_rural_fen: book.fen("minimum_living_standard", "rural", HOME)?,
            standard_urban_fen: book.fen("minimum_living_standard", "urban", division::SECOND)?,
            standard_urban_of: urban_of,
            rural_income_fen: book.fen("rural_disposable_income", "all", HOME)?,
            minimum_wage_fen: book.fen("minimum_wage", "all", HOME)?,
            adult_age: small("adult_age")?,
            no_job_days: days("uninsured_days")?,
            benefit_days: days("job_loss_days")?,
            earlier_job_days: days("insured_before_days")?,
            job_loss_income_percent: book.percent("job_loss_income_multiple")?,
            watched_year_percent: book.percent("watched_own_payment_ratio")?,
            watched_inpatient_fen: book.fen("watched_inpatient_own_year", "all", HOME)?,
            watched_stay_fen: book.fen("watched_inpatient_own_once", "all", HOME)?,
            ordinary_year_percent: book.percent("ordinary_own_payment_ratio")?,
            ordinary_all_fen: book.fen("ordinary_own_year", "all", HOME)?,
            ordinary_stay_fen: book.fen("ordinary_inpatient_own_once", "all", HOME)?,
            disease_days: days("new_disease_days")?,
            school_cost_fen: book.fen("school_cost_line", "all", HOME)?,
            school_income_percent: book.percent("school_income_multiple")?,
            disaster_days: days("disaster_days")?,
            loss_percent: small("disaster_loss_percent")?,
            certificate_days: days("new_certificate_days")?,
            monitored_days: days("monitored_days")?,
            cancer_income_percent: book.percent("edge_multiple")?,
            job_days: days("job_found_days")?,
            job_months: usize::try_from(book.fen("job_found_months", "all", HOME)?)?,
        })
    }
}

#[derive(Deserialize)]
struct ParameterFile {
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    values: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    value: Value,
    #[serde(default)]
    area: Option<String>,
    division: String,
    from: String,
    #[serde(default)]
    to: Option<String>,
}

struct Book {
    parameters: Vec<Parameter>,
}

impl Book {
    /// The value for a county: the most specific division first, then the newest.
    fn find(&self, name: &str, area: &str, county: &str) -> anyhow::Result<String> {
        let today = crate::dataset::iso(calendar::start());
        let parameter = self.parameters.iter().find(|p| p.name == name);
        let parameter = parameter.with_context(|| format!("the pack has no parameter {name}"))?;
        let fits = |e: &&Entry| {
            let place = e.division.trim_end_matches('0');
            let areas = e.area.as_deref().is_none_or(|a| a == area || a == "all" || area == "all");
            county.starts_with(place) && areas && e.from <= today && e.to.as_ref().is_none_or(|to| *to >= today)
        };
        let best =
            parameter.values.iter().filter(fits).max_by_key(|e| (e.division.trim_end_matches('0').len(), &e.from));
        let best = best.with_context(|| format!("parameter {name} has no value for {county} {area}"))?;
        Ok(match &best.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        })
    }

    fn fen(&self, name: &str, area: &str, county: &str) -> anyhow::Result<i64> {
        let text = self.find(name, area, county)?;
        text.parse().with_context(|| format!("parameter {name} is no whole number"))
    }

    /// A multiple with at most two decimals as percent, without a float.
    fn percent(&self, name: &str) -> anyhow::Result<i64> {
        let text = self.find(name, "all", HOME)?;
        percent(&text).with_context(|| format!("parameter {name} is no multiple with two decimals"))
    }
}

fn percent(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 2 {
        return None;
    }
    let cents: i64 = format!("{fraction:0<2}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 100 + cents)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn multiples_become_percent_without_a_float() {
        assert_eq!(percent("1.5"), Some(150));
        assert_eq!(percent("2"), Some(200));
        assert_eq!(percent("0.05"), Some(5));
        assert_eq!(percent("1.234"), None);
    }

    #[test]
    fn the_pack_s_file_can_be_read() {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policy/longnan-pilot");
        let lines = Thresholds::load(&pack).unwrap();
        assert_eq!(lines.standard_fen(HOME, true), 58_500);
        assert_eq!(lines.standard_fen(HOME, false), 88_200);
        assert_eq!(lines.standard_fen(division::SECOND, false), 86_200);
        assert_eq!(lines.cancer_income_percent, 150);
    }
}
