//! Referrals as dispatch tells them, for the indicator on referrals over time.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// A referral issued.
#[derive(Clone, Debug)]
pub struct Issued {
    pub id: Uuid,
    pub household: Uuid,
    pub work_order: Option<Uuid>,
    pub person: Option<Uuid>,
    pub bureau: String,
    pub programme: String,
    pub issued_on: NaiveDate,
    pub due_on: Option<NaiveDate>,
}

/// A referral settled.
#[derive(Clone, Debug)]
pub struct Settled {
    pub id: Uuid,
    pub decision: String,
    pub settled_on: NaiveDate,
}

/// Adds referrals that are not there yet.
pub async fn issue(conn: &mut PgConnection, issued: &[Issued]) -> Result<()> {
    let ids: Vec<_> = issued.iter().map(|r| r.id).collect();
    let households: Vec<_> = issued.iter().map(|r| r.household).collect();
    let persons: Vec<_> = issued.iter().map(|r| r.person).collect();
    let bureaus: Vec<_> = issued.iter().map(|r| r.bureau.as_str()).collect();
    let programmes: Vec<_> = issued.iter().map(|r| r.programme.as_str()).collect();
    let days: Vec<_> = issued.iter().map(|r| r.issued_on).collect();
    let dues: Vec<_> = issued.iter().map(|r| r.due_on).collect();
    let orders: Vec<_> = issued.iter().map(|r| r.work_order).collect();
    sqlx::query(
        "insert into monitoring.referral (referral_id, household_id, person_key, bureau, programme, issued_on, due_on, \
           work_order_id) \
         select r.referral_id, r.household_id, r.person_key, r.bureau, r.programme, r.issued_on, r.due_on, r.work_order_id \
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::date[], $7::date[], $8::uuid[]) \
           as r (referral_id, household_id, person_key, bureau, programme, issued_on, due_on, work_order_id) \
         on conflict on constraint referral_pk do nothing",
    )
    .bind(ids)
    .bind(households)
    .bind(persons)
    .bind(bureaus)
    .bind(programmes)
    .bind(days)
    .bind(dues)
    .bind(orders)
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks referrals settled.
pub async fn settle(conn: &mut PgConnection, settled: &[Settled]) -> Result<()> {
    let ids: Vec<_> = settled.iter().map(|r| r.id).collect();
    let decisions: Vec<_> = settled.iter().map(|r| r.decision.as_str()).collect();
    let days: Vec<_> = settled.iter().map(|r| r.settled_on).collect();
    sqlx::query(
        "update monitoring.referral r set settled_on = s.settled_on, decision = s.decision \
         from unnest($1::uuid[], $2::text[], $3::date[]) as s (referral_id, decision, settled_on) \
         where r.referral_id = s.referral_id",
    )
    .bind(ids)
    .bind(decisions)
    .bind(days)
    .execute(conn)
    .await?;
    Ok(())
}
