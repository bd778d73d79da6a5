//! Tells identification the facts of households that have a warning or a class, whole and only when a value differs
//! from what it was last told. A household once told of stays followed. It is done by the reconciler `facts` for the
//! households that an evaluation made due.

use std::collections::BTreeMap;

use minqing_kit::{Result, db::Work, id};
use minqing_policy::ToldFact;
use minqing_proto::minqing::monitoring::v1::{FactEntry, HouseholdFactsChanged, PersonFactEntry};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Monitoring;
use crate::{
    domain::words,
    store::{
        evaluation::Facts,
        fact::{self, Followed},
    },
};

/// Bytes kept of the digest.
const DIGEST_BYTES: usize = 16;

/// Facts of a household or, by key, one of its members, by name.
type Row<'a> = (Option<Uuid>, Vec<ToldFact<'a>>);

/// Tells what has changed of the households, which the transaction holds; of how many.
pub async fn tell(monitoring: &Monitoring, work: &mut Work, held: &[Uuid]) -> Result<usize> {
    let followed = fact::followed(work.conn(), held).await?;
    if followed.is_empty() {
        return Ok(0);
    }
    let today = work.today();
    let ids: Vec<_> = followed.iter().map(|f| f.household_id).collect();
    let rows = monitoring.rules.statements.facts(work.conn(), &ids, today).await?;
    let mut by_household: BTreeMap<Uuid, Vec<Facts>> = BTreeMap::new();
    for row in rows {
        by_household.entry(row.household_id).or_default().push(row);
    }
    let (mut told, mut digests) = (Vec::new(), Vec::new());
    for household in followed {
        let rows = by_household.remove(&household.household_id).unwrap_or_default();
        let statement = monitoring.rules.pack.facts_told();
        let rows: Vec<Row<'_>> =
            rows.into_iter().map(|row| (row.person_key, row.told_by(statement).collect())).collect();
        let digest = digest(&household, &rows);
        if household.digest.as_ref() == Some(&digest) {
            continue;
        }
        emit(work, &household, rows);
        told.push(household.household_id);
        digests.push(digest);
    }
    if !told.is_empty() {
        fact::told(work.conn(), &told, &digests, today).await?;
    }
    Ok(told.len())
}

fn emit(work: &mut Work, household: &Followed, rows: Vec<Row<'_>>) {
    let name = id::name("households", household.household_id);
    let mut event = HouseholdFactsChanged {
        household: name.clone(),
        division_code: household.division_code.clone(),
        area_kind: words::area_of(&household.area_kind).into(),
        as_of: work.today().to_string(),
        ..Default::default()
    };
    for (person, facts) in rows {
        let facts = facts.into_iter().map(entry).collect();
        match person {
            None => event.facts = facts,
            Some(key) => event.persons.push(PersonFactEntry { person_key: key.to_string(), facts }),
        }
    }
    work.emit(&name, &event, None);
}

fn entry(fact: ToldFact<'_>) -> FactEntry {
    FactEntry {
        name: fact.name.to_owned(),
        known: fact.value.is_some(),
        value: fact.value.unwrap_or_default(),
        as_of: fact.as_of.map(|day| day.to_string()).unwrap_or_default(),
    }
}

/// Over place and values; not over the sources' dates, which move with every delivery.
fn digest(household: &Followed, rows: &[Row<'_>]) -> Vec<u8> {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    };
    part(&household.division_code);
    part(&household.area_kind);
    for (person, facts) in rows {
        part(&person.map(|key| key.to_string()).unwrap_or_default());
        for fact in facts {
            part(fact.name);
            part(if fact.value.is_some() { "known" } else { "unknown" });
            part(fact.value.as_deref().unwrap_or_default());
        }
    }
    let mut bytes = hash.finalize().to_vec();
    bytes.truncate(DIGEST_BYTES);
    bytes
}
