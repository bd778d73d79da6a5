//! The books as the contract shows them.

use chrono::{DateTime, Months, NaiveDate, SecondsFormat, Utc};
use minqing_kit::{Error, Result, id};
use minqing_proto::minqing::{feedback::v1 as pb, types::v1::FeedbackDecision};
use uuid::Uuid;

use super::view;
use crate::{
    domain::{
        books::{Difference, Kind},
        decision::Decision,
    },
    store::{
        books::{Line, Timely},
        difference::{Counterpart, DifferenceRow, LineRef},
    },
};

const DIFFERENCES: &str = "bookDifferences";

/// Bureau and programme.
pub type LineKey = (String, String);

/// What one bureau, programme and month comes to; two books agree when it is the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    pub count: i64,
    pub amount_fen: i64,
    pub digest: String,
    pub content_digest: String,
}

impl Sums {
    pub fn of(line: Line) -> (LineKey, Sums) {
        let sums = Sums {
            count: line.feedback,
            amount_fen: line.amount_fen,
            digest: line.digest,
            content_digest: line.content_digest,
        };
        ((line.bureau, line.programme), sums)
    }
}

/// First day of a month and of the next; none for an empty text.
pub fn month(text: &str) -> Result<Option<(NaiveDate, NaiveDate)>> {
    if text.is_empty() {
        return Ok(None);
    }
    let first = format!("{text}-01").parse::<NaiveDate>().ok().filter(|_| text.len() == 7);
    let span = first.and_then(|first| Some((first, first.checked_add_months(Months::new(1))?)));
    span.map(Some).ok_or_else(wrong_month)
}

/// The month is none, or is missing where it is needed.
pub fn wrong_month() -> Error {
    Error::invalid("INVALID_MONTH", "month must be YYYY-MM", "month 应为 YYYY-MM").field("month", "must be YYYY-MM")
}

/// A line of the books.
pub fn line(line: Line) -> pb::ReconciliationLine {
    pb::ReconciliationLine {
        bureau: view::bureau(&line.bureau) as i32,
        programme: line.programme,
        month: line.month,
        referrals: count(line.referrals),
        receipts: count(line.receipts),
        feedback: count(line.feedback),
        granted: count(line.granted),
        amount_fen: line.amount_fen,
        digest: line.digest,
        content_digest: line.content_digest,
    }
}

/// What was found in one line as rows.
pub fn rows(
    line: &LineRef,
    found: &[Difference<'_>],
    now: DateTime<Utc>,
    new_id: impl Fn() -> Uuid,
) -> Vec<DifferenceRow> {
    let row = |d: &Difference<'_>| {
        let any = d.own.map(|o| &o.entry).or(d.other)?;
        Some(DifferenceRow {
            difference_id: new_id(),
            counterpart: line.counterpart.as_str().to_owned(),
            bureau: line.bureau.clone(),
            programme: line.programme.clone(),
            month: line.month,
            record_no: any.record_no.clone(),
            kind: d.kind.as_str().to_owned(),
            division_code: d.own.map_or_else(String::new, |o| o.division_code.clone()),
            amount_fen: d.own.map(|o| o.entry.amount_fen),
            decision: d.own.map(|o| o.entry.decision.as_str().to_owned()),
            other_amount_fen: d.other.map(|o| o.amount_fen),
            other_decision: d.other.map(|o| o.decision.as_str().to_owned()),
            first_seen_at: now,
            resolved_at: None,
        })
    };
    found.iter().filter_map(row).collect()
}

/// A counterpart as the contract says it.
pub fn counterpart(stored: &str) -> pb::Counterpart {
    match Counterpart::ALL.into_iter().find(|c| c.as_str() == stored) {
        None => pb::Counterpart::Unspecified,
        Some(Counterpart::Registry) => pb::Counterpart::Registry,
        Some(Counterpart::Bureau) => pb::Counterpart::Bureau,
    }
}

/// A difference.
pub fn difference(row: DifferenceRow) -> pb::BookDifference {
    let kind = match Kind::parse(&row.kind) {
        None => pb::DifferenceKind::Unspecified,
        Some(Kind::MissingThere) => pb::DifferenceKind::MissingAtCounterpart,
        Some(Kind::MissingHere) => pb::DifferenceKind::MissingInFeedback,
        Some(Kind::ContentDiffers) => pb::DifferenceKind::ContentDiffers,
    };
    let decision = |text: Option<String>| {
        let decision = text.and_then(|text| Decision::parse(&text));
        decision.map_or(FeedbackDecision::Unspecified, view::decision_told)
    };
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    pb::BookDifference {
        name: id::name(DIFFERENCES, row.difference_id),
        bureau: view::bureau(&row.bureau) as i32,
        programme: row.programme,
        month: row.month.format("%Y-%m").to_string(),
        record_no: row.record_no,
        kind: kind as i32,
        feedback_amount_fen: row.amount_fen.unwrap_or_default(),
        other_amount_fen: row.other_amount_fen.unwrap_or_default(),
        feedback_decision: decision(row.decision) as i32,
        other_decision: decision(row.other_decision) as i32,
        first_seen_time: time(row.first_seen_at),
        counterpart: counterpart(&row.counterpart) as i32,
        resolved_time: row.resolved_at.map_or_else(String::new, time),
    }
}

/// A line of timeliness.
pub fn timely(line: Timely) -> pb::TimelinessLine {
    pb::TimelinessLine {
        bureau: view::bureau(&line.bureau) as i32,
        referrals: count(line.referrals),
        signed_on_time: count(line.signed_on_time),
        settled_on_time: count(line.settled_on_time),
        overdue: count(line.overdue),
        mean_days: count(line.mean_days),
    }
}

fn count(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let (from, before) = month("2026-12").unwrap().unwrap();
        assert_eq!((from.to_string(), before.to_string()), ("2026-12-01".into(), "2027-01-01".into()));
        assert_eq!(month("").unwrap(), None);
        for wrong in ["2026", "2026-13", "2026-1", "2026-01-01", "x"] {
            assert!(month(wrong).is_err());
        }
    }
}
