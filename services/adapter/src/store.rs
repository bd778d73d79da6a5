//! The adapter's own tables. Names are unqualified: the same SQL serves every bureau's schema, found by search_path.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use minqing_proto::minqing::{
    bureau::v1::{Batch, Receipt, Withdrawal},
    dispatch::v1::ReferralIssued,
    types::v1::RowError,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Result, raw, receipt,
    row::{Fault, schema::Schema},
};

/// Refused rows written by one statement.
const ERRORS_AT_ONCE: usize = 5_000;

/// A batch with everything that is kept of it.
pub struct KeptBatch {
    pub id: Uuid,
    pub batch: Batch,
    pub mode: &'static str,
    pub division_code: String,
    pub as_of: NaiveDate,
    pub parts: i32,
    pub faults: Vec<Fault>,
    pub schema: Arc<Schema>,
    pub receipt: Receipt,
    pub raw: Option<Uuid>,
    /// Rows taken as a person's by a decision.
    pub linked: Vec<i32>,
}

pub async fn insert_batch(conn: &mut PgConnection, kept: &KeptBatch) -> Result<()> {
    let completed = DateTime::parse_from_rfc3339(&kept.batch.completed_time)
        .map(|t| t.to_utc())
        .map_err(minqing_kit::Error::bug)?;
    sqlx::query(
        "insert into batch (id, batch_no, dataset, mode, division_code, as_of, sent, accepted, refused, changed, parts, \
           completed_at, linked_rows) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(kept.id)
    .bind(&kept.batch.batch_no)
    .bind(&kept.batch.dataset)
    .bind(kept.mode)
    .bind(&kept.division_code)
    .bind(kept.as_of)
    .bind(kept.batch.sent)
    .bind(kept.batch.accepted)
    .bind(kept.batch.refused)
    .bind(kept.batch.changed)
    .bind(kept.parts)
    .bind(completed)
    .bind(&kept.linked)
    .execute(&mut *conn)
    .await?;
    receipt::store::insert(conn, &[(kept.id, kept.receipt.clone())]).await?;
    if let Some(raw) = kept.raw {
        raw::store::link(conn, raw, kept.id).await?;
    }
    for faults in kept.faults.chunks(ERRORS_AT_ONCE) {
        insert_errors(conn, kept.id, faults, &kept.schema).await?;
    }
    Ok(())
}

async fn insert_errors(conn: &mut PgConnection, batch: Uuid, faults: &[Fault], schema: &Schema) -> Result<()> {
    let errors: Vec<RowError> = faults.iter().map(|f| f.explain(schema)).collect();
    sqlx::query(
        "insert into row_error (batch_id, row_no, field, header, reason, message, message_zh) \
         select $1, e.row_no, e.field, e.header, e.reason, e.message, e.message_zh \
         from unnest($2::integer[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[]) \
           as e (row_no, field, header, reason, message, message_zh)",
    )
    .bind(batch)
    .bind(errors.iter().map(|e| e.row).collect::<Vec<_>>())
    .bind(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>())
    .bind(errors.iter().map(|e| e.header.as_str()).collect::<Vec<_>>())
    .bind(errors.iter().map(|e| e.reason).collect::<Vec<_>>())
    .bind(errors.iter().map(|e| e.message.as_str()).collect::<Vec<_>>())
    .bind(errors.iter().map(|e| e.message_zh.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct BatchRow {
    batch_no: String,
    dataset: String,
    as_of: NaiveDate,
    sent: i32,
    accepted: i32,
    refused: i32,
    changed: i32,
    completed_at: DateTime<Utc>,
    linked: i32,
}

pub async fn batch(conn: &mut PgConnection, id: Uuid) -> Result<Option<Batch>> {
    let row: Option<BatchRow> = sqlx::query_as(
        "select batch_no, dataset, as_of, sent, accepted, refused, changed, completed_at, \
           cardinality(linked_rows) as linked from batch where id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|r| Batch {
        name: minqing_kit::id::name("batches", id),
        batch_no: r.batch_no,
        dataset: r.dataset,
        as_of: r.as_of.to_string(),
        sent: r.sent,
        accepted: r.accepted,
        refused: r.refused,
        changed: r.changed,
        completed_time: r.completed_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        linked: r.linked,
    }))
}

/// Rows of a batch that were taken as a person's by a decision, the first of them.
pub async fn linked_rows(conn: &mut PgConnection, id: Uuid, most: i32) -> Result<Vec<i32>> {
    let rows = sqlx::query_scalar("select linked_rows[1:$2] from batch where id = $1")
        .bind(id)
        .bind(most)
        .fetch_one(conn)
        .await?;
    Ok(rows)
}

/// Batches of a number, two at most.
pub async fn batches_numbered(conn: &mut PgConnection, batch_no: &str) -> Result<Vec<Uuid>> {
    let ids =
        sqlx::query_scalar("select id from batch where batch_no = $1 limit 2").bind(batch_no).fetch_all(conn).await?;
    Ok(ids)
}

/// Whether a batch of this number for the dataset, county and day was withdrawn.
pub async fn is_withdrawn(
    conn: &mut PgConnection,
    batch_no: &str,
    dataset: &str,
    (county, as_of): (&str, NaiveDate),
) -> Result<bool> {
    let withdrawn = sqlx::query_scalar(
        "select exists (select from batch b join withdrawal w on w.batch_id = b.id \
           where b.batch_no = $1 and b.dataset = $2 and b.division_code = $3 and b.as_of = $4)",
    )
    .bind(batch_no)
    .bind(dataset)
    .bind(county)
    .bind(as_of)
    .fetch_one(conn)
    .await?;
    Ok(withdrawn)
}

/// Keeps the first withdrawal of a batch.
pub async fn insert_withdrawal(conn: &mut PgConnection, id: Uuid, withdrawal: &Withdrawal) -> Result<()> {
    let at = DateTime::parse_from_rfc3339(&withdrawal.withdrawn_time).map_err(minqing_kit::Error::bug)?;
    sqlx::query(
        "insert into withdrawal (batch_id, withdrawn_at, reason, operator, records, overridden) \
         values ($1, $2, $3, $4, $5, $6) on conflict on constraint withdrawal_pk do nothing",
    )
    .bind(id)
    .bind(at.to_utc())
    .bind(&withdrawal.reason)
    .bind(&withdrawal.operator)
    .bind(withdrawal.records)
    .bind(withdrawal.overridden)
    .execute(conn)
    .await?;
    Ok(())
}

/// The withdrawal of a batch.
pub async fn withdrawal(conn: &mut PgConnection, id: Uuid) -> Result<Option<Withdrawal>> {
    let row: Option<(DateTime<Utc>, String, String, i32, i32)> = sqlx::query_as(
        "select withdrawn_at, reason, operator, records, overridden from withdrawal where batch_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(at, reason, operator, records, overridden)| Withdrawal {
        withdrawn_time: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        reason,
        operator,
        records,
        overridden,
    }))
}

