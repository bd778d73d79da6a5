//! The adapter's own note of each batch of an exchange table.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// Notes the batch when it is seen first; what became of it before, if that is certain.
pub async fn seen(conn: &mut PgConnection, batch_no: &str, digest: [u8; 32], kind: &str) -> Result<Option<Uuid>> {
    sqlx::query(
        "insert into table_batch (batch_no, digest, kind, state) values ($1, $2, $3, 'taken') \
         on conflict on constraint table_batch_pk do nothing",
    )
    .bind(batch_no)
    .bind(digest.as_slice())
    .bind(kind)
    .execute(&mut *conn)
    .await?;
    let batch = sqlx::query_scalar("select batch_id from table_batch where batch_no = $1 and digest = $2")
        .bind(batch_no)
        .bind(digest.as_slice())
        .fetch_one(conn)
        .await?;
    Ok(batch)
}

/// Notes what the batch has become.
pub async fn done(conn: &mut PgConnection, batch_no: &str, digest: [u8; 32], batch: Uuid) -> Result<()> {
    sqlx::query("update table_batch set batch_id = $3 where batch_no = $1 and digest = $2 and batch_id is null")
        .bind(batch_no)
        .bind(digest.as_slice())
        .bind(batch)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that the bureau was told. `reason` is empty for a batch that was taken.
pub async fn told(conn: &mut PgConnection, batch_no: &str, digest: [u8; 32], reason: &str) -> Result<()> {
    sqlx::query(
        "update table_batch set state = 'told', reason = $3, told_at = coalesce(told_at, clock_timestamp()) \
         where batch_no = $1 and digest = $2",
    )
    .bind(batch_no)
    .bind(digest.as_slice())
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}
