//! What follows from planted lives in classes C and P: aid that may have to change, and work that was left undone.

use super::view::{AIDED, Known, View, all, any, not};
use crate::{
    calendar::{minus, plus},
    dataset::{Dataset, Row, date, iso},
    household::Class,
    indicator::Indicator,
};

impl View<'_> {
    /// None when another file answers for the indicator.
    pub(super) fn change_of_person(&self, indicator: Indicator, m: u8) -> Option<Known> {
        Some(match indicator {
            Indicator::C05 => {
                let beside = &self.lines.beside;
                let soon = self.age_on(m, plus(self.at.today, beside.age_notice_days)) >= beside.elder_age;
                let lately = self.age_on(m, minus(self.at.today, beside.age_passed_days)) < beside.elder_age;
                Some(soon && lately && self.low_income())
            }
            Indicator::C04 => self.aid_of_a_minor_ends(m),
            Indicator::C07 => self.graduated(m),
            Indicator::C08 => self.left_school(m),
            Indicator::C19 => Some(self.whole(&[Class::MinimumLiving]) && self.joined_late(m)),
            Indicator::C22 => self.certificate_wrong(m),
            Indicator::C33 => self.ability_changed(m),
            _ => return None,
        })
    }

    /// None when another file answers for the indicator.
    pub(super) fn change_of_household(&self, indicator: Indicator) -> Option<Known> {
        Some(match indicator {
            Indicator::C12 => {
                Some(self.household.house_count > self.lines.beside.house_limit && self.holds_any(&AIDED))
            }
            Indicator::C30 => self.relieved_too_long(),
            Indicator::C15 => Some(self.assets_over()),
            Indicator::C20 => {
                let others = [Class::MinimumLiving, Class::Destitute, Class::Edge];
                Some(self.whole(&[Class::Rigid]) && self.whole(&others))
            }
            Indicator::C29 => self.monitoring_differs(),
            Indicator::P05 => Some(self.underpaid()),
            Indicator::P06 => Some(self.rise_not_applied()),
            Indicator::P16 => Some(self.done.forgotten),
            _ => return None,
        })
    }

    /// A member alone recognised as destitute, though neither old nor disabled, comes of age and is at no school.
    fn aid_of_a_minor_ends(&self, m: u8) -> Known {
        let beside = &self.lines.beside;
        let alone = self.classes.iter().any(|h| h.class == Class::Destitute && h.member == Some(m));
        let of_age = self.age_on(m, plus(self.at.today, beside.age_notice_days)) >= self.lines.adult_age;
        if !alone || !of_age || self.age(m) >= beside.elder_age {
            return Some(false);
        }
        let at_school = self.school(m, |stage, status| {
            let secondary = stage != "preschool" && stage != "higher";
            secondary && (status == "enrolled" || status == "suspended")
        });
        all(&[not(self.without_labour(m)), not(at_school)])
    }

    fn school(&self, m: u8, such: impl Fn(&str, &str) -> bool) -> Known {
        self.if_fresh(Dataset::StudentEnrolment, || {
            self.mine(m).any(|row| match row {
                Row::StudentEnrolment(s) => such(&s.stage, &s.status),
                _ => false,
            })
        })
    }

    fn graduated(&self, m: u8) -> Known {
        let began = self.at.today.checked_sub_months(chrono::Months::new(self.lines.beside.graduate_years * 12));
        let began = began.map(iso).unwrap_or_default();
        let graduated = self.if_fresh(Dataset::StudentEnrolment, || {
            self.mine(m).any(|row| match row {
                Row::StudentEnrolment(s) => s.status == "graduated" && grown_up(&s.stage) && s.enrolled_on > began,
                _ => false,
            })
        });
        all(&[Some(self.aided(m)), graduated, not(self.in_school(m))])
    }

    fn left_school(&self, m: u8) -> Known {
        let grown = self.age(m) >= self.lines.adult_age && self.whole(&[Class::MinimumLiving]);
        let alone = self.classes.iter().any(|h| h.class == Class::Destitute && h.member == Some(m));
        let left = self.if_fresh(Dataset::StudentEnrolment, || {
            let upper = self.mine(m).filter_map(|row| match row {
                Row::StudentEnrolment(s) if grown_up(&s.stage) => Some((&s.enrolled_on, s.status.as_str())),
                _ => None,
            });
            upper.max_by_key(|(on, _)| *on).is_some_and(|(_, now)| now == "dropped_out" || now == "suspended")
        });
        all(&[Some(grown || alone), left])
    }

    fn relieved_too_long(&self) -> Known {
        let struck = self.rows.iter().filter_map(|(_, row)| match row {
            Row::DisasterLoss(l) if l.ended_on <= self.at.iso => date(&l.ended_on),
            _ => None,
        });
        let end = struck.max().map(|last| iso(plus(last, self.lines.beside.transitional_days)));
        let after = self.if_fresh(Dataset::DisasterRelief, || {
            self.rows.iter().any(|(_, row)| match row {
                Row::DisasterRelief(r) => {
                    let counts = r.kind == "transitional" && r.given_on <= self.at.iso;
                    counts && end.as_ref().is_some_and(|end| r.given_on > *end)
                }
                _ => false,
            })
        });
        all(&[self.if_fresh(Dataset::DisasterLoss, || end.is_some()), after])
    }

    /// The register's books begin in 2015; who was born later joined on the day of birth.
    fn joined_late(&self, m: u8) -> bool {
        let births = || self.household.members.iter().map(|p| p.joined_on());
        let Some(joined) = self.household.members.get(usize::from(m)).map(|p| p.joined_on()) else { return false };
        joined >= self.at.new_member
            && joined <= self.at.today
            && births().min().is_some_and(|first| first < joined)
            && self.decided_on().is_none_or(|decided| decided < joined)
    }

    /// Of the seven checks those that can fail here: run out and treated as valid, dead and valid, paid without, paid
    /// after death.
    fn certificate_wrong(&self, m: u8) -> Known {
        let state = |wrong: &dyn Fn(&str, &str) -> bool| {
            self.if_fresh(Dataset::DisabilityCertificate, || {
                self.mine(m).any(|row| match row {
                    Row::DisabilityCertificate(c) => wrong(&c.state, &c.valid_to),
                    _ => false,
                })
            })
        };
        let run_out = state(&|state, until| state == "valid" && until < self.at.iso.as_str());
        let died = self.died(m);
        let still_valid = all(&[died, state(&|state, _| state == "valid")]);
        let mut wrong = vec![run_out, still_valid];
        for kind in ["care", "living"] {
            let paid = self.subsidised(m, kind);
            wrong.push(all(&[paid, not(self.certified(m, |_, _| true)), not(died)]));
            wrong.push(all(&[paid, died]));
        }
        any(&wrong)
    }

    fn ability_changed(&self, m: u8) -> Known {
        let decided = self.decided_on().map(iso).unwrap_or_default();
        let regraded = self.if_fresh(Dataset::DisabilityCertificate, || {
            let issued = self.mine(m).filter_map(|row| match row {
                Row::DisabilityCertificate(c) if c.issued_on <= self.at.iso => Some(c.issued_on.as_str()),
                _ => None,
            });
            issued.max().is_some_and(|on| self.at.within(on, &self.at.ability) && on > decided.as_str())
        });
        all(&[Some(self.aided(m)), any(&[regraded, self.new_disease(m)])])
    }

    /// Members who share the household's living: whoever is held in custody does not.
    fn counted_heads(&self) -> i64 {
        let held = |m: &u8| {
            self.told(*m, Dataset::JusticeCustody, |row| matches!(row, Row::JusticeCustody(c) if self.held(c)))
        };
        let away = self.members().filter(|m| held(m) == Some(true)).count();
        self.heads() - i64::try_from(away).unwrap_or(0)
    }

    fn assets_over(&self) -> bool {
        let beside = &self.lines.beside;
        let months = if self.whole(&AIDED) {
            beside.assets_aided
        } else if self.whole(&[Class::Rigid]) {
            beside.assets_rigid
        } else {
            beside.assets_edge
        };
        let in_class = self.holds_any(&AIDED) || self.whole(&[Class::Edge, Class::Rigid]);
        in_class && self.household.assets_fen > self.standard_fen() * months * self.counted_heads()
    }

    fn monitoring_differs(&self) -> Known {
        let in_register = self.holds_any(&[Class::ReturnToPoverty]);
        self.if_fresh(Dataset::MonitoredHousehold, || {
            let states = self.rows.iter().filter_map(|(_, row)| match row {
                Row::MonitoredHousehold(m) => Some((&m.entered_on, m.risk_state.as_str())),
                _ => None,
            });
            let newest = states.max_by_key(|(on, _)| *on).map(|(_, state)| state);
            (newest == Some("removed") && in_register) || (newest == Some("returned") && !in_register)
        })
    }

    /// What the whole household is paid a month.
    fn paid_fen(&self) -> i64 {
        let paid = self.classes.iter().filter(|h| h.member.is_none() && AIDED.contains(&h.class));
        paid.map(|h| h.amount_fen).sum()
    }

    /// Due a year by a monthly standard. Rural households are paid by tiers, which no bureau tells: unknown, so never.
    fn due_fen(&self, standard_fen: i64) -> i64 {
        (standard_fen * 12 * self.counted_heads() - self.household.income_fen).max(0)
    }

    fn underpaid(&self) -> bool {
        let tolerance = self.lines.beside.pay_tolerance_fen;
        !self.household.rural
            && self.whole(&[Class::MinimumLiving])
            && (self.paid_fen() + tolerance) * 12 < self.due_fen(self.standard_fen())
    }

    fn rise_not_applied(&self) -> bool {
        let beside = &self.lines.beside;
        let before = self.due_fen(beside.earlier_urban_fen) + beside.pay_tolerance_fen * 12;
        self.underpaid()
            && self.at.today > plus(beside.raised_on, beside.pay_cycle_days)
            && self.decided_on().is_none_or(|decided| decided < beside.raised_on)
            && self.paid_fen() * 12 <= before
    }
}

/// Stages after compulsory school.
fn grown_up(stage: &str) -> bool {
    stage == "senior_high" || stage == "vocational" || stage == "higher"
}