#[derive(sqlx::FromRow)]
struct ErrorRow {
    row_no: i32,
    field: String,
    header: String,
    reason: i32,
    message: String,
    message_zh: String,
}

/// Refused rows after `after`, in order.
pub async fn row_errors(conn: &mut PgConnection, batch: Uuid, after: i32, limit: i64) -> Result<Vec<RowError>> {
    let rows: Vec<ErrorRow> = sqlx::query_as(
        "select row_no, field, header, reason, message, message_zh from row_error \
         where batch_id = $1 and row_no > $2 order by row_no limit $3",
    )
    .bind(batch)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let errors = rows.into_iter().map(|r| RowError {
        row: r.row_no,
        field: r.field,
        header: r.header,
        reason: r.reason,
        message: r.message,
        message_zh: r.message_zh,
    });
    Ok(errors.collect())
}

/// A referral as it was issued; whom it is about is known by keys only.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ReferralRow {
    pub id: Uuid,
    pub household_id: Uuid,
    pub person_key: Option<Uuid>,
    pub programme: String,
    pub programme_title: String,
    pub level: i32,
    pub reason: String,
    pub reason_title: String,
    pub division_code: String,
    pub issued_on: NaiveDate,
    pub due_on: NaiveDate,
    pub signed_on: Option<NaiveDate>,
    pub withdrawn_on: Option<NaiveDate>,
    /// When the record behind it was committed; written once, read only by those who measure.
    #[sqlx(default)]
    pub record_accepted_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl ReferralRow {
    /// Reads the event; `None` when it is not what the contract says.
    pub fn of_event(event: &ReferralIssued) -> Option<ReferralRow> {
        let id = |collection, name: &str, field| minqing_kit::id::parse_name(collection, name, field).ok();
        let person = event.person_key.rsplit('/').next().unwrap_or_default();
        Some(ReferralRow {
            id: id("referrals", &event.referral, "referral")?,
            household_id: id("households", &event.household, "household")?,
            person_key: if person.is_empty() { None } else { Some(Uuid::try_parse(person).ok()?) },
            programme: event.programme.clone(),
            programme_title: event.programme_title.clone(),
            level: event.level,
            reason: event.indicator.clone(),
            reason_title: event.indicator_title.clone(),
            division_code: event.division_code.clone(),
            issued_on: event.issued_on.parse().ok()?,
            due_on: event.due_on.parse().ok()?,
            signed_on: None,
            withdrawn_on: None,
            record_accepted_at: event.record_accepted_time.parse().ok(),
        })
    }

    pub fn name(&self) -> String {
        minqing_kit::id::name("referrals", self.id)
    }

    pub fn household(&self) -> String {
        minqing_kit::id::name("households", self.household_id)
    }
}

