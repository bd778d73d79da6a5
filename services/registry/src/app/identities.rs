//! Takes adapters' doubts about who is meant and puts what speaks for somebody on file into the review queue. Nothing is
//! merged here: a row stays refused until a person has decided. What is about nobody on file is not kept.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures::FutureExt as _;
use minqing_kit::{
    Call, Result,
    db::Work,
    id::name,
    keys::{Keyring, names},
};
use minqing_proto::minqing::registry::v1::{
    DoubtKind, IdentityCandidate, IdentityDoubt, IdentityProposal, IdentityReviewKind, ProposeIdentitiesRequest,
    ProposeIdentitiesResponse,
};
use uuid::Uuid;

use super::Registry;
use crate::{
    domain::{
        division,
        error::RegistryError,
        identity::{About, Candidate, Doubt, Name, OnFile, Proposal},
    },
    store::identity::{self, NewNumber, NewReview, Source},
};

/// Resource collection of reviews.
pub const REVIEWS: &str = "identityReviews";
const MAX_DOUBTS: usize = 100;
const MAX_CANDIDATES: usize = 200;
const MAX_SPELLINGS: usize = 16;
/// Longest sealed text: a name or number with what sealing adds.
const MAX_SEALED: usize = 1_024;
const MAX_TEXT: usize = 64;

impl Registry {
    /// One answer for each doubt, in order.
    pub async fn propose(&self, call: &Call, request: ProposeIdentitiesRequest) -> Result<ProposeIdentitiesResponse> {
        if request.doubts.len() > MAX_DOUBTS {
            return Err(RegistryError::TooMany.into());
        }
        let county = self.divisions.county(&request.division_code).ok_or(RegistryError::CountyUnknown)?;
        let doubts = request.doubts.iter().map(checked).collect::<std::result::Result<Vec<_>, _>>()?;
        for doubt in &doubts {
            self.opens(doubt)?;
        }
        let source = Source {
            bureau: call.caller.rest().to_owned(),
            dataset: request.dataset.chars().take(MAX_TEXT).collect(),
            batch_no: request.batch_no.chars().take(MAX_TEXT).collect(),
        };
        let (keys, doubts) = (Arc::clone(&self.keys), Arc::new(doubts));
        let place = Arc::new((county, source));
        let done = self.db.mutate(call, &request, move |work| {
            let (keys, doubts, place) = (Arc::clone(&keys), Arc::clone(&doubts), Arc::clone(&place));
            async move { Ok(ProposeIdentitiesResponse { proposals: queue(work, &keys, &doubts, &place).await? }) }
                .boxed()
        });
        done.await
    }

    /// What nobody could open later must not come into the queue.
    fn opens(&self, doubt: &Doubt) -> Result<()> {
        for (field, sealed) in [("id_number", &doubt.number_sealed), ("name", &doubt.name_sealed)] {
            if !sealed.is_empty() {
                let opened = self.keys.open(doubt.number_key, field, sealed);
                opened.map_err(|error| minqing_kit::Error::from(RegistryError::SealedUnreadable).caused_by(error))?;
            }
        }
        Ok(())
    }
}

/// Puts who may be meant by doubts into the queue; one answer for each, in order. `place` is the county, twelve digits, and
/// the batch.
pub async fn queue(
    work: &mut Work,
    keys: &Keyring,
    doubts: &[Doubt],
    place: &(String, Source),
) -> Result<Vec<IdentityProposal>> {
    if doubts.is_empty() {
        return Ok(Vec::new());
    }
    let on_file = OnFiles::of(work, doubts).await?;
    let mut judged = Vec::with_capacity(doubts.len());
    for doubt in doubts {
        let proposals = on_file.judge(keys, doubt, &place.0)?;
        judged.push(proposals.iter().map(|p| review(keys, doubt, p, place)).collect::<Vec<_>>());
    }
    let states = keep(work, &judged).await?;
    Ok(judged.iter().map(|reviews| answer(reviews, &states)).collect())
}

