//! What is done each business date, as reconcilers, input-free and idempotent: every work order due is brought to the new
//! day, and each indicator's yield is compared with the pack's floor.

use std::time::Duration;

use futures::future::BoxFuture;
use minqing_kit::{
    Call, Result,
    clock::SharedClock,
    db::Db,
    reconcile::{Pass, Reconciler},
};

use crate::{
    app::{deadlines, falls, rules::Rules},
    store::pass,
};

/// Its name.
pub const DEADLINES: &str = "deadlines";
/// Longest time after midnight until it sees the new day.
const EVERY: Duration = Duration::from_millis(500);
/// Slices of one pass.
const MOST_SLICES: u32 = 50;

/// Its name.
pub const YIELDS: &str = "yields";
/// A new day asks for a comparison at once; others find nothing new unless one failed.
const COMPARE_EVERY: Duration = Duration::from_secs(3_600);

/// The pass.
pub struct Deadlines {
    pub db: Db,
    pub clock: SharedClock,
    pub rules: Rules,
}

impl Reconciler for Deadlines {
    fn name(&self) -> &'static str {
        DEADLINES
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.pass())
    }
}

impl Deadlines {
    async fn pass(&self) -> Result<Pass> {
        let today = self.clock.today();
        let mut did = 0;
        if self.through_today(today).await? {
            return Ok(Pass { did, caught_up: true, detail: format!("through {today}") });
        }
        let call = Call::worker("dispatch", DEADLINES);
        for _ in 0..MOST_SLICES {
            let rules = self.rules.clone();
            let found = self.db.change(&call, move |work| {
                let rules = rules.clone();
                Box::pin(async move { deadlines::slice(work, &rules, today).await })
            });
            let found = found.await?;
            did += found;
            if found == 0 {
                break;
            }
        }
        let caught_up = self.through_today(today).await? && self.clock.today() == today;
        Ok(Pass { did, caught_up, detail: format!("through {today}, {did} work orders moved") })
    }

    /// The day is done and nothing has come in since that it must still see to.
    async fn through_today(&self, today: chrono::NaiveDate) -> Result<bool> {
        let mut connection = self.db.acquire().await?;
        let through = pass::through(&mut connection).await?;
        Ok(through.is_some_and(|day| day >= today) && pass::due(&mut connection, today, 1).await?.is_empty())
    }
}

/// The comparison of yields.
pub struct Yields {
    pub db: Db,
    pub clock: SharedClock,
    pub rules: Rules,
}

impl Reconciler for Yields {
    fn name(&self) -> &'static str {
        YIELDS
    }

    fn every(&self) -> Duration {
        COMPARE_EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async {
            let today = self.clock.today();
            let rules = self.rules.clone();
            let call = Call::worker("dispatch", YIELDS);
            let did = self.db.change(&call, move |work| {
                let rules = rules.clone();
                Box::pin(async move { falls::compare(work, &rules).await })
            });
            let did = did.await?;
            let caught_up = self.clock.today() == today;
            Ok(Pass { did, caught_up, detail: format!("through {today}, {did} yields fell or recovered") })
        })
    }
}
