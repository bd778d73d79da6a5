//! A household as known on a day, and what several indicators ask of it.

use chrono::{Datelike, NaiveDate};

use super::{Case, deeds::Done};
use crate::{
    calendar::minus,
    dataset::{Dataset, Row, iso, month},
    household::{Class, Held, Household},
    indicator::{Indicator, Level},
    thresholds::Thresholds,
};

/// True, false, or unknown.
pub(super) type Known = Option<bool>;

/// One false decides, then one unknown.
pub(super) fn all(conditions: &[Known]) -> Known {
    if conditions.contains(&Some(false)) {
        return Some(false);
    }
    if conditions.contains(&None) { None } else { Some(true) }
}

/// One true decides, then one unknown.
pub(super) fn any(conditions: &[Known]) -> Known {
    if conditions.contains(&Some(true)) {
        return Some(true);
    }
    if conditions.contains(&None) { None } else { Some(false) }
}

pub(super) fn not(condition: Known) -> Known {
    condition.map(|c| !c)
}

/// How many of them; unknown as soon as one is.
pub(super) fn count(mut of: impl Iterator<Item = Known>) -> Option<usize> {
    of.try_fold(0, |sum, one| one.map(|one| sum + usize::from(one)))
}

pub(super) const AIDED: [Class; 2] = [Class::MinimumLiving, Class::Destitute];
pub(super) const FOUR: [Class; 4] = [Class::MinimumLiving, Class::Destitute, Class::Edge, Class::Rigid];
pub(super) const LOW_INCOME: [Class; 5] =
    [Class::MinimumLiving, Class::Destitute, Class::Edge, Class::Rigid, Class::ReturnToPoverty];

/// Datasets without any row of which the indicator cannot hold; none when it can.
fn needs(indicator: Indicator) -> &'static [Dataset] {
    use Dataset::{
        DeathCertificate, DisabilityCertificate, DisabilitySubsidy, DisasterLoss, HouseRenovation, InsurancePayment,
        MajorDisease, MonitoredHousehold, RuralHouseSafety, SchoolCost, Settlement, StudentEnrolment, TwoCancerPatient,
        Unemployment,
    };
    match indicator {
        Indicator::A01
        | Indicator::A02
        | Indicator::A03
        | Indicator::A17
        | Indicator::B02
        | Indicator::B03
        | Indicator::B31 => &[DisabilityCertificate],
        Indicator::A04 | Indicator::C33 => &[DisabilityCertificate, MajorDisease],
        Indicator::C22 => &[DisabilityCertificate, DisabilitySubsidy],
        Indicator::A05 => &[Unemployment, InsurancePayment],
        Indicator::B21 | Indicator::B22 => &[Unemployment],
        Indicator::A08 | Indicator::A09 | Indicator::A10 | Indicator::A11 | Indicator::B10 => &[Settlement],
        Indicator::A12 => &[MajorDisease],
        Indicator::A13 | Indicator::B13 | Indicator::B14 | Indicator::B15 | Indicator::B16 => &[SchoolCost],
        Indicator::A14 | Indicator::A22 | Indicator::C07 | Indicator::C08 => &[StudentEnrolment],
        Indicator::A15 | Indicator::B25 | Indicator::B26 | Indicator::C30 => &[DisasterLoss],
        Indicator::A19 | Indicator::C01 => &[DeathCertificate],
        Indicator::A20 => &[RuralHouseSafety],
        Indicator::B20 => &[HouseRenovation],
        Indicator::A25 | Indicator::C29 => &[MonitoredHousehold],
        Indicator::A29 | Indicator::B35 => &[TwoCancerPatient],
        Indicator::B09 => &[Dataset::Enrolment],
        Indicator::C09 => &[InsurancePayment],
        _ => last_needs(indicator),
    }
}

