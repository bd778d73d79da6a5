//! Life of a case: open until an operator decides, then decided for good. A recognition ends in a grant or a refusal;
//! a re-check keeps the class, changes its amount by a new grant, or ends it after the household was heard.

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use super::{error::CaseError, facts::Held};

/// Longest written reason.
const MAX_REASON: usize = 1000;
/// Ten billion yuan a month.
const MAX_FEN: i64 = 1_000_000_000_000;
/// A decision takes effect within a year before or after it is made.
const MAX_DISTANCE: u64 = 366;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Recognition,
    Recheck,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Recognition => "recognition",
            Kind::Recheck => "recheck",
        }
    }

    pub fn of(text: &str) -> Option<Kind> {
        [Kind::Recognition, Kind::Recheck].into_iter().find(|k| k.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Decided,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Decided => "decided",
        }
    }

    pub fn of(text: &str) -> Option<State> {
        [State::Open, State::Decided].into_iter().find(|s| s.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Grant,
    Refuse,
    Keep,
    End,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Grant => "grant",
            Verdict::Refuse => "refuse",
            Verdict::Keep => "keep",
            Verdict::End => "end",
        }
    }

    pub fn of(text: &str) -> Option<Verdict> {
        [Verdict::Grant, Verdict::Refuse, Verdict::Keep, Verdict::End].into_iter().find(|v| v.as_str() == text)
    }
}

/// The case as far as a decision depends on it.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: Kind,
    pub state: State,
    /// Classes now in force.
    pub held: Vec<Held>,
    /// Members now; `None` while the register has not told.
    pub members: Option<Vec<Uuid>>,
}

/// What an operator proposes.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub verdict: Option<Verdict>,
    pub class: Option<String>,
    /// Member it is for; `None` is the whole household.
    pub person_key: Option<Uuid>,
    pub amount_fen: i64,
    /// First day granted, or first day after the end; `None` when not given.
    pub valid_from: Option<NaiveDate>,
    pub reason: String,
    pub household_heard: bool,
    /// Path of the decider's identity.
    pub decider: String,
}

/// What follows for the class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Granted { class: String, amount_fen: i64, from: NaiveDate },
    Ended { class: String, last_day: NaiveDate },
    Nothing,
}

/// A decision that may be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub verdict: Verdict,
    pub effect: Effect,
}

/// Decides the case, or says why not.
pub fn decide(case: &Case, proposal: &Proposal, today: NaiveDate) -> Result<Decided, CaseError> {
    if !is_county_operator(&proposal.decider) {
        return Err(CaseError::OperatorNeeded);
    }
    if case.state != State::Open {
        return Err(CaseError::AlreadyDecided);
    }
    let verdict = proposal.verdict.ok_or(CaseError::DecisionMissing)?;
    let fits = match verdict {
        Verdict::Grant => true,
        Verdict::Refuse => case.kind == Kind::Recognition,
        Verdict::Keep | Verdict::End => case.kind == Kind::Recheck,
    };
    if !fits {
        return Err(CaseError::DecisionNotOfKind);
    }
    check_reason(&proposal.reason)?;
    let effect = match verdict {
        Verdict::Grant => granted(case, proposal, today)?,
        Verdict::Refuse | Verdict::Keep => Effect::Nothing,
        Verdict::End => ended(case, proposal, today)?,
    };
    Ok(Decided { verdict, effect })
}

/// Refusals and ends are for people: only a county's operator decides.
fn is_county_operator(decider: &str) -> bool {
    decider.strip_prefix("operator/county/").is_some_and(|county| !county.is_empty())
}

fn check_reason(reason: &str) -> Result<(), CaseError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(CaseError::ReasonMissing);
    }
    let readable = reason.chars().count() <= MAX_REASON && !reason.contains('\0');
    if readable { Ok(()) } else { Err(CaseError::ReasonTooLong) }
}

fn granted(case: &Case, proposal: &Proposal, today: NaiveDate) -> Result<Effect, CaseError> {
    let class = proposal.class.clone().ok_or(CaseError::ClassMissing)?;
    if !(0..=MAX_FEN).contains(&proposal.amount_fen) {
        return Err(CaseError::AmountOutOfRange);
    }
    if let (Some(key), Some(members)) = (proposal.person_key, &case.members)
        && !members.contains(&key)
    {
        return Err(CaseError::NotAMember);
    }
    Ok(Effect::Granted { class, amount_fen: proposal.amount_fen, from: effective(proposal, today)? })
}

fn ended(case: &Case, proposal: &Proposal, today: NaiveDate) -> Result<Effect, CaseError> {
    let class = proposal.class.clone().ok_or(CaseError::ClassMissing)?;
    // 社会救助法 Art. 48: views are heard before a class is ended.
    if !proposal.household_heard {
        return Err(CaseError::HouseholdNotHeard);
    }
    check_held(case, proposal)?;
    let first_without = effective(proposal, today)?;
    let last_day = first_without.checked_sub_days(Days::new(1)).ok_or(CaseError::ValidFromOutOfRange)?;
    Ok(Effect::Ended { class, last_day })
}

