//! Life of an economic verification (核对): requested until every item is answered, then complete for good; or called
//! off. The last day only names what is late: a late answer is taken like any other. An item without answer is
//! unknown, and nothing here turns it into "nothing found".

use chrono::NaiveDate;
use uuid::Uuid;

use super::verification_error::VerificationError;

const MAX_BATCH_NO: usize = 64;
const MAX_REASON_CODE: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Found,
    NothingFound,
    Cannot,
}

impl Outcome {
    pub const ALL: [Outcome; 3] = [Outcome::Found, Outcome::NothingFound, Outcome::Cannot];

    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Found => "found",
            Outcome::NothingFound => "nothing_found",
            Outcome::Cannot => "cannot",
        }
    }

    pub fn of(text: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|o| o.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Requested,
    Overdue,
    Complete,
    Cancelled,
}

/// One person, one dataset of one bureau.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    pub person_key: Uuid,
    pub bureau: String,
    pub dataset: String,
}

/// What a bureau answered. Made by [`answer`] only, so it says all it has to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub outcome: Outcome,
    /// Set when found.
    pub batch_no: String,
    /// Set when it cannot say.
    pub reason_code: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub key: ItemKey,
    /// `None` is unknown.
    pub answer: Option<Answer>,
    pub answered_on: Option<NaiveDate>,
}

/// The days that say how a verification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub due_on: NaiveDate,
    pub completed_on: Option<NaiveDate>,
    pub cancelled_on: Option<NaiveDate>,
}

impl Days {
    pub fn state(&self, today: NaiveDate) -> State {
        match (self.completed_on, self.cancelled_on) {
            (Some(_), _) => State::Complete,
            (None, Some(_)) => State::Cancelled,
            (None, None) if today > self.due_on => State::Overdue,
            (None, None) => State::Requested,
        }
    }
}

/// A verification as far as its answers go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    pub days: Days,
    pub items: Vec<Item>,
}

/// Why one answer is refused: field, reason, English, Chinese.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub field: &'static str,
    pub reason: &'static str,
    pub en: &'static str,
    pub zh: &'static str,
}

pub const NOT_ASKED: Fault = Fault {
    field: "verification",
    reason: "ITEM_NOT_ASKED",
    en: "this bureau was not asked for this person and dataset; answer what was handed out",
    zh: "未向本部门核对该人员的该数据集，请按下发的核对单答复",
};
const CALLED_OFF: Fault = Fault {
    field: "verification",
    reason: "VERIFICATION_CANCELLED",
    en: "the verification was called off; no answer is needed, and nothing may be looked up for it",
    zh: "该核对已撤销，无需答复，也不得再查询",
};
const ANSWERED: Fault = Fault {
    field: "outcome",
    reason: "ITEM_ANSWERED",
    en: "the item was answered otherwise before; send corrected records as a batch of the dataset",
    zh: "该项已有不同答复；更正数据请按数据集报送批次",
};
const OUTCOME_MISSING: Fault = Fault {
    field: "outcome",
    reason: "OUTCOME_MISSING",
    en: "must be found, nothing found or cannot",
    zh: "应为有记录、无记录或无法核对",
};
const BATCH_MISSING: Fault = Fault {
    field: "batch_no",
    reason: "BATCH_NO_MISSING",
    en: "is needed when found, up to 64 characters, and only then",
    zh: "有记录时须填写批次号（不超过 64 字符），其他情况不填",
};
const REASON_MISSING: Fault = Fault {
    field: "reason_code",
    reason: "REASON_CODE_MISSING",
    en: "is needed when the bureau cannot say, up to 40 characters, and only then",
    zh: "无法核对时须填写原因代码（不超过 40 字符），其他情况不填",
};

/// An answer that says all it has to.
pub fn answer(outcome: Option<Outcome>, batch_no: &str, reason_code: &str) -> Result<Answer, Fault> {
    let outcome = outcome.ok_or(OUTCOME_MISSING)?;
    let plain = |text: &str, longest: usize| text.chars().count() <= longest && !text.chars().any(char::is_control);
    if (outcome == Outcome::Found) == batch_no.is_empty() || !plain(batch_no, MAX_BATCH_NO) {
        return Err(BATCH_MISSING);
    }
    if (outcome == Outcome::Cannot) == reason_code.is_empty() || !plain(reason_code, MAX_REASON_CODE) {
        return Err(REASON_MISSING);
    }
    Ok(Answer { outcome, batch_no: batch_no.to_owned(), reason_code: reason_code.to_owned() })
}

