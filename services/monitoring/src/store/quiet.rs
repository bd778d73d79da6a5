//! Checks that found a warning not true, one for a household or person and indicator.

use chrono::NaiveDate;
use minqing_kit::{Error, Result};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    deed::Quieted,
    quiet::{Facts, Quiet},
};

/// A row of `monitoring.quiet`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct QuietRow {
    pub warning_id: Uuid,
    pub household_id: Uuid,
    pub indicator: String,
    pub person_key: Option<Uuid>,
    pub checked_on: NaiveDate,
    pub quiet_until: NaiveDate,
    pub level: i32,
    facts: String,
    /// The warning of the indicator that is open now.
    pub open_id: Option<Uuid>,
}

impl QuietRow {
    /// As the rules see it.
    pub fn quiet(&self) -> Result<Quiet> {
        Ok(Quiet {
            warning: self.warning_id,
            checked_on: self.checked_on,
            until: self.quiet_until,
            level: self.level,
            facts: serde_json::from_str(&self.facts).map_err(Error::bug)?,
        })
    }
}

/// Keeps the newest check, with what the warning said when it was raised.
pub async fn put(conn: &mut PgConnection, checks: &[Quieted]) -> Result<()> {
    sqlx::query(
        "insert into monitoring.quiet as q \
           (warning_id, household_id, indicator, person_key, checked_on, quiet_until, level, facts) \
         select distinct on (w.household_id, w.indicator, w.person_key) \
           w.warning_id, w.household_id, w.indicator, w.person_key, c.checked_on, c.quiet_until, w.level, w.facts \
         from unnest($1::uuid[], $2::date[], $3::date[]) as c (warning_id, checked_on, quiet_until) \
         join monitoring.warning w on w.warning_id = c.warning_id and w.household_id is not null \
         order by w.household_id, w.indicator, w.person_key, c.checked_on desc, w.warning_id desc \
         on conflict on constraint quiet_subject do update set warning_id = excluded.warning_id, \
           checked_on = excluded.checked_on, quiet_until = excluded.quiet_until, level = excluded.level, \
           facts = excluded.facts where q.checked_on < excluded.checked_on",
    )
    .bind(checks.iter().map(|c| c.warning).collect::<Vec<_>>())
    .bind(checks.iter().map(|c| c.checked_on).collect::<Vec<_>>())
    .bind(checks.iter().map(|c| c.until).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// What keeps quiet about the households.
pub async fn of(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<QuietRow>> {
    let rows = sqlx::query_as(
        "select q.warning_id, q.household_id, q.indicator, q.person_key, q.checked_on, q.quiet_until, q.level, \
           q.facts::text as facts, w.warning_id as open_id \
         from monitoring.quiet q \
         left join monitoring.warning w on w.household_id = q.household_id and w.indicator = q.indicator \
           and w.person_key is not distinct from q.person_key and w.cleared_on is null \
         where q.household_id = any($1)",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Keeps what is known from now on.
pub async fn remember(conn: &mut PgConnection, known: Vec<(Uuid, Facts)>) -> Result<()> {
    let (ids, facts): (Vec<_>, Vec<_>) = known.into_iter().unzip();
    let texts = facts.iter().map(|facts| serde_json::to_string(facts).map_err(Error::bug));
    let facts = texts.collect::<Result<Vec<_>>>()?;
    sqlx::query(
        "update monitoring.quiet q set facts = k.facts::jsonb from unnest($1::uuid[], $2::text[]) as k (warning_id, facts) \
         where q.warning_id = k.warning_id",
    )
    .bind(ids)
    .bind(facts)
    .execute(conn)
    .await?;
    Ok(())
}

/// Quiet is over.
pub async fn end(conn: &mut PgConnection, warnings: &[Uuid]) -> Result<()> {
    sqlx::query("delete from monitoring.quiet where warning_id = any($1)").bind(warnings).execute(conn).await?;
    Ok(())
}
