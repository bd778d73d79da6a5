//! What the offices beside the nine bureaus make true: police, justice, market, tax, provident fund, civil affairs' own
//! books, water, the voices of the people.

use chrono::{Datelike as _, NaiveDate};

use super::{
    aid::running,
    view::{AIDED, FOUR, Known, View, all, any, count, not},
};
use crate::{
    calendar::{minus, plus},
    dataset::{Dataset, Row, date, iso},
    household::Class,
    indicator::Indicator,
};

/// Months since year zero, of a day.
pub(super) fn months_of(day: NaiveDate) -> i32 {
    day.year() * 12 + i32::try_from(day.month()).unwrap_or(0)
}

/// The same of a month written as year times 100 plus month.
pub(super) fn months_in(month: i32) -> i32 {
    month - 88 * (month / 100)
}

impl View<'_> {
    /// None when another file answers for the indicator.
    pub(super) fn office_of_person(&self, indicator: Indicator, m: u8) -> Option<Known> {
        let aided = Some(self.aided(m));
        Some(match indicator {
            Indicator::A18 => {
                let parents = all(&[self.parent(m, "father", true), self.parent(m, "mother", true)]);
                all(&[Some(self.age(m) < self.lines.adult_age), parents])
            }
            Indicator::B04 => self.orphan_unpaid(m),
            Indicator::B05 => self.unattended_unpaid(m),
            Indicator::B34 => all(&[Some(self.concerns(m, &FOUR)), self.funeral_charged(m)]),
            Indicator::C02 => all(&[aided, self.registration_gone(m)]),
            Indicator::C03 => {
                let term = |row: &Row| matches!(row, Row::JusticeCustody(c) if self.held(c) && c.term_months() > 0);
                all(&[aided, self.told(m, Dataset::JusticeCustody, term)])
            }
            Indicator::C13 => all(&[aided, self.told(m, Dataset::MarketEntity, |row| self.in_business(row))]),
            Indicator::C16 => all(&[aided, self.saves_for_housing(m)]),
            Indicator::C17 => {
                let paid = |row: &Row| matches!(row, Row::FinancePayroll(p) if self.runs(&p.since_on, &p.stopped_on));
                all(&[aided, self.told(m, Dataset::FinancePayroll, paid)])
            }
            Indicator::C18 => {
                let concerned = self.aided(m) || self.whole(&[Class::Edge]);
                let lately = |row: &Row| match row {
                    Row::CivilMarriage(c) => self.lately(&c.registered_on, self.lines.beside.new_member_days),
                    _ => false,
                };
                all(&[Some(concerned), self.told(m, Dataset::CivilMarriage, lately)])
            }
            Indicator::C21 => {
                let lately = |row: &Row| match row {
                    Row::ProvinceDuplicate(d) => self.lately(&d.found_on, self.lines.offices.duplicate_days),
                    _ => false,
                };
                all(&[aided, self.told(m, Dataset::ProvinceDuplicate, lately)])
            }
            Indicator::C27 => self.payments_come_back(m),
            _ => return None,
        })
    }

    /// None when another file answers for the indicator.
    pub(super) fn office_of_household(&self, indicator: Indicator) -> Option<Known> {
        let lines = &self.lines.offices;
        Some(match indicator {
            Indicator::A06 => self.earner_in_custody(),
            Indicator::A16 => self.told_at_home(Dataset::PoliceAccident, |row| match row {
                Row::PoliceAccident(a) => {
                    let grave = a.outcome == "death" || a.outcome == "serious_injury";
                    grave && self.lately(&a.happened_on, lines.accident_days)
                }
                _ => false,
            }),
            Indicator::A21 => self.water_unsafe(),
            Indicator::A23 => all(&[
                self.told_at_home(Dataset::CivilExit, |row| match row {
                    Row::CivilExit(e) => {
                        let class = ["minimum_living", "destitute", "edge"].contains(&e.assistance_class.as_str());
                        class && self.lately(&e.left_on, lines.relapse_days)
                    }
                    _ => false,
                }),
                self.struck_again(false),
            ]),
            Indicator::A24 => all(&[
                self.told_at_home(Dataset::CivilDecision, |row| match row {
                    Row::CivilDecision(d) => d.decision == "refused" && self.lately(&d.decided_on, lines.refused_days),
                    _ => false,
                }),
                self.struck_again(true),
            ]),
            Indicator::A26 => self.hand_raised(),
            Indicator::B36 => self.told_at_home(Dataset::CivilNeed, |row| match row {
                Row::CivilNeed(n) => {
                    n.taken_on.is_empty() && n.opened_on < iso(minus(self.at.today, lines.need_open_days))
                }
                _ => false,
            }),
            Indicator::C14 => self.taxed_above_standard(),
            Indicator::C25 => self.grace_ends(),
            Indicator::C26 => self.reviewed_above_standard(),
            Indicator::C28 => all(&[Some(self.holds_any(&FOUR)), self.other_size_registered()]),
            Indicator::C32 => self.home_given_up(),
            Indicator::P07 => self.price_allowance_unpaid(),
            Indicator::P09 => self.reserve_fund_low(),
            Indicator::P14 => self.notice_too_short(),
            Indicator::P19 => self.if_fresh(Dataset::VoiceMatter, || {
                let lately = |row: &&(u8, Row)| match &row.1 {
                    Row::VoiceMatter(v) => self.lately(&v.spoken_on, lines.complaint_days),
                    _ => false,
                };
                self.rows.iter().filter(lately).count() >= lines.complaints
            }),
            _ => return None,
        })
    }

    pub(super) fn told(&self, m: u8, dataset: Dataset, such: impl Fn(&Row) -> bool) -> Known {
        self.if_fresh(dataset, || self.mine(m).any(such))
    }

    pub(super) fn told_at_home(&self, dataset: Dataset, such: impl Fn(&Row) -> bool) -> Known {
        self.if_fresh(dataset, || self.rows.iter().any(|(_, row)| such(row)))
    }

    /// In the days that end today.
    pub(super) fn lately(&self, day: &str, days: u64) -> bool {
        self.at.within(day, &iso(minus(self.at.today, days)))
    }

    pub(super) fn runs(&self, from: &str, to: &str) -> bool {
        running(from, to, self.today())
    }

    pub(super) fn held(&self, custody: &minqing_proto::minqing::bureau::outside::v1::JusticeCustody) -> bool {
        self.runs(&custody.entered_on, &custody.left_on)
    }

    /// Whether a parent is dead, missing or not to be found, or (with `unable`) cannot raise the child.
    fn parent(&self, m: u8, parent: &str, unable: bool) -> Known {
        let gone = ["dead", "not_found", "declared_missing"];
        let cannot = ["severe_disability", "severe_illness", "in_custody", "drug_isolation", "restricted"];
        self.told(m, Dataset::PoliceParent, |row| {
            let Row::PoliceParent(p) = row else { return false };
            let state = p.state.as_str();
            let months = || date(&p.since_on).map_or(0, |since| self.months_since(since));
            let lost = || state == "out_of_contact" && months() >= self.lines.offices.lost_contact_months;
            let such = gone.contains(&state) || (unable && (cannot.contains(&state) || lost()));
            p.parent == parent && p.since_on.as_str() <= self.today() && such
        })
    }

    fn orphan_unpaid(&self, m: u8) -> Known {
        let granted = self.told(m, Dataset::CivilChild, |row| match row {
            Row::CivilChild(c) => {
                let goes_on = c.stopped_on.is_empty() || c.stopped_on.as_str() > self.today();
                ["orphan", "unattended_child"].contains(&c.kind.as_str()) && c.amount_fen() > 0 && goes_on
            }
            _ => false,
        });
        let parents = all(&[self.parent(m, "father", false), self.parent(m, "mother", false)]);
        all(&[Some(self.age(m) < self.lines.adult_age), parents, not(granted)])
    }

    fn unattended_unpaid(&self, m: u8) -> Known {
        let since = minus(self.at.today, self.lines.offices.unpaid_days);
        let recognised = |h: &crate::household::Held| {
            h.class == Class::UnattendedChild && h.member.is_none_or(|of| of == m) && h.valid_from <= since
        };
        let paid = self.told(m, Dataset::CivilPayment, |row| match row {
            Row::CivilPayment(p) => p.programme == "P-JB-06" && !p.returned && self.at.within(&p.paid_on, &iso(since)),
            _ => false,
        });
        all(&[Some(self.classes.iter().any(recognised)), not(paid)])
    }

    fn funeral_charged(&self, m: u8) -> Known {
        self.told(m, Dataset::CivilFuneral, |row| match row {
            Row::CivilFuneral(f) => f.charged_fen > 0 && self.lately(&f.cremated_on, self.lines.offices.funeral_days),
            _ => false,
        })
    }

    fn registration_gone(&self, m: u8) -> Known {
        self.if_fresh(Dataset::PoliceHouseholdRegister, || {
            let states = self.mine(m).filter_map(|row| match row {
                Row::PoliceHouseholdRegister(r) if r.changed_on.as_str() <= self.today() => Some(r),
                _ => None,
            });
            let newest = states.max_by_key(|r| &r.changed_on);
            newest.is_some_and(|r| r.state == "cancelled" || r.state == "moved_out")
        })
    }

    fn in_business(&self, row: &Row) -> bool {
        let Row::MarketEntity(e) = row else { return false };
        let role = e.role.as_str();
        let company = e.kind == "company" && ["legal_representative", "shareholder", "employer"].contains(&role);
        let large = e.capital_fen() > self.lines.offices.self_employed_capital_fen;
        let own = e.kind == "self_employed" && ["operator", "employer"].contains(&role) && large;
        e.state == "active" && e.set_up_on.as_str() <= self.today() && (company || own)
    }

    fn saves_for_housing(&self, m: u8) -> Known {
        self.if_fresh(Dataset::ProvidentAccount, || {
            let months = self.mine(m).filter_map(|row| match row {
                Row::ProvidentAccount(a) => Some(months_in(a.last_month)),
                _ => None,
            });
            let since = months_of(self.at.today) - months.max().unwrap_or(0);
            (0..=self.lines.offices.fund_months).contains(&since)
        })
    }

    fn payments_come_back(&self, m: u8) -> Known {
        self.if_fresh(Dataset::CivilPayment, || {
            let payments = || self.mine(m).filter_map(|r| if let Row::CivilPayment(p) = r { Some(p) } else { None });
            let recent = 0..=self.lines.offices.returned_months;
            let returned: std::collections::BTreeSet<i32> = payments()
                .filter(|p| p.returned && recent.contains(&(months_of(self.at.today) - months_in(p.paid_month))))
                .map(|p| p.paid_month)
                .collect();
            let received = payments().filter(|p| !p.paid_on.is_empty() && !p.returned).map(|p| p.paid_month).max();
            let never_since = returned.first().is_some_and(|first| received.unwrap_or(0) < *first);
            returned.len() >= self.lines.offices.returned_payments && never_since
        })
    }

    fn earner_in_custody(&self) -> Known {
        let entered = |m: u8| {
            self.told(m, Dataset::JusticeCustody, |row| match row {
                Row::JusticeCustody(c) => self.held(c) && self.lately(&c.entered_on, self.lines.offices.custody_days),
                _ => false,
            })
        };
        let inside =
            |m| self.told(m, Dataset::JusticeCustody, |row| matches!(row, Row::JusticeCustody(c) if self.held(c)));
        let earners = self.members().map(|m| all(&[Some(self.labour_age(m)), entered(m)]));
        let dependants = self.members().map(|m| {
            let years = self.age(m) < self.lines.adult_age || self.age(m) >= self.lines.beside.elder_age;
            all(&[any(&[Some(years), self.certified(m, |_, _| true)]), not(inside(m))])
        });
        all(&[Some(!self.holds_any(&AIDED)), count(earners).map(|n| n > 0), any(&dependants.collect::<Vec<_>>())])
    }

    fn water_unsafe(&self) -> Known {
        self.if_fresh(Dataset::WaterSupply, || {
            let tests = self.rows.iter().filter_map(|(_, row)| match row {
                Row::WaterSupply(w) if w.tested_on.as_str() <= self.today() => Some(w),
                _ => None,
            });
            let newest = tests.max_by_key(|w| &w.tested_on);
            newest.is_some_and(|w| !w.passed || w.cut_days() > self.lines.offices.water_cut_days)
        })
    }

    /// Any of the signs A08 to A19, or from A05 on.
    fn struck_again(&self, from_a05: bool) -> Known {
        let mut of_person = vec![
            Indicator::A08,
            Indicator::A09,
            Indicator::A10,
            Indicator::A11,
            Indicator::A12,
            Indicator::A13,
            Indicator::A17,
            Indicator::A18,
        ];
        let mut of_household = vec![Indicator::A15, Indicator::A16, Indicator::A19];
        if from_a05 {
            of_person.push(Indicator::A05);
            of_household.extend([Indicator::A06, Indicator::A07]);
        }
        let persons = self.members().flat_map(|m| of_person.iter().map(move |i| (*i, m)));
        let mut signs: Vec<Known> = persons.map(|(indicator, m)| self.personal(indicator, m)).collect();
        signs.extend(of_household.into_iter().map(|indicator| self.shared(indicator)));
        any(&signs)
    }

    fn hand_raised(&self) -> Known {
        let open = |closed_on: &str| closed_on.is_empty() || closed_on > self.today();
        let spoken = self.told_at_home(Dataset::VoiceMatter, |row| match row {
            Row::VoiceMatter(v) => v.hardship && v.spoken_on.as_str() <= self.today() && open(&v.closed_on),
            _ => false,
        });
        let reported = self.told_at_home(Dataset::OneKeyReport, |row| match row {
            Row::OneKeyReport(r) => r.reported_on.as_str() <= self.today() && open(&r.closed_on),
            _ => false,
        });
        any(&[spoken, reported])
    }

    fn taxed_above_standard(&self) -> Known {
        let over = self.if_fresh(Dataset::TaxIndividualIncome, || {
            let taxed = self.rows.iter().filter_map(|(_, row)| match row {
                Row::TaxIndividualIncome(t) => {
                    Some((months_of(self.at.today) - months_in(t.income_month), t.income_fen))
                }
                _ => None,
            });
            let year: i64 = taxed.filter(|(ago, _)| (1..=12).contains(ago)).map(|(_, fen)| fen).sum();
            year > self.standard_fen() * 12 * self.heads()
        });
        all(&[Some(self.whole(&[Class::MinimumLiving])), over])
    }

    fn grace_ends(&self) -> Known {
        let ending = self.if_fresh(Dataset::CivilGrace, || {
            let until = self.rows.iter().filter_map(|(_, row)| match row {
                Row::CivilGrace(g) if g.started_on.as_str() <= self.today() => Some(g.until_on.as_str()),
                _ => None,
            });
            let notice = iso(plus(self.at.today, self.lines.offices.grace_notice_days));
            until.max().is_some_and(|until| until <= notice.as_str())
        });
        all(&[Some(self.holds_any(&AIDED)), ending])
    }

    fn reviewed_above_standard(&self) -> Known {
        let over = self.if_fresh(Dataset::CivilReview, || {
            let incomes: Vec<i64> = self
                .rows
                .iter()
                .filter_map(|(_, row)| match row {
                    Row::CivilReview(r) if self.lately(&r.reviewed_on, self.lines.offices.review_span_days) => {
                        Some(r.income_fen)
                    }
                    _ => None,
                })
                .collect();
            let lowest = incomes.iter().min().copied().unwrap_or(0);
            incomes.len() >= self.lines.offices.reviews && lowest > self.standard_fen() * 12 * self.heads()
        });
        all(&[Some(self.whole(&[Class::MinimumLiving])), over])
    }

    fn other_size_registered(&self) -> Known {
        self.if_fresh(Dataset::PoliceHouseholdRegister, || {
            let sizes = self.rows.iter().filter_map(|(_, row)| match row {
                Row::PoliceHouseholdRegister(r) if r.state == "registered" => r.registered_members,
                _ => None,
            });
            let registered = i64::from(sizes.max().unwrap_or(0));
            registered > 0 && registered != self.heads()
        })
    }

    fn home_given_up(&self) -> Known {
        let given_up = self.told_at_home(Dataset::EstateProperty, |row| match row {
            Row::EstateProperty(e) => {
                e.kind == "dwelling" && self.lately(&e.cancelled_on, self.lines.offices.house_sold_days)
            }
            _ => false,
        });
        let rental = self.told_at_home(
            Dataset::PublicRental,
            |row| matches!(row, Row::PublicRental(p) if self.runs(&p.started_on, &p.stopped_on)),
        );
        let planned = self.told_at_home(Dataset::HouseRenovation, |row| matches!(row, Row::HouseRenovation(_)));
        all(&[given_up, any(&[rental, planned])])
    }

    fn notice_too_short(&self) -> Known {
        self.told_at_home(Dataset::CivilDecision, |row| {
            let Row::CivilDecision(d) = row else { return false };
            let class = ["minimum_living", "destitute", "edge"].contains(&d.assistance_class.as_str());
            let shown = date(&d.public_from).zip(date(&d.public_to)).map_or(0, |(from, to)| (to - from).num_days() + 1);
            let lately = self.lately(&d.decided_on, self.lines.offices.notice_watch_days);
            class && d.decision == "confirmed" && lately && shown < self.lines.offices.notice_days
        })
    }
}