/// The same of the offices and the datasets that the fewest rules read.
fn last_needs(indicator: Indicator) -> &'static [Dataset] {
    match indicator {
        Indicator::A06 | Indicator::C03 => &[Dataset::JusticeCustody],
        Indicator::A16 => &[Dataset::PoliceAccident],
        Indicator::A18 | Indicator::B04 => &[Dataset::PoliceParent],
        Indicator::A21 => &[Dataset::WaterSupply],
        Indicator::A23 => &[Dataset::CivilExit],
        Indicator::A24 | Indicator::P14 => &[Dataset::CivilDecision],
        Indicator::A26 => &[Dataset::VoiceMatter, Dataset::OneKeyReport],
        Indicator::A30 => &[Dataset::ViolenceCase],
        Indicator::A31 => &[Dataset::MentalRisk],
        Indicator::B06 => &[Dataset::CivilMeansTest],
        Indicator::B11 => &[Dataset::PolicyShare],
        Indicator::B12 => &[Dataset::EmergencyUnpaid],
        Indicator::B17 => &[Dataset::StudentEnrolment],
        Indicator::B23 => &[Dataset::EmploymentDifficult],
        Indicator::B27 => &[Dataset::Rebuild],
        Indicator::B29 => &[Dataset::DisabilityCertificate],
        Indicator::B30 => &[Dataset::BarrierFree],
        Indicator::B34 => &[Dataset::CivilFuneral],
        Indicator::B36 => &[Dataset::CivilNeed],
        Indicator::C02 | Indicator::C28 => &[Dataset::PoliceHouseholdRegister],
        Indicator::C10 | Indicator::C24 => &[Dataset::Pension],
        Indicator::C13 => &[Dataset::MarketEntity],
        Indicator::C14 => &[Dataset::TaxIndividualIncome],
        Indicator::C16 => &[Dataset::ProvidentAccount],
        Indicator::C17 => &[Dataset::FinancePayroll],
        Indicator::C18 => &[Dataset::CivilMarriage],
        Indicator::C21 => &[Dataset::ProvinceDuplicate],
        Indicator::C25 => &[Dataset::CivilGrace],
        Indicator::C26 => &[Dataset::CivilReview],
        Indicator::C27 => &[Dataset::CivilPayment],
        Indicator::C31 => &[Dataset::LongStay],
        Indicator::C32 => &[Dataset::EstateProperty],
        Indicator::P08 => &[Dataset::CivilTemporaryAid],
        Indicator::P10 => &[Dataset::PolicyShare],
        Indicator::P13 => &[Dataset::CivilExit],
        Indicator::P17 => &[Dataset::CivilRelativeFile],
        Indicator::P19 => &[Dataset::VoiceMatter],
        _ => &[],
    }
}

/// The windows of a day as texts: the contracts' dates and months compare as texts, and a city is large.
pub struct Moment {
    pub(crate) today: NaiveDate,
    pub(super) iso: String,
    pub(super) year: String,
    pub(super) month: String,
    pub(super) last_month: String,
    pub(super) no_job: String,
    pub(super) earlier_job: String,
    pub(super) job: String,
    pub(super) benefit: String,
    pub(super) disease: String,
    pub(super) certificate: String,
    pub(super) disaster: String,
    pub(super) monitored: String,
    pub(super) enrolled: String,
    pub(super) earner_death: String,
    pub(super) not_started: String,
    pub(super) not_finished: String,
    pub(super) pension: String,
    pub(super) house_lost: String,
    pub(super) cancer: String,
    pub(super) new_member: NaiveDate,
    pub(super) work: String,
    pub(super) stay: String,
    pub(super) ability: String,
}

impl Moment {
    pub(crate) fn new(today: NaiveDate, lines: &Thresholds) -> Moment {
        let ago = |days: u64| iso(minus(today, days));
        let month_ago = |days: u64| month(minus(today, days));
        let beside = &lines.beside;
        Moment {
            today,
            iso: iso(today),
            year: today.year().to_string(),
            month: month(today),
            last_month: month_ago(u64::from(today.day())),
            no_job: month_ago(lines.no_job_days),
            earlier_job: month_ago(lines.earlier_job_days),
            job: month_ago(lines.job_days),
            benefit: ago(lines.benefit_days),
            disease: ago(lines.disease_days),
            certificate: ago(lines.certificate_days),
            disaster: ago(lines.disaster_days),
            monitored: ago(lines.monitored_days),
            enrolled: ago(beside.enrolment_days),
            earner_death: ago(beside.earner_death_days),
            not_started: ago(beside.start_days),
            not_finished: ago(beside.finish_days),
            pension: month_ago(beside.pension_days),
            house_lost: ago(beside.transitional_days),
            cancer: ago(beside.cancer_wait_days),
            work: month_ago(beside.work_gap_days),
            stay: ago(beside.unaided_stay_days),
            new_member: minus(today, beside.new_member_days),
            ability: ago(beside.ability_days),
        }
    }

    /// Whether a day lies in a window that ends today.
    pub(super) fn within(&self, text: &str, since: &str) -> bool {
        !text.is_empty() && since <= text && text <= self.iso.as_str()
    }
}

/// A household as known on a day.
pub(super) struct View<'a> {
    /// Whether a feed counts.
    pub fresh: &'a dyn Fn(Dataset) -> bool,
    /// What people did for it with the mesh.
    pub done: Done<'a>,
    pub household: &'a Household,
    pub classes: &'a [Held],
    pub rows: &'a [(u8, Row)],
    /// Rows about the household's county and its townships.
    pub of_divisions: &'a [Row],
    pub lines: &'a Thresholds,
    pub at: &'a Moment,
}

