//! Tables `raw` and `raw_piece`. Each statement stands by itself, but for the link to the batch, which is part of the
//! batch's own transaction.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// Something that was sent, whole.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RawRow {
    pub id: Uuid,
    pub transport: String,
    pub header: Vec<u8>,
    pub pieces: i32,
    pub bytes: i64,
    pub digest: Vec<u8>,
}

pub async fn begin(
    conn: &mut PgConnection,
    id: Uuid,
    transport: &str,
    header: &[u8],
    received_at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query("insert into raw (id, transport, header, received_at) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(transport)
        .bind(header)
        .bind(received_at)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn piece(conn: &mut PgConnection, id: Uuid, piece: i32, sealed: &[u8]) -> Result<()> {
    sqlx::query("insert into raw_piece (raw_id, piece_no, sealed) values ($1, $2, $3)")
        .bind(id)
        .bind(piece)
        .bind(sealed)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn whole(conn: &mut PgConnection, id: Uuid, (pieces, bytes): (i32, i64), digest: [u8; 32]) -> Result<()> {
    sqlx::query("update raw set pieces = $2, bytes = $3, digest = $4 where id = $1")
        .bind(id)
        .bind(pieces)
        .bind(bytes)
        .bind(digest.as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes it part of a batch.
pub async fn link(conn: &mut PgConnection, id: Uuid, batch: Uuid) -> Result<()> {
    sqlx::query("update raw set batch_id = $2 where id = $1").bind(id).bind(batch).execute(conn).await?;
    Ok(())
}

pub async fn remove_loose(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query("delete from raw where id = $1 and batch_id is null").bind(id).execute(conn).await?;
    Ok(())
}

pub async fn of_batch(conn: &mut PgConnection, batch: Uuid) -> Result<Option<RawRow>> {
    let row = sqlx::query_as("select id, transport, header, pieces, bytes, digest from raw where batch_id = $1")
        .bind(batch)
        .fetch_optional(conn)
        .await?;
    Ok(row)
}

pub async fn sealed(conn: &mut PgConnection, id: Uuid, piece: i32) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar("select sealed from raw_piece where raw_id = $1 and piece_no = $2")
        .bind(id)
        .bind(piece)
        .fetch_optional(conn)
        .await?;
    Ok(sealed)
}

/// Deletes a bounded number of what was received before `before`, and of attempts that died; how many.
pub async fn delete_old(conn: &mut PgConnection, before: DateTime<Utc>, most: i64) -> Result<u64> {
    let done = sqlx::query(
        "delete from raw where id = any (array( \
           select id from raw where received_at < $1 \
             or (batch_id is null and stored_at < clock_timestamp() - interval '1 hour') \
           order by received_at limit $2))",
    )
    .bind(before)
    .bind(most)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
