//! Whole work orders: found, locked in id order, loaded with reasons and referrals, and saved.

use std::collections::HashMap;

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::row::{OrderRow, ReasonRow, ReferralRow, order_columns, reason_columns, referral_columns};
use crate::domain::{
    referral::{Decision, ReferralState},
    work_order::WorkOrder,
};

/// Locks work orders in id order and loads them whole, in that order.
pub async fn lock(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<WorkOrder>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let orders: Vec<OrderRow> = sqlx::query_as(concat!(
        "select ",
        order_columns!(),
        " from dispatch.work_order as w where w.work_order_id = any($1) order by w.work_order_id for update"
    ))
    .bind(ids)
    .fetch_all(&mut *connection)
    .await?;
    whole(connection, orders).await
}

/// Loads work orders whole without locking them, in the order of `rows`.
pub async fn whole(connection: &mut PgConnection, rows: Vec<OrderRow>) -> Result<Vec<WorkOrder>> {
    let ids: Vec<Uuid> = rows.iter().map(|r| r.work_order_id).collect();
    let reasons: Vec<ReasonRow> = sqlx::query_as(concat!(
        "select ",
        reason_columns!(),
        " from dispatch.reason as r where r.work_order_id = any($1) order by r.raised_on, r.warning_id"
    ))
    .bind(&ids)
    .fetch_all(&mut *connection)
    .await?;
    let referrals: Vec<ReferralRow> = sqlx::query_as(concat!(
        "select ",
        referral_columns!(),
        " from dispatch.referral as r where r.work_order_id = any($1) order by r.issued_on, r.referral_id"
    ))
    .bind(&ids)
    .fetch_all(connection)
    .await?;
    let mut orders = rows.into_iter().map(OrderRow::into_domain).collect::<Result<Vec<_>>>()?;
    let place: HashMap<Uuid, usize> = orders.iter().enumerate().map(|(i, o)| (o.id, i)).collect();
    for row in reasons {
        if let Some(&index) = row.work_order_id.and_then(|id| place.get(&id)) {
            orders[index].reasons.push(row.into_domain()?);
        }
    }
    for row in referrals {
        if let Some(&index) = place.get(&row.work_order_id) {
            orders[index].referrals.push(row.into_domain()?);
        }
    }
    Ok(orders)
}

/// Saves work orders with their reasons and referrals.
pub async fn save(connection: &mut PgConnection, orders: &[&WorkOrder]) -> Result<()> {
    if orders.is_empty() {
        return Ok(());
    }
    let rows: Vec<OrderRow> = orders.iter().map(|o| OrderRow::of(o)).collect();
    let reasons: Vec<ReasonRow> = orders.iter().flat_map(|o| o.reasons.iter().map(|r| ReasonRow::of(o, r))).collect();
    let referrals: Vec<ReferralRow> =
        orders.iter().flat_map(|o| o.referrals.iter().filter_map(|r| ReferralRow::of(o, r))).collect();
    sqlx::query(include_str!("sql/save_work_orders.sql")).bind(Json(rows)).execute(&mut *connection).await?;
    save_reasons(connection, reasons).await?;
    sqlx::query(include_str!("sql/save_referrals.sql")).bind(Json(referrals)).execute(connection).await?;
    Ok(())
}

/// Saves reasons, suppressed ones too.
pub async fn save_reasons(connection: &mut PgConnection, rows: Vec<ReasonRow>) -> Result<()> {
    sqlx::query(include_str!("sql/save_reasons.sql")).bind(Json(rows)).execute(connection).await?;
    Ok(())
}

/// Open work orders of households and feeds.
pub async fn open_of(connection: &mut PgConnection, households: &[Uuid], subjects: &[String]) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "select w.work_order_id from dispatch.work_order as w \
         where w.closed_on is null and (w.household_id = any($1) or w.subject = any($2)) order by w.work_order_id",
    )
    .bind(households)
    .bind(subjects)
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Warnings known already, with the work order each is merged into; `None` for a suppressed one.
pub async fn of_warnings(connection: &mut PgConnection, warnings: &[Uuid]) -> Result<HashMap<Uuid, Option<Uuid>>> {
    let rows: Vec<(Uuid, Option<Uuid>)> =
        sqlx::query_as("select r.warning_id, r.work_order_id from dispatch.reason as r where r.warning_id = any($1)")
            .bind(warnings)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Work orders of referrals.
pub async fn of_referrals(connection: &mut PgConnection, referrals: &[Uuid]) -> Result<HashMap<Uuid, Uuid>> {
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select r.referral_id, r.work_order_id from dispatch.referral as r where r.referral_id = any($1)",
    )
    .bind(referrals)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

/// A referral that may stand in the way of another for the same programme.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Standing {
    pub household_id: Uuid,
    pub person_key: Option<Uuid>,
    pub programme: String,
    pub settled_seen_on: Option<NaiveDate>,
}

/// Referrals of households that are open or, given `since`, of which the mesh learned the end then or later.
pub async fn standing(
    connection: &mut PgConnection,
    households: &[Uuid],
    since: Option<NaiveDate>,
) -> Result<Vec<Standing>> {
    let rows = sqlx::query_as(
        "select r.household_id, r.person_key, r.programme, r.settled_seen_on from dispatch.referral as r \
         where r.household_id = any($1) \
           and (r.state <> $2 or r.settled_seen_on >= $3 and r.decision <> $4)",
    )
    .bind(households)
    .bind(ReferralState::Settled.as_str())
    .bind(since)
    .bind(Decision::Withdrawn.as_str())
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Marks suppressed warnings cleared.
pub async fn clear_suppressed(connection: &mut PgConnection, warnings: &[Uuid], days: &[NaiveDate]) -> Result<()> {
    sqlx::query(
        "update dispatch.reason as r set cleared_on = c.cleared_on \
         from unnest($1::uuid[], $2::date[]) as c (warning_id, cleared_on) \
         where r.warning_id = c.warning_id and r.work_order_id is null and r.cleared_on is null",
    )
    .bind(warnings)
    .bind(days)
    .execute(connection)
    .await?;
    Ok(())
}
