//! What a field check found not true, held against what the data say now.

use std::collections::HashMap;

use chrono::NaiveDate;
use minqing_kit::{Result, db::Work};
use uuid::Uuid;

use super::{Monitoring, parse};
use crate::{
    domain::quiet::{Facts, Now, Turn},
    store::{
        evaluation::Change,
        quiet::{self, QuietRow},
    },
};

/// A warning to raise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rise {
    /// Day of the check that found the same not true, where the warning comes up again.
    pub since: Option<NaiveDate>,
    /// The open warning whose place it takes.
    pub instead_of: Option<Uuid>,
}

/// The checks that keep some households quiet.
#[derive(Debug, Default)]
pub struct Quiets {
    rows: HashMap<(Uuid, String, Option<Uuid>), QuietRow>,
    known: Vec<(Uuid, Facts)>,
    over: Vec<Uuid>,
}

impl Quiets {
    pub async fn of(work: &mut Work, held: &[Uuid]) -> Result<Quiets> {
        let rows = quiet::of(work.conn(), held).await?;
        let rows = rows.into_iter().map(|row| ((row.household_id, row.indicator.clone(), row.person_key), row));
        Ok(Quiets { rows: rows.collect(), ..Quiets::default() })
    }

    /// Open warnings that may have to make room for others of their indicator.
    pub fn open(&self) -> Vec<Uuid> {
        self.rows.values().filter_map(|row| row.open_id).collect()
    }

    /// Judges an outcome that is true; none when its open warning stands as it is.
    pub fn hear(
        &mut self,
        monitoring: &Monitoring,
        change: &Change,
        level: i32,
        today: NaiveDate,
    ) -> Result<Option<Rise>> {
        let subject = (change.household_id, change.indicator.clone(), change.person_key);
        let Some(row) = self.rows.get(&subject) else { return Ok(Some(Rise::default())) };
        let facts: Facts = change.facts.as_deref().map(parse).transpose()?.unwrap_or_default();
        let quiet = row.quiet()?;
        match quiet.judge(Now { on: today, level, facts: &facts }, &monitoring.rules.signs) {
            Turn::ComesUp => {
                let rise = Rise { since: Some(row.checked_on), instead_of: row.open_id };
                self.over.push(row.warning_id);
                Ok(Some(rise))
            }
            Turn::Stays(learnt) => {
                self.known.extend(learnt.map(|facts| (row.warning_id, facts)));
                Ok(row.open_id.is_none().then(Rise::default))
            }
        }
    }

    /// Writes what has become of them.
    pub async fn save(self, work: &mut Work) -> Result<()> {
        if !self.known.is_empty() {
            quiet::remember(work.conn(), self.known).await?;
        }
        if !self.over.is_empty() {
            quiet::end(work.conn(), &self.over).await?;
        }
        Ok(())
    }
}
