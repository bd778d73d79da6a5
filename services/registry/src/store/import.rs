//! Rows of registry.import_batch, import_error and import_slice.

use minqing_kit::{Error, Result, db::Work};
use minqing_proto::minqing::types::v1::RowReason;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{
    batch::{Batch, SliceOutcome},
    prepared::PreparedFault,
};

pub async fn stage(conn: &mut PgConnection, attempt: Uuid, number: i32, payload: &[u8]) -> Result<()> {
    sqlx::query("insert into registry.import_slice (attempt_id, slice_no, payload) values ($1, $2, $3)")
        .bind(attempt)
        .bind(number)
        .bind(payload)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn staged(conn: &mut PgConnection, attempt: Uuid, number: i32) -> Result<Vec<u8>> {
    let payload =
        sqlx::query_scalar("select payload from registry.import_slice where attempt_id = $1 and slice_no = $2")
            .bind(attempt)
            .bind(number)
            .fetch_optional(conn)
            .await?;
    payload.ok_or_else(|| {
        // The sweep took it: the stream stood still for hours.
        Error::unavailable("IMPORT_TOO_SLOW", "the batch took too long, send it again", "批次处理超时，请重新提交")
    })
}

pub async fn unstage(conn: &mut PgConnection, attempt: Uuid) -> Result<()> {
    sqlx::query("delete from registry.import_slice where attempt_id = $1").bind(attempt).execute(conn).await?;
    Ok(())
}

/// Removes at most `most` slices of streams that broke off hours ago.
pub async fn sweep(conn: &mut PgConnection, hours: i32, most: i64) -> Result<u64> {
    let done = sqlx::query(
        "delete from registry.import_slice where (attempt_id, slice_no) in ( \
             select attempt_id, slice_no from registry.import_slice \
             where staged_at < clock_timestamp() - make_interval(hours => $1) order by staged_at limit $2)",
    )
    .bind(hours)
    .bind(most)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

pub async fn open(work: &mut Work, batch: &Batch) -> Result<()> {
    let (caller, today) = (work.call().caller.as_str().to_owned(), work.today());
    sqlx::query(
        "insert into registry.import_batch (import_id, caller, batch_no, county_code, as_of, row_count, imported_on) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict on constraint import_batch_pk do nothing",
    )
    .bind(batch.import_id)
    .bind(caller)
    .bind(&batch.batch_no)
    .bind(&batch.county)
    .bind(batch.as_of)
    .bind(batch.row_count)
    .bind(today)
    .execute(work.conn())
    .await?;
    Ok(())
}

pub async fn close(conn: &mut PgConnection, import_id: Uuid, total: &SliceOutcome) -> Result<()> {
    sqlx::query("update registry.import_batch set accepted = $2, refused = $3, changed = $4 where import_id = $1")
        .bind(import_id)
        .bind(total.accepted)
        .bind(total.refused)
        .bind(total.changed)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn add_errors(conn: &mut PgConnection, import_id: Uuid, faults: &[PreparedFault]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into registry.import_error (import_id, row_no, error_no, field, reason) \
         select $1, u.row_no, row_number() over (partition by u.row_no order by u.place), u.field, u.reason \
         from unnest($2::integer[], $3::text[], $4::integer[]) with ordinality as u (row_no, field, reason, place)",
    )
    .bind(import_id)
    .bind(faults.iter().map(|f| f.row).collect::<Vec<_>>())
    .bind(faults.iter().map(|f| f.field.clone()).collect::<Vec<_>>())
    .bind(faults.iter().map(|f| f.reason).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub struct ErrorRow {
    pub row_no: i32,
    pub error_no: i32,
    pub field: String,
    reason: i32,
}

impl ErrorRow {
    pub fn reason(&self) -> RowReason {
        RowReason::try_from(self.reason).unwrap_or_default()
    }
}

pub async fn errors(
    conn: &mut PgConnection,
    import_id: Uuid,
    after: Option<(i32, i32)>,
    size: i64,
) -> Result<Vec<ErrorRow>> {
    let after = after.unwrap_or((0, 0));
    let rows = sqlx::query_as(
        "select row_no, error_no, field, reason from registry.import_error \
         where import_id = $1 and (row_no, error_no) > ($2, $3) order by row_no, error_no limit $4",
    )
    .bind(import_id)
    .bind(after.0)
    .bind(after.1)
    .bind(size)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

pub async fn county(conn: &mut PgConnection, import_id: Uuid) -> Result<Option<String>> {
    let county = sqlx::query_scalar("select county_code from registry.import_batch where import_id = $1")
        .bind(import_id)
        .fetch_optional(conn)
        .await?;
    Ok(county)
}
