//! What a pack's indicators would have found on past days, by the data as they stand now, and what field checks have
//! found of these indicators' warnings.

use std::{collections::BTreeSet, sync::Arc};

use chrono::NaiveDate;
use futures::{future::BoxFuture, stream::BoxStream};
use minqing_kit::{Call, Result};
use minqing_policy::Pack;
use minqing_proto::minqing::monitoring::v1::BackTestPolicyRequest;

use super::{
    Policies,
    pack::field_rules,
    sweep::{self, Cursor, Sweep, Told},
};
use crate::{
    domain::{effect::FieldRules, hits::DayHits, roster, span},
    store::{
        judge::Statements,
        verdict::{self, Yield},
    },
};

/// What came of it.
pub struct BackTested {
    pub pack: Pack,
    pub data_on: NaiveDate,
    pub households: i64,
    pub days: Vec<(NaiveDate, DayHits)>,
    /// Days between which verdicts were counted; from the first of all when none.
    pub verdicts: (Option<NaiveDate>, NaiveDate),
    pub yields: Vec<Yield>,
}

struct BackTest {
    cursor: Cursor,
    pack: Pack,
    data_on: NaiveDate,
    verdicts: (Option<NaiveDate>, NaiveDate),
    days: Vec<Day>,
    /// The day under way.
    at: usize,
    done: i64,
}

struct Day {
    on: NaiveDate,
    statements: Arc<Statements>,
    rules: FieldRules,
    hits: DayHits,
    households: i64,
}

/// Starts a back-test.
pub async fn back_test(
    policies: &Policies,
    call: &Call,
    request: BackTestPolicyRequest,
) -> Result<BoxStream<'static, Result<Told<BackTested>>>> {
    let data_on = policies.monitoring.clock.today();
    let days = span::days(&request.as_of, (&request.range_from, &request.range_to), data_on)?;
    let county = span::county(call.caller.as_str(), &request.division_code)?;
    let pack = policies.sound(request.pack).await?;
    // A range's verdicts are those of all its days, also after the last month end; a single day's all until then.
    let until = roster::date(&request.range_to).or(roster::date(&request.as_of));
    let verdicts = (roster::date(&request.range_from), until.unwrap_or(data_on));
    let subject = format!("back-test/{}", pack.content_hash());
    let cursor = Cursor::open(policies, call, county, (subject, &["counts"])).await?;
    let day = |on: NaiveDate| Day {
        on,
        statements: Arc::new(Statements::of(&pack, "back-tested", on)),
        rules: field_rules(&pack, on),
        hits: DayHits::default(),
        households: 0,
    };
    let days = days.into_iter().map(day).collect();
    Ok(sweep::told(BackTest { cursor, pack, data_on, verdicts, days, at: 0, done: 0 }))
}

impl Sweep for BackTest {
    type Outcome = BackTested;

    fn step(&mut self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move {
            while let Some(day) = self.days.get_mut(self.at) {
                let statements = Arc::clone(&day.statements);
                let slices = self.cursor.next(move |work, ids| {
                    let statements = Arc::clone(&statements);
                    Box::pin(async move { statements.hits_and_unknown(work.conn(), &ids).await })
                });
                let slices = slices.await?;
                let more = !slices.is_empty();
                for (places, (hits, unknown)) in slices {
                    let count = i64::try_from(places.len()).unwrap_or(i64::MAX);
                    day.hits.add(&places, &hits, &day.rules);
                    day.hits.add_unknown(unknown);
                    day.households += count;
                    self.done += count;
                }
                if more {
                    return Ok(true);
                }
                self.at += 1;
                self.cursor.rewind();
            }
            Ok(false)
        })
    }

    fn progress(&self) -> (i64, i64) {
        (self.done, self.cursor.households.saturating_mul(i64::try_from(self.days.len()).unwrap_or(i64::MAX)))
    }

    fn finish(self) -> BoxFuture<'static, Result<BackTested>> {
        Box::pin(async move {
            let Cursor { policies, county, .. } = self.cursor;
            let mut connection = policies.monitoring.db.acquire().await?;
            let (from, to) = self.verdicts;
            let of_pack: BTreeSet<&str> = self.pack.indicators().iter().map(|i| i.id.as_str()).collect();
            let mut yields = verdict::yields(&mut connection, county.as_deref(), from, to).await?;
            yields.retain(|of| of_pack.contains(of.indicator.as_str()));
            drop(of_pack);
            let households = self.days.last().map_or(0, |day| day.households);
            let days = self.days.into_iter().map(|day| (day.on, day.hits)).collect();
            let (pack, data_on, verdicts) = (self.pack, self.data_on, self.verdicts);
            Ok(BackTested { pack, data_on, households, days, verdicts, yields })
        })
    }
}
