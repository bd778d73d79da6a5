//! What field checks found of warnings, as dispatch tells it. `WorkOrderVerified` names the indicators it is about;
//! `WorkOrderClosed` names none, so an untrue verdict is taken to be about every warning of the household that was open
//! on the day and has no verdict yet.

use chrono::NaiveDate;
use minqing_proto::minqing::dispatch::v1::{Verdict, WorkOrderClosed, WorkOrderVerified};
use uuid::Uuid;

use super::{roster, words};

/// A verdict on warnings of one household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub household: Uuid,
    /// Of these indicators; none: of whatever waits for a verdict.
    pub indicators: Option<Vec<String>>,
    /// As it is stored.
    pub verdict: String,
    pub decided_on: NaiveDate,
}

/// Reads a true verdict. `None`: it cannot be read; `Some(None)`: it is about a feed.
pub fn verified(event: WorkOrderVerified) -> Option<Option<Checked>> {
    let verdict = words::verdict(event.verdict());
    let decided_on = roster::date(&event.verified_on)?;
    checked(&event.household, Some(event.indicators), verdict, decided_on)
}

/// Reads an untrue verdict. `Some(None)`: about a feed, closed without a check, or a true one that was told before.
pub fn closed(event: WorkOrderClosed) -> Option<Option<Checked>> {
    match event.verdict() {
        Verdict::Unspecified | Verdict::VerifiedTrue | Verdict::VerifiedPartly => Some(None),
        other => checked(&event.household, None, words::verdict(other), roster::date(&event.closed_on)?),
    }
}

fn checked(
    household: &str,
    indicators: Option<Vec<String>>,
    verdict: String,
    decided_on: NaiveDate,
) -> Option<Option<Checked>> {
    if household.is_empty() {
        return Some(None);
    }
    let household = Uuid::try_parse(household.strip_prefix("households/")?).ok()?;
    Some(Some(Checked { household, indicators, verdict, decided_on }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn closing(verdict: Verdict) -> WorkOrderClosed {
        WorkOrderClosed {
            household: format!("households/{}", Uuid::from_u128(1)),
            verdict: verdict.into(),
            closed_on: "2026-10-26".into(),
            ..Default::default()
        }
    }

    #[test]
    fn closing_tells_an_untrue_verdict_only() {
        for silent in [Verdict::Unspecified, Verdict::VerifiedTrue, Verdict::VerifiedPartly] {
            assert_eq!(closed(closing(silent)), Some(None), "{silent:?}");
        }
        let untrue = closed(closing(Verdict::NotTrue)).unwrap().unwrap();
        assert_eq!((untrue.verdict.as_str(), untrue.indicators), ("not_true", None));
        assert_eq!(closed(WorkOrderClosed { household: "x".into(), ..closing(Verdict::Died) }), None);
    }

    #[test]
    fn a_true_verdict_names_its_indicators_and_a_feeds_is_left_out() {
        let event = WorkOrderVerified {
            household: format!("households/{}", Uuid::from_u128(1)),
            verdict: Verdict::VerifiedPartly.into(),
            indicators: vec!["A03".into()],
            verified_on: "2026-10-26".into(),
            ..Default::default()
        };
        let read = verified(event.clone()).unwrap().unwrap();
        assert_eq!((read.verdict.as_str(), read.indicators.unwrap().len()), ("verified_partly", 1));
        assert_eq!(verified(WorkOrderVerified { household: String::new(), ..event.clone() }), Some(None));
        assert_eq!(verified(WorkOrderVerified { verified_on: String::new(), ..event }), None);
    }
}
