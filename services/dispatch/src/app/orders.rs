//! Work orders as callers list and read them: whole, with their scores.

use chrono::NaiveDate;
use minqing_kit::Result;
use minqing_proto::minqing::dispatch::v1 as pb;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    rules::Rules,
    score::{scale, told},
    view,
};
use crate::store::{
    list::{OrderFilter, OrderKey},
    score::{self, Scale, ScoredRow},
    work_order,
};

/// Last day of a work order that has none.
const NO_LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day of the calendar");

/// Work orders, and where the page ends.
pub struct Page {
    pub orders: Vec<pb::WorkOrder>,
    pub last: Option<OrderKey>,
}

/// A page, most urgent first.
pub async fn page(
    connection: &mut PgConnection,
    rules: &Rules,
    filter: &OrderFilter,
    today: NaiveDate,
) -> Result<Page> {
    let scale = scale(connection, rules, today).await?;
    let rows = score::work_orders(connection, filter, &scale.clone().unwrap_or_default()).await?;
    let last = rows.last().map(|last| OrderKey {
        level: last.row.level,
        due_on: last.row.close_due_on.unwrap_or(NO_LAST_DAY),
        score: last.score,
        id: last.row.work_order_id,
    });
    Ok(Page { orders: seen(connection, rules, rows, scale.as_ref()).await?, last })
}

/// One work order within a scope.
pub async fn one(
    connection: &mut PgConnection,
    rules: &Rules,
    (id, scope): (Uuid, &str),
    today: NaiveDate,
) -> Result<Option<pb::WorkOrder>> {
    let scale = scale(connection, rules, today).await?;
    let row = score::work_order(connection, id, scope, &scale.clone().unwrap_or_default()).await?;
    Ok(seen(connection, rules, row.into_iter().collect(), scale.as_ref()).await?.pop())
}

async fn seen(
    connection: &mut PgConnection,
    rules: &Rules,
    rows: Vec<ScoredRow>,
    scale: Option<&Scale>,
) -> Result<Vec<pb::WorkOrder>> {
    let scores: Vec<_> = rows.iter().map(|row| scale.map(|scale| told(&row.grounds(scale.today), scale))).collect();
    let orders = work_order::whole(connection, rows.into_iter().map(|row| row.row).collect()).await?;
    let scored = orders.iter().zip(scores).map(|(order, score)| {
        let (score, score_reasons) = score.unzip();
        let score_reasons = score_reasons.unwrap_or_default();
        pb::WorkOrder { score, score_reasons, ..view::work_order(rules, order) }
    });
    Ok(scored.collect())
}
