//! What the mesh itself did for a household, as the events of dispatch and feedback tell it. Reading gives `None` for an
//! event that cannot be read, and `Some(None)` for one that is about no household: a feed, or somebody the register does
//! not hold.

use chrono::NaiveDate;
use minqing_proto::minqing::{
    dispatch::v1::{
        Carer, VisitGroup, VisitRecorded, WarningQuieted, WorkOrderClosed, WorkOrderOpened, WorkOrderVerified,
    },
    feedback::v1::{BooksReconciled, Feedback, MonthReconciled, ReferralSigned},
};
use uuid::Uuid;

use super::{roster, words};

/// A visit to a household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub id: Uuid,
    pub household: Uuid,
    pub visited_on: NaiveDate,
    pub met: bool,
    pub photo: bool,
    pub minutes: Option<i32>,
    pub group_ticked: Option<String>,
    pub lives_alone: Option<bool>,
    pub carer: Option<String>,
    pub verdict: Option<String>,
}

/// A bureau signed for a referral.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub referral: Uuid,
    pub signed_on: NaiveDate,
}

/// A bureau's record about a household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: Uuid,
    pub household: Uuid,
    pub person: Option<Uuid>,
    pub bureau: String,
    pub record_no: String,
    pub supersedes: Option<String>,
    pub programme: String,
    pub decision: String,
    pub reason_code: Option<String>,
    pub evidence: bool,
    pub amount_fen: i64,
    pub handled_on: NaiveDate,
    pub paid_on: Option<NaiveDate>,
}

/// What the comparison of a month's books came to for a household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    pub household: Uuid,
    /// First day.
    pub month: NaiveDate,
    pub difference: i32,
    pub reconciled_on: NaiveDate,
    /// Place among the events about the household.
    pub sequence: i64,
}

/// A month that is over was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthCompared {
    /// First day.
    pub month: NaiveDate,
    pub reconciled_on: NaiveDate,
}

/// What one event says of a work order. Its events come in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStep {
    pub id: Uuid,
    pub household: Uuid,
    pub what: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Opened { on: NaiveDate, level: i32 },
    Verified { verdict: String, level: i32 },
    Closed { on: NaiveDate, verdict: Option<String> },
}

/// A field check found a warning not true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quieted {
    pub warning: Uuid,
    pub household: Uuid,
    pub checked_on: NaiveDate,
    pub until: NaiveDate,
}

/// Reads a check that found a warning not true.
pub fn quieted(event: &WarningQuieted) -> Option<Option<Quieted>> {
    if event.household.is_empty() {
        return Some(None);
    }
    Some(Some(Quieted {
        warning: named("warnings/", &event.warning)?,
        household: named("households/", &event.household)?,
        checked_on: roster::date(&event.checked_on)?,
        until: roster::date(&event.quiet_until)?,
    }))
}

/// Reads a visit.
pub fn visit(event: &VisitRecorded) -> Option<Visit> {
    let details = event.details.unwrap_or_default();
    let told = |word: String| (!word.is_empty()).then_some(word);
    Some(Visit {
        id: named("visits/", &event.visit)?,
        household: named("households/", &event.household)?,
        visited_on: roster::date(&event.visited_on)?,
        met: event.met,
        photo: event.photo,
        minutes: details.minutes,
        group_ticked: told(words::word(VisitGroup::as_str_name(&details.group_ticked()), "VISIT_GROUP_")),
        lives_alone: details.lives_alone,
        carer: told(words::word(Carer::as_str_name(&details.carer()), "CARER_")),
        verdict: told(words::verdict(event.verdict())),
    })
}

/// Reads a receipt.
pub fn receipt(event: &ReferralSigned) -> Option<Receipt> {
    Some(Receipt { referral: named("referrals/", &event.referral)?, signed_on: roster::date(&event.signed_on)? })
}

/// Reads a bureau's record.
pub fn record(feedback: Feedback) -> Option<Option<Record>> {
    if feedback.household.is_empty() {
        return Some(None);
    }
    let person = if feedback.person_key.is_empty() { None } else { Some(roster::person(&feedback.person_key)?) };
    let told = |text: String| (!text.is_empty()).then_some(text);
    Some(Some(Record {
        id: named("feedback/", &feedback.name)?,
        household: named("households/", &feedback.household)?,
        person,
        bureau: words::bureau(feedback.bureau()),
        decision: words::decision(feedback.decision()),
        record_no: feedback.record_no,
        supersedes: told(feedback.supersedes),
        programme: feedback.programme,
        reason_code: told(feedback.reason_code),
        evidence: !feedback.evidence_digest.is_empty(),
        amount_fen: feedback.amount_fen,
        handled_on: roster::date(&feedback.handled_on)?,
        paid_on: roster::date(&feedback.paid_on),
    }))
}

/// Reads what the books came to for a household.
pub fn books(event: &BooksReconciled, sequence: i64) -> Option<Books> {
    Some(Books {
        household: named("households/", &event.household)?,
        month: first_day(&event.month)?,
        difference: event.differences,
        reconciled_on: roster::date(&event.reconciled_on)?,
        sequence,
    })
}

