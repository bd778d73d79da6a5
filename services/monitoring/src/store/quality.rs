//! Quality of batches: written once when a batch closes, read through the view `feed_health`.

use minqing_kit::{Error, Result};
use minqing_proto::minqing::types::v1::RowReason;
use sqlx::PgConnection;

use crate::domain::{
    batch::Batch,
    quality::{BAD_DATE, BAD_ID, Found, Quality},
};

/// Keeps what was found of a batch.
pub async fn insert(conn: &mut PgConnection, batch: &Batch, quality: &Quality) -> Result<()> {
    let found = quality.found.as_ref();
    let rows = |reasons: &[RowReason]| found.map(|found| found.rows(reasons));
    let nulls = found.and_then(|found| found.nulls.as_ref());
    sqlx::query(
        "insert into monitoring.batch_quality (batch_id, rows_received, rows_refused, bad_id_rows, two_names_rows, \
           name_variant_rows, unknown_division_rows, bad_date_rows, persons_compared, persons_agreeing, null_field, \
           null_permille, null_limit_permille, refused_by_reason, empty_by_field, linked_rows) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::jsonb, $15::jsonb, $16)",
    )
    .bind(batch.id)
    .bind(quality.received)
    .bind(quality.refused)
    .bind(rows(&BAD_ID))
    .bind(rows(&[RowReason::IdNameConflict]))
    .bind(rows(&[RowReason::NameVariant]))
    .bind(rows(&[RowReason::DivisionUnknown]))
    .bind(rows(&BAD_DATE))
    .bind(found.map(|found| found.compared))
    .bind(found.map(|found| found.agreeing))
    .bind(nulls.map(|nulls| nulls.field.as_str()))
    .bind(nulls.map(|nulls| nulls.permille))
    .bind(nulls.map(|nulls| nulls.limit))
    .bind(json(found, |found| &found.refused)?)
    .bind(json(found, |found| &found.empty)?)
    .bind(found.and_then(|found| found.linked))
    .execute(conn)
    .await?;
    Ok(())
}

type Counts = std::collections::BTreeMap<String, i32>;

fn json(found: Option<&Found>, part: fn(&Found) -> &Counts) -> Result<Option<String>> {
    found.map(|found| serde_json::to_string(part(found)).map_err(Error::bug)).transpose()
}
