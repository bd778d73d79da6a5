//! Receipts as they were first given.

use chrono::{DateTime, Utc};
use minqing_kit::Error;
use minqing_proto::minqing::bureau::v1::{Receipt, ReceiptKind};
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// Keeps a receipt; one that is there already stays as it is.
pub async fn insert(conn: &mut PgConnection, id: Uuid, receipt: &Receipt) -> Result<()> {
    let issued: DateTime<Utc> = receipt.issued_time.parse().map_err(Error::bug)?;
    let kind = if receipt.kind() == ReceiptKind::Batch { "batch" } else { "referral" };
    sqlx::query(
        "insert into receipt (id, kind, message, key_id, issued_at) values ($1, $2, $3, $4, $5) \
         on conflict on constraint receipt_pk do nothing",
    )
    .bind(id)
    .bind(kind)
    .bind(receipt.encode_to_vec())
    .bind(&receipt.key_id)
    .bind(issued)
    .execute(conn)
    .await?;
    Ok(())
}

/// Receipts by the ids of their subjects, those that exist.
pub async fn receipts(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Receipt>> {
    let messages: Vec<Vec<u8>> = sqlx::query_scalar("select message from receipt where id = any($1) order by id")
        .bind(ids)
        .fetch_all(conn)
        .await?;
    messages.iter().map(|m| Receipt::decode(m.as_slice()).map_err(Error::bug)).collect()
}

/// One receipt.
pub async fn receipt(conn: &mut PgConnection, id: Uuid) -> Result<Option<Receipt>> {
    Ok(receipts(conn, &[id]).await?.pop())
}