/// False when it was there already.
pub async fn insert_referral(conn: &mut PgConnection, r: &ReferralRow) -> Result<bool> {
    let done = sqlx::query(
        "insert into referral (id, household_id, person_key, programme, programme_title, level, reason, reason_title, \
           division_code, issued_on, due_on, record_accepted_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         on conflict on constraint referral_pk do nothing",
    )
    .bind(r.id)
    .bind(r.household_id)
    .bind(r.person_key)
    .bind(&r.programme)
    .bind(&r.programme_title)
    .bind(r.level)
    .bind(&r.reason)
    .bind(&r.reason_title)
    .bind(&r.division_code)
    .bind(r.issued_on)
    .bind(r.due_on)
    .bind(r.record_accepted_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Referrals by id, those that exist.
pub async fn referrals(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<ReferralRow>> {
    let rows = sqlx::query_as(
        "select id, household_id, person_key, programme, programme_title, level, reason, reason_title, division_code, \
           issued_on, due_on, signed_on, withdrawn_on from referral where id = any($1) order by id",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The data behind a referral were withdrawn. `recall`: the bureau may have it and asks for it itself.
pub async fn withdraw_referral(conn: &mut PgConnection, id: Uuid, on: NaiveDate, recall: bool) -> Result<()> {
    sqlx::query("update referral set withdrawn_on = $2, recall_open = $3 where id = $1 and withdrawn_on is null")
        .bind(id)
        .bind(on)
        .bind(recall)
        .execute(conn)
        .await?;
    Ok(())
}

/// Referrals handed out and withdrawn since, of which the bureau has not said that it knows.
pub async fn recalls(conn: &mut PgConnection, limit: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar("select id from referral where recall_open order by withdrawn_on, id limit $1")
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(ids)
}

/// Signs for referrals; who signs for one that was withdrawn knows that it was.
pub async fn sign_referrals(conn: &mut PgConnection, ids: &[Uuid], signed_on: NaiveDate) -> Result<()> {
    sqlx::query(
        "update referral set signed_on = coalesce(signed_on, $2), recall_open = false \
         where id = any($1) and (signed_on is null or recall_open)",
    )
    .bind(ids)
    .bind(signed_on)
    .execute(conn)
    .await?;
    Ok(())
}

/// One pull of one caller.
#[derive(Clone, Debug)]
pub struct FetchKey {
    pub caller: String,
    /// Kind of the deliveries it asks for.
    pub kind: &'static str,
    pub request_id: Uuid,
}

/// What a pull handed out.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct FetchRow {
    pub page_size: i32,
    pub lease: i32,
    pub ids: Vec<Uuid>,
    pub attempts: Vec<i32>,
    pub lasts: bool,
}

pub async fn fetch(conn: &mut PgConnection, key: &FetchKey) -> Result<Option<FetchRow>> {
    let row = sqlx::query_as(
        "select page_size, lease, referrals as ids, attempts, lease_until > clock_timestamp() as lasts from handout \
         where caller = $1 and kind = $2 and request_id = $3",
    )
    .bind(&key.caller)
    .bind(key.kind)
    .bind(key.request_id)
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Forgets what no repeat can ask for any more.
const FORGET: &str = "delete from handout where lease_until < clock_timestamp() - interval '2 days'";

pub async fn insert_fetch(conn: &mut PgConnection, key: &FetchKey, row: &FetchRow) -> Result<()> {
    sqlx::query(
        "insert into handout (caller, kind, request_id, page_size, lease, referrals, attempts, lease_until) \
         values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(secs => $5)) \
         on conflict on constraint handout_pk do nothing",
    )
    .bind(&key.caller)
    .bind(key.kind)
    .bind(key.request_id)
    .bind(row.page_size)
    .bind(row.lease)
    .bind(&row.ids)
    .bind(&row.attempts)
    .execute(&mut *conn)
    .await?;
    sqlx::query(FORGET).execute(conn).await?;
    Ok(())
}

/// A file as the table keeps it.
pub struct FileRow<'a> {
    pub name: &'a str,
    pub digest: [u8; 32],
    pub kind: &'a str,
    pub request_id: Uuid,
}

pub async fn file_taken(conn: &mut PgConnection, file: &FileRow<'_>) -> Result<()> {
    sqlx::query(
        "insert into file (name, digest, kind, state, request_id) values ($1, $2, $3, 'taken', $4) \
         on conflict on constraint file_pk do nothing",
    )
    .bind(file.name)
    .bind(file.digest.as_slice())
    .bind(file.kind)
    .bind(file.request_id)
    .execute(conn)
    .await?;
    Ok(())
}

/// `reason` is empty for a file that was taken in.
pub async fn file_ended(conn: &mut PgConnection, name: &str, digest: [u8; 32], reason: &str) -> Result<()> {
    sqlx::query(
        "update file set state = case when $3 = '' then 'done' else 'refused' end, reason = $3, \
           ended_at = clock_timestamp() where name = $1 and digest = $2",
    )
    .bind(name)
    .bind(digest.as_slice())
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a file of this name was finished, whatever it held.
pub async fn file_is_done(conn: &mut PgConnection, name: &str) -> Result<bool> {
    let done = sqlx::query_scalar("select exists (select from file where name = $1 and state = 'done')")
        .bind(name)
        .fetch_one(conn)
        .await?;
    Ok(done)
}
