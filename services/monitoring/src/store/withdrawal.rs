//! Withdrawals of batches: marked at once, taken back in parts, remembered with the batch.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use super::roster;
use crate::domain::{batch::Batch, record::Touched};

/// Batches whose versions are forgotten in one transaction.
const FORGOTTEN_BATCHES: i64 = 100;

/// A batch as a withdrawal finds it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Found {
    pub bureau: String,
    pub dataset: String,
    pub begun_on: Option<NaiveDate>,
    pub versioned: bool,
    pub withdrawn_on: Option<NaiveDate>,
    pub taken_back_on: Option<NaiveDate>,
    /// Rows changed or ended.
    pub records: i64,
    /// Batches whose rows were ignored because of it.
    pub overridden: i64,
    /// Another batch of the feed is being taken back.
    pub waits: bool,
}

/// Where a batch belongs; never changes.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Place {
    pub bureau: String,
    pub dataset: String,
    pub county_code: String,
    pub snapshot: bool,
    pub as_of: NaiveDate,
}

/// Finds a batch.
pub async fn place(conn: &mut PgConnection, batch: Uuid) -> Result<Option<Place>> {
    let place = sqlx::query_as(
        "select bureau, dataset, county_code, snapshot, as_of from monitoring.batch where batch_id = $1",
    )
    .bind(batch)
    .fetch_optional(conn)
    .await?;
    Ok(place)
}

