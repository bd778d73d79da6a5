//! Aid that a person lacks, over the bureaus' datasets that the fewest rules read.

use super::view::{Known, View, all, any, not};
use crate::{
    calendar::minus,
    dataset::{Dataset, Row, date, iso},
    household::Class,
    indicator::Indicator,
};

impl View<'_> {
    /// None when another file answers for the indicator.
    pub(super) fn left_off(&self, indicator: Indicator, m: u8) -> Option<Known> {
        Some(match indicator {
            Indicator::A30 => self.victim_without_income(m),
            Indicator::A31 => all(&[self.mental_risk(m), self.other_carers(m).map(|n| n == 0)]),
            Indicator::B06 => self.destitute_in_truth(m),
            Indicator::B11 => self.tilt_aid_missing(m),
            Indicator::B12 => self.emergency_unpaid(m),
            Indicator::B17 => self.student_unaided(m),
            Indicator::B23 => self.no_public_post(m),
            Indicator::B29 => self.child_without_rehabilitation(m),
            Indicator::C10 => self.pension_over(m),
            Indicator::C31 => self.stays_long(m),
            _ => return None,
        })
    }

    /// None when another file answers for the indicator.
    pub(super) fn left_off_at_home(&self, indicator: Indicator) -> Option<Known> {
        Some(match indicator {
            Indicator::B27 => self.told_at_home(Dataset::Rebuild, |row| match row {
                Row::Rebuild(r) => {
                    let long = !r.granted_on.is_empty()
                        && r.granted_on < iso(minus(self.at.today, self.lines.offices.rebuild_days));
                    long && (r.paid_on.is_empty() || r.rebuilt_on.is_empty())
                }
                _ => false,
            }),
            Indicator::B30 => {
                let needed = |row: &Row| matches!(row, Row::BarrierFree(b) if b.need_ticked);
                let done = |row: &Row| match row {
                    Row::BarrierFree(b) => !b.done_on.is_empty() && b.done_on.as_str() <= self.today(),
                    _ => false,
                };
                let severe: Vec<Known> = self.members().map(|m| self.certified(m, |_, grade| grade <= 2)).collect();
                let needed = self.told_at_home(Dataset::BarrierFree, needed);
                all(&[
                    Some(self.low_income()),
                    any(&severe),
                    needed,
                    not(self.told_at_home(Dataset::BarrierFree, done)),
                ])
            }
            _ => return None,
        })
    }

    fn victim_without_income(&self, m: u8) -> Known {
        self.if_fresh(Dataset::ViolenceCase, || {
            let orders = || {
                self.mine(m).filter_map(|row| match row {
                    Row::ViolenceCase(c) if !c.order_on.is_empty() && c.order_on.as_str() <= self.today() => Some(c),
                    _ => None,
                })
            };
            let open = orders().any(|c| self.runs(&c.order_on, &c.settled_on));
            open && orders().max_by_key(|c| &c.order_on).is_some_and(|c| !c.own_income)
        })
    }

    fn mental_risk(&self, m: u8) -> Known {
        self.if_fresh(Dataset::MentalRisk, || {
            let risks = self.mine(m).filter_map(|row| match row {
                Row::MentalRisk(r) if r.assessed_on.as_str() <= self.today() => Some((&r.assessed_on, r.risk_level)),
                _ => None,
            });
            risks.max().is_some_and(|(_, level)| level >= self.lines.offices.mental_risk)
        })
    }

    /// Alone, without labour, and by a means test of this year without anybody who must support.
    fn destitute_in_truth(&self, m: u8) -> Known {
        let years = self.age(m) >= self.lines.beside.elder_age || self.age(m) < self.lines.aid.child_age;
        let checked = self.told(m, Dataset::CivilMeansTest, |row| match row {
            Row::CivilMeansTest(t) => {
                let this_year = date(&t.checked_on).is_some_and(|day| self.months_since(day) < 12);
                t.supporters_checked && t.checked_on.as_str() <= self.today() && this_year
            }
            _ => false,
        });
        let named = self.told(m, Dataset::CivilSupporter, |row| matches!(row, Row::CivilSupporter(_)));
        // Who is named may be unable to support: no household of the city has such rows.
        let alone = all(&[checked, not(named)]).filter(|yes| *yes);
        all(&[
            Some(self.concerns(m, &[Class::MinimumLiving]) && self.heads() == 1),
            any(&[Some(years), self.without_labour(m)]),
            alone,
        ])
    }

    fn tilt_aid_missing(&self, m: u8) -> Known {
        let owing = self.if_fresh(Dataset::PolicyShare, || {
            let this_year = self.mine(m).filter_map(|row| match row {
                Row::PolicyShare(s)
                    if s.settled_on.starts_with(&self.at.year) && s.settled_on.as_str() <= self.today() =>
                {
                    Some(s)
                }
                _ => None,
            });
            let (mut own, mut aid) = (0, 0);
            for share in this_year {
                own += if share.in_province || share.referred { share.in_policy_own_fen } else { 0 };
                aid += share.tilt_aid_fen();
            }
            own > self.lines.offices.tilt_fen && aid == 0
        });
        all(&[self.support_identity(m), owing])
    }

    fn emergency_unpaid(&self, m: u8) -> Known {
        let limit = iso(minus(self.at.today, self.lines.offices.emergency_bill_days));
        self.told(m, Dataset::EmergencyUnpaid, |row| match row {
            Row::EmergencyUnpaid(e) => {
                let open = e.settled_on.is_empty() || e.settled_on.as_str() > self.today();
                e.bill_fen > 0 && e.admitted_on < limit && open
            }
            _ => false,
        })
    }

    fn student_unaided(&self, m: u8) -> Known {
        let (year, due) = self.school_year();
        let higher = self.if_fresh(Dataset::StudentEnrolment, || {
            let enrolled = self.mine(m).filter_map(|row| match row {
                Row::StudentEnrolment(s) if s.status == "enrolled" => Some((&s.enrolled_on, &s.stage)),
                _ => None,
            });
            enrolled.max_by_key(|(on, _)| *on).is_some_and(|(_, stage)| stage == "higher")
        });
        let given = self.if_fresh(Dataset::SchoolCost, || {
            let aid = self.mine(m).filter_map(|row| match row {
                Row::SchoolCost(c) if c.school_year == year => Some(c.aid_fen),
                _ => None,
            });
            aid.sum::<i64>() != 0
        });
        let loan = self.told(
            m,
            Dataset::StudentLoan,
            |row| matches!(row, Row::StudentLoan(l) if l.school_year == year && l.amount_fen > 0),
        );
        all(&[Some(due), higher, self.support_identity(m), not(given), not(loan)])
    }

    fn no_public_post(&self, m: u8) -> Known {
        let limit = iso(minus(self.at.today, self.lines.offices.post_wait_days));
        let helped = self.told(m, Dataset::EmploymentDifficult, |row| match row {
            Row::EmploymentDifficult(e) => {
                let valid = e.valid_to.is_empty() || e.valid_to.as_str() >= self.today();
                !e.helped_on.is_empty() && e.helped_on <= limit && valid
            }
            _ => false,
        });
        let post = self.told(
            m,
            Dataset::PublicPost,
            |row| matches!(row, Row::PublicPost(p) if self.runs(&p.started_on, &p.stopped_on)),
        );
        all(&[helped, not(self.insured_by_work(m)), not(post)])
    }

    fn child_without_rehabilitation(&self, m: u8) -> Known {
        let given = self.told(m, Dataset::Rehabilitation, |row| match row {
            Row::Rehabilitation(r) => r.given_on.starts_with(&self.at.year) && r.given_on.as_str() <= self.today(),
            _ => false,
        });
        all(&[
            Some(self.age(m) <= self.lines.offices.rehabilitation_age),
            self.certified(m, |_, _| true),
            self.support_identity(m),
            not(given),
        ])
    }

    /// Since 2026 every pension counts, that of the residents' insurance too.
    fn pension_over(&self, m: u8) -> Known {
        let over = self.if_fresh(Dataset::Pension, || {
            let month: i64 = self
                .mine(m)
                .filter_map(|row| match row {
                    Row::Pension(p) if self.runs(&p.started_on, &p.stopped_on) => Some(p.monthly_fen),
                    _ => None,
                })
                .sum();
            month > self.standard_fen()
        });
        all(&[Some(self.concerns(m, &[Class::MinimumLiving])), over])
    }

    fn stays_long(&self, m: u8) -> Known {
        let Some(decided) = self.decided_on().map(iso).filter(|_| self.aided(m)) else { return Some(false) };
        self.if_fresh(Dataset::LongStay, || {
            let since = self.mine(m).filter_map(|row| match row {
                Row::LongStay(s) if self.runs(&s.entered_on, &s.left_on) => Some(s.entered_on.as_str()),
                _ => None,
            });
            let limit = iso(minus(self.at.today, self.lines.offices.long_stay_days));
            since.max().is_some_and(|since| since > decided.as_str() && since < limit.as_str())
        })
    }
}
