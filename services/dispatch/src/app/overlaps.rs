//! Indicators that hit the same households, as the owners of rules see them.

use minqing_kit::Result;
use minqing_proto::minqing::dispatch::v1 as pb;
use sqlx::PgConnection;

use super::rules::Rules;
use crate::{
    domain::yields::Overlap,
    store::{overlaps, yields::Wanted},
};

/// Every pair that shares a work order, by the two ids.
pub async fn list(connection: &mut PgConnection, rules: &Rules, wanted: &Wanted) -> Result<Vec<pb::IndicatorOverlap>> {
    let limit = rules.overlap_limit(wanted.range.to);
    let rows = overlaps::pairs(connection, wanted).await?;
    let seen = rows.into_iter().map(|row| {
        let overlap =
            Overlap { shared: row.work_orders, smaller: row.indicator_work_orders.min(row.other_work_orders) };
        pb::IndicatorOverlap {
            title: rules.indicator_title(&row.indicator),
            other_title: rules.indicator_title(&row.other),
            indicator: row.indicator,
            other: row.other,
            work_orders: row.work_orders,
            both_checked: row.both_checked,
            both_true: row.both_true,
            one_true: row.one_true,
            indicator_work_orders: row.indicator_work_orders,
            other_work_orders: row.other_work_orders,
            share_permille: overlap.permille(),
            may_merge: limit.is_some_and(|limit| limit.reached(overlap)),
        }
    });
    Ok(seen.collect())
}
