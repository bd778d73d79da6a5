//! Audit rows: who touched whose data, which fields, for what. Written in the transaction of the touch.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{call::Call, error::Result};

/// One subject and the fields touched.
pub(super) struct Entry {
    pub id: Uuid,
    pub subject: String,
    pub fields: Vec<String>,
}

/// What all rows of one transaction share.
pub(super) struct Origin<'a> {
    pub call: &'a Call,
    pub business_at: DateTime<Utc>,
    pub traceparent: &'a str,
}

/// Field names travel joined, since an array of arrays of unequal length does not exist; no name has a comma.
pub(super) async fn insert(connection: &mut PgConnection, entries: Vec<Entry>, origin: &Origin<'_>) -> Result<()> {
    let mut ids = Vec::with_capacity(entries.len());
    let mut subjects = Vec::with_capacity(entries.len());
    let mut fields = Vec::with_capacity(entries.len());
    for entry in entries {
        ids.push(entry.id);
        subjects.push(entry.subject);
        fields.push(entry.fields.join(","));
    }
    sqlx::query(
        "insert into audit (id, business_at, caller, operator, method, purpose, case_ref, subject, fields, traceparent, \
           outcome) \
         select e.id, $4, $5, $6, $7, $8, $9, e.subject, \
                case when e.fields = '' then '{}'::text[] else string_to_array(e.fields, ',') end, $10, 'ok' \
         from unnest($1::uuid[], $2::text[], $3::text[]) as e (id, subject, fields)",
    )
    .bind(ids)
    .bind(subjects)
    .bind(fields)
    .bind(origin.business_at)
    .bind(origin.call.caller.as_str())
    .bind(origin.call.operator.as_deref())
    .bind(origin.call.method.as_str())
    .bind(origin.call.purpose.as_deref())
    .bind(origin.call.case_ref.as_deref())
    .bind(origin.traceparent)
    .execute(connection)
    .await?;
    Ok(())
}
