//! Aid that civil affairs and the bureaus give beside the classes: supplements, assessments, housing, help to work,
//! winter, care, heating, allowances and re-verification, and who lacks it.

use chrono::Datelike as _;

use super::view::{AIDED, FOUR, Known, View, all, any, count, not, of_the_mind};
use crate::{
    calendar::{minus, plus},
    dataset::{Dataset, Row, date, iso},
    household::Class,
    indicator::Indicator,
};

/// Whether something runs today: begun, and not stopped.
pub(super) fn running(from: &str, to: &str, today: &str) -> bool {
    from <= today && (to.is_empty() || to > today)
}

impl View<'_> {
    /// None when another file answers for the indicator.
    pub(super) fn aid_of_person(&self, indicator: Indicator, m: u8) -> Option<Known> {
        Some(match indicator {
            Indicator::A28 => self.elder_alone_without_means(m),
            Indicator::B01 => self.supplement_missing(m),
            Indicator::B07 => self.assessment_old(m),
            Indicator::B21 => self.no_help_to_work(m),
            Indicator::B31 => self.day_care_missing(m),
            Indicator::B32 => self.visits_missing(m),
            Indicator::C06 => self.bracket_changes(m),
            Indicator::C24 => self.not_certified(m),
            _ => return None,
        })
    }

    /// None when another file answers for the indicator.
    pub(super) fn aid_of_household(&self, indicator: Indicator) -> Option<Known> {
        Some(match indicator {
            Indicator::B19 => self.housing_short(),
            Indicator::B26 => self.not_in_winter_list(),
            Indicator::B33 => self.heating_missing(),
            Indicator::C23 => self.review_overdue(),
            _ => return None,
        })
    }

    pub(super) fn today(&self) -> &str {
        self.at.iso.as_str()
    }

    /// Who is home cannot be seen from data; the visit asks whether a child lives near.
    fn elder_alone_without_means(&self, m: u8) -> Known {
        let lines = &self.lines.aid;
        let little = self.if_fresh(Dataset::Pension, || {
            let month: i64 = self
                .mine(m)
                .filter_map(|row| match row {
                    Row::Pension(p) if running(&p.started_on, &p.stopped_on, self.today()) => Some(p.monthly_fen),
                    _ => None,
                })
                .sum();
            month <= lines.basic_pension_fen
        });
        all(&[Some(self.age(m) >= lines.lone_elder_age && self.heads() == 1), little])
    }

    fn severe_certificate(&self, m: u8) -> Known {
        self.certified(m, |_, grade| grade <= 2)
    }

    fn supplement_missing(&self, m: u8) -> Known {
        let age = self.age(m);
        let ill = self.if_fresh(Dataset::MajorDisease, || {
            self.mine(m).any(|r| matches!(r, Row::MajorDisease(d) if d.diagnosed_on.as_str() <= self.today()))
        });
        let by_age = age < self.lines.adult_age || age >= self.lines.aid.classified_support_age;
        let paid = self.if_fresh(Dataset::CivilSupplement, || {
            let today = self.today();
            self.mine(m).any(
                |r| matches!(r, Row::CivilSupplement(s) if s.stopped_on.is_empty() || s.stopped_on.as_str() > today),
            )
        });
        let group = any(&[Some(by_age), self.severe_certificate(m), ill]);
        all(&[Some(self.concerns(m, &[Class::MinimumLiving])), group, not(paid)])
    }

    fn assessment_old(&self, m: u8) -> Known {
        let assessed = self.if_fresh(Dataset::SelfCare, || {
            let days = self.mine(m).filter_map(|row| match row {
                Row::SelfCare(s) if s.assessed_on.as_str() <= self.today() => Some(s.assessed_on.as_str()),
                _ => None,
            });
            days.max().unwrap_or_default()
        });
        let limit = iso(minus(self.at.today, self.lines.aid.care_review_days));
        let old = assessed.map(|day| day < limit.as_str());
        let stay = self.if_fresh(Dataset::LongStay, || {
            let days = self.mine(m).filter_map(|row| match row {
                Row::LongStay(s) if s.kind == "hospital" && s.entered_on.as_str() <= self.today() => {
                    Some(s.entered_on.as_str())
                }
                _ => None,
            });
            days.max().unwrap_or_default()
        });
        let changed = stay.zip(assessed).map(|(stay, assessed)| !stay.is_empty() && stay > assessed);
        all(&[Some(self.concerns(m, &[Class::Destitute])), any(&[old, changed])])
    }

    /// Insured as an employee or on one's own account lately.
    pub(super) fn insured_by_work(&self, m: u8) -> Known {
        self.if_fresh(Dataset::InsurancePayment, || {
            self.mine(m).any(|r| match r {
                Row::InsurancePayment(p) => {
                    p.kind != "resident" && p.paid_month >= self.at.work && p.paid_month <= self.at.month
                }
                _ => false,
            })
        })
    }

    fn no_help_to_work(&self, m: u8) -> Known {
        let registered = self.if_fresh(Dataset::Unemployment, || {
            let today = self.today();
            self.mine(m).any(|r| matches!(r, Row::Unemployment(u) if running(&u.registered_on, &u.ended_on, today)))
        });
        let helped = self.if_fresh(Dataset::EmploymentDifficult, || {
            let today = self.today();
            self.mine(m).any(|r| match r {
                Row::EmploymentDifficult(e) => {
                    e.registered_on.as_str() <= today && (e.valid_to.is_empty() || e.valid_to.as_str() >= today)
                }
                _ => false,
            })
        });
        all(&[self.watched(), self.able(m), registered, not(self.insured_by_work(m)), not(helped)])
    }

    /// Others in the household of an age to care and without a certificate.
    pub(super) fn other_carers(&self, m: u8) -> Option<usize> {
        let fit = |o: u8| {
            let age = self.age(o);
            let years = age >= self.lines.adult_age && age < self.lines.aid.carer_age;
            all(&[Some(years), not(self.certified(o, |_, _| true))])
        };
        count(self.members().filter(|o| *o != m).map(fit))
    }

    fn day_care_missing(&self, m: u8) -> Known {
        let lines = &self.lines.aid;
        let disability = self.certified(m, |category, grade| {
            of_the_mind(category) || (category == "physical" && grade <= lines.sunshine_grade)
        });
        let carers = self.other_carers(m).map(|n| n == 0);
        let served = self.if_fresh(Dataset::SunshineHome, || {
            let today = self.today();
            self.mine(m).any(|r| matches!(r, Row::SunshineHome(s) if running(&s.started_on, &s.stopped_on, today)))
        });
        let years = (lines.sunshine_age_from..=lines.sunshine_age_to).contains(&self.age(m));
        all(&[self.watched(), disability, Some(years), carers, not(served)])
    }

    fn visits_missing(&self, m: u8) -> Known {
        let alone = self.heads() == 1 && self.age(m) >= self.lines.beside.elder_age;
        let frail = self.if_fresh(Dataset::SelfCare, || {
            let assessed = self.mine(m).filter_map(|row| match row {
                Row::SelfCare(s) if s.assessed_on.as_str() <= self.today() => Some((&s.assessed_on, s.failed_items)),
                _ => None,
            });
            assessed.max().is_some_and(|(_, failed)| failed >= self.lines.aid.half_care_failures)
        });
        let served = self.if_fresh(Dataset::CivilCareService, || {
            let today = self.today();
            self.mine(m).any(|r| matches!(r, Row::CivilCareService(s) if running(&s.started_on, &s.stopped_on, today)))
        });
        let needed = any(&[Some(alone), self.severe_certificate(m), frail]);
        all(&[self.watched(), needed, not(served)])
    }

    fn bracket_changes(&self, m: u8) -> Known {
        let age = self.age_on(m, plus(self.at.today, self.lines.beside.age_notice_days));
        let due = self.lines.aid.age_brackets.iter().copied().filter(|bracket| age >= *bracket).max().unwrap_or(0);
        self.if_fresh(Dataset::CivilOldAgeAllowance, || {
            let paid = self.mine(m).filter_map(|row| match row {
                Row::CivilOldAgeAllowance(a) if running(&a.started_on, &a.stopped_on, self.today()) => Some(a.bracket),
                _ => None,
            });
            due > paid.max().unwrap_or(0)
        })
    }

    /// Not certified as living since the latest month of certification that is over.
    fn not_certified(&self, m: u8) -> Known {
        let (year, month) = (self.at.today.year(), i32::try_from(self.at.today.month()).unwrap_or(0));
        let [first, second] = self.lines.aid.survival_months;
        let window = if month > second {
            (year, second)
        } else if month > first {
            (year, first)
        } else {
            (year - 1, second)
        };
        let certified = self.if_fresh(Dataset::Pension, || {
            let pensions = self.mine(m).filter_map(|row| match row {
                Row::Pension(p) if running(&p.started_on, &p.stopped_on, self.today()) => {
                    Some(date(&p.certified_on).map(|day| (day.year(), i32::try_from(day.month()).unwrap_or(0))))
                }
                _ => None,
            });
            pensions.max()
        });
        let late = certified.map(|newest| newest.is_some_and(|month| month.is_none_or(|month| month < window)));
        all(&[Some(self.age(m) >= self.lines.beside.elder_age && self.low_income()), late])
    }

    fn housing_short(&self) -> Known {
        let area = self.if_fresh(Dataset::Dwelling, || {
            let area: i64 = self
                .rows
                .iter()
                .filter_map(|(_, row)| match row {
                    Row::Dwelling(d) => Some(i64::from(d.area_decimetres)),
                    _ => None,
                })
                .sum();
            area < self.lines.aid.housing_need_area * 100 * self.heads()
        });
        let rented = self.if_fresh(Dataset::PublicRental, || {
            let today = self.today();
            self.rows
                .iter()
                .any(|(_, r)| matches!(r, Row::PublicRental(p) if running(&p.started_on, &p.stopped_on, today)))
        });
        let short = any(&[Some(self.household.house_count == 0), area]);
        all(&[Some(!self.household.rural && self.holds_any(&FOUR)), short, not(rented)])
    }

    /// Winters, like school years, run from September.
    fn this_winter(&self, day: &str) -> bool {
        let year = |day: chrono::NaiveDate| day.year() - i32::from(day.month() < 9);
        day <= self.today() && date(day).is_some_and(|day| year(day) == year(self.at.today))
    }

    fn not_in_winter_list(&self) -> Known {
        let lines = &self.lines.aid;
        let month = self.at.today.month();
        let season = month >= lines.winter_list_month || month <= lines.winter_end_month;
        let since = iso(minus(self.at.today, lines.disaster_ledger_days));
        let struck = self.if_fresh(Dataset::DisasterLoss, || {
            self.rows.iter().any(|(_, r)| matches!(r, Row::DisasterLoss(l) if self.at.within(&l.ended_on, &since)))
        });
        let listed = self.if_fresh(Dataset::WinterSpring, || {
            self.rows.iter().any(|(_, r)| matches!(r, Row::WinterSpring(w) if self.this_winter(&w.listed_on)))
        });
        let given = self.if_fresh(Dataset::DisasterRelief, || {
            self.rows.iter().any(
                |(_, r)| matches!(r, Row::DisasterRelief(d) if d.kind == "winter_spring" && self.this_winter(&d.given_on)),
            )
        });
        all(&[Some(season && self.low_income()), struck, not(listed), not(given)])
    }

    fn heating_missing(&self) -> Known {
        let lines = &self.lines.aid;
        let month = minus(self.at.today, lines.heating_wait_days).month();
        let season = month >= lines.heating_from_month || month <= lines.heating_to_month;
        let paid = self.if_fresh(Dataset::CivilHeating, || {
            self.rows.iter().any(|(_, r)| matches!(r, Row::CivilHeating(h) if self.this_winter(&h.paid_on)))
        });
        all(&[Some(season && self.holds_any(&FOUR)), not(paid)])
    }

    /// Full months from a day to today.
    pub(super) fn months_since(&self, day: chrono::NaiveDate) -> i32 {
        let today = self.at.today;
        let months = |day: chrono::NaiveDate| day.year() * 12 + i32::try_from(day.month()).unwrap_or(0);
        months(today) - months(day) - i32::from(today.day() < day.day())
    }

    fn review_overdue(&self) -> Known {
        let lines = &self.lines.aid;
        let Some(decided) = self.decided_on().filter(|_| self.holds_any(&AIDED)) else { return Some(false) };
        let reviews = self.if_fresh(Dataset::CivilReview, || {
            let held = self.rows.iter().filter_map(|(_, row)| match row {
                Row::CivilReview(r) if r.reviewed_on.as_str() <= self.today() => Some(r),
                _ => None,
            });
            held.collect::<Vec<_>>()
        });
        let category = reviews.as_ref().and_then(|reviews| {
            let told = reviews.iter().filter(|r| !r.category.is_empty());
            told.max_by_key(|r| &r.reviewed_on).map(|r| r.category.as_str())
        });
        let weak = |m: u8| {
            let years = self.age(m) >= self.lines.beside.elder_age || self.age(m) < lines.child_age;
            any(&[Some(years), self.without_labour(m)])
        };
        let limit = if category == Some("C") {
            Some(if self.household.rural { lines.review_c_rural } else { lines.review_c_urban })
        } else if self.whole(&[Class::Destitute]) {
            Some(lines.review_stable)
        } else {
            let labour = any(&self.members().map(|m| not(weak(m))).collect::<Vec<_>>());
            labour.map(|labour| if labour { lines.review_unstable } else { lines.review_stable })
        };
        let last = reviews.map(|reviews| reviews.iter().filter_map(|r| date(&r.reviewed_on)).max());
        let long = limit.map(|limit| self.months_since(decided) >= limit);
        let unreviewed = last.zip(limit).map(|(last, limit)| last.is_none_or(|day| self.months_since(day) >= limit));
        all(&[long, unreviewed])
    }
}
