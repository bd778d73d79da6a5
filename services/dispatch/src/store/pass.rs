//! The daily pass: which work orders are due, and how far it has come.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// Work orders on which a day has something to do, at most `limit`.
pub async fn due(connection: &mut PgConnection, day: NaiveDate, limit: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "select w.work_order_id from dispatch.work_order as w where w.next_roll_on <= $1 \
         order by w.next_roll_on, w.work_order_id limit $2",
    )
    .bind(day)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// The day up to which the pass is done.
pub async fn through(connection: &mut PgConnection) -> Result<Option<NaiveDate>> {
    let day = sqlx::query_scalar("select p.through_on from dispatch.deadline_pass as p where p.only_row")
        .fetch_optional(connection)
        .await?;
    Ok(day)
}

/// Moves that day on; it never goes back.
pub async fn advance(connection: &mut PgConnection, day: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into dispatch.deadline_pass as p (only_row, through_on) values (true, $1) \
         on conflict on constraint deadline_pass_pkey do update set through_on = greatest(p.through_on, excluded.through_on)",
    )
    .bind(day)
    .execute(connection)
    .await?;
    Ok(())
}
