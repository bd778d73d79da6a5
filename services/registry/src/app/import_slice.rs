//! Stores one slice of a batch: what is on file unchanged costs one look, the rest is checked against the register
//! and written set by set. Every household that changed, and every one a member left for it, tells its whole state.

use std::collections::{BTreeSet, HashMap};

use minqing_kit::{
    Result,
    db::Work,
    id::name,
    keys::{Keyring, spelling},
};
use minqing_proto::minqing::types::v1::RowReason;
use uuid::Uuid;

use super::{classes, identities};
use crate::{
    domain::{
        batch::{Batch, SliceOutcome},
        identity::{About, Doubt},
        plan,
        prepared::{PreparedDoubt, PreparedFault, PreparedHousehold, Slice},
    },
    store::{
        self,
        identity::{NewNumber, Source},
    },
};

/// What reviews of a county's collection name as their dataset.
const DATASET: &str = "households";

/// Applies the slice inside the transaction of `work`.
pub async fn apply(work: &mut Work, keys: &Keyring, batch: &Batch, slice: Slice) -> Result<SliceOutcome> {
    // One writer of the roster at a time: a person cannot be taken into two households at once.
    store::roster::lock(work.conn()).await?;
    store::import::open(work, batch).await?;
    let Slice { households, mut faults, sent, mut doubts } = slice;

    let fresh = unlike_on_file(work, batch, households, &mut faults).await?;
    let fresh = without_conflict(work, batch, fresh, (&mut faults, &mut doubts)).await?;
    let changed = i32::try_from(fresh.len()).unwrap_or(i32::MAX);
    let place = (batch.county.clone(), source(batch));
    if !fresh.is_empty() {
        let (touched, swapped) = write(work, batch, &fresh).await?;
        store::roster::emit(work, &touched, batch.as_of).await?;
        identities::queue_new_numbers(work, keys, &swapped, &place).await?;
    }
    let doubts = doubts.iter().map(|prepared| doubt(keys, prepared)).collect::<Result<Vec<_>>>()?;
    identities::queue(work, keys, &doubts, &place).await?;
    store::import::add_errors(work.conn(), batch.import_id, &faults).await?;
    work.audit(&name("imports", batch.import_id), &["households", "members"]);

    let rows: BTreeSet<i32> = faults.iter().map(|f| f.row).collect();
    let refused = i32::try_from(rows.len()).unwrap_or(i32::MAX);
    Ok(SliceOutcome { sent, accepted: sent - refused, refused, changed })
}

fn source(batch: &Batch) -> Source {
    Source { bureau: String::new(), dataset: DATASET.to_owned(), batch_no: batch.batch_no.clone() }
}

fn doubt(keys: &Keyring, prepared: &PreparedDoubt) -> Result<Doubt> {
    let number_key = prepared.person_key();
    let came = keys.open(number_key, "name", &prepared.name)?;
    Ok(Doubt {
        about: About::Name,
        number_key,
        name_key: prepared.name_key(),
        spellings: spelling::others(came.expose()).iter().map(|other| keys.name_key(other)).collect(),
        number_sealed: Vec::new(),
        name_sealed: prepared.name.clone(),
        row: prepared.row,
    })
}

/// Leaves out what is on file with the same content; refuses what is older than the file.
async fn unlike_on_file(
    work: &mut Work,
    batch: &Batch,
    households: Vec<PreparedHousehold>,
    faults: &mut Vec<PreparedFault>,
) -> Result<Vec<PreparedHousehold>> {
    let ids: Vec<Uuid> = households.iter().map(PreparedHousehold::household_id).collect();
    let on_file = store::household::on_file(work.conn(), &ids).await?;
    let on_file: HashMap<Uuid, _> = on_file.into_iter().map(|h| (h.household_id, h)).collect();
    let mut fresh = Vec::new();
    for household in households {
        match on_file.get(&household.household_id()) {
            Some(known) if known.content_key == Some(household.content_key()) => {}
            Some(known) if known.as_of > batch.as_of => {
                faults.push(fault(&household, "household_no".into(), RowReason::Inconsistent));
            }
            _ => fresh.push(household),
        }
    }
    Ok(fresh)
}

/// Refuses a household when an ID number is on file under another name, or when newer data place a member elsewhere.
async fn without_conflict(
    work: &mut Work,
    batch: &Batch,
    households: Vec<PreparedHousehold>,
    (faults, doubts): (&mut Vec<PreparedFault>, &mut Vec<PreparedDoubt>),
) -> Result<Vec<PreparedHousehold>> {
    let keys: Vec<Uuid> = households.iter().flat_map(|h| h.members.iter().map(|m| m.person_key())).collect();
    let known = store::person::known(work.conn(), &keys).await?;
    let known: HashMap<Uuid, _> = known.into_iter().map(|p| (p.person_key, p)).collect();
    let mut good = Vec::new();
    for household in households {
        let before = faults.len();
        for (i, member) in household.members.iter().enumerate() {
            let Some(person) = known.get(&member.person_key()) else { continue };
            let elsewhere = person.household_id.is_some_and(|id| id != household.household_id());
            let reason = if person.name_key != member.name_key() {
                doubts.push(PreparedDoubt::of(household.row, member));
                RowReason::IdNameConflict
            } else if elsewhere && person.placed_as_of.is_some_and(|day| day > batch.as_of) {
                RowReason::Inconsistent
            } else {
                continue;
            };
            faults.push(fault(&household, format!("members[{i}].id_number"), reason));
        }
        if faults.len() == before {
            good.push(household);
        }
    }
    Ok(good)
}

fn fault(household: &PreparedHousehold, field: String, reason: RowReason) -> PreparedFault {
    PreparedFault { row: household.row, field, reason: reason.into() }
}

/// Writes the households; gives every household whose state is another one now, and who left one of them while another
/// of the same name, birth and sex joined it.
async fn write(
    work: &mut Work,
    batch: &Batch,
    households: &[PreparedHousehold],
) -> Result<(Vec<Uuid>, Vec<NewNumber>)> {
    let ids: Vec<Uuid> = households.iter().map(PreparedHousehold::household_id).collect();
    store::household::upsert(work.conn(), batch, households).await?;
    store::person::upsert(work.conn(), households).await?;

    let persons: Vec<Uuid> = households.iter().flat_map(|h| h.members.iter().map(|m| m.person_id())).collect();
    let open = store::membership::open(work.conn(), &ids, &persons).await?;
    let planned = plan::memberships(households, &open, batch.as_of);
    store::membership::close(work.conn(), &planned.close).await?;
    let new: Vec<_> = planned.join.into_iter().map(|join| (work.new_id(), join)).collect();
    store::membership::insert(work.conn(), &new, batch.as_of).await?;
    store::household::left_by_members(work.conn(), &planned.left).await?;
    let closed: Vec<Uuid> = planned.close.iter().map(|(membership, _)| *membership).collect();
    let joined: Vec<Uuid> = new.iter().map(|(_, join)| join.member.person_id()).collect();
    let swapped = store::identity::new_numbers(work.conn(), &closed, &joined).await?;

    let vehicles = store::vehicle::open(work.conn(), &ids).await?;
    let traffic = plan::vehicles(households, &vehicles, batch.as_of);
    store::vehicle::close(work.conn(), &traffic.close).await?;
    let new: Vec<_> = traffic.add.into_iter().map(|add| (work.new_id(), add)).collect();
    store::vehicle::insert(work.conn(), &new, batch.as_of).await?;

    classes::collected(work, households, batch.as_of).await?;
    Ok((ids.into_iter().chain(planned.left).collect(), swapped))
}
