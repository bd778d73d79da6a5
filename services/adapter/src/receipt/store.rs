//! Receipts as they were first given.

use chrono::{DateTime, Utc};
use minqing_kit::Error;
use minqing_proto::minqing::bureau::v1::{Receipt, ReceiptKind};
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// Keeps receipts by the ids of their subjects; one that is there already stays as it is.
pub async fn insert(conn: &mut PgConnection, receipts: &[(Uuid, Receipt)]) -> Result<()> {
    let issued: Vec<DateTime<Utc>> =
        receipts.iter().map(|(_, r)| r.issued_time.parse().map_err(Error::bug)).collect::<Result<_>>()?;
    let kind = |r: &Receipt| match r.kind() {
        ReceiptKind::Batch => "batch",
        ReceiptKind::Verification => "verification",
        ReceiptKind::Referral | ReceiptKind::Unspecified => "referral",
    };
    sqlx::query(
        "insert into receipt (id, kind, message, key_id, issued_at) \
         select * from unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::timestamptz[]) \
         on conflict on constraint receipt_pk do nothing",
    )
    .bind(receipts.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(receipts.iter().map(|(_, r)| kind(r)).collect::<Vec<_>>())
    .bind(receipts.iter().map(|(_, r)| r.encode_to_vec()).collect::<Vec<_>>())
    .bind(receipts.iter().map(|(_, r)| r.key_id.as_str()).collect::<Vec<_>>())
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
