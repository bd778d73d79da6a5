//! Takes the roster over from registry's events; the households it touches are evaluated, many of them soon after.

use std::collections::{BTreeSet, HashMap};

use minqing_kit::{Result, db::Work};
use uuid::Uuid;

use super::{
    Monitoring, due,
    evaluate::{self, Cause},
    feeds,
};
use crate::{
    domain::{
        record::Touched,
        roster::{self, Household},
    },
    store::{lock, roster as store},
};

/// Applies states in the order in which they happened; those older than what is on file change nothing.
pub async fn apply(monitoring: &Monitoring, work: &mut Work, states: Vec<Household>) -> Result<()> {
    lock::move_roster(work.conn()).await?;
    let named: Vec<_> = states.iter().map(|h| h.id).collect();
    let on_file: HashMap<Uuid, i64> = store::sequences(work.conn(), &named).await?.into_iter().collect();
    let newer = |h: &Household| on_file.get(&h.id).is_none_or(|sequence| *sequence < h.sequence);
    let states = roster::newest(states.into_iter().filter(newer).collect());
    if states.is_empty() {
        return Ok(());
    }
    let persons = states.iter().flat_map(|h| h.members.iter().map(|m| m.person_key)).collect();
    let members = Touched { persons, ..Touched::default() };
    // The households that members come from are touched too.
    let mut touched: BTreeSet<Uuid> = states.iter().map(|h| h.id).collect();
    touched.extend(store::households_of(work.conn(), &members).await?);
    let touched: Vec<_> = touched.into_iter().collect();
    let now = due::now_or_soon(work, &touched).await?;
    lock::households(work.conn(), &touched).await?;

    let today = work.today();
    let new_county = store::put_households(work.conn(), &states, today).await?;
    store::put_members(work.conn(), &states).await?;
    store::put_classes(work.conn(), &states).await?;
    store::put_vehicles(work.conn(), &states).await?;
    if new_county {
        feeds::expect(monitoring, work).await?;
    }
    evaluate::households(monitoring, work, now, Cause::Other).await?;
    Ok(())
}
