//! What is evaluated later, once for all that made it due: counties whose feeds became known, households that changed
//! records are about, households whose facts are told. Who finds an entry of a county or fact standing adds none; who works
//! it off holds the households first and takes the entry after. An entry of records is renewed by who finds it standing and
//! held by who works it off, before the households. Either way what is written meanwhile is seen or makes it due again.

use chrono::{DateTime, Utc};
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::batch::Batch;

/// A county whose households are being evaluated.
#[derive(Clone, Debug)]
pub struct CountyPass {
    pub county_code: String,
    pub sources: Vec<Source>,
    /// Where it has come; nil at first.
    pub last_household: Uuid,
}

/// A dataset that became known.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Source {
    /// `bureau.dataset`.
    pub source: String,
    /// When the newest batch behind it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// The trace in which that came.
    pub traceparent: String,
}

/// The batch's feed became known: its county is to be evaluated.
pub async fn note_county(conn: &mut PgConnection, batch: &Batch, traceparent: &str) -> Result<()> {
    sqlx::query(
        "insert into monitoring.county_due (county_code, source, accepted_at, traceparent) \
         values ($1, $2, clock_timestamp(), $3) on conflict on constraint county_due_pk do update \
           set taken = false, accepted_at = excluded.accepted_at, traceparent = excluded.traceparent",
    )
    .bind(&batch.county_code)
    .bind(batch.dataset.source())
    .bind(traceparent)
    .execute(conn)
    .await?;
    Ok(())
}

/// Goes on with a county under way, or begins with the one that has waited longest; none when nothing is due or others
/// are at it.
pub async fn take_county(conn: &mut PgConnection) -> Result<Option<CountyPass>> {
    let under_way: Option<(String, Uuid)> = sqlx::query_as(
        "select county_code, last_household from monitoring.county_pass order by county_code limit 1 for update skip locked",
    )
    .fetch_optional(&mut *conn)
    .await?;
    let next = match under_way {
        Some(found) => Some(found),
        None => begin_county(&mut *conn).await?,
    };
    let Some((county_code, last_household)) = next else { return Ok(None) };
    let sources = sqlx::query_as(
        "select source, accepted_at, traceparent from monitoring.county_due where county_code = $1 and taken \
         order by accepted_at, source",
    )
    .bind(&county_code)
    .fetch_all(conn)
    .await?;
    Ok(Some(CountyPass { county_code, sources, last_household }))
}

async fn begin_county(conn: &mut PgConnection) -> Result<Option<(String, Uuid)>> {
    let begun: Option<(String, Uuid)> = sqlx::query_as(
        "insert into monitoring.county_pass (county_code, last_household) \
         select d.county_code, $1 from monitoring.county_due d \
         where not exists (select from monitoring.county_pass p where p.county_code = d.county_code) \
         order by d.accepted_at, d.county_code limit 1 \
         on conflict on constraint county_pass_pk do nothing returning county_code, last_household",
    )
    .bind(Uuid::nil())
    .fetch_optional(&mut *conn)
    .await?;
    if let Some((county_code, _)) = &begun {
        sqlx::query("update monitoring.county_due set taken = true where county_code = $1")
            .bind(county_code)
            .execute(conn)
            .await?;
    }
    Ok(begun)
}

/// Notes how far the county has come.
pub async fn advance_county(conn: &mut PgConnection, county: &str, last_household: Uuid) -> Result<()> {
    sqlx::query("update monitoring.county_pass set last_household = $2 where county_code = $1")
        .bind(county)
        .bind(last_household)
        .execute(conn)
        .await?;
    Ok(())
}

/// Every household of the county is evaluated; what was delivered again meanwhile stays due.
pub async fn end_county(conn: &mut PgConnection, county: &str) -> Result<()> {
    sqlx::query("delete from monitoring.county_due where county_code = $1 and taken")
        .bind(county)
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from monitoring.county_pass where county_code = $1").bind(county).execute(conn).await?;
    Ok(())
}

