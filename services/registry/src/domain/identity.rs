//! Who may be meant by a number under a name that do not fit together: pure judgement over what is on file. It
//! proposes; it never merges. The states of a review and what may follow what stand here too.

use minqing_proto::minqing::registry::v1::{
    IdentityDecision, IdentityProof as Proof, IdentityReviewKind as Kind, IdentityReviewState, NumberEdit,
};
use uuid::Uuid;

use super::{division, error::RegistryError};

/// What a doubt says, checked.
#[derive(Clone, Debug)]
pub struct Doubt {
    pub about: About,
    pub number_key: Uuid,
    pub name_key: Uuid,
    pub spellings: Vec<Uuid>,
    pub number_sealed: Vec<u8>,
    pub name_sealed: Vec<u8>,
    pub row: i32,
}

/// What is at fault.
#[derive(Clone, Debug)]
pub enum About {
    /// No valid number: those one slip away.
    Number(Vec<Candidate>),
    /// A valid number, on file under another name.
    Name,
}

/// A valid number one slip away.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub person_key: Uuid,
    pub edit: NumberEdit,
    pub birth_agrees: bool,
    pub sex_agrees: bool,
}

/// A person on file who comes into question.
#[derive(Clone, Debug)]
pub struct OnFile {
    pub person_key: Uuid,
    pub name_key: Uuid,
    pub household_id: Option<Uuid>,
    /// Of the household the person is in now.
    pub division_code: Option<String>,
    pub name_sealed: Vec<u8>,
}

/// Whether a person's name is the doubt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Agrees,
    Variant,
    /// But for characters the sender's system lacks.
    Fits,
    Other,
}

/// A person beside a doubt, with what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub person_key: Uuid,
    pub kind: Kind,
    pub edit: NumberEdit,
    pub division_code: Option<String>,
    pub proofs: Vec<Proof>,
}

impl Doubt {
    /// How a name on file compares; `fits` says whether it fits the name's placeholders.
    pub fn name(&self, on_file: &OnFile, fits: bool) -> Name {
        if on_file.name_key == self.name_key {
            Name::Agrees
        } else if self.spellings.contains(&on_file.name_key) {
            Name::Variant
        } else if fits {
            Name::Fits
        } else {
            Name::Other
        }
    }

    /// Who may be meant, best first. `known` are the persons of the doubt's numbers, each with how its name compares;
    /// `beside` the members of the holder's household, for a name that is not the holder's.
    pub fn judge(&self, known: &[(OnFile, Name)], beside: &[OnFile], county: &str) -> Vec<Proposal> {
        let mut proposals = match &self.about {
            About::Number(candidates) => self.of_number(candidates, known),
            About::Name => self.of_name(known, beside),
        };
        for proposal in &mut proposals {
            let here = proposal.division_code.as_deref().is_some_and(|code| division::county_of(code) == county);
            if here {
                proposal.proofs.push(Proof::CountyAgrees);
            }
            proposal.proofs.sort_unstable();
        }
        proposals.sort_by_key(|p| (std::cmp::Reverse(p.score()), p.kind, p.person_key));
        proposals
    }

    fn of_number(&self, candidates: &[Candidate], known: &[(OnFile, Name)]) -> Vec<Proposal> {
        let named = known.iter().filter_map(|(person, name)| Some((person, name.proof()?)));
        let mut proposals: Vec<Proposal> = named
            .filter_map(|(person, name)| {
                let candidate = candidates.iter().find(|c| c.person_key == person.person_key)?;
                let mut proofs = vec![name];
                proofs.extend(candidate.birth_agrees.then_some(Proof::BirthAgrees));
                proofs.extend(candidate.sex_agrees.then_some(Proof::SexAgrees));
                Some(Proposal::of(person, Kind::NumberFault, candidate.edit, proofs))
            })
            .collect();
        if let [only] = proposals.as_mut_slice() {
            only.proofs.push(Proof::OnlyCandidate);
        }
        proposals
    }

