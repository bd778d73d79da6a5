//! What follows from planted lives in classes A and B: signs of need, and aid that is due and missing.

use super::view::{AIDED, FOUR, Known, View, all, any, count, not, of_the_mind};
use crate::{
    calendar::minus,
    dataset::{Dataset, Row, date},
    household::Class,
    indicator::Indicator,
};

impl View<'_> {
    /// None when another file answers for the indicator.
    pub(super) fn need_of_person(&self, indicator: Indicator, m: u8) -> Option<Known> {
        Some(match indicator {
            Indicator::A02 => self.kept_by_elder_parents(m),
            Indicator::A04 => self.edge_and_ill(m),
            Indicator::A10 => self.outpatient_burden(m),
            Indicator::A11 => self.cost_rise(m),
            Indicator::A14 => self.enters_school(m),
            Indicator::B02 => all(&[
                Some(self.concerns(m, &[Class::MinimumLiving]) && !self.concerns(m, &[Class::Destitute])),
                self.certified(m, |_, _| true),
                not(self.subsidised(m, "living")),
            ]),
            Indicator::B03 => all(&[
                Some(!self.concerns(m, &[Class::Destitute])),
                self.certified(m, |category, grade| grade <= 2 || (grade == 3 && of_the_mind(category))),
                not(self.subsidised(m, "care")),
            ]),
            Indicator::B08 => all(&[
                any(&[Some(self.aided(m)), self.monitored()]),
                self.if_fresh(Dataset::Enrolment, || {
                    !self.mine(m).any(|r| matches!(r, Row::Enrolment(e) if e.year == self.at.year))
                }),
            ]),
            Indicator::B09 => self.paid_alone(m),
            Indicator::A22 => self.graduate_without_work(m),
            Indicator::B10 => self.stay_unaided(m),
            Indicator::B13 | Indicator::B14 | Indicator::B15 | Indicator::B16 => self.fee_not_waived(indicator, m),
            Indicator::B18 => self.not_at_school(m),
            Indicator::B24 => self.premium_unpaid(m),
            Indicator::B35 => self.cancer_underaided(m),
            _ => return None,
        })
    }

    /// None when another file answers for the indicator.
    pub(super) fn need_of_household(&self, indicator: Indicator) -> Option<Known> {
        Some(match indicator {
            Indicator::A01 => {
                let many = count(self.members().map(|m| self.certified(m, |_, _| true)));
                let many = many.map(|n| n >= self.lines.beside.disabled_members);
                all(&[many, Some(!self.holds_any(&AIDED))])
            }
            Indicator::A07 => self.weak_labour(),
            Indicator::A19 => self.earner_died(),
            Indicator::A32 => all(&[
                Some(self.household.rural && !self.low_income()),
                Some(self.household.income_fen < self.lines.beside.monitoring_fen * self.heads()),
                not(self.monitored()),
            ]),
            Indicator::B20 => self.renovation_late(),
            Indicator::B22 => self.nobody_employed(),
            Indicator::B25 => self.house_lost_unaided(),
            _ => return None,
        })
    }

    fn elder(&self, m: u8) -> bool {
        self.age(m) >= self.lines.beside.elder_age
    }

    fn relation(&self, m: u8) -> &str {
        self.household.members.get(usize::from(m)).map_or("", |p| p.relation)
    }

    /// A child of the head with nobody but elders, or the head with nobody but elderly parents.
    fn kept_by_elder_parents(&self, m: u8) -> Known {
        let others = || self.members().filter(move |o| *o != m);
        let relation = self.relation(m);
        let child = ("20"..="39").contains(&relation) && others().all(|o| self.elder(o));
        let parents = |o: u8| self.elder(o) && ("50"..="59").contains(&self.relation(o));
        let head = (relation == "01" || relation == "02") && others().all(parents);
        let alone_with = !self.elder(m) && others().next().is_some() && (child || head);
        all(&[Some(alone_with && !self.aided(m)), self.severe(m)])
    }

    fn edge_and_ill(&self, m: u8) -> Known {
        let listed = self.if_fresh(Dataset::MajorDisease, || {
            self.mine(m).any(|r| matches!(r, Row::MajorDisease(d) if d.diagnosed_on <= self.at.iso))
        });
        all(&[Some(self.whole(&[Class::Edge]) && !self.aided(m)), any(&[self.severe(m), listed])])
    }

    /// Own payments of settlements that fit.
    fn own_paid(&self, m: u8, fits: impl Fn(&str, &str) -> bool) -> i64 {
        let mine = self.mine(m).filter_map(|row| match row {
            Row::Settlement(s) if fits(&s.visit_kind, &s.settled_on) => Some(s.own_paid_fen),
            _ => None,
        });
        mine.sum()
    }

    fn outpatient_burden(&self, m: u8) -> Known {
        self.if_fresh(Dataset::Settlement, || {
            [&self.at.month, &self.at.last_month].into_iter().any(|month| {
                let sum = self.own_paid(m, |kind, on| {
                    kind == "outpatient" && on.starts_with(month.as_str()) && on <= self.at.iso.as_str()
                });
                sum >= self.lines.beside.outpatient_fen
            })
        })
    }

    fn cost_rise(&self, m: u8) -> Known {
        use chrono::Datelike as _;
        let months = |text: &str| date(text).map(|d| i64::from(d.year()) * 12 + i64::from(d.month()));
        let now = i64::from(self.at.today.year()) * 12 + i64::from(self.at.today.month());
        self.if_fresh(Dataset::Settlement, || {
            let this = self.own_paid(m, |_, on| on.starts_with(&self.at.month) && on <= self.at.iso.as_str());
            let before = self.own_paid(m, |_, on| months(on).is_some_and(|then| (1..=6).contains(&(now - then))));
            let beside = &self.lines.beside;
            this >= beside.rise_fen && this * 600 >= beside.rise_percent * before
        })
    }

    fn enters_school(&self, m: u8) -> Known {
        let young = self.age(m) < self.lines.adult_age && !self.holds_any(&AIDED);
        if !young {
            return Some(false);
        }
        let entered = self.if_fresh(Dataset::StudentEnrolment, || {
            self.mine(m).any(|row| match row {
                Row::StudentEnrolment(s) => {
                    let of_school = s.stage != "higher" && s.status == "enrolled";
                    of_school && self.at.within(&s.enrolled_on, &self.at.enrolled)
                }
                _ => false,
            })
        });
        if entered == Some(true) { self.other_sign() } else { entered }
    }

    /// Any other sign of class A.
    fn other_sign(&self) -> Known {
        let of_person = [
            Indicator::A02,
            Indicator::A03,
            Indicator::A04,
            Indicator::A05,
            Indicator::A08,
            Indicator::A09,
            Indicator::A10,
            Indicator::A11,
            Indicator::A12,
            Indicator::A13,
            Indicator::A17,
            Indicator::A18,
            Indicator::A29,
            Indicator::A30,
            Indicator::A31,
        ];
        let of_household = [
            Indicator::A01,
            Indicator::A06,
            Indicator::A07,
            Indicator::A15,
            Indicator::A16,
            Indicator::A19,
            Indicator::A20,
            Indicator::A21,
            Indicator::A25,
            Indicator::A26,
            Indicator::A27,
            Indicator::A32,
        ];
        let mut signs: Vec<Known> = of_household.into_iter().map(|i| self.shared(i)).collect();
        signs.extend(self.members().flat_map(|m| of_person.map(|i| self.personal(i, m))));
        any(&signs)
    }

    pub(super) fn in_school(&self, m: u8) -> Known {
        self.if_fresh(Dataset::StudentEnrolment, || {
            self.mine(m).any(|row| match row {
                Row::StudentEnrolment(s) => {
                    s.stage != "preschool" && (s.status == "enrolled" || s.status == "suspended")
                }
                _ => false,
            })
        })
    }

    /// Of labour age, not disabled to the point of no labour capacity, not at school.
    pub(super) fn able(&self, m: u8) -> Known {
        all(&[Some(self.labour_age(m)), not(self.without_labour(m)), not(self.in_school(m))])
    }

    pub(super) fn without_labour(&self, m: u8) -> Known {
        self.certified(m, |category, grade| {
            (of_the_mind(category) && grade <= 3)
                || (category == "physical" && grade <= 2)
                || (category == "visual" && grade == 1)
        })
    }

    fn weak_labour(&self) -> Known {
        if self.holds_any(&AIDED) {
            return Some(false);
        }
        let able = i64::try_from(count(self.members().map(|m| self.able(m)))?).ok()?;
        Some(able == 0 || (self.heads() - able) * 100 >= self.lines.beside.weak_labour_percent * able)
    }

    fn earner_died(&self) -> Known {
        let lately = |m: u8| {
            self.if_fresh(Dataset::DeathCertificate, || {
                self.mine(m)
                    .any(|r| matches!(r, Row::DeathCertificate(d) if self.at.within(&d.died_on, &self.at.earner_death)))
            })
        };
        let deaths = count(self.members().map(|m| all(&[Some(self.labour_age(m)), lately(m)])));
        let left = count(self.members().map(|m| {
            let weak = Some(self.age(m) < self.lines.adult_age || self.elder(m));
            all(&[any(&[weak, self.certified(m, |_, _| true)]), not(self.died(m))])
        }));
        all(&[deaths.map(|n| n > 0), left.map(|n| n > 0)])
    }

    /// A subsidy of the two that is paid now.
    pub(super) fn subsidised(&self, m: u8, kind: &str) -> Known {
        self.if_fresh(Dataset::DisabilitySubsidy, || {
            self.mine(m).any(|row| match row {
                Row::DisabilitySubsidy(s) => {
                    let goes_on = s.stopped_on.is_empty() || s.stopped_on > self.at.iso;
                    s.kind == kind && s.from_on <= self.at.iso && goes_on
                }
                _ => false,
            })
        })
    }

    fn paid_alone(&self, m: u8) -> Known {
        let alone = self.if_fresh(Dataset::Enrolment, || {
            self.mine(m).any(|row| match row {
                Row::Enrolment(e) => e.kind == "resident" && e.paid_by == "self" && e.year == self.at.year,
                _ => false,
            })
        });
        let before = format!("{}-01-01", self.at.year);
        let entitled = |h: &&crate::household::Held| AIDED.contains(&h.class) && h.member.is_none_or(|x| x == m);
        let class_before = self.classes.iter().filter(entitled).any(|h| crate::dataset::iso(h.valid_from) < before);
        // The first of three days decides, so one that is unknown leaves it open.
        let watched_before = self.if_fresh(Dataset::MonitoredHousehold, || {
            self.rows.iter().any(|(_, row)| match row {
                Row::MonitoredHousehold(h) => h.risk_state != "removed" && h.entered_on < before,
                _ => false,
            })
        });
        all(&[alone, watched_before.map(|watched| watched || class_before)])
    }

    fn graduate_without_work(&self, m: u8) -> Known {
        use chrono::Datelike as _;
        let of_stage = |stage: &str| stage == "vocational" || stage == "higher";
        let graduated = self.if_fresh(Dataset::StudentEnrolment, || {
            let done = |r: &Row| matches!(r, Row::StudentEnrolment(s) if s.status == "graduated" && of_stage(&s.stage));
            self.mine(m).any(done)
        });
        let ended = format!("{}-{}", self.at.today.year() - 1, self.at.today.year());
        let this_year = self.if_fresh(Dataset::SchoolCost, || {
            self.mine(m).any(|r| matches!(r, Row::SchoolCost(c) if of_stage(&c.stage) && c.school_year == ended))
        });
        let working = self.if_fresh(Dataset::InsurancePayment, || {
            self.mine(m).any(|row| match row {
                Row::InsurancePayment(p) => {
                    let month = p.paid_month.as_str();
                    p.kind != "resident" && self.at.work.as_str() <= month && month <= self.at.month.as_str()
                }
                _ => false,
            })
        });
        let time_over = self.at.today.month() >= self.lines.beside.graduate_month;
        let poor = self.low_income() || self.income_below(self.lines.cancer_income_percent, false);
        all(&[Some(time_over && poor), graduated, this_year, not(working)])
    }

    /// The identity counts when it was there through the whole window.
    fn stay_unaided(&self, m: u8) -> Known {
        let entitled = self.classes.iter().filter(|h| FOUR.contains(&h.class) && h.member.is_none_or(|x| x == m));
        let by_class = entitled.map(|h| crate::dataset::iso(h.valid_from)).any(|since| since <= self.at.stay);
        let by_both = self.if_fresh(Dataset::MonitoredHousehold, || {
            let monitored = |row: &Row| match row {
                Row::MonitoredHousehold(h) => h.risk_state != "removed" && h.entered_on <= self.at.stay,
                _ => false,
            };
            by_class || self.rows.iter().any(|(_, row)| monitored(row))
        });
        let unaided = self.if_fresh(Dataset::Settlement, || {
            self.mine(m).any(|row| match row {
                Row::Settlement(s) => {
                    let stay = s.visit_kind == "inpatient" && self.at.within(&s.settled_on, &self.at.stay);
                    stay && s.aid_paid_fen == 0 && s.own_paid_fen > 0
                }
                _ => false,
            })
        });
        // As long as nobody tells what of it lies within the policy's scope, all may.
        let inside = self.if_fresh(Dataset::PolicyShare, || {
            self.mine(m).any(|row| match row {
                Row::PolicyShare(p) => p.in_policy_own_fen > 0 && self.at.within(&p.settled_on, &self.at.stay),
                _ => false,
            })
        });
        all(&[by_both, unaided, Some(inside.unwrap_or(true))])
    }

    pub(super) fn support_identity(&self, m: u8) -> Known {
        any(&[Some(self.concerns(m, &FOUR)), self.monitored()])
    }

    fn fee_not_waived(&self, indicator: Indicator, m: u8) -> Known {
        let stage = match indicator {
            Indicator::B13 => "preschool",
            Indicator::B14 => "compulsory",
            Indicator::B15 => "senior_high",
            _ => "vocational",
        };
        let at_stage = self.if_fresh(Dataset::StudentEnrolment, || {
            let enrolled = self.mine(m).filter_map(|row| match row {
                Row::StudentEnrolment(s) if s.status == "enrolled" => Some((&s.enrolled_on, &s.stage)),
                _ => None,
            });
            enrolled.max_by_key(|(on, _)| *on).is_some_and(|(_, now)| now == stage)
        });
        let for_disabled = stage == "preschool" || stage == "senior_high";
        let disabled = if for_disabled { self.certified(m, |_, _| true) } else { Some(false) };
        let (year, due) = self.school_year();
        let charged = self.if_fresh(Dataset::SchoolCost, || {
            let (mut fee, mut aid, mut listed) = (0, 0, false);
            for row in self.mine(m) {
                if let Row::SchoolCost(c) = row
                    && c.school_year == year
                {
                    listed = true;
                    fee += c.tuition_fen;
                    aid += c.aid_fen;
                }
            }
            // Compulsory school charges nothing: there it is the subsidy that is missing.
            listed && aid == 0 && (fee > 0 || stage == "compulsory")
        });
        all(&[Some(due), at_stage, any(&[self.support_identity(m), disabled]), charged])
    }

    /// This school year, which begins in September, and whether aid ought to show by now.
    pub(super) fn school_year(&self) -> (String, bool) {
        use chrono::Datelike as _;
        let of = |day: chrono::NaiveDate| if day.month() >= 9 { day.year() } else { day.year() - 1 };
        let year = of(self.at.today);
        let due = of(minus(self.at.today, self.lines.beside.school_aid_days)) == year;
        (format!("{year}-{}", year + 1), due)
    }

    fn not_at_school(&self, m: u8) -> Known {
        let beside = &self.lines.beside;
        if !(beside.compulsory_from..=beside.compulsory_to).contains(&self.age(m)) {
            return Some(false);
        }
        let absent = self.if_fresh(Dataset::StudentEnrolment, || {
            let last_year = self.age(m) >= beside.compulsory_to;
            !self.mine(m).any(|row| match row {
                Row::StudentEnrolment(s) => {
                    let finished = last_year && s.status == "graduated" && s.stage == "compulsory";
                    s.status == "enrolled" || s.status == "suspended" || finished
                }
                _ => false,
            })
        });
        all(&[absent, not(self.severe(m))])
    }

    fn premium_unpaid(&self, m: u8) -> Known {
        if !self.labour_age(m) {
            return Some(false);
        }
        let unpaid = self.if_fresh(Dataset::InsurancePayment, || {
            let (since, now) = (self.at.pension.as_str(), self.at.month.as_str());
            !self.mine(m).any(
                |r| matches!(r, Row::InsurancePayment(p) if since <= p.paid_month.as_str() && p.paid_month.as_str() <= now),
            )
        });
        all(&[self.support_identity(m), not(self.in_school(m)), unpaid])
    }

    fn renovation_late(&self) -> Known {
        self.if_fresh(Dataset::HouseRenovation, || {
            self.rows.iter().any(|(_, row)| match row {
                Row::HouseRenovation(h) if h.accepted_on.is_empty() => {
                    h.planned_on < self.at.not_finished
                        || (h.started_on.is_empty() && h.planned_on < self.at.not_started)
                }
                _ => false,
            })
        })
    }

    fn nobody_employed(&self) -> Known {
        if self.household.rural {
            return Some(false);
        }
        let registered = |m: u8| {
            self.if_fresh(Dataset::Unemployment, || {
                self.mine(m).any(|row| match row {
                    Row::Unemployment(u) => {
                        u.registered_on <= self.at.iso && (u.ended_on.is_empty() || u.ended_on > self.at.iso)
                    }
                    _ => false,
                })
            })
        };
        let able = count(self.members().map(|m| self.able(m)))?;
        let without = count(self.members().map(|m| all(&[self.able(m), registered(m)])));
        all(&[Some(able >= 1), without.map(|n| n == able)])
    }

    fn house_lost_unaided(&self) -> Known {
        let lost = || {
            self.rows.iter().filter_map(|(_, row)| match row {
                Row::DisasterLoss(l) => {
                    let house = l.house_damage == "severe" || l.house_damage == "collapsed";
                    (house && self.at.within(&l.ended_on, &self.at.house_lost)).then_some(l.ended_on.as_str())
                }
                _ => None,
            })
        };
        let last = lost().max();
        let unaided = self.if_fresh(Dataset::DisasterRelief, || {
            !self.rows.iter().any(|(_, row)| match row {
                Row::DisasterRelief(r) => {
                    let counts = r.kind == "transitional" && r.given_on <= self.at.iso;
                    counts && Some(r.given_on.as_str()) >= last
                }
                _ => false,
            })
        });
        // Whether the income went too is in the ledger of events; without the ledger the household is asked.
        let income_lost = self.if_fresh(Dataset::Event, || {
            self.rows.iter().any(|(_, row)| match row {
                Row::Event(e) => e.income_lost && self.at.within(&e.ended_on, &self.at.house_lost),
                _ => false,
            })
        });
        let income_lost = income_lost.unwrap_or(true);
        all(&[self.if_fresh(Dataset::DisasterLoss, || last.is_some()), Some(income_lost), unaided])
    }

    fn cancer_underaided(&self, m: u8) -> Known {
        let underaided = self.if_fresh(Dataset::TwoCancerPatient, || {
            self.mine(m).any(|row| match row {
                Row::TwoCancerPatient(c) => {
                    c.diagnosed_on < self.at.cancer && c.aided_fen < self.lines.beside.cancer_aid_fen
                }
                _ => false,
            })
        });
        all(&[self.support_identity(m), underaided])
    }
}
