//! Every record of a bureau becomes an entry in the chain of relief; a correction marks what it corrects.

use std::collections::HashMap;

use minqing_kit::{Error, Result, db::Work, id::parse_name};
use minqing_proto::minqing::feedback::v1::Feedback;
use uuid::Uuid;

use crate::{
    domain::{chain::kind_of, class::bureau_text, collect::parse_date},
    store::{self, chain::NewEntry},
};

/// Adds the records, each once by its name.
pub async fn recorded(work: &mut Work, records: &[Feedback]) -> Result<()> {
    let mut entries = Vec::with_capacity(records.len());
    for record in records {
        entries.push(entry(work, record)?);
    }
    let lost: Vec<Uuid> = entries.iter().filter(|e| e.household_id.is_none()).filter_map(|e| e.person_key).collect();
    let known = store::person::known(work.conn(), &lost).await?;
    let homes: HashMap<Uuid, Uuid> = known.iter().filter_map(|p| Some((p.person_key, p.household_id?))).collect();
    for entry in entries.iter_mut().filter(|e| e.household_id.is_none()) {
        entry.household_id = entry.person_key.and_then(|key| homes.get(&key).copied());
    }
    store::chain::add(work.conn(), &entries).await?;
    Ok(())
}

fn entry(work: &Work, record: &Feedback) -> Result<NewEntry> {
    let unreadable = |field: &str| Error::bug(anyhow::anyhow!("a feedback record has no readable {field}"));
    let paid = parse_date(&record.paid_on);
    let occurred_on = paid.or_else(|| parse_date(&record.handled_on)).unwrap_or_else(|| work.today());
    let household_id = match record.household.as_str() {
        "" => None,
        name => Some(parse_name("households", name, "household")?),
    };
    let person_key = match record.person_key.as_str() {
        "" => None,
        text => Some(Uuid::try_parse(text).map_err(|_| unreadable("person_key"))?),
    };
    Ok(NewEntry {
        chain_entry_id: work.new_id(),
        source: record.name.clone(),
        household_id,
        person_key,
        kind: kind_of(record.decision()).ok_or_else(|| unreadable("decision"))?,
        bureau: bureau_text(record.bureau()).ok_or_else(|| unreadable("bureau"))?,
        programme: record.programme.clone(),
        amount_fen: record.amount_fen.max(0),
        occurred_on,
        referral: record.referral.clone(),
        record_no: record.record_no.clone(),
        supersedes: record.supersedes.clone(),
    })
}
