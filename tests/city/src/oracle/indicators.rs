//! The fourteen indicators on households and their members, and the overdue referral, each as one function from the
//! household as known today to true, false or unknown.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};

use super::{Case, Oracle};
use crate::{
    calendar::minus,
    dataset::{Dataset, Row, iso, month},
    household::{Class, Held, Household},
    indicator::Indicator,
    thresholds::Thresholds,
};

/// True, false, or unknown.
type Known = Option<bool>;

/// One false decides, then one unknown.
fn all(conditions: &[Known]) -> Known {
    if conditions.contains(&Some(false)) {
        return Some(false);
    }
    if conditions.contains(&None) { None } else { Some(true) }
}

/// One true decides, then one unknown.
fn any(conditions: &[Known]) -> Known {
    if conditions.contains(&Some(true)) {
        return Some(true);
    }
    if conditions.contains(&None) { None } else { Some(false) }
}

fn not(condition: Known) -> Known {
    condition.map(|c| !c)
}

const AIDED: [Class; 2] = [Class::MinimumLiving, Class::Destitute];
const LOW_INCOME: [Class; 5] =
    [Class::MinimumLiving, Class::Destitute, Class::Edge, Class::Rigid, Class::ReturnToPoverty];

/// Datasets without any row of which the indicator cannot hold.
fn needs(indicator: Indicator) -> &'static [Dataset] {
    match indicator {
        Indicator::A03 | Indicator::A17 => &[Dataset::DisabilityCertificate],
        Indicator::A05 => &[Dataset::Unemployment, Dataset::InsurancePayment],
        Indicator::A08 | Indicator::A09 => &[Dataset::Settlement],
        Indicator::A12 => &[Dataset::MajorDisease],
        Indicator::A13 => &[Dataset::SchoolCost],
        Indicator::A15 => &[Dataset::DisasterLoss],
        Indicator::A20 => &[Dataset::RuralHouseSafety],
        Indicator::A25 => &[Dataset::MonitoredHousehold],
        Indicator::A29 => &[Dataset::TwoCancerPatient],
        Indicator::C01 => &[Dataset::DeathCertificate],
        Indicator::C09 => &[Dataset::InsurancePayment],
        Indicator::C11 | Indicator::P02 | Indicator::P11 => &[],
    }
}

/// The windows of a day as texts: the contracts' dates and months compare as texts, and a city is large.
pub(super) struct Moment {
    today: NaiveDate,
    iso: String,
    year: String,
    no_job: String,
    earlier_job: String,
    job: String,
    benefit: String,
    disease: String,
    certificate: String,
    disaster: String,
    monitored: String,
}

impl Moment {
    pub(super) fn new(today: NaiveDate, lines: &Thresholds) -> Moment {
        let ago = |days: u64| iso(minus(today, days));
        let month_ago = |days: u64| month(minus(today, days));
        Moment {
            today,
            iso: iso(today),
            year: today.year().to_string(),
            no_job: month_ago(lines.no_job_days),
            earlier_job: month_ago(lines.earlier_job_days),
            job: month_ago(lines.job_days),
            benefit: ago(lines.benefit_days),
            disease: ago(lines.disease_days),
            certificate: ago(lines.certificate_days),
            disaster: ago(lines.disaster_days),
            monitored: ago(lines.monitored_days),
        }
    }

    /// Whether a day lies in a window that ends today.
    fn within(&self, text: &str, since: &str) -> bool {
        !text.is_empty() && since <= text && text <= self.iso.as_str()
    }
}

/// A household as known on a day.
struct View<'a> {
    oracle: &'a Oracle,
    household: &'a Household,
    classes: &'a [Held],
    rows: &'a [(u8, Row)],
    lines: &'a Thresholds,
    at: &'a Moment,
}

impl Oracle {
    /// Everything that holds for a household now.
    pub fn cases_of(&self, household: u32, today: NaiveDate, found: &mut Vec<Case>) {
        self.cases_at(household, &Moment::new(today, &self.city.thresholds), found);
    }