impl View<'_> {
    /// Everything that holds.
    pub fn cases(&self, household: u32, found: &mut Vec<Case>) {
        // Datasets with rows, one bit each, by member and together.
        let (mut told, mut anybody) = (vec![0_u128; self.household.members.len()], 0_u128);
        for (member, row) in self.rows {
            let bit = 1_u128 << row.dataset() as u32;
            anybody |= bit;
            if let Some(mine) = told.get_mut(usize::from(*member)) {
                *mine |= bit;
            }
        }
        for indicator in Indicator::ALL.iter().copied() {
            let needs = needs(indicator).iter().fold(0_u128, |set, dataset| set | 1_u128 << *dataset as u32);
            if needs != 0 && needs & anybody == 0 {
                continue;
            }
            match indicator.level() {
                Level::Person => {
                    let about = |m: &u8| needs == 0 || needs & told[usize::from(*m)] != 0;
                    let true_of = self.members().filter(about).filter(|m| self.personal(indicator, *m) == Some(true));
                    found.extend(true_of.map(|m| Case { indicator, household, member: Some(m) }));
                }
                Level::Household => {
                    if self.shared(indicator) == Some(true) {
                        found.push(Case { indicator, household, member: None });
                    }
                }
                Level::Feed => {}
            }
        }
    }

    pub fn members(&self) -> impl Iterator<Item = u8> + use<> {
        0..u8::try_from(self.household.members.len()).unwrap_or(u8::MAX)
    }

    /// What is found when the feed is fresh, unknown otherwise.
    pub fn if_fresh<T>(&self, dataset: Dataset, found: impl FnOnce() -> T) -> Option<T> {
        (self.fresh)(dataset).then(found)
    }

    pub fn mine(&self, member: u8) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |(m, _)| *m == member).map(|(_, row)| row)
    }

    pub fn holds_any(&self, set: &[Class]) -> bool {
        self.classes.iter().any(|h| set.contains(&h.class))
    }

    /// A status of the whole household.
    pub fn whole(&self, set: &[Class]) -> bool {
        self.classes.iter().any(|h| set.contains(&h.class) && h.member.is_none())
    }

    /// Statuses of the household and the member's own.
    pub fn concerns(&self, member: u8, set: &[Class]) -> bool {
        self.classes.iter().any(|h| set.contains(&h.class) && h.member.is_none_or(|m| m == member))
    }

    pub fn aided(&self, member: u8) -> bool {
        self.concerns(member, &AIDED)
    }

    /// Any status in the household puts all of it among the low-income population.
    pub fn low_income(&self) -> bool {
        self.holds_any(&LOW_INCOME)
    }

    /// The last decision on aid.
    pub fn decided_on(&self) -> Option<NaiveDate> {
        self.classes.iter().filter(|h| AIDED.contains(&h.class)).map(|h| h.valid_from).max()
    }

    pub fn age(&self, member: u8) -> i32 {
        self.age_on(member, self.at.today)
    }

    pub fn age_on(&self, member: u8, day: NaiveDate) -> i32 {
        self.household.members.get(usize::from(member)).map_or(0, |p| p.age(day))
    }

    pub fn labour_age(&self, member: u8) -> bool {
        (16..=59).contains(&self.age(member))
    }

    pub fn heads(&self) -> i64 {
        i64::try_from(self.household.members.len()).unwrap_or(1)
    }

    pub fn standard_fen(&self) -> i64 {
        self.lines.standard_fen(self.household.county, self.household.rural)
    }

    /// Whether income a head and month stays below (or, with `level`, at) so many percent of the standard.
    pub fn income_below(&self, percent: i64, level: bool) -> bool {
        let (have, line) = (self.household.income_fen * 100, percent * self.standard_fen() * 12 * self.heads());
        have < line || (level && have == line)
    }

    pub fn monitored(&self) -> Known {
        self.if_fresh(Dataset::MonitoredHousehold, || {
            self.rows.iter().any(|(_, r)| matches!(r, Row::MonitoredHousehold(m) if m.risk_state != "removed"))
        })
    }

    pub fn watched(&self) -> Known {
        any(&[Some(self.low_income()), self.monitored()])
    }

    /// Whether a valid certificate is of such a category and grade.
    pub fn certified(&self, m: u8, such: impl Fn(&str, i32) -> bool) -> Known {
        self.if_fresh(Dataset::DisabilityCertificate, || {
            self.mine(m).any(|row| match row {
                Row::DisabilityCertificate(c) => {
                    c.state == "valid" && c.valid_to >= self.at.iso && such(&c.category, c.grade)
                }
                _ => false,
            })
        })
    }

    /// Grade 1 or 2, or 3 of the mind.
    pub fn severe(&self, m: u8) -> Known {
        self.certified(m, |category, grade| grade <= 2 || (grade == 3 && of_the_mind(category)))
    }

    pub fn employee_months(&self, member: u8) -> impl Iterator<Item = (&str, i64)> {
        self.mine(member).filter_map(|row| match row {
            Row::InsurancePayment(p) if p.kind == "employee" => Some((p.paid_month.as_str(), p.base_fen)),
            _ => None,
        })
    }

    pub fn died(&self, m: u8) -> Known {
        self.if_fresh(Dataset::DeathCertificate, || {
            self.mine(m).any(|r| matches!(r, Row::DeathCertificate(d) if d.died_on <= self.at.iso))
        })
    }
}

pub(super) fn of_the_mind(category: &str) -> bool {
    category == "intellectual" || category == "mental"
}
