//! Pairs of indicators merged in the same work orders, counted over a range of days in one statement.

use minqing_kit::Result;
use sqlx::PgConnection;

use super::yields::Wanted;

/// Two indicators.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct OverlapRow {
    pub indicator: String,
    pub other: String,
    pub work_orders: i64,
    pub both_checked: i64,
    pub both_true: i64,
    pub one_true: i64,
    pub indicator_work_orders: i64,
    pub other_work_orders: i64,
}

/// Every pair that shares a work order, by the two ids.
pub async fn pairs(connection: &mut PgConnection, wanted: &Wanted) -> Result<Vec<OverlapRow>> {
    let rows = sqlx::query_as(include_str!("sql/indicator_overlaps.sql"))
        .bind(wanted.range.from)
        .bind(wanted.range.to)
        .bind(&wanted.scope)
        .bind(&wanted.division)
        .fetch_all(connection)
        .await?;
    Ok(rows)
}
