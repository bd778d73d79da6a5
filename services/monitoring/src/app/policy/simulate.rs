//! What a pack would do otherwise than another, on every household of the register.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::{future::BoxFuture, stream::BoxStream};
use minqing_kit::{Call, Result, db::Work};
use minqing_policy::Pack;
use minqing_proto::minqing::monitoring::v1::SimulatePoliciesRequest;
use uuid::Uuid;

use super::{
    Policies,
    pack::field_rules,
    sweep::{self, Cursor, Sweep, Told},
};
use crate::{
    domain::{
        effect::{AFTER, BEFORE, Effects, FieldRules, Hit, Judged, Verdict},
        span,
    },
    store::judge::Statements,
};

/// What came of it.
pub struct Simulated {
    /// The first pack and the second.
    pub packs: [Pack; 2],
    pub as_of: NaiveDate,
    pub data_on: NaiveDate,
    pub effects: Effects,
    /// The caller may see the households, so that small numbers tell nothing new.
    pub open: bool,
}

/// Purposes for which a caller may see households, one by one.
const OPEN_FOR: [&str; 2] = ["case_work", "audit"];

struct Simulation {
    cursor: Cursor,
    statements: Arc<[Statements; 2]>,
    rules: [FieldRules; 2],
    so_far: Simulated,
}

/// Starts a simulation.
pub async fn simulate(
    policies: &Policies,
    call: &Call,
    request: SimulatePoliciesRequest,
) -> Result<BoxStream<'static, Result<Told<Simulated>>>> {
    let data_on = policies.monitoring.clock.today();
    let as_of = span::day(&request.as_of, "as_of", data_on)?;
    let county = span::county(call.caller.as_str(), &request.division_code)?;
    let packs = [policies.sound(request.before).await?, policies.sound(request.after).await?];
    let open = call.purpose.as_deref().is_some_and(|purpose| OPEN_FOR.contains(&purpose));
    let subject = format!("simulation/{}/{}", packs[BEFORE].content_hash(), packs[AFTER].content_hash());
    let fields: &[&str] = if open { &["counts", "small_counts"] } else { &["counts"] };
    let cursor = Cursor::open(policies, call, county, (subject, fields)).await?;
    let statements = [Statements::of(&packs[BEFORE], "first", as_of), Statements::of(&packs[AFTER], "second", as_of)];
    let rules = [field_rules(&packs[BEFORE], as_of), field_rules(&packs[AFTER], as_of)];
    let so_far = Simulated { packs, as_of, data_on, effects: Effects::default(), open };
    Ok(sweep::told(Simulation { cursor, statements: Arc::new(statements), rules, so_far }))
}

impl Sweep for Simulation {
    type Outcome = Simulated;

    fn step(&mut self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            let statements = Arc::clone(&self.statements);
            let slices = self.cursor.next(move |work, ids| {
                let statements = Arc::clone(&statements);
                Box::pin(async move { both(work, &statements, &ids).await })
            });
            let slices = slices.await?;
            let more = !slices.is_empty();
            for (places, (classes, hits)) in slices {
                self.so_far.effects.add(&Judged { places, classes, hits }, &self.rules);
            }
            Ok(more)
        })
    }

    fn progress(&self) -> (i64, i64) {
        (self.so_far.effects.households, self.cursor.households)
    }

    fn finish(self) -> BoxFuture<'static, Result<Simulated>> {
        Box::pin(async move { Ok(self.so_far) })
    }
}

type Both = ([Vec<Verdict>; 2], [Vec<Hit>; 2]);

/// Judges by both packs; what they have in common is computed once.
async fn both(work: &mut Work, [before, after]: &[Statements; 2], ids: &[Uuid]) -> Result<Both> {
    let first = before.classes(work.conn(), ids).await?;
    let second = if after.assesses_like(before) { first.clone() } else { after.classes(work.conn(), ids).await? };
    let found = before.hits(work.conn(), ids).await?;
    let then = if after.screens_like(before) { found.clone() } else { after.hits(work.conn(), ids).await? };
    Ok(([first, second], [found, then]))
}
