//! What the comparisons found, settled and told: once a month is over and was compared, each household with differences
//! in it, and from then on every household of whose records a difference appears or is resolved.

use chrono::{DateTime, NaiveDate, Utc};
use minqing_kit::{Result, db::Work, id};
use minqing_proto::minqing::feedback::v1::{BooksReconciled, MonthReconciled};
use uuid::Uuid;

use super::view::HOUSEHOLDS;
use crate::store::difference::{self, DifferenceRow, LineRef};

const MONTHS: &str = "months";

/// Makes `found` the open differences of one line. Gives how many appeared and how many were resolved.
pub async fn settle(
    work: &mut Work,
    line: &LineRef,
    found: &[DifferenceRow],
    now: DateTime<Utc>,
) -> Result<(u64, u64)> {
    difference::lock_month(work.conn(), line.month).await?;
    let settled = difference::settle(work.conn(), line, found, now).await?;
    if !settled.numbers.is_empty() && difference::is_told(work.conn(), line.month).await? {
        let touched = Some((line.bureau.as_str(), settled.numbers.as_slice()));
        let households = difference::households(work.conn(), line.month, touched).await?;
        tell(work, line.month, &households);
    }
    Ok((settled.appeared, settled.resolved))
}

/// Marks the month that begins on `first` and ends before `next` compared on a day, and tells it if it is over.
pub async fn compared(work: &mut Work, (first, next): (NaiveDate, NaiveDate), today: NaiveDate) -> Result<()> {
    difference::compared(work.conn(), first, today).await?;
    if next > today {
        return Ok(());
    }
    difference::lock_month(work.conn(), first).await?;
    if difference::tell(work.conn(), first, today).await? {
        let month = text(first);
        let aggregate = format!("{MONTHS}/{month}");
        work.emit(&aggregate, &MonthReconciled { month, reconciled_on: today.to_string() }, None);
        let households = difference::households(work.conn(), first, None).await?;
        tell(work, first, &households);
    }
    Ok(())
}

fn tell(work: &mut Work, month: NaiveDate, households: &[(Uuid, i64)]) {
    for (household, differences) in households {
        let household = id::name(HOUSEHOLDS, *household);
        let event = BooksReconciled {
            household: household.clone(),
            month: text(month),
            differences: i32::try_from(*differences).unwrap_or(i32::MAX),
            reconciled_on: work.today().to_string(),
        };
        work.emit(&household, &event, None);
    }
}

fn text(month: NaiveDate) -> String {
    month.format("%Y-%m").to_string()
}