    fn of_name(&self, known: &[(OnFile, Name)], beside: &[OnFile]) -> Vec<Proposal> {
        let Some((holder, name)) = known.iter().find(|(person, _)| person.person_key == self.number_key) else {
            return Vec::new();
        };
        if let Some(proof) = name.proof() {
            let proofs = vec![Proof::NumberAgrees, proof];
            return vec![Proposal::of(holder, Kind::NameVariant, NumberEdit::Unspecified, proofs)];
        }
        let mut proposals =
            vec![Proposal::of(holder, Kind::TwoNamesOneNumber, NumberEdit::Unspecified, vec![Proof::NumberAgrees])];
        for member in beside.iter().filter(|m| m.person_key != holder.person_key) {
            if let Some(proof) = self.name(member, false).proof() {
                let proofs = vec![proof, Proof::SameHousehold];
                proposals.push(Proposal::of(member, Kind::OthersNumber, NumberEdit::Unspecified, proofs));
            }
        }
        proposals
    }
}

impl Name {
    fn proof(self) -> Option<Proof> {
        match self {
            Name::Agrees => Some(Proof::NameAgrees),
            Name::Variant => Some(Proof::VariantAgrees),
            Name::Fits => Some(Proof::NameFits),
            Name::Other => None,
        }
    }
}

impl Proposal {
    fn of(person: &OnFile, kind: Kind, edit: NumberEdit, proofs: Vec<Proof>) -> Proposal {
        Proposal { person_key: person.person_key, kind, edit, division_code: person.division_code.clone(), proofs }
    }

    /// A person who joined a household under this key as one of the same name, birth and sex left it.
    pub fn new_number(person_key: Uuid, division_code: &str) -> Proposal {
        Proposal {
            person_key,
            kind: Kind::TwoNumbersOnePerson,
            edit: NumberEdit::Unspecified,
            division_code: Some(division_code.to_owned()),
            proofs: vec![Proof::NameAgrees, Proof::BirthAgrees, Proof::SexAgrees, Proof::SameHousehold],
        }
    }

    /// What the proofs weigh together, 0 to 100.
    pub fn score(&self) -> i16 {
        self.proofs.iter().map(|proof| weight(*proof)).sum::<i16>().min(100)
    }

    /// Nothing that could speak for a faulty number is missing.
    pub fn is_complete(&self) -> bool {
        let all = [Proof::NameAgrees, Proof::OnlyCandidate, Proof::BirthAgrees, Proof::SexAgrees, Proof::CountyAgrees];
        self.kind == Kind::NumberFault && all.iter().all(|proof| self.proofs.contains(proof))
    }
}

/// By what a stranger would have to share to bring the same proof: a full name and a number one slip away are rare
/// together, sex alone is every second person's.
fn weight(proof: Proof) -> i16 {
    match proof {
        Proof::NumberAgrees | Proof::NameAgrees => 40,
        Proof::VariantAgrees => 35,
        Proof::NameFits => 25,
        Proof::OnlyCandidate => 20,
        Proof::SameHousehold => 20,
        Proof::BirthAgrees => 20,
        Proof::SexAgrees => 5,
        Proof::CountyAgrees => 15,
        Proof::Unspecified => 0,
    }
}

/// The state a decision leads to; why it may not be made otherwise.
pub fn decided(kind: Kind, state: &str, decision: IdentityDecision) -> Result<&'static str, RegistryError> {
    if state == "same" {
        return Err(RegistryError::LinkInForce);
    }
    match decision {
        IdentityDecision::Unspecified => Err(RegistryError::DecisionMissing),
        IdentityDecision::SamePerson if kind == Kind::TwoNamesOneNumber => Err(RegistryError::NeverMerged),
        IdentityDecision::SamePerson => Ok("same"),
        IdentityDecision::DifferentPersons => Ok("different"),
        IdentityDecision::Leave => Ok("left"),
    }
}

/// A state as it stands in the table; `None` for all.
pub fn state_text(state: IdentityReviewState) -> Option<&'static str> {
    match state {
        IdentityReviewState::Unspecified => None,
        IdentityReviewState::Open => Some("open"),
        IdentityReviewState::Same => Some("same"),
        IdentityReviewState::Different => Some("different"),
        IdentityReviewState::Left => Some("left"),
    }
}