    pub(super) fn cases_at(&self, household: u32, at: &Moment, found: &mut Vec<Case>) {
        let view = View {
            oracle: self,
            household: &self.city.households[household as usize],
            classes: &self.classes[household as usize],
            rows: &self.rows[household as usize],
            lines: &self.city.thresholds,
            at,
        };
        let told: BTreeSet<(Dataset, u8)> = view.rows.iter().map(|(m, row)| (row.dataset(), *m)).collect();
        for indicator in Indicator::ALL {
            let needs = needs(indicator);
            if indicator.personal() {
                let about = told.iter().filter(|(dataset, _)| needs.contains(dataset)).map(|(_, m)| *m);
                for member in about.collect::<BTreeSet<u8>>() {
                    if view.personal(indicator, member) == Some(true) {
                        found.push(Case { indicator, household, member: Some(member) });
                    }
                }
            } else if (needs.is_empty() || told.iter().any(|(dataset, _)| needs.contains(dataset)))
                && view.shared(indicator, household) == Some(true)
            {
                found.push(Case { indicator, household, member: None });
            }
        }
    }
}

impl View<'_> {
    fn personal(&self, indicator: Indicator, m: u8) -> Known {
        match indicator {
            Indicator::A03 => self.severe_without_aid(m),
            Indicator::A05 => self.job_lost(m),
            Indicator::A08 => all(&[any(&[Some(self.low_income()), self.monitored()]), self.heavy_cost(m, true)]),
            Indicator::A09 => all(&[
                Some(self.household.rural),
                Some(!self.low_income()),
                not(self.monitored()),
                self.heavy_cost(m, false),
            ]),
            Indicator::A12 => all(&[self.new_disease(m), Some(!self.aided(m))]),
            Indicator::A13 => self.school_burden(m),
            Indicator::A17 => self.new_severe_certificate(m),
            Indicator::A29 => self.cancer_without_aid(m),
            Indicator::C01 => self.dead_but_paid(m),
            Indicator::C09 => self.job_found(m),
            _ => Some(false),
        }
    }

    fn shared(&self, indicator: Indicator, household: u32) -> Known {
        match indicator {
            Indicator::A15 => self.disaster_without_relief(),
            Indicator::A20 => self.dangerous_house(),
            Indicator::A25 => self.monitored_unchecked(),
            Indicator::C11 => {
                let car = self.household.vehicles.iter().any(|v| v.kind == "car" && v.usage == "private");
                Some(car && self.holds_any(&AIDED))
            }
            Indicator::P02 => Some(self.oracle.has_overdue(household, self.at.today)),
            _ => Some(false),
        }
    }

    /// `found` when the feed is fresh, unknown otherwise.
    fn if_fresh(&self, dataset: Dataset, found: impl FnOnce() -> bool) -> Known {
        self.oracle.fresh(dataset, self.household.county, self.at.today).then(found)
    }

    fn mine(&self, member: u8) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |(m, _)| *m == member).map(|(_, row)| row)
    }

    fn holds_any(&self, set: &[Class]) -> bool {
        self.classes.iter().any(|h| set.contains(&h.class))
    }

    /// Statuses of the household and the member's own.
    fn concerns(&self, member: u8, set: &[Class]) -> bool {
        self.classes.iter().any(|h| set.contains(&h.class) && h.member.is_none_or(|m| m == member))
    }

    fn aided(&self, member: u8) -> bool {
        self.concerns(member, &AIDED)
    }

    /// Any status in the household puts all of it among the low-income population.
    fn low_income(&self) -> bool {
        self.holds_any(&LOW_INCOME)
    }

    fn age(&self, member: u8) -> i32 {
        self.household.members.get(usize::from(member)).map_or(0, |p| p.age(self.at.today))
    }

    /// Whether income a head and month stays below (or, with `level`, at) so many percent of the standard.
    fn income_below(&self, percent: i64, level: bool) -> bool {
        let heads = i64::try_from(self.household.members.len()).unwrap_or(1);
        let standard = self.lines.standard_fen(self.household.county, self.household.rural);
        let (have, line) = (self.household.income_fen * 100, percent * standard * 12 * heads);
        have < line || (level && have == line)
    }

    fn monitored(&self) -> Known {
        self.if_fresh(Dataset::MonitoredHousehold, || {
            self.rows.iter().any(|(_, r)| matches!(r, Row::MonitoredHousehold(m) if m.risk_state != "removed"))
        })
    }

    fn employee_months(&self, member: u8) -> impl Iterator<Item = (&str, i64)> {
        self.mine(member).filter_map(|row| match row {
            Row::InsurancePayment(p) if p.kind == "employee" => Some((p.paid_month.as_str(), p.base_fen)),
            _ => None,
        })
    }

    fn severe_without_aid(&self, m: u8) -> Known {
        let severe = self.if_fresh(Dataset::DisabilityCertificate, || {
            self.mine(m).any(|row| match row {
                Row::DisabilityCertificate(c) => {
                    let open = c.state == "valid" && c.valid_to >= self.at.iso;
                    let mind = c.category == "intellectual" || c.category == "mental";
                    open && (c.grade <= 2 || (c.grade == 3 && mind))
                }
                _ => false,
            })
        });
        let since = self.at.no_job.as_str();
        let no_job = self.if_fresh(Dataset::InsurancePayment, || self.employee_months(m).all(|(p, _)| p < since));
        all(&[Some(self.age(m) >= self.lines.adult_age), severe, no_job, Some(!self.aided(m))])
    }

    fn job_lost(&self, m: u8) -> Known {
        let benefit = self.if_fresh(Dataset::Unemployment, || {
            self.mine(m).any(|row| match row {
                Row::Unemployment(u) => self.at.within(&u.benefit_from, &self.at.benefit) && u.ended_on.is_empty(),
                _ => false,
            })
        });
        let labour = |p: u8| (16..=59).contains(&self.age(p));
        let members = u8::try_from(self.household.members.len()).unwrap_or(u8::MAX);
        let only_earner = labour(m) && (0..members).filter(|p| labour(*p)).count() == 1;
        let (recent, earlier) = (self.at.no_job.as_str(), self.at.earlier_job.as_str());
        let stopped = self.if_fresh(Dataset::InsurancePayment, || {
            let months: Vec<&str> = self.employee_months(m).map(|(p, _)| p).collect();
            months.iter().any(|p| *p >= earlier && *p < recent) && months.iter().all(|p| *p < recent)
        });
        let poor = self.income_below(self.lines.job_loss_income_percent, true);
        all(&[any(&[benefit, all(&[Some(only_earner), stopped])]), Some(poor), Some(!self.aided(m))])
    }

    fn heavy_cost(&self, m: u8, watched: bool) -> Known {
        self.if_fresh(Dataset::Settlement, || {
            let (mut year, mut inpatient, mut stay) = (0, 0, 0);
            for row in self.mine(m) {
                let Row::Settlement(s) = row else { continue };
                if !s.settled_on.starts_with(&self.at.year) || s.settled_on > self.at.iso {
                    continue;
                }
                year += s.own_paid_fen;
                if s.visit_kind == "inpatient" {
                    inpatient += s.own_paid_fen;
                    stay = stay.max(s.own_paid_fen);
                }
            }
            let l = self.lines;
            if watched {
                year * 100 >= l.watched_year_percent * l.rural_income_fen
                    || inpatient >= l.watched_inpatient_fen
                    || stay >= l.watched_stay_fen
            } else {
                year * 100 >= l.ordinary_year_percent * l.rural_income_fen
                    || year >= l.ordinary_all_fen
                    || stay >= l.ordinary_stay_fen
            }
        })
    }

    fn new_disease(&self, m: u8) -> Known {
        self.if_fresh(Dataset::MajorDisease, || {
            self.mine(m).any(|r| matches!(r, Row::MajorDisease(d) if self.at.within(&d.diagnosed_on, &self.at.disease)))
        })
    }

    fn school_burden(&self, m: u8) -> Known {
        let dear = self.if_fresh(Dataset::SchoolCost, || {
            let newest = self
                .mine(m)
                .filter_map(|row| if let Row::SchoolCost(c) = row { Some(c) } else { None })
                .max_by(|a, b| a.school_year.cmp(&b.school_year));
            newest.is_some_and(|c| {
                let stage = c.stage == "senior_high" || c.stage == "vocational";
                stage && c.tuition_fen + c.lodging_fen + c.books_fen - c.aid_fen >= self.lines.school_cost_fen
            })
        });
        all(&[dear, Some(self.income_below(self.lines.school_income_percent, false))])
    }

    fn disaster_without_relief(&self) -> Known {
        let struck = self.if_fresh(Dataset::DisasterLoss, || self.losses().next().is_some());
        let unaided = self.if_fresh(Dataset::DisasterRelief, || {
            self.losses().any(|(member, ended)| {
                !self.mine(member).any(|row| match row {
                    Row::DisasterRelief(r) => r.given_on.as_str() >= ended,
                    _ => false,
                })
            })
        });
        all(&[struck, unaided])
    }

    /// Members with a heavy loss of late, and the day it ended.
    fn losses(&self) -> impl Iterator<Item = (u8, &str)> {
        self.rows.iter().filter_map(|(member, row)| {
            let Row::DisasterLoss(l) = row else { return None };
            let house = l.house_damage == "severe" || l.house_damage == "collapsed";
            let heavy = house
                || l.crop_loss_percent >= self.lines.loss_percent
                || l.livestock_loss_percent >= self.lines.loss_percent;
            let of_late = self.at.within(&l.ended_on, &self.at.disaster);
            (heavy && of_late).then_some((*member, l.ended_on.as_str()))
        })
    }

    fn new_severe_certificate(&self, m: u8) -> Known {
        let issued = self.if_fresh(Dataset::DisabilityCertificate, || {
            self.mine(m).any(|row| match row {
                Row::DisabilityCertificate(c) => {
                    c.state == "valid" && c.grade <= 2 && self.at.within(&c.issued_on, &self.at.certificate)
                }
                _ => false,
            })
        });
        let unpaid = self.if_fresh(Dataset::DisabilitySubsidy, || {
            !self.mine(m).any(|r| matches!(r, Row::DisabilitySubsidy(s) if s.stopped_on.is_empty()))
        });
        all(&[issued, unpaid, Some(!self.concerns(m, &[Class::MinimumLiving]))])
    }

    fn dangerous_house(&self) -> Known {
        let dangerous = self.if_fresh(Dataset::RuralHouseSafety, || {
            self.rows.iter().any(
                |(_, r)| matches!(r, Row::RuralHouseSafety(h) if h.only_house && (h.grade == "C" || h.grade == "D")),
            )
        });
        let unplanned = self.if_fresh(Dataset::HouseRenovation, || {
            !self.rows.iter().any(|(_, r)| matches!(r, Row::HouseRenovation(_)))
        });
        all(&[dangerous, any(&[Some(self.low_income()), self.monitored()]), unplanned])
    }

    fn monitored_unchecked(&self) -> Known {
        let old = self.if_fresh(Dataset::MonitoredHousehold, || {
            self.rows.iter().any(|(_, row)| match row {
                Row::MonitoredHousehold(m) => {
                    let long = m.entered_on <= self.at.monitored;
                    long && (m.risk_state == "open" || m.risk_state == "returned")
                }
                _ => false,
            })
        });
        let classes = [Class::MinimumLiving, Class::Destitute, Class::Edge, Class::Rigid];
        all(&[old, Some(!self.holds_any(&classes))])
    }

    fn cancer_without_aid(&self, m: u8) -> Known {
        let ill = self.if_fresh(Dataset::TwoCancerPatient, || {
            self.mine(m).any(|r| matches!(r, Row::TwoCancerPatient(c) if c.aided_fen == 0))
        });
        let poor = self.low_income() || self.income_below(self.lines.cancer_income_percent, false);
        all(&[ill, Some(poor)])
    }

    fn dead_but_paid(&self, m: u8) -> Known {
        let dead = self.if_fresh(Dataset::DeathCertificate, || {
            self.mine(m).any(|r| matches!(r, Row::DeathCertificate(d) if d.died_on <= self.at.iso))
        });
        let paid = self
            .classes
            .iter()
            .any(|h| AIDED.contains(&h.class) && h.amount_fen > 0 && h.member.is_none_or(|x| x == m));
        all(&[dead, Some(paid)])
    }

    fn job_found(&self, m: u8) -> Known {
        let since = self.at.job.as_str();
        let working = self.if_fresh(Dataset::InsurancePayment, || {
            let months: BTreeSet<&str> = self
                .employee_months(m)
                .filter(|(p, base)| *p >= since && *base >= self.lines.minimum_wage_fen)
                .map(|(p, _)| p)
                .collect();
            months.len() >= self.lines.job_months
        });
        all(&[working, Some(self.concerns(m, &[Class::MinimumLiving]))])
    }
}