/// Whether a county is to be evaluated.
pub async fn county_owed(conn: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from monitoring.county_due)").fetch_one(conn).await?)
}

/// Notes the households, which are in order of id, that changed records of a dataset are about, or that the register changed.
pub async fn note_records(conn: &mut PgConnection, households: &[Uuid], source: &str, traceparent: &str) -> Result<()> {
    sqlx::query(
        "insert into monitoring.record_due (household_id, source, accepted_at, traceparent) \
         select h.household_id, $2, clock_timestamp(), $3 from unnest($1::uuid[]) as h (household_id) \
         order by h.household_id on conflict on constraint record_due_pk do update \
           set accepted_at = excluded.accepted_at, traceparent = excluded.traceparent",
    )
    .bind(households)
    .bind(source)
    .bind(traceparent)
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds the entries of some households, in order of id, for the dataset that has waited longest; none when nothing is due
/// or others hold it. With the dataset goes what is told of the newest of the records.
pub async fn records(conn: &mut PgConnection, limit: i64) -> Result<Option<(Source, Vec<Uuid>)>> {
    let held: Vec<(Uuid, String, DateTime<Utc>, String)> = sqlx::query_as(
        "select household_id, source, accepted_at, traceparent from monitoring.record_due \
         where source = (select source from monitoring.record_due order by accepted_at, source limit 1) \
         order by household_id limit $1 for update skip locked",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let households = held.iter().map(|entry| entry.0).collect();
    let newest = held.into_iter().max_by_key(|entry| entry.2);
    Ok(newest.map(|(_, source, accepted_at, traceparent)| (Source { source, accepted_at, traceparent }, households)))
}

/// Takes the entries, which the transaction holds, off the list.
pub async fn records_evaluated(conn: &mut PgConnection, households: &[Uuid], source: &str) -> Result<()> {
    sqlx::query("delete from monitoring.record_due where household_id = any($1) and source = $2")
        .bind(households)
        .bind(source)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a household is to be evaluated for its records.
pub async fn record_owed(conn: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from monitoring.record_due)").fetch_one(conn).await?)
}

/// Notes those of the households, which the transaction holds, whose facts are followed: those that have a class or an
/// open warning, or were told of before.
pub async fn note_facts(conn: &mut PgConnection, held: &[Uuid]) -> Result<()> {
    sqlx::query(
        "insert into monitoring.fact_due (household_id, county_code) \
         select h.household_id, h.county_code from monitoring.household h \
         where h.household_id = any($1) \
           and (exists (select from monitoring.household_fact f where f.household_id = h.household_id) \
             or exists (select from monitoring.class_status c where c.household_id = h.household_id) \
             or exists (select from monitoring.warning w where w.household_id = h.household_id and w.cleared_on is null)) \
         order by h.household_id on conflict on constraint fact_due_pk do nothing",
    )
    .bind(held)
    .execute(conn)
    .await?;
    Ok(())
}

/// Households to tell of, in order of id. Those that are yet to be evaluated wait: they will change again.
pub async fn facts(conn: &mut PgConnection, limit: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "select f.household_id from monitoring.county c \
         cross join lateral (\
           select d.household_id from monitoring.fact_due d \
           where d.county_code = c.county_code \
             and not exists (select from monitoring.record_due r where r.household_id = d.household_id) \
           order by d.household_id limit $1) f \
         where not exists (select from monitoring.county_due d where d.county_code = c.county_code) \
         order by f.household_id limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Takes the households, which the transaction holds, off the list.
pub async fn facts_told(conn: &mut PgConnection, held: &[Uuid]) -> Result<()> {
    sqlx::query("delete from monitoring.fact_due where household_id = any($1)").bind(held).execute(conn).await?;
    Ok(())
}

/// Whether a household is to be told of.
pub async fn fact_owed(conn: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query_scalar("select exists (select from monitoring.fact_due)").fetch_one(conn).await?)
}
