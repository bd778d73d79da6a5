//! What a bureau's decision is called in the chain of relief, and which entries a month's books hold.

use chrono::{Months, NaiveDate};
use minqing_proto::minqing::types::v1::FeedbackDecision;

/// The chain's word for a feedback record; `None` when the record says nothing.
pub fn kind_of(decision: FeedbackDecision) -> Option<&'static str> {
    match decision {
        FeedbackDecision::Granted => Some("aid"),
        FeedbackDecision::Refused => Some("refusal"),
        FeedbackDecision::AlreadyAided => Some("already_aided"),
        FeedbackDecision::Deferred => Some("deferred"),
        FeedbackDecision::CannotReach => Some("cannot_reach"),
        FeedbackDecision::NotMyDuty => Some("not_my_duty"),
        FeedbackDecision::Unspecified | FeedbackDecision::Withdrawn => None,
    }
}

/// The decision behind the chain's word; unspecified for an entry that no feedback record stands behind.
pub fn decision_of(kind: &str) -> FeedbackDecision {
    (0..)
        .map_while(|number| FeedbackDecision::try_from(number).ok())
        .find(|decision| kind_of(*decision) == Some(kind))
        .unwrap_or_default()
}

/// First day of the month `YYYY-MM` and of the next.
pub fn month(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let first = format!("{text}-01").parse::<NaiveDate>().ok().filter(|_| text.len() == 7)?;
    Some((first, first.checked_add_months(Months::new(1))?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_decision_reads_back_from_the_chains_word() {
        for number in 1..=6 {
            let decision = FeedbackDecision::try_from(number).unwrap();
            assert_eq!(decision_of(kind_of(decision).unwrap()), decision);
        }
        assert_eq!(decision_of("class_granted"), FeedbackDecision::Unspecified);
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let (from, before) = month("2026-12").unwrap();
        assert_eq!((from.to_string(), before.to_string()), ("2026-12-01".into(), "2027-01-01".into()));
        for wrong in ["", "2026", "2026-13", "2026-1", "2026-01-01", "x"] {
            assert_eq!(month(wrong), None, "{wrong}");
        }
    }
}