pub fn state_of(text: &str) -> IdentityReviewState {
    match text {
        "open" => IdentityReviewState::Open,
        "same" => IdentityReviewState::Same,
        "different" => IdentityReviewState::Different,
        "left" => IdentityReviewState::Left,
        _ => IdentityReviewState::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTY: &str = "621202000000";

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn on_file(person: u128, name: u128) -> OnFile {
        OnFile {
            person_key: id(person),
            name_key: id(name),
            household_id: Some(id(1)),
            division_code: Some("621202100203".to_owned()),
            name_sealed: Vec::new(),
        }
    }

    fn doubt(about: About) -> Doubt {
        Doubt {
            about,
            number_key: id(7),
            name_key: id(70),
            spellings: vec![id(71)],
            number_sealed: Vec::new(),
            name_sealed: Vec::new(),
            row: 1,
        }
    }

    fn candidate(person: u128) -> Candidate {
        Candidate { person_key: id(person), edit: NumberEdit::CheckDigit, birth_agrees: true, sex_agrees: true }
    }

    fn judged(doubt: &Doubt, persons: &[OnFile], beside: &[OnFile]) -> Vec<Proposal> {
        let known: Vec<_> = persons.iter().map(|p| (p.clone(), doubt.name(p, false))).collect();
        doubt.judge(&known, beside, COUNTY)
    }

    #[test]
    fn one_person_under_the_name_is_proof_complete_and_a_second_takes_it_away() {
        let doubt = doubt(About::Number(vec![candidate(1), candidate(2), candidate(3)]));
        let one = judged(&doubt, &[on_file(1, 70), on_file(2, 99)], &[]);
        assert_eq!(one.len(), 1);
        assert!(one[0].is_complete());
        assert_eq!(one[0].score(), 100);
        let two = judged(&doubt, &[on_file(1, 70), on_file(3, 71)], &[]);
        assert_eq!(two.iter().map(|p| p.person_key).collect::<Vec<_>>(), [id(1), id(3)], "the exact name first");
        assert!(two.iter().all(|p| !p.is_complete() && !p.proofs.contains(&Proof::OnlyCandidate)));
    }

    #[test]
    fn another_county_or_a_slip_in_the_birth_leaves_the_proof_incomplete() {
        let mut elsewhere = on_file(1, 70);
        elsewhere.division_code = Some("621221100203".to_owned());
        let doubt_ = doubt(About::Number(vec![candidate(1)]));
        assert!(!judged(&doubt_, &[elsewhere], &[])[0].is_complete());
        let birth = Candidate { birth_agrees: false, ..candidate(1) };
        assert!(!judged(&doubt(About::Number(vec![birth])), &[on_file(1, 70)], &[])[0].is_complete());
    }

    #[test]
    fn a_name_on_file_in_variant_characters_is_a_variant_and_another_name_is_another_person() {
        let doubt = doubt(About::Name);
        let variant = judged(&doubt, &[on_file(7, 71)], &[]);
        assert_eq!(variant[0].kind, Kind::NameVariant);
        let other = judged(&doubt, &[on_file(7, 99)], &[on_file(7, 99), on_file(8, 98)]);
        assert_eq!(other.iter().map(|p| p.kind).collect::<Vec<_>>(), [Kind::TwoNamesOneNumber]);
    }

    #[test]
    fn a_member_of_the_holders_household_under_the_name_comes_first() {
        let other = judged(&doubt(About::Name), &[on_file(7, 99)], &[on_file(7, 99), on_file(8, 70)]);
        let told: Vec<_> = other.iter().map(|p| (p.kind, p.person_key)).collect();
        assert_eq!(told, [(Kind::OthersNumber, id(8)), (Kind::TwoNamesOneNumber, id(7))]);
    }

    #[test]
    fn two_names_under_one_number_are_never_merged_and_a_link_has_to_be_undone_first() {
        use IdentityDecision::{DifferentPersons, Leave, SamePerson, Unspecified};
        assert_eq!(decided(Kind::NumberFault, "open", SamePerson), Ok("same"));
        assert_eq!(decided(Kind::NumberFault, "different", SamePerson), Ok("same"));
        assert_eq!(decided(Kind::TwoNamesOneNumber, "open", SamePerson), Err(RegistryError::NeverMerged));
        assert_eq!(decided(Kind::TwoNamesOneNumber, "left", DifferentPersons), Ok("different"));
        for decision in [SamePerson, DifferentPersons, Leave] {
            assert_eq!(decided(Kind::NameVariant, "same", decision), Err(RegistryError::LinkInForce));
        }
        assert_eq!(decided(Kind::NameVariant, "open", Unspecified), Err(RegistryError::DecisionMissing));
    }

    #[test]
    fn a_state_reads_back() {
        use IdentityReviewState::{Different, Left, Open, Same};
        for state in [Open, Same, Different, Left] {
            assert_eq!(state_text(state).map(state_of), Some(state));
        }
    }
}
