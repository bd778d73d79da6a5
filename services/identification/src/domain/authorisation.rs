//! Who may be checked: nobody without a written authorisation that holds today (社会救助法 Art. 40). A child's is signed by
//! the guardian; who is outside the household and owes it maintenance consents in person (Art. 41).

use std::collections::{HashMap, HashSet};

use chrono::{Datelike as _, NaiveDate};
use uuid::Uuid;

use super::verification_error::{PersonFault, VerificationError};

/// Persons of one verification.
pub const MAX_PERSONS: usize = 30;
/// Full age (民法典 Art. 17). Whoever lives by own work from 16 may sign too, but no register tells of that, and the
/// guardian's signature holds all the same.
const FULL_AGE: i32 = 18;
const MAX_REFERENCE: usize = 64;
/// As many digits in a row may be an ID number.
const LIKE_AN_ID_NUMBER: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    Own,
    Guardian,
    Heir,
}

impl Signer {
    pub const ALL: [Signer; 3] = [Signer::Own, Signer::Guardian, Signer::Heir];

    pub fn as_str(self) -> &'static str {
        match self {
            Signer::Own => "self",
            Signer::Guardian => "guardian",
            Signer::Heir => "heir",
        }
    }

    pub fn of(text: &str) -> Option<Signer> {
        Signer::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// An authorisation as it was told; what cannot be read is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub reference: String,
    pub signer: Option<Signer>,
    pub signed_on: Option<NaiveDate>,
    pub valid_until: Option<NaiveDate>,
}

/// A person as proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    pub person_key: Uuid,
    /// No member: owes the household maintenance.
    pub obligor: bool,
    pub authorisation: Option<Claimed>,
}

/// What the register tells of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnFile {
    pub household_id: Uuid,
    /// `None` when it has not told.
    pub birth_on: Option<NaiveDate>,
}

/// A person who may be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    pub person_key: Uuid,
    pub household_id: Uuid,
    pub obligor: bool,
    pub reference: String,
    pub signer: Signer,
    pub signed_on: NaiveDate,
    pub valid_until: NaiveDate,
}

/// The persons, if each of them may be checked for this household today.
pub fn authorised(
    proposed: &[Proposed],
    household: Uuid,
    on_file: &HashMap<Uuid, OnFile>,
    today: NaiveDate,
) -> Result<Vec<Authorised>, VerificationError> {
    if proposed.is_empty() || proposed.len() > MAX_PERSONS {
        return Err(VerificationError::PersonsOutOfRange);
    }
    let mut seen = HashSet::new();
    let mut one = |person: &Proposed| {
        if !seen.insert(person.person_key) {
            return Err(PersonFault::Twice);
        }
        let file = place(person, household, on_file.get(&person.person_key).copied())?;
        allowed(person, file, today)
    };
    let numbered = |(at, person)| one(person).map_err(|fault| VerificationError::Person(at, fault));
    proposed.iter().enumerate().map(numbered).collect()
}

fn place(person: &Proposed, household: Uuid, file: Option<OnFile>) -> Result<OnFile, PersonFault> {
    let member = file.is_some_and(|f| f.household_id == household);
    match (person.obligor, file) {
        (true, _) if member => Err(PersonFault::ObligorIsMember),
        (true, Some(file)) => Ok(file),
        (true, None) => Err(PersonFault::ObligorNotOnFile),
        (false, Some(file)) if member => Ok(file),
        (false, _) => Err(PersonFault::NotAMember),
    }
}

fn allowed(person: &Proposed, file: OnFile, today: NaiveDate) -> Result<Authorised, PersonFault> {
    let claimed = person.authorisation.as_ref().filter(|c| !c.reference.is_empty());
    let claimed = claimed.ok_or(PersonFault::AuthorisationMissing)?;
    if !is_reference(&claimed.reference) {
        return Err(PersonFault::ReferenceMalformed);
    }
    let signer = claimed.signer.ok_or(PersonFault::SignerMissing)?;
    let signed_on = claimed.signed_on.ok_or(PersonFault::SignedOnMalformed)?;
    let valid_until = claimed.valid_until.ok_or(PersonFault::ValidUntilMalformed)?;
    if signed_on > today {
        return Err(PersonFault::NotYetSigned);
    }
    if valid_until < today {
        return Err(PersonFault::Expired);
    }
    if person.obligor && signer != Signer::Own {
        return Err(PersonFault::OwnConsentNeeded);
    }
    if signer == Signer::Own && file.birth_on.is_some_and(|birth| is_minor(birth, today)) {
        return Err(PersonFault::GuardianNeeded);
    }
    Ok(Authorised {
        person_key: person.person_key,
        household_id: file.household_id,
        obligor: person.obligor,
        reference: claimed.reference.clone(),
        signer,
        signed_on,
        valid_until,
    })
}

/// Until the day before the eighteenth birthday.
fn is_minor(birth_on: NaiveDate, today: NaiveDate) -> bool {
    let years = today.year() - birth_on.year();
    let had_birthday = (today.month(), today.day()) >= (birth_on.month(), birth_on.day());
    years - i32::from(!had_birthday) < FULL_AGE
}

