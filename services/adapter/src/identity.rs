//! Asks the register who may be meant by rows that were refused for their number or name. Keys and sealed texts go out;
//! what comes back is a review in which a person decides. Nothing is mended here.

use std::collections::{HashMap, hash_map::Entry};

use minqing_kit::{
    Error,
    id::parse_name,
    keys::{Keyring, NumberEdit as Slip},
};
use minqing_proto::minqing::registry::v1::{
    DoubtKind, IdentityCandidate, IdentityDoubt, IdentityProposal, NumberEdit, ProposeIdentitiesRequest,
};
use prost::Message as _;
use uuid::Uuid;

use crate::{
    Result,
    core::Core,
    row::{Doubtful, Review, doubt},
    spool::{Conflict, Spool},
};

/// Doubts in one question to the register.
const DOUBTS: usize = 100;

/// Doubts of a batch, each alias once, and the rows of each.
#[derive(Default)]
pub struct Doubts {
    all: Vec<IdentityDoubt>,
    rows: Vec<Vec<u32>>,
    known: HashMap<(Uuid, Uuid), usize>,
}

impl Doubts {
    /// Those of a batch's refused rows.
    pub fn of(spool: &Spool, keys: &Keyring) -> Doubts {
        let mut doubts = Doubts::default();
        for doubtful in spool.doubtful() {
            doubts.add((doubtful.number_key, doubtful.name_key), doubtful.fault.row, || of_number(doubtful, keys));
        }
        for conflict in spool.conflicts() {
            doubts.add((conflict.person_key, conflict.name_key), conflict.row, || of_name(conflict, keys));
        }
        doubts
    }

    fn add(&mut self, alias: (Uuid, Uuid), row: u32, doubt: impl FnOnce() -> IdentityDoubt) {
        match self.known.entry(alias) {
            Entry::Occupied(known) => self.rows[*known.get()].push(row),
            Entry::Vacant(new) => {
                new.insert(self.all.len());
                self.all.push(doubt());
                self.rows.push(vec![row]);
            }
        }
    }
}

fn of_number(doubtful: &Doubtful, keys: &Keyring) -> IdentityDoubt {
    let candidate = |likely: &crate::row::doubt::Likely| IdentityCandidate {
        person_key: likely.person_key.to_string(),
        edit: edit(likely.edit).into(),
        birth_agrees: likely.birth_agrees,
        sex_agrees: likely.sex_agrees,
    };
    IdentityDoubt {
        kind: DoubtKind::Number.into(),
        number_key: doubtful.number_key.to_string(),
        name_key: doubtful.name_key.to_string(),
        spelling_keys: texts(doubt::spelling_keys(&doubtful.name, keys)),
        candidates: doubtful.candidates.iter().map(candidate).collect(),
        number_sealed: keys.seal(doubtful.number_key, "id_number", doubtful.number.expose()),
        name_sealed: keys.seal(doubtful.number_key, "name", doubtful.name.expose()),
        row: i32::try_from(doubtful.fault.row).unwrap_or(i32::MAX),
    }
}

fn of_name(conflict: &Conflict, keys: &Keyring) -> IdentityDoubt {
    IdentityDoubt {
        kind: DoubtKind::Name.into(),
        number_key: conflict.person_key.to_string(),
        name_key: conflict.name_key.to_string(),
        spelling_keys: texts(doubt::spelling_keys(&conflict.name, keys)),
        candidates: Vec::new(),
        number_sealed: Vec::new(),
        name_sealed: keys.seal(conflict.person_key, "name", conflict.name.expose()),
        row: i32::try_from(conflict.row).unwrap_or(i32::MAX),
    }
}

fn texts(keys: Vec<Uuid>) -> Vec<String> {
    keys.iter().map(Uuid::to_string).collect()
}

fn edit(slip: Slip) -> NumberEdit {
    match slip {
        Slip::CheckDigit => NumberEdit::CheckDigit,
        Slip::Swap => NumberEdit::Swap,
        Slip::Digit => NumberEdit::Digit,
        Slip::Missing => NumberEdit::Missing,
        Slip::Extra => NumberEdit::Extra,
        Slip::Century => NumberEdit::Century,
    }
}

/// Where a batch stands, for its reviews.
pub struct Of<'a> {
    pub dataset: &'a str,
    pub batch_no: &'a str,
    /// County, twelve digits.
    pub division_code: String,
}

impl Core {
    /// The review of each refused row for which somebody on file may be meant.
    pub async fn propose(&self, doubts: Doubts, of: Of<'_>) -> Result<HashMap<u32, Review>> {
        let mut reviews = HashMap::new();
        for (some, rows) in doubts.all.chunks(DOUBTS).zip(doubts.rows.chunks(DOUBTS)) {
            let mut asked = ProposeIdentitiesRequest {
                request_id: String::new(),
                dataset: of.dataset.to_owned(),
                batch_no: of.batch_no.to_owned(),
                division_code: of.division_code.clone(),
                doubts: some.to_vec(),
            };
            // Reviews are found again by what they are about, so a batch sent again proposes nothing new.
            asked.request_id = Uuid::new_v5(&Uuid::NAMESPACE_URL, &asked.encode_to_vec()).to_string();
            let proposals = self.peers.propose(asked).await?;
            if proposals.len() != some.len() {
                let (told, asked) = (proposals.len(), some.len());
                return Err(Error::bug(anyhow::anyhow!("the register answered {told} of {asked} doubts")));
            }
            for (proposal, rows) in proposals.iter().zip(rows).filter(|(p, _)| !p.review.is_empty()) {
                let review = review(proposal)?;
                reviews.extend(rows.iter().map(|row| (*row, review)));
            }
        }
        Ok(reviews)
    }
}

fn review(proposal: &IdentityProposal) -> Result<Review> {
    let id = parse_name("identityReviews", &proposal.review, "review").map_err(Error::bug)?;
    Ok(Review { id, kind: proposal.kind(), persons: u32::try_from(proposal.persons).unwrap_or_default() })
}
