//! Two books compared, record by record. Records taken or corrected a short while ago may still be on their way to the
//! other side and make no difference yet.

use std::{cmp::Ordering, iter::Peekable, slice::Iter};

use chrono::{Datelike as _, Months, NaiveDate};

use super::decision::Decision;

/// Months compared, the current one included: a year and the month that may still change.
pub const MONTHS: u32 = 13;

/// A record's number and contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub record_no: String,
    pub amount_fen: i64,
    pub decision: Decision,
}

/// A record of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnEntry {
    pub entry: Entry,
    pub division_code: String,
    /// False: corrected so shortly ago that the other side may still count it.
    pub in_force: bool,
    /// Taken so shortly ago that the other side may not have it yet.
    pub on_its_way: bool,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    MissingThere,
    MissingHere,
    ContentDiffers,
}

impl Kind {
    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::MissingThere => "missing_there",
            Kind::MissingHere => "missing_here",
            Kind::ContentDiffers => "content_differs",
        }
    }

    /// The kind stored under a name.
    pub fn parse(text: &str) -> Option<Kind> {
        [Kind::MissingThere, Kind::MissingHere, Kind::ContentDiffers].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A record in which the books differ; a side that lacks it is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    pub kind: Kind,
    pub own: Option<&'a OwnEntry>,
    pub other: Option<&'a Entry>,
}

/// What differs between two lists in order of their numbers' bytes. Numbers of one list are expected to differ; one that
/// stands twice in the other side's is missing here once.
pub fn compare<'a>(own: &'a [OwnEntry], others: &'a [Entry]) -> Vec<Difference<'a>> {
    let mut found = Vec::new();
    let (mut own, mut others) = (own.iter().peekable(), others.iter().peekable());
    while let Some(order) = order(&mut own, &mut others) {
        let ours = if order == Ordering::Greater { None } else { own.next() };
        let theirs = if order == Ordering::Less { None } else { others.next() };
        let kind = match (ours, theirs) {
            (Some(ours), None) if ours.in_force && !ours.on_its_way => Kind::MissingThere,
            (Some(ours), Some(theirs)) if ours.in_force && ours.entry != *theirs => Kind::ContentDiffers,
            (None, Some(_)) => Kind::MissingHere,
            _ => continue,
        };
        found.push(Difference { kind, own: ours, other: theirs });
    }
    found
}

/// How the next records of both lists stand to each other; `None` when both have ended.
fn order(own: &mut Peekable<Iter<'_, OwnEntry>>, others: &mut Peekable<Iter<'_, Entry>>) -> Option<Ordering> {
    match (own.peek(), others.peek()) {
        (Some(ours), Some(theirs)) => Some(ours.entry.record_no.cmp(&theirs.record_no)),
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (None, None) => None,
    }
}

/// First days of the months compared on a day, newest first.
pub fn months(today: NaiveDate) -> Vec<NaiveDate> {
    let first = today.with_day(1).unwrap_or(today);
    (0..MONTHS).filter_map(|back| first.checked_sub_months(Months::new(back))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(record_no: &str) -> Entry {
        Entry { record_no: record_no.to_owned(), amount_fen: 100, decision: Decision::Granted }
    }

    fn own(record_no: &str) -> OwnEntry {
        OwnEntry { entry: entry(record_no), division_code: String::new(), in_force: true, on_its_way: false }
    }

    fn kinds(own: &[OwnEntry], others: &[Entry]) -> Vec<(Kind, String)> {
        let number = |d: &Difference<'_>| match (d.own, d.other) {
            (Some(ours), _) => ours.entry.record_no.clone(),
            (None, Some(theirs)) => theirs.record_no.clone(),
            (None, None) => String::new(),
        };
        compare(own, others).iter().map(|d| (d.kind, number(d))).collect()
    }

    #[test]
    fn each_record_is_found_by_its_number() {
        let other = Entry { amount_fen: 200, ..entry("D") };
        let refused = Entry { decision: Decision::Refused, ..entry("E") };
        let found = kinds(&[own("A"), own("B"), own("D"), own("E")], &[entry("B"), entry("C"), other, refused]);
        let expected = [
            (Kind::MissingThere, "A".to_owned()),
            (Kind::MissingHere, "C".to_owned()),
            (Kind::ContentDiffers, "D".to_owned()),
            (Kind::ContentDiffers, "E".to_owned()),
        ];
        assert_eq!(found, expected);
        assert!(kinds(&[own("A")], &[entry("A")]).is_empty());
    }

    #[test]
    fn what_is_on_its_way_makes_no_difference_but_may_not_change_what_it_says() {
        let fresh = OwnEntry { on_its_way: true, ..own("A") };
        assert!(kinds(std::slice::from_ref(&fresh), &[]).is_empty());
        assert!(kinds(std::slice::from_ref(&fresh), &[entry("A")]).is_empty());
        let changed = Entry { amount_fen: 1, ..entry("A") };
        assert_eq!(kinds(&[fresh], &[changed]), [(Kind::ContentDiffers, "A".to_owned())]);
        let corrected = OwnEntry { in_force: false, ..own("A") };
        assert!(kinds(std::slice::from_ref(&corrected), &[entry("A")]).is_empty(), "the correction is on its way");
        assert!(kinds(&[corrected], &[]).is_empty(), "the correction has arrived");
    }

    #[test]
    fn a_number_twice_in_the_register_is_missing_here_once() {
        assert_eq!(kinds(&[own("A")], &[entry("A"), entry("A")]), [(Kind::MissingHere, "A".to_owned())]);
    }

    #[test]
    fn a_year_and_the_current_month_are_compared() {
        let months = months(NaiveDate::from_ymd_opt(2026, 3, 31).unwrap_or_default());
        let told: Vec<_> = months.iter().map(ToString::to_string).collect();
        assert_eq!((told.len(), told[0].as_str(), told[12].as_str()), (13, "2026-03-01", "2025-03-01"));
    }
}
