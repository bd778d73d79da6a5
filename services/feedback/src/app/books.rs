//! The books as the contract shows them.

use chrono::{Months, NaiveDate};
use minqing_kit::{Error, Result};
use minqing_proto::minqing::feedback::v1 as pb;

use super::view;
use crate::store::books::{Line, Timely};

/// First day of a month and of the next; none for an empty text.
pub fn month(text: &str) -> Result<Option<(NaiveDate, NaiveDate)>> {
    if text.is_empty() {
        return Ok(None);
    }
    let first = format!("{text}-01").parse::<NaiveDate>().ok().filter(|_| text.len() == 7);
    let span = first.and_then(|first| Some((first, first.checked_add_months(Months::new(1))?)));
    span.map(Some).ok_or_else(|| {
        Error::invalid("INVALID_MONTH", "month must be YYYY-MM", "month 应为 YYYY-MM").field("month", "must be YYYY-MM")
    })
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
