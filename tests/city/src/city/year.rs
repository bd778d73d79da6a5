//! How known lives go on when the bureaus send for longer than a play can last: wages bring their premiums every month and
//! aid its payments, who was ill in a month is ill in it again, premiums are paid for the new year, reviews come round. So
//! every monthly feed has its month, and what a clean life has does not run out. No chance is in it. The dead are not told
//! apart: what was on its way to them still comes.

use chrono::{Datelike as _, Months, NaiveDate};

use super::When;
use crate::{
    calendar::{end, plus, start},
    dataset::{Dataset, Rhythm, Row, date, iso, month},
};

type Told = (When, u8, Row);

/// Days after which aid is reviewed again.
const REVIEW_DAYS: u64 = 85;
/// Days of the month before aid is paid.
const PAY_DAY: u64 = 9;

/// What bureaus learn of a household up to a last day, beside what is known of it.
pub(super) fn rows<'a>(known: impl Iterator<Item = &'a Told>, last: NaiveDate) -> Vec<Told> {
    let mut more = Vec::new();
    let known: Vec<&Told> = known.collect();
    let insured: Vec<u8> = known.iter().filter(|(_, _, row)| is_enrolled(row, "2027")).map(|told| told.1).collect();
    for (_, member, row) in known {
        let mut tell = |day: NaiveDate, row: Row| {
            if day <= last {
                more.push((When::On(day), *member, row));
            }
        };
        match row {
            Row::Enrolment(_) if is_enrolled(row, "2026") && !insured.contains(member) => {
                tell(plus(start(), 55), changed(row, |row| set_year(row, "2027")));
            }
            Row::InsurancePayment(p) if p.kind == "resident" => {
                tell(
                    first_due(Dataset::InsurancePayment, day(2027, 3)),
                    changed(row, |row| set_month(row, day(2027, 3))),
                );
            }
            Row::InsurancePayment(p) if p.kind == "flexible" || p.paid_month == "2026-12" => {
                for month in months(day(2027, 1), last) {
                    tell(first_due(Dataset::InsurancePayment, month), changed(row, |row| set_month(row, month)));
                }
            }
            Row::OutpatientMonth(_) => {
                for month in months(day(2026, 10), last) {
                    tell(first_due(Dataset::OutpatientMonth, next(month)), changed(row, |row| set_month(row, month)));
                }
            }
            Row::CivilPayment(p) if p.paid_month == 202_610 && !p.returned => {
                for month in months(day(2026, 11), last) {
                    let told = first_due(Dataset::CivilPayment, plus(month, PAY_DAY));
                    tell(told, changed(row, |row| set_month(row, month)));
                }
            }
            Row::Settlement(s) => again(&s.settled_on, 365, last, |on| {
                let row = changed(row, |row| {
                    if let Row::Settlement(s) = row {
                        s.settled_on = iso(on);
                        s.visit_no = format!("{}-{}", s.visit_no, on.year());
                    }
                });
                tell(first_due(Dataset::Settlement, on), row);
            }),
            Row::CivilReview(r) => again(&r.reviewed_on, REVIEW_DAYS, last, |on| {
                let row = changed(row, |row| {
                    if let Row::CivilReview(r) = row {
                        r.reviewed_on = iso(on);
                    }
                });
                tell(first_due(Dataset::CivilReview, on), row);
            }),
            Row::SelfCare(s) => again(&s.assessed_on, 330, last, |on| {
                let row = changed(row, |row| {
                    if let Row::SelfCare(s) = row {
                        s.assessed_on = iso(on);
                    }
                });
                tell(first_due(Dataset::SelfCare, on), row);
            }),
            Row::SchoolCost(c) if c.school_year == "2026-2027" => {
                let row = changed(row, |row| {
                    if let Row::SchoolCost(c) = row {
                        c.school_year = "2027-2028".to_owned();
                    }
                });
                tell(first_due(Dataset::SchoolCost, day(2027, 9)), row);
            }
            _ => {}
        }
    }
    more
}

fn is_enrolled(row: &Row, year: &str) -> bool {
    matches!(row, Row::Enrolment(e) if e.year == year)
}

fn changed(row: &Row, change: impl Fn(&mut Row)) -> Row {
    let mut row = row.clone();
    change(&mut row);
    row
}

fn set_year(row: &mut Row, year: &str) {
    if let Row::Enrolment(e) = row {
        e.year = year.to_owned();
    }
}

fn set_month(row: &mut Row, of: NaiveDate) {
    let number = of.year() * 100 + i32::try_from(of.month()).unwrap_or(0);
    match row {
        Row::InsurancePayment(p) => p.paid_month = month(of),
        Row::OutpatientMonth(o) => o.paid_month = number,
        Row::CivilPayment(p) => {
            p.paid_month = number;
            p.paid_on = iso(plus(of, PAY_DAY));
        }
        _ => {}
    }
}

/// The same at a distance of so many days, beyond what a play reaches.
fn again(first: &str, days: u64, last: NaiveDate, mut tell: impl FnMut(NaiveDate)) {
    let mut on = date(first);
    while let Some(day) = on.filter(|day| *day <= last) {
        if day > end() {
            tell(day);
        }
        on = Some(plus(day, days));
    }
}

/// First days of the months up to a last day.
pub(super) fn months(from: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    (0..).map_while(move |n| from.checked_add_months(Months::new(n))).take_while(move |day| *day <= last)
}

pub(super) fn next(month: NaiveDate) -> NaiveDate {
    month.checked_add_months(Months::new(1)).unwrap_or(month)
}

/// The first day from a day on that a dataset's rhythm names; where there is none the day itself.
pub(super) fn first_due(dataset: Dataset, day: NaiveDate) -> NaiveDate {
    match dataset.rhythm() {
        Rhythm::OnEvent => day,
        rhythm => day.iter_days().take(62).find(|day| rhythm.due_today(*day)).unwrap_or(day),
    }
}

fn day(year: i32, month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default()
}
