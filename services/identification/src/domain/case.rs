//! A case from opening to decision. A decision is a person's: nothing here decides by itself (个人信息保护法 Art. 24).

use chrono::NaiveDate;
use uuid::Uuid;

use super::error::Refusal;

/// Why a case was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseKind {
    /// Conditions may be met.
    Recognition,
    /// A class may no longer be deserved.
    Recheck,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Grant,
    Refuse,
    Keep,
    End,
}

/// A decision as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    pub decision: Decision,
    /// Class, as in the policy pack: minimum_living, edge …
    pub class: Option<String>,
    /// Member it is for; none when the whole household.
    pub person: Option<Uuid>,
    pub amount_fen: i64,
    /// First day granted, or first day after the end.
    pub valid_from: Option<NaiveDate>,
    pub reason: String,
    /// The household's views were heard.
    pub heard: bool,
}

/// What follows from a decision outside the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Granted { class: String, person: Option<Uuid>, amount_fen: i64, valid_from: NaiveDate },
    Ended { class: String, person: Option<Uuid>, valid_to: NaiveDate },
}

/// Checks a decision on an open case and says what follows. `decided`: the case has its decision already.
pub fn decide(kind: CaseKind, decided: bool, ruling: &Ruling) -> Result<Option<Effect>, Refusal> {
    if decided {
        return Err(Refusal::DecidedAlready);
    }
    if ruling.reason.trim().is_empty() {
        return Err(Refusal::ReasonMissing);
    }
    if ruling.amount_fen < 0 {
        return Err(Refusal::AmountNegative);
    }
    let class = ruling.class.clone().ok_or(Refusal::ClassMissing)?;
    match (kind, ruling.decision) {
        (_, Decision::Grant) => {
            let valid_from = ruling.valid_from.ok_or(Refusal::ValidFromMissing)?;
            Ok(Some(Effect::Granted { class, person: ruling.person, amount_fen: ruling.amount_fen, valid_from }))
        }
        (CaseKind::Recognition, Decision::Refuse) | (CaseKind::Recheck, Decision::Keep) => Ok(None),
        (CaseKind::Recheck, Decision::End) => {
            if !ruling.heard {
                return Err(Refusal::NotHeard);
            }
            let first_day_after = ruling.valid_from.ok_or(Refusal::ValidFromMissing)?;
            let valid_to = first_day_after.pred_opt().ok_or(Refusal::ValidFromMissing)?;
            Ok(Some(Effect::Ended { class, person: ruling.person, valid_to }))
        }
        (CaseKind::Recognition, Decision::Keep | Decision::End) | (CaseKind::Recheck, Decision::Refuse) => {
            Err(Refusal::WrongKindOfDecision)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn ruling() -> impl Strategy<Value = Ruling> {
        (
            prop_oneof![Just(Decision::Grant), Just(Decision::Refuse), Just(Decision::Keep), Just(Decision::End)],
            proptest::option::of(Just("minimum_living".to_owned())),
            -5_i64..200_000,
            proptest::option::of(0_i64..1000),
            prop_oneof![Just(String::new()), Just(" ".to_owned()), Just("income above the line".to_owned())],
            any::<bool>(),
        )
            .prop_map(|(decision, class, amount_fen, day, reason, heard)| Ruling {
                decision,
                class,
                person: None,
                amount_fen,
                valid_from: day.map(|d| NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(d as u64)),
                reason,
                heard,
            })
    }

    proptest! {
        #[test]
        fn a_class_is_never_ended_unheard_and_never_changed_without_a_reason(
            ruling in ruling(), recheck in any::<bool>(), decided in any::<bool>(),
        ) {
            let kind = if recheck { CaseKind::Recheck } else { CaseKind::Recognition };
            match decide(kind, decided, &ruling) {
                Ok(effect) => {
                    prop_assert!(!decided && !ruling.reason.trim().is_empty() && ruling.amount_fen >= 0);
                    match effect {
                        Some(Effect::Ended { valid_to, .. }) => {
                            prop_assert!(ruling.heard && recheck);
                            prop_assert!(valid_to < ruling.valid_from.unwrap());
                        }
                        Some(Effect::Granted { amount_fen, .. }) => prop_assert!(amount_fen >= 0),
                        None => prop_assert!(matches!(ruling.decision, Decision::Refuse | Decision::Keep)),
                    }
                }
                Err(Refusal::DecidedAlready) => prop_assert!(decided),
                Err(_) => {}
            }
        }
    }
}