impl Verification {
    /// Takes an answer to one item. False when the same was taken before. Who could not say may say later, as long as
    /// the verification is open.
    pub fn take(&mut self, key: &ItemKey, answer: Answer, today: NaiveDate) -> Result<bool, Fault> {
        let open = self.days.completed_on.is_none();
        let item = self.items.iter_mut().find(|item| item.key == *key).ok_or(NOT_ASKED)?;
        if item.answer.as_ref() == Some(&answer) {
            return Ok(false);
        }
        if self.days.cancelled_on.is_some() {
            return Err(CALLED_OFF);
        }
        let replaceable = item.answer.as_ref().is_none_or(|before| before.outcome == Outcome::Cannot);
        if !open || !replaceable {
            return Err(ANSWERED);
        }
        item.answer = Some(answer);
        item.answered_on = Some(today);
        if self.items.iter().all(|item| item.answer.is_some()) {
            self.days.completed_on = Some(today);
        }
        Ok(true)
    }

    /// Calls it off.
    pub fn cancel(&mut self, today: NaiveDate) -> Result<(), VerificationError> {
        match (self.days.completed_on, self.days.cancelled_on) {
            (Some(_), _) => Err(VerificationError::Complete),
            (_, Some(_)) => Err(VerificationError::Cancelled),
            _ => {
                self.days.cancelled_on = Some(today);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn day(n: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, 20).unwrap() + chrono::Days::new(n)
    }

    fn key(n: u128) -> ItemKey {
        ItemKey { person_key: Uuid::from_u128(n), bureau: "hr".into(), dataset: "pension_payment".into() }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Answer(u128, Option<Outcome>, &'static str, &'static str),
        Cancel,
        NextDay,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let outcome = prop::option::of(prop::sample::select(Outcome::ALL.to_vec()));
        let text = || prop::sample::select(vec!["", "B-1", "B-2"]);
        prop_oneof![
            8 => (0_u128..4, outcome, text(), text()).prop_map(|(n, o, b, r)| Step::Answer(n, o, b, r)),
            1 => Just(Step::Cancel),
            2 => Just(Step::NextDay),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn an_answer_once_given_stays_and_only_answers_complete(steps in prop::collection::vec(any_step(), 0..40)) {
            let item = |n| Item { key: key(n), answer: None, answered_on: None };
            let days = Days { due_on: day(5), completed_on: None, cancelled_on: None };
            let mut now = Verification { days, items: (0..3).map(item).collect() };
            let mut today = 0;
            for step in steps {
                let before = now.clone();
                match step {
                    Step::NextDay => today += 1,
                    Step::Cancel => match now.cancel(day(today)) {
                        Ok(()) => prop_assert!(matches!(before.days.state(day(today)), State::Requested | State::Overdue)),
                        Err(_) => prop_assert_eq!(&now, &before),
                    },
                    Step::Answer(n, outcome, batch_no, reason_code) => {
                        let Ok(given) = answer(outcome, batch_no, reason_code) else { continue };
                        prop_assert_eq!(given.outcome == Outcome::Found, !given.batch_no.is_empty());
                        prop_assert_eq!(given.outcome == Outcome::Cannot, !given.reason_code.is_empty());
                        match now.take(&key(n), given.clone(), day(today)) {
                            Ok(true) => {
                                prop_assert!(matches!(before.days.state(day(today)), State::Requested | State::Overdue));
                                prop_assert_eq!(now.take(&key(n), given, day(today + 1)), Ok(false), "a repeat is known");
                            }
                            Ok(false) | Err(_) => prop_assert_eq!(&now, &before),
                        }
                    }
                }
                for (was, is) in before.items.iter().zip(&now.items) {
                    let settled = was.answer.as_ref().is_some_and(|a| a.outcome != Outcome::Cannot);
                    prop_assert!(!settled || was == is, "an answer changed");
                    prop_assert!(was.answer.is_none() || is.answer.is_some(), "an answer was lost");
                    prop_assert_eq!(is.answer.is_some(), is.answered_on.is_some());
                }
                let unanswered = now.items.iter().any(|i| i.answer.is_none());
                prop_assert_eq!(now.days.state(day(today)) == State::Complete, !unanswered);
                prop_assert!(now.days.completed_on.is_none() || now.days.cancelled_on.is_none());
                let open = unanswered && now.days.cancelled_on.is_none();
                prop_assert_eq!(now.days.state(day(today)) == State::Overdue, open && today > 5);
            }
        }
    }

    #[test]
    fn what_was_not_asked_is_refused() {
        let days = Days { due_on: day(5), completed_on: None, cancelled_on: None };
        let mut asked = Verification { days, items: vec![Item { key: key(1), answer: None, answered_on: None }] };
        let nothing = answer(Some(Outcome::NothingFound), "", "").unwrap();
        for other in [
            ItemKey { bureau: "housing".into(), ..key(1) },
            ItemKey { dataset: "unemployment".into(), ..key(1) },
            key(2),
        ] {
            assert_eq!(asked.take(&other, nothing.clone(), day(0)), Err(NOT_ASKED));
        }
        assert_eq!(asked.items[0].answer, None);
    }
}
