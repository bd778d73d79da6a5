//! The numbers of the policy pack that the city needs, read from the pack's parameter files by a reader of its own:
//! the oracle must not lean on the mesh's code, only on the same published values.

mod offices;
mod quiet;

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use chrono::NaiveDate;
use serde::Deserialize;
use serde_yaml_ng::Value;

pub use self::offices::Offices;
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
    pub aid_gap_percent: i64,
    pub job_days: u64,
    pub job_months: usize,
    pub beside: Beside,
    pub aid: Aid,
    pub offices: Offices,
    /// Days for which a check that found it not true keeps an indicator quiet.
    pub quiet_days: BTreeMap<String, u64>,
}

/// The lines of the indicators that no household is planted for.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The standards before the last rise, and the day of the rise.
    pub earlier_urban_fen: i64,
    pub raised_on: NaiveDate,
    pub pay_cycle_days: u64,
    pub pay_tolerance_fen: i64,
    pub monitoring_fen: i64,
    /// Months of the standard a head may own in each class.
    pub assets_aided: i64,
    pub assets_edge: i64,
    pub assets_rigid: i64,
    pub disabled_members: usize,
    pub weak_labour_percent: i64,
    pub outpatient_fen: i64,
    pub rise_fen: i64,
    pub rise_percent: i64,
    pub enrolment_days: u64,
    pub earner_death_days: u64,
    pub school_aid_days: u64,
    pub compulsory_from: i32,
    pub compulsory_to: i32,
    pub start_days: u64,
    pub finish_days: u64,
    pub pension_days: u64,
    pub transitional_days: u64,
    pub cancer_wait_days: u64,
    pub cancer_aid_fen: i64,
    pub age_notice_days: u64,
    pub age_passed_days: u64,
    pub elder_age: i32,
    pub new_member_days: u64,
    pub ability_days: u64,
    pub open_need_days: u64,
    pub feed_missing_days: u64,
    pub volume_swing_percent: u64,
    pub volume_least_rows: u64,
    pub graduate_month: u32,
    pub graduate_years: u32,
    pub work_gap_days: u64,
    pub unaided_stay_days: u64,
    pub house_limit: i32,
}

impl Default for Beside {
    fn default() -> Self {
        Beside {
            earlier_urban_fen: 84_000,
            raised_on: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default(),
            pay_cycle_days: 31,
            pay_tolerance_fen: 100,
            monitoring_fen: 860_000,
            assets_aided: 24,
            assets_edge: 36,
            assets_rigid: 48,
            disabled_members: 2,
            weak_labour_percent: 300,
            outpatient_fen: 50_000,
            rise_fen: 200_000,
            rise_percent: 300,
            enrolment_days: 60,
            earner_death_days: 90,
            school_aid_days: 60,
            compulsory_from: 6,
            compulsory_to: 15,
            start_days: 60,
            finish_days: 365,
            pension_days: 365,
            transitional_days: 90,
            cancer_wait_days: 30,
            cancer_aid_fen: 1_000_000,
            age_notice_days: 31,
            age_passed_days: 31,
            elder_age: 60,
            new_member_days: 90,
            ability_days: 60,
            open_need_days: 28,
            feed_missing_days: 3,
            volume_swing_percent: 30,
            volume_least_rows: 100,
            graduate_month: 9,
            graduate_years: 6,
            work_gap_days: 60,
            unaided_stay_days: 90,
            house_limit: 1,
        }
    }
}

