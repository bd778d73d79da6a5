//! Feedback records: found by the bureau's number, inserted, marked superseded, listed.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use minqing_kit::{Error, Result};
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::domain::record::OnFile;

/// A row of `feedback.record` without its digest.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct RecordRow {
    pub feedback_id: Uuid,
    pub bureau: String,
    pub record_no: String,
    pub referral_id: Option<Uuid>,
    pub household_id: Option<Uuid>,
    pub person_key: Option<Uuid>,
    pub division_code: String,
    pub programme: String,
    pub decision: String,
    pub reason_code: String,
    pub legal_basis: String,
    pub amount_fen: i64,
    pub service_count: i32,
    pub period_from: Option<NaiveDate>,
    pub period_to: Option<NaiveDate>,
    pub paid_on: Option<NaiveDate>,
    pub deferred_to: Option<NaiveDate>,
    pub handled_on: NaiveDate,
    pub recorded_on: NaiveDate,
    pub taken_at: DateTime<Utc>,
    pub supersedes: String,
    pub evidence_digest: String,
}

#[derive(sqlx::FromRow)]
struct OnFileRow {
    feedback_id: Uuid,
    record_no: String,
    referral_id: Option<Uuid>,
    person_key: Option<Uuid>,
    content_hash: Vec<u8>,
    superseded: bool,
}

/// Serialises one bureau's records, so that a number is judged against everything sent before it.
pub async fn lock_bureau(connection: &mut PgConnection, bureau: &str) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('feedback.record/' || $1, 0))")
        .bind(bureau)
        .execute(connection)
        .await?;
    Ok(())
}

/// Records on file under the bureau's numbers.
pub async fn on_file(
    connection: &mut PgConnection,
    bureau: &str,
    numbers: &[String],
) -> Result<HashMap<String, OnFile>> {
    let rows: Vec<OnFileRow> = sqlx::query_as(
        "select f.feedback_id, f.record_no, f.referral_id, f.person_key, f.content_hash, \
                f.superseded_by is not null as superseded \
         from feedback.record as f where f.bureau = $1 and f.record_no = any($2)",
    )
    .bind(bureau)
    .bind(numbers)
    .fetch_all(connection)
    .await?;
    let known = rows.into_iter().map(|row| {
        let content_hash = row.content_hash.try_into();
        let content_hash = content_hash.map_err(|_| Error::bug(anyhow::anyhow!("a stored digest is not 32 bytes")))?;
        let on_file = OnFile {
            id: row.feedback_id,
            content_hash,
            referral: row.referral_id,
            person: row.person_key,
            superseded: row.superseded,
        };
        Ok((row.record_no, on_file))
    });
    known.collect()
}

/// Inserts records; `hashes` are their contents' digests, in the same order.
pub async fn insert(connection: &mut PgConnection, rows: &[RecordRow], hashes: &[Vec<u8>]) -> Result<()> {
    let ids: Vec<Uuid> = rows.iter().map(|r| r.feedback_id).collect();
    sqlx::query(include_str!("sql/insert_records.sql"))
        .bind(Json(rows))
        .bind(ids)
        .bind(hashes)
        .execute(connection)
        .await?;
    Ok(())
}

/// Marks records superseded.
pub async fn supersede(connection: &mut PgConnection, earlier: &[Uuid], by: &[Uuid]) -> Result<()> {
    sqlx::query(
        "update feedback.record as f set superseded_by = s.by_id \
         from unnest($1::uuid[], $2::uuid[]) as s (feedback_id, by_id) \
         where f.feedback_id = s.feedback_id and f.superseded_by is null",
    )
    .bind(earlier)
    .bind(by)
    .execute(connection)
    .await?;
    Ok(())
}

/// Which records.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Prefix of the division: what the caller may see; empty for all.
    pub scope: String,
    pub bureau: Option<String>,
    pub household: Option<Uuid>,
    pub size: i64,
    pub after: Option<Uuid>,
}

/// A page of records, newest first.
pub async fn list(connection: &mut PgConnection, filter: &Filter) -> Result<Vec<RecordRow>> {
    let rows = sqlx::query_as(
        "select f.feedback_id, f.bureau, f.record_no, f.referral_id, f.household_id, f.person_key, f.division_code, \
                f.programme, f.decision, f.reason_code, f.legal_basis, f.amount_fen, f.service_count, f.period_from, \
                f.period_to, f.paid_on, f.deferred_to, f.handled_on, f.recorded_on, f.taken_at, \
                f.supersedes, f.evidence_digest \
         from feedback.record as f \
         where starts_with(f.division_code, $1) and ($2::text is null or f.bureau = $2) \
           and ($3::uuid is null or f.household_id = $3) and ($4::uuid is null or f.feedback_id < $4) \
         order by f.feedback_id desc limit $5",
    )
    .bind(&filter.scope)
    .bind(filter.bureau.as_deref())
    .bind(filter.household)
    .bind(filter.after)
    .bind(filter.size)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