/// Reads that a month was compared.
pub fn month_reconciled(event: &MonthReconciled) -> Option<MonthCompared> {
    Some(MonthCompared { month: first_day(&event.month)?, reconciled_on: roster::date(&event.reconciled_on)? })
}

fn first_day(month: &str) -> Option<NaiveDate> {
    roster::date(&format!("{month}-01"))
}

/// Reads the opening of a work order.
pub fn opened(event: &WorkOrderOpened) -> Option<Option<OrderStep>> {
    let what = Step::Opened { on: roster::date(&event.opened_on)?, level: event.level };
    step(&event.work_order, &event.household, what)
}

/// Reads a true verdict. One told before levels were leaves the level as it was opened with.
pub fn verified(event: &WorkOrderVerified) -> Option<Option<OrderStep>> {
    let what = Step::Verified { verdict: words::verdict(event.verdict()), level: event.level };
    step(&event.work_order, &event.household, what)
}

/// Reads the closing of a work order.
pub fn closed(event: &WorkOrderClosed) -> Option<Option<OrderStep>> {
    let verdict = words::verdict(event.verdict());
    let verdict = (!verdict.is_empty()).then_some(verdict);
    step(&event.work_order, &event.household, Step::Closed { on: roster::date(&event.closed_on)?, verdict })
}

fn step(order: &str, household: &str, what: Step) -> Option<Option<OrderStep>> {
    if household.is_empty() {
        return Some(None);
    }
    let (id, household) = (named("workOrders/", order)?, named("households/", household)?);
    Some(Some(OrderStep { id, household, what }))
}

/// The id of a resource name.
pub fn named(collection: &str, name: &str) -> Option<Uuid> {
    Uuid::try_parse(name.strip_prefix(collection)?).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use minqing_proto::minqing::{
        dispatch::v1::{Verdict, VisitDetails},
        types::v1::{Bureau, FeedbackDecision},
    };

    use super::*;

    fn name(collection: &str, n: u128) -> String {
        format!("{collection}/{}", Uuid::from_u128(n))
    }

    #[test]
    fn what_was_not_told_of_a_visit_is_unknown() {
        let event = VisitRecorded {
            visit: name("visits", 1),
            household: name("households", 2),
            visited_on: "2026-10-26".into(),
            ..Default::default()
        };
        let bare = visit(&event).unwrap();
        assert_eq!((bare.minutes, bare.group_ticked, bare.lives_alone, bare.carer), (None, None, None, None));
        assert_eq!(bare.verdict, None);
        let details = VisitDetails {
            minutes: Some(12),
            group_ticked: VisitGroup::NewMinimumLiving.into(),
            lives_alone: Some(false),
            carer: Carer::Nobody.into(),
        };
        let full = VisitRecorded { details: Some(details), verdict: Verdict::NotTrue.into(), ..event.clone() };
        let full = visit(&full).unwrap();
        let words = [full.group_ticked, full.carer, full.verdict].map(Option::unwrap);
        assert_eq!(words, ["new_minimum_living", "nobody", "not_true"]);
        assert_eq!((full.minutes, full.lives_alone), (Some(12), Some(false)));
        assert_eq!(visit(&VisitRecorded { visited_on: String::new(), ..event }), None);
    }

    #[test]
    fn a_record_about_nobodys_household_is_left_out() {
        let refused = Feedback {
            name: name("feedback", 1),
            household: name("households", 2),
            bureau: Bureau::Hr.into(),
            decision: FeedbackDecision::Refused.into(),
            handled_on: "2026-10-26".into(),
            ..Default::default()
        };
        let read = record(refused.clone()).unwrap().unwrap();
        assert_eq!((read.reason_code, read.evidence, read.paid_on), (None, false, None));
        assert_eq!((read.bureau.as_str(), read.decision.as_str()), ("hr", "refused"));
        assert_eq!(record(Feedback { household: String::new(), ..refused.clone() }), Some(None));
        assert_eq!(record(Feedback { handled_on: String::new(), ..refused }), None);
    }

    #[test]
    fn a_month_is_read_by_its_first_day() {
        let event = BooksReconciled {
            household: name("households", 2),
            month: "2026-10".into(),
            differences: 3,
            reconciled_on: "2026-11-01".into(),
        };
        let read = books(&event, 7).unwrap();
        assert_eq!((read.month.to_string().as_str(), read.difference, read.sequence), ("2026-10-01", 3, 7));
        for wrong in ["", "2026", "2026-13", "2026-10-01"] {
            assert_eq!(books(&BooksReconciled { month: wrong.into(), ..event.clone() }, 7), None, "{wrong}");
        }
        assert_eq!(books(&BooksReconciled { household: String::new(), ..event }, 7), None);
        let month = MonthReconciled { month: "2026-10".into(), reconciled_on: String::new() };
        assert_eq!(month_reconciled(&month), None);
    }

    #[test]
    fn a_work_order_about_a_feed_is_left_out() {
        let event =
            WorkOrderClosed { work_order: name("workOrders", 1), closed_on: "2026-10-26".into(), ..Default::default() };
        assert_eq!(closed(&event), Some(None));
        let own = WorkOrderClosed { household: name("households", 2), ..event };
        let Step::Closed { verdict, .. } = closed(&own).unwrap().unwrap().what else { panic!("no closing") };
        assert_eq!(verdict, None, "closed without a check");
    }
}