fn check_held(case: &Case, proposal: &Proposal) -> Result<(), CaseError> {
    let class = proposal.class.as_ref().ok_or(CaseError::ClassMissing)?;
    let held = case.held.iter().any(|h| h.class == *class && h.person_key == proposal.person_key);
    if held { Ok(()) } else { Err(CaseError::ClassNotHeld) }
}

fn effective(proposal: &Proposal, today: NaiveDate) -> Result<NaiveDate, CaseError> {
    let day = proposal.valid_from.ok_or(CaseError::ValidFromMissing)?;
    if (day - today).num_days().unsigned_abs() <= MAX_DISTANCE { Ok(day) } else { Err(CaseError::ValidFromOutOfRange) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const COUNTY: &str = "operator/county/621202";

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, 26).unwrap()
    }

    fn any_case() -> impl Strategy<Value = Case> {
        (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(recheck, open, held, told)| Case {
            kind: if recheck { Kind::Recheck } else { Kind::Recognition },
            state: if open { State::Open } else { State::Decided },
            held: if held {
                vec![Held { class: "minimum_living".into(), person_key: None, valid_from: None, amount_fen: 1 }]
            } else {
                vec![]
            },
            members: told.then(|| vec![Uuid::from_u128(1)]),
        })
    }

    fn any_proposal() -> impl Strategy<Value = Proposal> {
        let verdict =
            prop::option::of(prop::sample::select(vec![Verdict::Grant, Verdict::Refuse, Verdict::Keep, Verdict::End]));
        let class = prop::option::of(prop::sample::select(vec!["minimum_living".to_owned(), "edge".to_owned()]));
        let decider =
            prop::sample::select(vec![COUNTY, "operator/city", "service/dispatch", "operator/township/621202100"]);
        let person = prop::option::of(1_u128..3);
        let day = prop::option::of(-500_i64..500);
        let rest = ("[a ]{0,3}", any::<bool>(), -2_i64..100);
        (verdict, class, decider, person, day, rest).prop_map(|(verdict, class, decider, person, day, rest)| Proposal {
            verdict,
            class,
            person_key: person.map(Uuid::from_u128),
            amount_fen: rest.2,
            valid_from: day.map(|n| today() + chrono::TimeDelta::days(n)),
            reason: rest.0,
            household_heard: rest.1,
            decider: decider.to_owned(),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn whatever_is_decided_was_open_reasoned_and_decided_by_a_county(case in any_case(), proposal in any_proposal()) {
            let Ok(decided) = decide(&case, &proposal, today()) else { return Ok(()) };
            prop_assert_eq!(case.state, State::Open);
            prop_assert_eq!(proposal.decider.as_str(), COUNTY);
            prop_assert!(!proposal.reason.trim().is_empty());
            match decided.effect {
                Effect::Granted { amount_fen, .. } => {
                    prop_assert_eq!(decided.verdict, Verdict::Grant);
                    prop_assert!(amount_fen >= 0);
                }
                Effect::Ended { class, last_day } => {
                    prop_assert!(proposal.household_heard);
                    prop_assert_eq!(case.kind, Kind::Recheck);
                    prop_assert!(case.held.iter().any(|h| h.class == class && h.person_key == proposal.person_key));
                    prop_assert_eq!(last_day.succ_opt(), proposal.valid_from);
                }
                Effect::Nothing => prop_assert!(matches!(decided.verdict, Verdict::Refuse | Verdict::Keep)),
            }
            let mut again = case;
            again.state = State::Decided;
            prop_assert_eq!(decide(&again, &proposal, today()), Err(CaseError::AlreadyDecided));
        }
    }

    #[test]
    fn a_class_is_never_ended_unheard() {
        let case = Case {
            kind: Kind::Recheck,
            state: State::Open,
            held: vec![Held { class: "edge".into(), person_key: None, valid_from: None, amount_fen: 0 }],
            members: None,
        };
        let mut proposal = Proposal {
            verdict: Some(Verdict::End),
            class: Some("edge".into()),
            person_key: None,
            amount_fen: 0,
            valid_from: Some(today()),
            reason: "收入超过标准".into(),
            household_heard: false,
            decider: COUNTY.into(),
        };
        assert_eq!(decide(&case, &proposal, today()), Err(CaseError::HouseholdNotHeard));
        proposal.household_heard = true;
        assert!(decide(&case, &proposal, today()).is_ok());
        proposal.class = Some("destitute".into());
        assert_eq!(decide(&case, &proposal, today()), Err(CaseError::ClassNotHeld));
    }
}