/// Puts persons into the queue who have another number now, by all that can be seen: rows under the old one would mean the
/// new one.
pub async fn queue_new_numbers(
    work: &mut Work,
    keys: &Keyring,
    found: &[NewNumber],
    place: &(String, Source),
) -> Result<()> {
    let review_of = |found: &NewNumber| {
        let doubt = Doubt {
            about: About::Name,
            number_key: found.old_key,
            name_key: found.name_key,
            spellings: Vec::new(),
            number_sealed: found.number_sealed.clone(),
            name_sealed: found.name_sealed.clone(),
            row: 0,
        };
        review(keys, &doubt, &Proposal::new_number(found.new_key, &found.division_code), place)
    };
    keep(work, &[found.iter().map(review_of).collect()]).await?;
    Ok(())
}

fn checked(doubt: &IdentityDoubt) -> std::result::Result<Doubt, RegistryError> {
    let uuid = |text: &str| Uuid::try_parse(text).map_err(|_| RegistryError::KeyMalformed);
    let long = [&doubt.number_sealed, &doubt.name_sealed].iter().any(|sealed| sealed.len() > MAX_SEALED);
    if doubt.candidates.len() > MAX_CANDIDATES || doubt.spelling_keys.len() > MAX_SPELLINGS || long {
        return Err(RegistryError::TooMany);
    }
    let candidate = |c: &IdentityCandidate| -> std::result::Result<Candidate, RegistryError> {
        let person_key = uuid(&c.person_key)?;
        Ok(Candidate { person_key, edit: c.edit(), birth_agrees: c.birth_agrees, sex_agrees: c.sex_agrees })
    };
    let about = match doubt.kind() {
        DoubtKind::Unspecified => return Err(RegistryError::DoubtKindMissing),
        DoubtKind::Number => {
            About::Number(doubt.candidates.iter().map(candidate).collect::<std::result::Result<_, _>>()?)
        }
        DoubtKind::Name => About::Name,
    };
    Ok(Doubt {
        about,
        number_key: uuid(&doubt.number_key)?,
        name_key: uuid(&doubt.name_key)?,
        spellings: doubt.spelling_keys.iter().map(|key| uuid(key)).collect::<std::result::Result<_, _>>()?,
        number_sealed: doubt.number_sealed.clone(),
        name_sealed: doubt.name_sealed.clone(),
        row: doubt.row,
    })
}

/// Everybody who comes into question for any of some doubts, read at once.
struct OnFiles {
    persons: HashMap<Uuid, OnFile>,
    households: HashMap<Uuid, Vec<Uuid>>,
}

impl OnFiles {
    async fn of(work: &mut Work, doubts: &[Doubt]) -> Result<OnFiles> {
        let mut keys = HashSet::new();
        let mut holders = HashSet::new();
        for doubt in doubts {
            match &doubt.about {
                About::Number(candidates) => keys.extend(candidates.iter().map(|c| c.person_key)),
                About::Name => _ = holders.insert(doubt.number_key),
            }
        }
        keys.extend(&holders);
        let keys: Vec<Uuid> = keys.into_iter().collect();
        let mut rows = identity::on_file(work.conn(), &keys, &[]).await?;
        let held = rows.iter().filter(|r| holders.contains(&r.person_key)).filter_map(|r| r.household_id);
        let households: Vec<Uuid> = held.collect();
        if !households.is_empty() {
            rows.extend(identity::on_file(work.conn(), &[], &households).await?);
        }
        let persons: HashMap<Uuid, OnFile> = rows.into_iter().map(|r| (r.person_key, r)).collect();
        let mut households: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for person in persons.values() {
            households.entry(person.household_id.unwrap_or_default()).or_default().push(person.person_key);
        }
        Ok(OnFiles { persons, households })
    }

