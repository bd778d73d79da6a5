//! Use cases, one a file. Each is one transaction; what they share is [`Monitoring`].

pub mod close;
pub mod deed;
pub mod due;
pub mod evaluate;
pub mod feeds;
pub mod policy;
pub mod quiet;
pub mod read;
pub mod roster;
pub mod rules;
pub mod screen;
pub mod submit;
pub mod told;
pub mod verdict;
pub mod withdraw;

use std::sync::Arc;

use chrono::NaiveDate;
use minqing_kit::{Call, Error, Result, clock::SharedClock, db::Db};
use minqing_policy::Pack;

use crate::{
    domain::record::{self, Dataset},
    store::{
        catalogue, lock,
        record::{Days, Statements},
    },
};
use rules::Rules;

/// Households evaluated by one run of the pack's SQL.
pub const SLICE: usize = 1_000;

/// What every use case works with.
pub struct Monitoring {
    pub db: Db,
    pub clock: SharedClock,
    pub rules: Rules,
    pub sets: Vec<RecordSet>,
    /// Days for which a batch can be withdrawn.
    pub version_days: u32,
}

/// A dataset and the statements that write it.
pub struct RecordSet {
    pub dataset: Arc<Dataset>,
    pub statements: Statements,
}

impl Monitoring {
    /// Makes missing record set tables and takes the policy pack into use.
    pub async fn open(db: Db, clock: SharedClock, pack: Pack, version_days: u32) -> Result<Monitoring> {
        let call = Call::worker("monitoring", "catalogue");
        let confined = db.change(&call, |work| Box::pin(async move { make_tables(work.conn()).await })).await?;
        if !confined {
            tracing::warn!("the policy role is missing or not granted: the pack's statements run unconfined");
        }
        let sets = record::datasets()?
            .into_iter()
            .map(|dataset| RecordSet { statements: Statements::of(&dataset), dataset: Arc::new(dataset) })
            .collect();
        let monitoring = Monitoring { db, clock, rules: Rules::new(pack, confined), sets, version_days };
        Ok(monitoring)
    }

    /// A bureau's dataset.
    pub fn set(&self, bureau: &str, name: &str) -> Option<&RecordSet> {
        self.sets.iter().find(|set| set.dataset.bureau == bureau && set.dataset.name == name)
    }

    /// The dates by which records are written on a day.
    pub fn days(&self, today: NaiveDate) -> Days {
        let kept = chrono::Days::new(u64::from(self.version_days));
        Days { today, kept_from: today.checked_sub_days(kept).unwrap_or(NaiveDate::MIN) }
    }

    /// The datasets' layouts.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.sets.iter().map(|set| set.dataset.as_ref())
    }
}

async fn make_tables(conn: &mut sqlx::PgConnection) -> Result<bool> {
    lock::make_tables(conn).await?;
    catalogue::ensure(conn).await?;
    let confined = catalogue::has_policy_role(conn).await?;
    if confined {
        catalogue::grant(conn).await?;
    }
    Ok(confined)
}

/// Json that was written by this service and cannot be read is a fault of ours.
fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(Error::bug)
}
