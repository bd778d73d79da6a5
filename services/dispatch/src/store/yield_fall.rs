//! Falls of indicators' yields: one open for an indicator and place.

use chrono::NaiveDate;
use minqing_kit::Result;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::yields::Wanted;

/// Falls of one answer.
const MOST: i64 = 1000;

/// A row of `dispatch.yield_fall`.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct YieldFall {
    pub yield_fall_id: Uuid,
    pub indicator: String,
    pub division_code: String,
    pub fell_on: NaiveDate,
    pub verdicts_from: NaiveDate,
    pub verdicts_to: NaiveDate,
    pub checked: i64,
    pub found_true: i64,
    pub floor_permille: i32,
    pub recovered_on: Option<NaiveDate>,
}

/// Falls that stand, by indicator and division.
pub async fn standing(connection: &mut PgConnection) -> Result<Vec<(Uuid, String, String)>> {
    let rows = sqlx::query_as(
        "select f.yield_fall_id, f.indicator, f.division_code from dispatch.yield_fall as f \
         where f.recovered_on is null order by f.yield_fall_id for update",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Adds falls; gives back those that did not stand already, so that each is told by one process only.
pub async fn insert(connection: &mut PgConnection, falls: &[YieldFall]) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "insert into dispatch.yield_fall \
         select f.* from jsonb_populate_recordset(null::dispatch.yield_fall, $1) as f \
         on conflict do nothing returning yield_fall_id",
    )
    .bind(Json(falls))
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Ends falls.
pub async fn recover(connection: &mut PgConnection, ids: &[Uuid], on: NaiveDate) -> Result<()> {
    sqlx::query("update dispatch.yield_fall as f set recovered_on = $2 where f.yield_fall_id = any($1)")
        .bind(ids)
        .bind(on)
        .execute(connection)
        .await?;
    Ok(())
}

/// Falls that stood on a day of the range, the newest first.
pub async fn within(connection: &mut PgConnection, wanted: &Wanted) -> Result<Vec<YieldFall>> {
    let rows = sqlx::query_as(
        "select f.yield_fall_id, f.indicator, f.division_code, f.fell_on, f.verdicts_from, f.verdicts_to, f.checked, \
           f.found_true, f.floor_permille, f.recovered_on \
         from dispatch.yield_fall as f \
         where f.fell_on <= $2 and (f.recovered_on is null or f.recovered_on > $1) \
           and starts_with(f.division_code, $3) and starts_with(f.division_code, $4) \
         order by f.fell_on desc, f.division_code, f.indicator limit $5",
    )
    .bind(wanted.range.from)
    .bind(wanted.range.to)
    .bind(&wanted.scope)
    .bind(&wanted.division)
    .bind(MOST)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