impl Beside {
    fn of(book: &Book) -> anyhow::Result<Beside> {
        let days = |name: &str| book.days(name);
        Ok(Beside {
            earlier_urban_fen: book.fen("minimum_living_standard_before", "urban", HOME)?,
            raised_on: crate::dataset::date(&book.find("standard_raised_on", "all", HOME)?)
                .context("standard_raised_on is no day")?,
            pay_cycle_days: days("pay_cycle_days")?,
            pay_tolerance_fen: book.fen("payment_tolerance", "all", HOME)?,
            monitoring_fen: book.fen("monitoring_line", "all", HOME)?,
            assets_aided: book.fen("asset_multiple_minimum_living", "all", HOME)?,
            assets_edge: book.fen("asset_multiple_edge", "all", HOME)?,
            assets_rigid: book.fen("asset_multiple_rigid", "all", HOME)?,
            disabled_members: usize::try_from(days("multi_disabled_members")?)?,
            weak_labour_percent: book.percent("weak_labour_ratio")?,
            outpatient_fen: book.fen("outpatient_month_line", "all", HOME)?,
            rise_fen: book.fen("medical_rise_least", "all", HOME)?,
            rise_percent: book.percent("medical_rise_multiple")?,
            enrolment_days: days("enrolment_days")?,
            earner_death_days: days("earner_death_days")?,
            school_aid_days: days("school_aid_days")?,
            compulsory_from: book.small("compulsory_age_from")?,
            compulsory_to: book.small("compulsory_age_to")?,
            start_days: days("renovation_start_days")?,
            finish_days: days("renovation_finish_days")?,
            pension_days: days("pension_gap_days")?,
            transitional_days: days("transitional_days")?,
            cancer_wait_days: days("two_cancer_wait_days")?,
            cancer_aid_fen: book.fen("two_cancer_central_aid", "all", HOME)?,
            age_notice_days: days("age_notice_days")?,
            age_passed_days: days("age_passed_days")?,
            elder_age: book.small("elder_age")?,
            new_member_days: days("member_change_days")?,
            ability_days: days("ability_change_days")?,
            open_need_days: days("open_need_days")?,
            feed_missing_days: days("feed_missing_days")?,
            volume_swing_percent: days("volume_swing_percent")?,
            volume_least_rows: days("volume_least_rows")?,
            graduate_month: u32::try_from(days("graduate_check_month")?)?,
            graduate_years: u32::try_from(days("graduate_track_years")?)?,
            work_gap_days: days("work_gap_days")?,
            unaided_stay_days: days("unaided_stay_days")?,
            house_limit: book.small("house_limit")?,
        })
    }
}

/// The lines of aid beside the classes.
#[derive(Clone, Debug)]
pub struct Aid {
    pub lone_elder_age: i32,
    pub basic_pension_fen: i64,
    pub classified_support_age: i32,
    pub care_review_days: u64,
    pub housing_need_area: i64,
    pub heating_wait_days: u64,
    pub heating_from_month: u32,
    pub heating_to_month: u32,
    pub winter_list_month: u32,
    pub winter_end_month: u32,
    pub disaster_ledger_days: u64,
    pub sunshine_grade: i32,
    pub sunshine_age_from: i32,
    pub sunshine_age_to: i32,
    pub carer_age: i32,
    pub half_care_failures: i32,
    pub age_brackets: [i32; 3],
    pub child_age: i32,
    pub review_stable: i32,
    pub review_unstable: i32,
    pub review_c_urban: i32,
    pub review_c_rural: i32,
    /// Months of the year in which a pensioner is to be certified as living.
    pub survival_months: [i32; 2],
}

impl Default for Aid {
    fn default() -> Self {
        Aid {
            lone_elder_age: 70,
            basic_pension_fen: 20_000,
            classified_support_age: 70,
            care_review_days: 365,
            housing_need_area: 15,
            heating_wait_days: 15,
            heating_from_month: 11,
            heating_to_month: 3,
            winter_list_month: 11,
            winter_end_month: 5,
            disaster_ledger_days: 365,
            sunshine_grade: 2,
            sunshine_age_from: 16,
            sunshine_age_to: 59,
            carer_age: 65,
            half_care_failures: 1,
            age_brackets: [80, 90, 100],
            child_age: 16,
            review_stable: 12,
            review_unstable: 6,
            review_c_urban: 3,
            review_c_rural: 6,
            survival_months: [5, 11],
        }
    }
}

