//! The indicators that households are planted for, each as one function from the household as known today to true, false
//! or unknown; and which function answers for which indicator.

use std::collections::BTreeSet;

use super::view::{AIDED, FOUR, Known, View, all, any, not};
use crate::{
    dataset::{Dataset, Row},
    household::Class,
    indicator::Indicator,
};

impl View<'_> {
    pub(super) fn personal(&self, indicator: Indicator, m: u8) -> Known {
        match indicator {
            Indicator::A03 => self.severe_without_aid(m),
            Indicator::A05 => self.job_lost(m),
            Indicator::A08 => all(&[self.watched(), self.heavy_cost(m, true)]),
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
            Indicator::P10 => self.identity_failed(m),
            _ => {
                let need = self.need_of_person(indicator, m).or_else(|| self.aid_of_person(indicator, m));
                let told = need.or_else(|| self.change_of_person(indicator, m));
                let told = told.or_else(|| self.office_of_person(indicator, m));
                told.or_else(|| self.left_off(indicator, m)).unwrap_or(Some(false))
            }
        }
    }

    pub(super) fn shared(&self, indicator: Indicator) -> Known {
        match indicator {
            Indicator::A15 => self.disaster_without_relief(),
            Indicator::A20 => self.dangerous_house(),
            Indicator::A25 => self.monitored_unchecked(),
            Indicator::C11 => {
                let car = self.household.vehicles.iter().any(|v| v.kind == "car" && v.usage == "private");
                Some(car && self.holds_any(&AIDED))
            }
            Indicator::P02 => Some(self.done.overdue),
            _ => {
                let need = self.need_of_household(indicator).or_else(|| self.aid_of_household(indicator));
                let told = need.or_else(|| self.change_of_household(indicator));
                let told = told.or_else(|| self.office_of_household(indicator));
                let told = told.or_else(|| self.deeds_at_home(indicator));
                told.or_else(|| self.left_off_at_home(indicator)).unwrap_or(Some(false))
            }
        }
    }

    pub(super) fn severe_without_aid(&self, m: u8) -> Known {
        let since = self.at.no_job.as_str();
        let no_job = self.if_fresh(Dataset::InsurancePayment, || self.employee_months(m).all(|(p, _)| p < since));
        all(&[Some(self.age(m) >= self.lines.adult_age), self.severe(m), no_job, Some(!self.aided(m))])
    }

    pub(super) fn job_lost(&self, m: u8) -> Known {
        let benefit = self.if_fresh(Dataset::Unemployment, || {
            self.mine(m).any(|row| match row {
                Row::Unemployment(u) => self.at.within(&u.benefit_from, &self.at.benefit) && u.ended_on.is_empty(),
                _ => false,
            })
        });
        let only_earner = self.labour_age(m) && self.members().filter(|p| self.labour_age(*p)).count() == 1;
        let (recent, earlier) = (self.at.no_job.as_str(), self.at.earlier_job.as_str());
        let stopped = self.if_fresh(Dataset::InsurancePayment, || {
            let months: Vec<&str> = self.employee_months(m).map(|(p, _)| p).collect();
            months.iter().any(|p| *p >= earlier && *p < recent) && months.iter().all(|p| *p < recent)
        });
        let poor = self.income_below(self.lines.job_loss_income_percent, true);
        all(&[any(&[benefit, all(&[Some(only_earner), stopped])]), Some(poor), Some(!self.aided(m))])
    }

    pub(super) fn heavy_cost(&self, m: u8, watched: bool) -> Known {
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

    pub(super) fn new_disease(&self, m: u8) -> Known {
        self.if_fresh(Dataset::MajorDisease, || {
            self.mine(m).any(|r| matches!(r, Row::MajorDisease(d) if self.at.within(&d.diagnosed_on, &self.at.disease)))
        })
    }

    pub(super) fn school_burden(&self, m: u8) -> Known {
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

    pub(super) fn disaster_without_relief(&self) -> Known {
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

    pub(super) fn new_severe_certificate(&self, m: u8) -> Known {
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

    pub(super) fn dangerous_house(&self) -> Known {
        let dangerous = self.if_fresh(Dataset::RuralHouseSafety, || {
            self.rows.iter().any(
                |(_, r)| matches!(r, Row::RuralHouseSafety(h) if h.only_house && (h.grade == "C" || h.grade == "D")),
            )
        });
        let unplanned = self.if_fresh(Dataset::HouseRenovation, || {
            !self.rows.iter().any(|(_, r)| matches!(r, Row::HouseRenovation(_)))
        });
        all(&[dangerous, self.watched(), unplanned])
    }

    pub(super) fn monitored_unchecked(&self) -> Known {
        let old = self.if_fresh(Dataset::MonitoredHousehold, || {
            self.rows.iter().any(|(_, row)| match row {
                Row::MonitoredHousehold(m) => {
                    let long = m.entered_on <= self.at.monitored;
                    long && (m.risk_state == "open" || m.risk_state == "returned")
                }
                _ => false,
            })
        });
        all(&[old, Some(!self.holds_any(&FOUR))])
    }

    pub(super) fn cancer_without_aid(&self, m: u8) -> Known {
        let ill = self.if_fresh(Dataset::TwoCancerPatient, || {
            self.mine(m).any(|r| matches!(r, Row::TwoCancerPatient(c) if c.aided_fen == 0))
        });
        let poor = self.low_income() || self.income_below(self.lines.cancer_income_percent, false);
        all(&[ill, Some(poor)])
    }

    fn dead_but_paid(&self, m: u8) -> Known {
        let paid = self
            .classes
            .iter()
            .any(|h| AIDED.contains(&h.class) && h.amount_fen > 0 && h.member.is_none_or(|x| x == m));
        all(&[self.died(m), Some(paid)])
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
