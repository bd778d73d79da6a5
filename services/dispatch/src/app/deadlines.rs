//! The day's pass: every work order on which the day has something to do is brought to its start.

use chrono::NaiveDate;
use minqing_kit::{Result, db::Work};

use super::{rules::Rules, tell::tell};
use crate::store::{pass, work_order};

/// Work orders of one transaction.
const SLICE: i64 = 200;

/// One slice; how many work orders it found. Finding none, it marks the day done.
pub async fn slice(work: &mut Work, rules: &Rules, day: NaiveDate) -> Result<u64> {
    let due = pass::due(work.conn(), day, SLICE).await?;
    if due.is_empty() {
        pass::advance(work.conn(), day).await?;
        return Ok(0);
    }
    let mut orders = work_order::lock(work.conn(), &due).await?;
    for order in &mut orders {
        let effects = order.roll(day);
        tell(work, rules, order, &effects);
    }
    work_order::save(work.conn(), &orders.iter().collect::<Vec<_>>()).await?;
    Ok(u64::try_from(due.len()).unwrap_or(u64::MAX))
}
