//! What follows from what people do with the mesh for a household: visits, checks, receipts, answers, and the aid that
//! is far below what is needed.

use std::collections::HashMap;

use chrono::{Datelike as _, Months, NaiveDate};

use super::view::{FOUR, Known, LOW_INCOME, View, all};
use crate::{
    calendar::{self, minus},
    dataset::{Dataset, Row, date, iso},
    household::Class,
    indicator::Indicator,
};

/// A visit somebody made.
#[derive(Clone, Debug)]
pub struct Visit {
    pub on: NaiveDate,
    pub minutes: i32,
    /// Somebody was met; there is a photo.
    pub met: bool,
    pub photo: bool,
    /// A group that must be visited was ticked.
    pub ticked: bool,
    /// For the check of a work order.
    pub check: bool,
}

/// An answer a bureau gave, or aid it gave unasked.
#[derive(Clone, Debug)]
pub struct Record {
    pub refused: bool,
    pub papers: bool,
    pub amount_fen: i64,
    pub handled_on: NaiveDate,
    pub paid_on: Option<NaiveDate>,
}

/// Of every household.
#[derive(Default)]
pub(super) struct Deeds {
    pub visits: HashMap<u32, Vec<Visit>>,
    pub records: HashMap<u32, Vec<Record>>,
    /// Last days of the months in which a bureau's ledger lacks a record about them.
    pub differing: HashMap<u32, Vec<NaiveDate>>,
    /// Days on which red work orders were opened that were found true.
    pub red: HashMap<u32, Vec<NaiveDate>>,
    /// Warnings that a check found not true, and its day.
    pub not_true: HashMap<u32, Vec<(Indicator, NaiveDate)>>,
}

/// Of one household.
#[derive(Clone, Copy, Default)]
pub(super) struct Done<'a> {
    /// A referral is over its time; one is settled while another waits long; one that is open was not signed for in time.
    pub overdue: bool,
    pub forgotten: bool,
    pub unsigned: bool,
    pub visits: &'a [Visit],
    pub records: &'a [Record],
    pub differing: &'a [NaiveDate],
    pub red: &'a [NaiveDate],
    pub not_true: &'a [(Indicator, NaiveDate)],
}

impl Deeds {
    pub fn of(&self, household: u32) -> Done<'_> {
        Done {
            visits: self.visits.get(&household).map_or(&[], Vec::as_slice),
            records: self.records.get(&household).map_or(&[], Vec::as_slice),
            differing: self.differing.get(&household).map_or(&[], Vec::as_slice),
            red: self.red.get(&household).map_or(&[], Vec::as_slice),
            not_true: self.not_true.get(&household).map_or(&[], Vec::as_slice),
            ..Done::default()
        }
    }
}

fn months_of(day: NaiveDate) -> i32 {
    day.year() * 12 + i32::try_from(day.month()).unwrap_or(0)
}