/// Finds a batch and takes its row until the transaction ends.
pub async fn find(conn: &mut PgConnection, batch: Uuid) -> Result<Option<Found>> {
    let found = sqlx::query_as(
        "select b.bureau, b.dataset, b.begun_on, b.versioned, b.withdrawn_on, \
                b.taken_back_on, b.changed + b.ended + (select coalesce(sum(p.changed), 0) \
                  from monitoring.batch_part p where p.batch_id = b.batch_id)::bigint as records, \
                (select count(*) from monitoring.batch o where o.bureau = b.bureau and o.dataset = b.dataset \
                   and o.county_code = b.county_code and o.overridden_by = b.batch_id) as overridden, \
                exists (select from monitoring.batch w where w.bureau = b.bureau and w.dataset = b.dataset \
                          and w.county_code = b.county_code and w.batch_id <> b.batch_id \
                          and w.withdrawn_on is not null and w.taken_back_on is null) as waits \
         from monitoring.batch b where b.batch_id = $1 for update of b",
    )
    .bind(batch)
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// Marks the batch withdrawn; it confirms nothing any more. Gives back how many batches it had overridden.
pub async fn mark(conn: &mut PgConnection, batch: &Batch, today: NaiveDate) -> Result<i64> {
    sqlx::query(
        "with dropped as (delete from monitoring.batch_part where batch_id = $1 returning changed, ignored), \
              parts as (select coalesce(sum(changed), 0) as changed, coalesce(sum(ignored), 0) as ignored from dropped), \
              confirmed as (delete from monitoring.record_confirmed where batch_id = $1) \
         update monitoring.batch b set withdrawn_on = $2, \
           changed = b.changed + parts.changed, ignored = b.ignored + parts.ignored, \
           heirs_after = least((select min(number) from monitoring.record_before where batch_id = $1), \
                               (select min(number) from monitoring.record_made where batch_id = $1)) \
         from parts where b.batch_id = $1",
    )
    .bind(batch.id)
    .bind(today)
    .execute(&mut *conn)
    .await?;
    let overridden = sqlx::query(
        "update monitoring.batch o set overridden_by = b.batch_id from monitoring.batch b \
         where b.batch_id = $1 and o.bureau = b.bureau and o.dataset = b.dataset and o.county_code = b.county_code \
           and o.number > b.number and o.as_of < b.as_of and o.overridden_by is null \
           and (o.ignored > 0 or exists (\
             select from monitoring.batch_part p where p.batch_id = o.batch_id and p.ignored > 0))",
    )
    .bind(batch.id)
    .execute(&mut *conn)
    .await?;
    Ok(i64::try_from(overridden.rows_affected()).unwrap_or(i64::MAX))
}

/// Gives some of the records that the batch made an entry each, which the next steps go by. Says whether there were any.
pub async fn unfold(conn: &mut PgConnection, batch: Uuid, parts: i64) -> Result<bool> {
    let unfolded: i64 = sqlx::query_scalar(
        "with part as (\
           delete from monitoring.record_made where batch_id = $1 and number = any (array(\
             select number from monitoring.record_made where batch_id = $1 order by number limit $2)) \
           returning batch_id, number, record_keys), \
         entry as (\
           insert into monitoring.record_before (batch_id, record_key, number) \
           select batch_id, unnest(record_keys), number from part \
           on conflict on constraint record_before_pk do nothing) \
         select count(*) from part",
    )
    .bind(batch)
    .bind(parts)
    .fetch_one(conn)
    .await?;
    Ok(unfolded > 0)
}

/// Looks through the next confirmations, in their order, for records that a later batch of the feed found just as the
/// batch had left them, before another changed them: the first such batch is the heir. Says whether it has looked.
pub async fn find_heirs(conn: &mut PgConnection, batch: Uuid, limit: i64) -> Result<bool> {
    let after: Option<i64> = sqlx::query_scalar("select heirs_after from monitoring.batch where batch_id = $1")
        .bind(batch)
        .fetch_one(&mut *conn)
        .await?;
    let Some(after) = after else { return Ok(false) };
    sqlx::query(
        "with next as materialized (\
           select c.batch_id, c.number, c.record_keys \
           from monitoring.batch w join monitoring.batch b using (bureau, dataset, county_code) \
           join monitoring.record_confirmed c on c.batch_id = b.batch_id \
           where w.batch_id = $1 and c.number > $2 order by c.number limit $3), \
         heir as (\
           select distinct on (v.record_key) v.record_key, n.batch_id, n.number \
           from next n cross join lateral unnest(n.record_keys) as k (record_key) \
           join monitoring.record_before v on v.batch_id = $1 and v.record_key = k.record_key and v.number < n.number \
           where v.heir_id is null and n.number < coalesce((\
             select min(x.number) from monitoring.record_before x \
             where x.before_batch = $1 and x.record_key = v.record_key), 9223372036854775807) \
           order by v.record_key, n.number), \
         found as (\
           update monitoring.record_before v set heir_id = h.batch_id, heir_number = h.number \
           from heir h where v.batch_id = $1 and v.record_key = h.record_key) \
         update monitoring.batch set heirs_after = (select max(number) from next having count(*) = $3) where batch_id = $1",
    )
    .bind(batch)
    .bind(after)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(true)
}

/// The batch that has been withdrawn longest and is not taken back yet.
pub async fn next(conn: &mut PgConnection) -> Result<Option<Uuid>> {
    let next = sqlx::query_scalar(
        "select batch_id from monitoring.batch where withdrawn_on is not null and taken_back_on is null \
         order by withdrawn_on, number limit 1",
    )
    .fetch_optional(conn)
    .await?;
    Ok(next)
}

/// Some records of the batch that are still to be taken back.
pub async fn records(conn: &mut PgConnection, batch: Uuid, limit: i64) -> Result<Vec<Uuid>> {
    let keys = sqlx::query_scalar(
        "select record_key from monitoring.record_before where batch_id = $1 order by record_key limit $2",
    )
    .bind(batch)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(keys)
}

/// Notes the households that records were about for evaluation.
pub async fn note_touched(conn: &mut PgConnection, batch: Uuid, touched: &Touched) -> Result<()> {
    sqlx::query(
        "insert into monitoring.withdrawal_household (batch_id, household_id) \
         select $1::uuid, household_id from unnest($2::uuid[]) as t (household_id) \
         on conflict on constraint withdrawal_household_pk do nothing",
    )
    .bind(batch)
    .bind(roster::households_of(&mut *conn, touched).await?)
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes every household of the batch's county for evaluation.
pub async fn note_county(conn: &mut PgConnection, batch: &Batch) -> Result<()> {
    sqlx::query(
        "insert into monitoring.withdrawal_household (batch_id, household_id) \
         select $1, household_id from monitoring.household where county_code = $2 \
         on conflict on constraint withdrawal_household_pk do nothing",
    )
    .bind(batch.id)
    .bind(&batch.county_code)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes some of the households noted, in order of id, off the list.
pub async fn households(conn: &mut PgConnection, batch: Uuid, limit: i64) -> Result<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = sqlx::query_scalar(
        "delete from monitoring.withdrawal_household where batch_id = $1 and household_id = any (array(\
           select household_id from monitoring.withdrawal_household where batch_id = $1 order by household_id limit $2)) \
         returning household_id",
    )
    .bind(batch)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    ids.sort_unstable();
    Ok(ids)
}

/// Nothing of the batch is left.
pub async fn end(conn: &mut PgConnection, batch: Uuid, today: NaiveDate) -> Result<()> {
    sqlx::query("update monitoring.batch set taken_back_on = $2, versioned = false where batch_id = $1")
        .bind(batch)
        .bind(today)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets some of what is kept of batches begun before a day; how many batches and entries, none when nothing is left.
pub async fn forget(conn: &mut PgConnection, before: NaiveDate, limit: i64) -> Result<u64> {
    let old: Vec<Uuid> = sqlx::query_scalar(
        "select batch_id from monitoring.batch \
         where versioned and begun_on < $1 and (withdrawn_on is null or taken_back_on is not null) \
         order by begun_on limit $2 for update skip locked",
    )
    .bind(before)
    .bind(FORGOTTEN_BATCHES)
    .fetch_all(&mut *conn)
    .await?;
    if old.is_empty() {
        return Ok(0);
    }
    let entries = sqlx::query(
        "delete from monitoring.record_before where (batch_id, record_key) in (\
           select batch_id, record_key from monitoring.record_before where batch_id = any($1) limit $2)",
    )
    .bind(&old)
    .bind(limit)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if entries >= u64::try_from(limit).unwrap_or(u64::MAX) {
        return Ok(entries);
    }
    let batches = sqlx::query(
        "with confirmed as (delete from monitoring.record_confirmed where batch_id = any($1)), \
              made as (delete from monitoring.record_made where batch_id = any($1)) \
         update monitoring.batch set versioned = false where batch_id = any($1)",
    )
    .bind(&old)
    .execute(conn)
    .await?
    .rows_affected();
    Ok(entries + batches)
}