/// A paper's number, and nothing that names a person.
fn is_reference(text: &str) -> bool {
    let signs = "-_/.:()[]（）〔〕【】";
    let plain = text.chars().all(|c| c.is_alphanumeric() || signs.contains(c));
    let runs = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
    plain && text.chars().count() <= MAX_REFERENCE && runs < LIKE_AN_ID_NUMBER
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const HOME: Uuid = Uuid::from_u128(100);
    const ELSEWHERE: Uuid = Uuid::from_u128(200);

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, 26).unwrap()
    }

    fn near(days: i64) -> NaiveDate {
        today() + chrono::TimeDelta::days(days)
    }

    /// 1 and 2 are members, 1 a grown-up and 2 a child; 3 lives elsewhere; of 4 the register knows nothing.
    fn register() -> HashMap<Uuid, OnFile> {
        let person = |n: u128, household_id, birth: Option<(i32, u32, u32)>| {
            let birth_on = birth.and_then(|(y, m, d)| NaiveDate::from_ymd_opt(y, m, d));
            (Uuid::from_u128(n), OnFile { household_id, birth_on })
        };
        [
            person(1, HOME, Some((2008, 10, 26))),
            person(2, HOME, Some((2008, 10, 27))),
            person(3, ELSEWHERE, Some((1980, 1, 1))),
        ]
        .into()
    }

    fn any_person() -> impl Strategy<Value = Proposed> {
        let claimed = (
            prop::sample::select(vec!["", "SQ-1", "陇民核授〔2026〕12号", "621202198001010010", "a b", "x\0"]),
            prop::option::of(prop::sample::select(Signer::ALL.to_vec())),
            prop::option::of(-3_i64..3),
            prop::option::of(-3_i64..3),
        );
        let claimed = claimed.prop_map(|(reference, signer, signed, until)| Claimed {
            reference: reference.to_owned(),
            signer,
            signed_on: signed.map(near),
            valid_until: until.map(near),
        });
        (1_u128..5, any::<bool>(), prop::option::of(claimed)).prop_map(|(n, obligor, authorisation)| Proposed {
            person_key: Uuid::from_u128(n),
            obligor,
            authorisation,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn whoever_may_be_checked_is_known_and_has_signed_for_today(persons in prop::collection::vec(any_person(), 0..3)) {
            let Ok(allowed) = authorised(&persons, HOME, &register(), today()) else { return Ok(()) };
            prop_assert_eq!(allowed.len(), persons.len());
            let keys: HashSet<_> = allowed.iter().map(|p| p.person_key).collect();
            prop_assert_eq!(keys.len(), persons.len());
            for person in allowed {
                prop_assert!(person.signed_on <= today() && person.valid_until >= today());
                prop_assert!(["SQ-1", "陇民核授〔2026〕12号"].contains(&person.reference.as_str()));
                let n = person.person_key.as_u128();
                prop_assert_eq!(person.obligor, n == 3);
                prop_assert_eq!(person.household_id, if n == 3 { ELSEWHERE } else { HOME });
                prop_assert!(n != 3 || person.signer == Signer::Own);
                prop_assert!(n != 2 || person.signer != Signer::Own);
            }
        }
    }

    #[test]
    fn each_refusal_names_the_person_and_what_is_wrong() {
        let good = |n: u128| Proposed {
            person_key: Uuid::from_u128(n),
            obligor: n > 2,
            authorisation: Some(Claimed {
                reference: "SQ-1".into(),
                signer: Some(if n == 2 { Signer::Guardian } else { Signer::Own }),
                signed_on: Some(near(-1)),
                valid_until: Some(near(0)),
            }),
        };
        let check = |person: Proposed| match authorised(&[good(1), person], HOME, &register(), today()) {
            Ok(_) => None,
            Err(VerificationError::Person(1, fault)) => Some(fault),
            Err(other) => panic!("{other:?}"),
        };
        let with = |n, change: fn(&mut Claimed)| {
            let mut person = good(n);
            person.authorisation.as_mut().map(change);
            check(person)
        };
        assert_eq!((check(good(2)), check(good(3))), (None, None));
        assert_eq!(check(good(4)), Some(PersonFault::ObligorNotOnFile));
        assert_eq!(check(good(1)), Some(PersonFault::Twice));
        assert_eq!(check(Proposed { obligor: false, ..good(3) }), Some(PersonFault::NotAMember));
        assert_eq!(check(Proposed { obligor: true, ..good(2) }), Some(PersonFault::ObligorIsMember));
        assert_eq!(check(Proposed { authorisation: None, ..good(2) }), Some(PersonFault::AuthorisationMissing));
        assert_eq!(with(2, |c| c.signer = Some(Signer::Own)), Some(PersonFault::GuardianNeeded));
        assert_eq!(with(3, |c| c.signer = Some(Signer::Guardian)), Some(PersonFault::OwnConsentNeeded));
        assert_eq!(with(2, |c| c.signed_on = Some(near(1))), Some(PersonFault::NotYetSigned));
        assert_eq!(with(2, |c| c.valid_until = Some(near(-1))), Some(PersonFault::Expired));
        assert_eq!(with(2, |c| c.reference = "62120219800101001X".into()), Some(PersonFault::ReferenceMalformed));
        assert_eq!(authorised(&[], HOME, &register(), today()), Err(VerificationError::PersonsOutOfRange));
    }
}