impl View<'_> {
    /// None when another file answers for the indicator.
    pub(super) fn deeds_at_home(&self, indicator: Indicator) -> Option<Known> {
        let (done, lines, today) = (&self.done, &self.lines.offices, self.at.today);
        let since = |days: u64| minus(today, days);
        Some(match indicator {
            Indicator::A27 => {
                Some(done.visits.iter().any(|v| v.ticked && (since(lines.visit_days)..=today).contains(&v.on)))
            }
            Indicator::B28 => self.red_and_unaided(),
            Indicator::B37 => self.aid_far_below_need(),
            Indicator::P01 => Some(done.unsigned),
            Indicator::P03 => Some(done.records.iter().any(|r| r.refused && !r.papers)),
            Indicator::P04 => {
                let unpaid = |r: &Record| !r.refused && r.amount_fen > 0 && r.paid_on.is_none();
                Some(done.records.iter().any(|r| unpaid(r) && r.handled_on < since(lines.cycle_days)))
            }
            Indicator::P08 => self.told_at_home(Dataset::CivilTemporaryAid, |row| match row {
                Row::CivilTemporaryAid(aid) => {
                    let open = !aid.paid_on.is_empty() && aid.papers_done_on.is_empty();
                    open && aid.paid_on < iso(since(lines.papers_days))
                }
                _ => false,
            }),
            // The books of every month are compared on the morning after it.
            Indicator::P12 => Some(done.differing.contains(&calendar::month_end_before(today))),
            Indicator::P13 => self.left_unheard(),
            Indicator::P15 => {
                let mut lately =
                    done.visits.iter().filter(|v| v.check && (since(lines.visit_days)..=today).contains(&v.on));
                Some(lately.any(|v| v.minutes < lines.visit_minutes || !v.photo))
            }
            Indicator::P17 => {
                let unfiled =
                    |row: &Row| matches!(row, Row::CivilRelativeFile(f) if f.related && f.filed_on.is_empty());
                all(&[Some(self.holds_any(&FOUR)), self.told_at_home(Dataset::CivilRelativeFile, unfiled)])
            }
            Indicator::P18 => self.unvisited(),
            Indicator::P20 => {
                let lately = done.not_true.iter().filter(|(_, on)| *on >= since(lines.false_alarm_days));
                let mut times: HashMap<Indicator, usize> = HashMap::new();
                lately.for_each(|(of, _)| *times.entry(*of).or_default() += 1);
                Some(times.values().any(|times| *times >= lines.false_alarms))
            }
            _ => return None,
        })
    }

    /// A settlement lately went without the identity that counts.
    pub(super) fn identity_failed(&self, m: u8) -> Known {
        let failed = self.told(m, Dataset::PolicyShare, |row| match row {
            Row::PolicyShare(p) => !p.identity_accepted && self.lately(&p.settled_on, self.lines.offices.identity_days),
            _ => false,
        });
        all(&[failed, self.support_identity(m)])
    }

    fn red_and_unaided(&self) -> Known {
        let lines = &self.lines.offices;
        let lately = self.done.red.iter().filter(|on| **on >= minus(self.at.today, lines.red_days));
        let Some(red) = lately.max().copied() else { return Some(false) };
        let unaided = self.if_fresh(Dataset::CivilTemporaryAid, || {
            !self.rows.iter().any(|(_, row)| match row {
                Row::CivilTemporaryAid(aid) => aid.opened_on >= iso(red) && aid.opened_on <= self.at.iso,
                _ => false,
            })
        });
        all(&[Some(red <= minus(self.at.today, lines.temporary_wait_days)), unaided])
    }

    fn left_unheard(&self) -> Known {
        let days = self.lines.offices.exit_days;
        let left = self.told_at_home(Dataset::CivilExit, |row| match row {
            Row::CivilExit(e) => {
                let class = ["minimum_living", "destitute", "edge"].contains(&e.assistance_class.as_str());
                class && e.reason != "death" && self.lately(&e.left_on, days)
            }
            _ => false,
        });
        let in_order = self.if_fresh(Dataset::CivilDecision, || {
            let ended = self.rows.iter().filter_map(|(_, row)| match row {
                Row::CivilDecision(d) if d.decision == "ended" && self.lately(&d.decided_on, 2 * days) => Some(d),
                _ => None,
            });
            ended.max_by_key(|d| &d.decided_on).is_some_and(|d| {
                let noticed = !d.notice_on.is_empty() && d.notice_on <= self.at.iso;
                noticed && !d.heard_on.is_empty() && d.heard_on <= d.decided_on
            })
        });
        all(&[left, in_order.map(|in_order| !in_order)])
    }

    /// Nobody met the household for as long as it may be, from when it was watched and on the roster.
    fn unvisited(&self) -> Known {
        let alone = self.heads() == 1 && self.severe(0) == Some(true);
        let monthly = self.whole(&[Class::Destitute]) || self.monitored() == Some(true) || alone;
        // Quarters and half-years are longer than any play.
        if !monthly {
            return Some(false);
        }
        let recognised = self.classes.iter().filter(|h| LOW_INCOME.contains(&h.class)).map(|h| h.valid_from).min();
        let monitored = self.rows.iter().filter_map(|(_, row)| match row {
            Row::MonitoredHousehold(m) if m.risk_state != "removed" => date(&m.entered_on),
            _ => None,
        });
        let monitored = self.if_fresh(Dataset::MonitoredHousehold, || monitored.min()).flatten();
        let watched = recognised.into_iter().chain(monitored).min().unwrap_or(NaiveDate::MAX);
        let met = self.done.visits.iter().filter(|v| v.met).map(|v| v.on).max();
        let from = watched.max(calendar::start()).max(met.unwrap_or(NaiveDate::MIN));
        all(&[self.watched(), Some(from < minus(self.at.today, self.lines.offices.visit_monthly_days))])
    }

    /// Aid of the last full months against what the year's forced expenditure has above the income.
    fn aid_far_below_need(&self) -> Known {
        let Some(cost) = self.forced_cost() else { return all(&[self.watched(), None]) };
        let gap = (cost - self.household.income_fen).max(0);
        let span = self.lines.offices.aid_gap_months;
        let counts = |paid: NaiveDate| (1..=span).contains(&(months_of(self.at.today) - months_of(paid)));
        let low = self.if_fresh(Dataset::CivilPayment, || {
            let own: i64 = self
                .rows
                .iter()
                .filter_map(|(_, row)| match row {
                    Row::CivilPayment(p) if !p.returned && date(&p.paid_on).is_some_and(counts) => Some(p.amount_fen),
                    _ => None,
                })
                .sum();
            let others: i64 =
                self.done.records.iter().filter(|r| r.paid_on.is_some_and(counts)).map(|r| r.amount_fen).sum();
            (own + others) * 1_200 < self.lines.aid_gap_percent * i64::from(span) * gap
        });
        all(&[self.watched(), Some(gap > 0), low])
    }

    /// Living, medicine within the policy's scope, school.
    fn forced_cost(&self) -> Option<i64> {
        let inside = |m: u8| {
            let held = |row: &Row| matches!(row, Row::JusticeCustody(c) if self.held(c));
            self.told(m, Dataset::JusticeCustody, held) == Some(true)
        };
        let counted: Vec<u8> = self.members().filter(|m| !inside(*m)).collect();
        let heads = i64::try_from(counted.len()).unwrap_or(0);
        let year = self.at.today.checked_sub_months(Months::new(12)).map(iso)?;
        let of_year = |on: &str| on > year.as_str() && on <= self.at.iso.as_str();
        let mut cost = self.standard_fen() * 12 * heads;
        for m in counted {
            let shares = self.if_fresh(Dataset::PolicyShare, || {
                let shares = self.mine(m).filter_map(|row| match row {
                    Row::PolicyShare(p) if of_year(&p.settled_on) => Some(p.in_policy_own_fen),
                    _ => None,
                });
                shares.sum::<i64>()
            });
            let bills = || {
                self.if_fresh(Dataset::Settlement, || {
                    let bills = self.mine(m).filter_map(|row| match row {
                        Row::Settlement(s) if of_year(&s.settled_on) => Some(s.own_paid_fen),
                        _ => None,
                    });
                    bills.sum::<i64>()
                })
            };
            cost += shares.or_else(bills)?;
        }
        let first = format!("{}-{}", year_before(self.at.today), year_before(self.at.today) + 1);
        cost += self.if_fresh(Dataset::SchoolCost, || {
            let of = |m: u8| {
                let years = self.mine(m).filter_map(|row| match row {
                    Row::SchoolCost(c) if c.school_year >= first => Some(c),
                    _ => None,
                });
                years.max_by_key(|c| &c.school_year).map_or(0, |c| (c.tuition_fen + c.lodging_fen - c.aid_fen).max(0))
            };
            self.members().map(of).sum::<i64>()
        })?;
        Some(cost)
    }
}

/// The school year a year ago began in this year.
fn year_before(today: NaiveDate) -> i32 {
    let then = minus(today, 365);
    if then.month() >= 9 { then.year() } else { then.year() - 1 }
}