impl Aid {
    fn of(book: &Book) -> anyhow::Result<Aid> {
        let days = |name: &str| book.days(name);
        let month = |name: &str| anyhow::Ok(u32::try_from(book.days(name)?)?);
        let months = |area: &str| anyhow::Ok(i32::try_from(book.fen("review_months_category_c", area, HOME)?)?);
        Ok(Aid {
            lone_elder_age: book.small("lone_elder_age")?,
            basic_pension_fen: book.fen("basic_pension_line", "all", HOME)?,
            classified_support_age: book.small("classified_support_age")?,
            care_review_days: days("care_review_days")?,
            housing_need_area: book.fen("housing_need_area", "all", HOME)?,
            heating_wait_days: days("heating_wait_days")?,
            heating_from_month: month("heating_from_month")?,
            heating_to_month: month("heating_to_month")?,
            winter_list_month: month("winter_list_month")?,
            winter_end_month: month("winter_end_month")?,
            disaster_ledger_days: days("disaster_ledger_days")?,
            sunshine_grade: book.small("sunshine_grade")?,
            sunshine_age_from: book.small("sunshine_age_from")?,
            sunshine_age_to: book.small("sunshine_age_to")?,
            carer_age: book.small("carer_age")?,
            half_care_failures: book.small("half_care_failures")?,
            age_brackets: [
                book.small("old_age_bracket_1")?,
                book.small("old_age_bracket_2")?,
                book.small("old_age_bracket_3")?,
            ],
            child_age: book.small("child_age")?,
            review_stable: book.small("recheck_months_stable")?,
            review_unstable: book.small("recheck_months_unstable")?,
            review_c_urban: months("urban")?,
            review_c_rural: months("rural")?,
            survival_months: [book.small("survival_month_first")?, book.small("survival_month_second")?],
        })
    }
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
            aid_gap_percent: 50,
            job_days: 95,
            job_months: 2,
            beside: Beside::default(),
            aid: Aid::default(),
            offices: Offices::default(),
            quiet_days: BTreeMap::new(),
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
        let book = Book::open(&pack.join("parameters"))?;
        let urban_of = division::counties()
            .into_iter()
            .map(|county| Ok((county.to_owned(), book.fen("minimum_living_standard", "urban", county)?)))
            .collect::<anyhow::Result<_>>()?;
        let days = |name: &str| book.days(name);
        let small = |name: &str| book.small(name);
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
            aid_gap_percent: book.percent("aid_gap_ratio")?,
            job_days: days("job_found_days")?,
            job_months: usize::try_from(book.fen("job_found_months", "all", HOME)?)?,
            beside: Beside::of(&book)?,
            aid: Aid::of(&book)?,
            offices: Offices::of(&book)?,
            quiet_days: quiet::days(&pack.join("indicators"))?,
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
    /// Every file of the folder.
    fn open(folder: &Path) -> anyhow::Result<Book> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut parameters = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let file: ParameterFile =
                serde_yaml_ng::from_str(&text).with_context(|| format!("{} is no parameter file", path.display()))?;
            parameters.extend(file.parameters);
        }
        Ok(Book { parameters })
    }

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

    fn days(&self, name: &str) -> anyhow::Result<u64> {
        Ok(u64::try_from(self.fen(name, "all", HOME)?)?)
    }

    fn small(&self, name: &str) -> anyhow::Result<i32> {
        Ok(i32::try_from(self.fen(name, "all", HOME)?)?)
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
    fn the_pack_s_files_can_be_read_and_are_what_the_city_s_own_tests_take_for_granted() {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policy/longnan");
        let lines = Thresholds::load(&pack).unwrap();
        assert_eq!(lines.standard_fen(HOME, true), 58_500);
        assert_eq!(lines.standard_fen(HOME, false), 88_200);
        assert_eq!(lines.standard_fen(division::SECOND, false), 86_200);
        assert_eq!((lines.cancer_income_percent, lines.quiet_days["P08"]), (150, 10));
        let standard_urban_of = lines.standard_urban_of.clone();
        let own = Thresholds { standard_urban_of, quiet_days: lines.quiet_days.clone(), ..Thresholds::default() };
        assert_eq!(format!("{lines:?}"), format!("{own:?}"));
    }
}
