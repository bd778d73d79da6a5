//! Suppressions: what checked "not true" keeps quiet.

use chrono::NaiveDate;
use minqing_kit::Result;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::domain::quiet::Quiet;

/// A row of `dispatch.suppression`.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct Suppression {
    pub household_id: Option<Uuid>,
    pub subject: Option<String>,
    pub indicator: String,
    pub person_key: Option<Uuid>,
    pub until_on: NaiveDate,
    pub work_order_id: Uuid,
    /// Business date on which the check was reported; none before that was kept.
    pub quieted_on: Option<NaiveDate>,
}

impl Suppression {
    /// As the rules see it.
    pub fn quiet(&self) -> Quiet {
        Quiet { until: self.until_on, since: self.quieted_on }
    }
}

/// Suppressions of households and feeds.
pub async fn of(connection: &mut PgConnection, households: &[Uuid], subjects: &[String]) -> Result<Vec<Suppression>> {
    let rows = sqlx::query_as(
        "select s.household_id, s.subject, s.indicator, s.person_key, s.until_on, s.work_order_id, \
           s.quieted_on \
         from dispatch.suppression as s where s.household_id = any($1) or s.subject = any($2)",
    )
    .bind(households)
    .bind(subjects)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Saves suppressions; the later day stands.
pub async fn save(connection: &mut PgConnection, rows: &[Suppression]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into dispatch.suppression as s \
           (household_id, subject, indicator, person_key, until_on, work_order_id, quieted_on) \
         select distinct on (r.household_id, r.subject, r.indicator, r.person_key) \
                r.household_id, r.subject, r.indicator, r.person_key, r.until_on, r.work_order_id, \
                r.quieted_on \
         from jsonb_populate_recordset(null::dispatch.suppression, $1) as r \
         order by r.household_id, r.subject, r.indicator, r.person_key, r.until_on desc \
         on conflict on constraint suppression_key do update \
           set until_on = greatest(s.until_on, excluded.until_on), work_order_id = excluded.work_order_id, \
               quieted_on = greatest(s.quieted_on, excluded.quieted_on)",
    )
    .bind(Json(rows))
    .execute(connection)
    .await?;
    Ok(())
}