    fn judge(&self, keys: &Keyring, doubt: &Doubt, county: &str) -> Result<Vec<Proposal>> {
        let mut meant: Vec<Uuid> = match &doubt.about {
            About::Number(candidates) => candidates.iter().map(|c| c.person_key).collect(),
            About::Name => vec![doubt.number_key],
        };
        meant.sort_unstable();
        meant.dedup();
        let came = match doubt.name_sealed.as_slice() {
            [] => None,
            sealed => Some(keys.open(doubt.number_key, "name", sealed)?),
        };
        let came = came.filter(|name| names::has_placeholder(name.expose()));
        let mut known = Vec::new();
        for person in meant.iter().filter_map(|key| self.persons.get(key)) {
            let fits = match &came {
                None => false,
                Some(came) => {
                    let on_file = keys.open(person.person_key, "name", &person.name_sealed)?;
                    names::agrees_but_for_placeholders(came.expose(), on_file.expose())
                }
            };
            known.push((person.clone(), doubt.name(person, fits)));
        }
        let beside = match (&doubt.about, known.first()) {
            (About::Name, Some((OnFile { household_id: Some(home), .. }, Name::Other))) => self.members(*home),
            _ => Vec::new(),
        };
        Ok(doubt.judge(&known, &beside, county))
    }

    fn members(&self, household: Uuid) -> Vec<OnFile> {
        let keys = self.households.get(&household);
        keys.into_iter().flatten().filter_map(|key| self.persons.get(key)).cloned().collect()
    }
}

/// Writes the reviews in one order whoever proposes them, so that two batches cannot wait for each other; their states.
async fn keep(work: &mut Work, judged: &[Vec<NewReview>]) -> Result<HashMap<Uuid, String>> {
    let mut all: Vec<&NewReview> = judged.iter().flatten().collect();
    all.sort_by_key(|review| review.review_id);
    let (mut states, today) = (HashMap::new(), work.today());
    for review in all {
        states.insert(review.review_id, identity::propose(work.conn(), review, today).await?);
        work.audit(&name(REVIEWS, review.review_id), &["proposed"]);
    }
    Ok(states)
}

/// What the adapter is told of a doubt's reviews, best first: who was found to be somebody else is not proposed again.
fn answer(reviews: &[NewReview], states: &HashMap<Uuid, String>) -> IdentityProposal {
    let mut open = reviews.iter().filter(|r| states.get(&r.review_id).is_some_and(|state| state != "different"));
    let Some(best) = open.next() else { return IdentityProposal::default() };
    IdentityProposal {
        review: name(REVIEWS, best.review_id),
        kind: best.kind.into(),
        persons: 1 + i32::try_from(open.count()).unwrap_or(i32::MAX),
    }
}

/// A proposal as it stands in the queue: under the division of the person's household, whose county knows it.
fn review(keys: &Keyring, doubt: &Doubt, proposal: &Proposal, (county, source): &(String, Source)) -> NewReview {
    let sealed = |bytes: &[u8]| (!bytes.is_empty()).then(|| bytes.to_vec());
    NewReview {
        review_id: review_id(keys, doubt.number_key, doubt.name_key, proposal.person_key),
        kind: small(proposal.kind as i32),
        division_code: proposal.division_code.clone().unwrap_or_else(|| division::county_of(county)),
        number_key: doubt.number_key,
        name_key: doubt.name_key,
        person_key: proposal.person_key,
        edit: small(proposal.edit as i32),
        proofs: proposal.proofs.iter().map(|proof| small(*proof as i32)).collect(),
        score: proposal.score(),
        complete: proposal.is_complete(),
        number_sealed: sealed(&doubt.number_sealed),
        name_sealed: sealed(&doubt.name_sealed),
        source: source.clone(),
        row: doubt.row,
    }
}

/// A keyed hash, as ids of the register are, so that a repeat finds the same review.
pub fn review_id(keys: &Keyring, number_key: Uuid, name_key: Uuid, person_key: Uuid) -> Uuid {
    let parts = [number_key, name_key, person_key].map(|key| key.to_string());
    keys.record_key(&["identity review", &parts[0], &parts[1], &parts[2]])
}

/// The contract's enums have a handful of values.
pub fn small(value: i32) -> i16 {
    i16::try_from(value).unwrap_or_default()
}

/// A stored kind as the contract has it.
pub fn kind_of(kind: i16) -> IdentityReviewKind {
    IdentityReviewKind::try_from(i32::from(kind)).unwrap_or_default()
}
