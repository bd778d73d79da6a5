//! Referrals as dispatch issued them, with receipt and end.

use chrono::NaiveDate;
use minqing_kit::Result;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// A row of `feedback.referral` as dispatch issues it.
#[derive(Clone, Debug, Serialize)]
pub struct Issued {
    pub referral_id: Uuid,
    pub household_id: Uuid,
    pub person_key: Option<Uuid>,
    pub division_code: String,
    pub bureau: String,
    pub programme: String,
    pub issued_on: NaiveDate,
    pub sign_due_on: NaiveDate,
    pub due_on: NaiveDate,
    /// Trace in which it arrived; may be empty.
    pub traceparent: String,
}

/// A referral as records must fit it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ReferralRow {
    pub referral_id: Uuid,
    pub household_id: Uuid,
    pub person_key: Option<Uuid>,
    pub division_code: String,
    pub bureau: String,
    pub programme: String,
    pub issued_on: NaiveDate,
    pub settled_on: Option<NaiveDate>,
    pub deferrals: i64,
    /// Trace in which it arrived; may be empty.
    pub traceparent: String,
}

/// Takes referrals; one known already is left as it is.
pub async fn insert(connection: &mut PgConnection, rows: &[Issued]) -> Result<()> {
    sqlx::query(
        "insert into feedback.referral \
           (referral_id, household_id, person_key, division_code, bureau, programme, issued_on, sign_due_on, due_on, \
            traceparent) \
         select r.referral_id, r.household_id, r.person_key, r.division_code, r.bureau, r.programme, r.issued_on, \
                r.sign_due_on, r.due_on, r.traceparent \
         from jsonb_populate_recordset(null::feedback.referral, $1) as r \
         on conflict on constraint referral_pkey do nothing",
    )
    .bind(Json(rows))
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks referrals settled; the first settlement stands.
pub async fn settle(
    connection: &mut PgConnection,
    ids: &[Uuid],
    days: &[NaiveDate],
    decisions: &[String],
) -> Result<()> {
    sqlx::query(
        "update feedback.referral as r set settled_on = s.settled_on, decision = s.decision \
         from unnest($1::uuid[], $2::date[], $3::text[]) as s (referral_id, settled_on, decision) \
         where r.referral_id = s.referral_id and r.settled_on is null",
    )
    .bind(ids)
    .bind(days)
    .bind(decisions)
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks referrals in id order and reads them with their deferrals in force.
pub async fn lock(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<ReferralRow>> {
    sqlx::query("select from feedback.referral as r where r.referral_id = any($1) order by r.referral_id for update")
        .bind(ids)
        .execute(&mut *connection)
        .await?;
    let rows = sqlx::query_as(
        "select r.referral_id, r.household_id, r.person_key, r.division_code, r.bureau, r.programme, r.issued_on, \
                r.settled_on, r.traceparent, \
                (select count(*) from feedback.record as f where f.referral_id = r.referral_id \
                 and f.decision = 'deferred' and f.superseded_by is null) as deferrals \
         from feedback.referral as r where r.referral_id = any($1) order by r.referral_id",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Writes receipts; the first stands. Gives back which are new.
pub async fn sign(connection: &mut PgConnection, ids: &[Uuid], days: &[NaiveDate]) -> Result<Vec<Uuid>> {
    let new = sqlx::query_scalar(
        "update feedback.referral as r set signed_on = s.signed_on \
         from unnest($1::uuid[], $2::date[]) as s (referral_id, signed_on) \
         where r.referral_id = s.referral_id and r.signed_on is null returning r.referral_id",
    )
    .bind(ids)
    .bind(days)
    .fetch_all(connection)
    .await?;
    Ok(new)
}
