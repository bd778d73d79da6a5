//! Record sets: a small part is written by one statement, which keeps what stood before each row it changes and notes the
//! rows it found just so, a large one as `bulk` says; what a snapshot left out is ended by another. Statements are made per dataset once, at start; those
//! that take a batch back are in `reversal`.

use std::fmt::Write as _;

use chrono::NaiveDate;
use minqing_kit::{Error, Result};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::{
    bulk::{self, Bulk, Met},
    reversal::Reversal,
};
use crate::domain::{
    batch::Batch,
    record::{Dataset, Rows, Touched, Values},
};

/// The statements of one dataset.
#[derive(Clone, Debug)]
pub struct Statements {
    /// Takes the rows of some keys, in order of them.
    lock: String,
    write: String,
    left_out: String,
    end: String,
    confirm_ended: String,
    bulk: Bulk,
    pub reversal: Reversal,
}

/// Rows of a part from which on it is worth a look which of them are new.
const MANY: usize = 50;

/// Business dates that writing goes by.
#[derive(Clone, Copy, Debug)]
pub struct Days {
    pub today: NaiveDate,
    /// What was last changed before this day can no longer be withdrawn, so that nobody need confirm it.
    pub kept_from: NaiveDate,
}

/// What writing a part did.
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub changed: i32,
    /// Rows that changed nothing because those on file are of a later day.
    pub ignored: i64,
    /// Whom the changed records are about, and those a record passed away from.
    pub touched: Touched,
}

impl Statements {
    /// The statements for a dataset's table.
    pub fn of(dataset: &Dataset) -> Statements {
        let table = format!("monitoring.{}", dataset.table);
        Statements {
            lock: format!("select from {table} where record_key = any($1) order by record_key for no key update"),
            write: write_sql(dataset, &table),
            left_out: left_out_sql(&table),
            end: end_sql(dataset, &table),
            confirm_ended: confirm_ended_sql(&table),
            bulk: Bulk::of(dataset, &table),
            reversal: Reversal::of(dataset, &table),
        }
    }

    /// Takes the rows of these keys until the transaction ends; the next statement sees them as they are then.
    pub async fn lock(&self, conn: &mut PgConnection, keys: &[Uuid]) -> Result<()> {
        sqlx::query(AssertSqlSafe(self.lock.clone())).bind(keys).execute(conn).await?;
        Ok(())
    }

    /// Writes the rows that are new, different, or back after they had ended. A row as of an earlier day than the
    /// one on file changes nothing.
    pub async fn write(&self, conn: &mut PgConnection, batch: &Batch, rows: &Rows, days: Days) -> Result<Written> {
        if rows.count() < MANY {
            self.lock(conn, &rows.record_keys).await?;
            return self.write_held(conn, batch, rows.clone(), days).await;
        }
        let Met { new, different, confirmed } = self.bulk.look(conn, batch, rows, days).await?;
        let (new, different) = (places(&new), places(&different));
        let mut written = Written::default();
        if !different.is_empty() {
            written = self.write_held(conn, batch, rows.at(&different), days).await?;
        }
        if !new.is_empty() {
            self.bulk.add(conn, (batch, days.today), rows, &new).await?;
        }
        let made: Vec<Uuid> = new.iter().map(|at| rows.record_keys[*at]).collect();
        bulk::note(conn, batch.id, &made, &confirmed).await?;
        written.changed += i32::try_from(new.len()).unwrap_or(i32::MAX);
        new.iter().for_each(|at| written.touched.push(rows.about(*at)));
        Ok(Written { touched: written.touched.sorted(), ..written })
    }

    /// Writes rows whose keys the transaction holds.
    async fn write_held(&self, conn: &mut PgConnection, batch: &Batch, rows: Rows, days: Days) -> Result<Written> {
        let mut query =
            sqlx::query_as::<_, (i64, i64, i64, i64, Vec<Uuid>, Vec<String>)>(AssertSqlSafe(self.write.clone()))
                .bind(rows.record_keys)
                .bind(rows.person_keys)
                .bind(rows.division_codes)
                .bind(rows.hashes)
                .bind(batch.county_code.as_str())
                .bind(batch.as_of)
                .bind(batch.id)
                .bind(days.today)
                .bind(days.kept_from);
        for values in rows.columns {
            query = match values {
                Values::Text(all) => query.bind(all),
                Values::Date(all) => query.bind(all),
                Values::BigInt(all) => query.bind(all),
                Values::Int(all) => query.bind(all),
                Values::Bool(all) => query.bind(all),
            };
        }
        let (missing, created, replaced, ignored, persons, divisions) = query.fetch_one(conn).await?;
        // Another transaction made a row of the same key meanwhile: what stood before is known to a new run only.
        if created != missing {
            return Err(concurrent());
        }
        let changed = i32::try_from(created + replaced).unwrap_or(i32::MAX);
        Ok(Written { changed, ignored, touched: Touched { persons, divisions }.sorted() })
    }

    /// Ends the county's rows that none of a snapshot's parts held; how many, and whom they were about.
    pub async fn end(&self, conn: &mut PgConnection, batch: &Batch, days: Days) -> Result<(i64, Touched)> {
        // The planner cannot know how many keys the parts hold and would compare each row with each key.
        sqlx::raw_sql("set local enable_nestloop = off").execute(&mut *conn).await?;
        let left_out: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(self.left_out.clone()))
            .bind(batch.county_code.as_str())
            .bind(batch.as_of)
            .bind(batch.id)
            .fetch_all(&mut *conn)
            .await?;
        sqlx::query(AssertSqlSafe(self.confirm_ended.clone()))
            .bind(batch.county_code.as_str())
            .bind(batch.as_of)
            .bind(batch.id)
            .bind(days.kept_from)
            .execute(&mut *conn)
            .await?;
        sqlx::raw_sql("set local enable_nestloop to default").execute(&mut *conn).await?;
        let ended = sqlx::query_as(AssertSqlSafe(self.end.clone()))
            .bind(left_out)
            .bind(batch.as_of)
            .bind(batch.id)
            .bind(days.today)
            .fetch_all(conn)
            .await?;
        let rows = i64::try_from(ended.len()).unwrap_or(i64::MAX);
        let mut touched = Touched::default();
        ended.into_iter().for_each(|about| touched.push(about));
        Ok((rows, touched.sorted()))
    }
}

/// What a new run of the transaction mends.
pub(super) fn concurrent() -> Error {
    Error::conflict("SERIALIZATION_FAILURE", "a concurrent change came first", "数据被同时修改，请重试")
}

fn places(told: &[i32]) -> Vec<usize> {
    told.iter().filter_map(|place| usize::try_from(*place).ok()).collect()
}

/// Whom a record is about, as two columns: its person and its division, one of them null.
pub fn about(dataset: &Dataset, row: &str) -> String {
    if dataset.of_divisions {
        format!("null::uuid as person_key, {row}.division_code")
    } else {
        format!("{row}.person_key, null::text as division_code")
    }
}

fn write_sql(dataset: &Dataset, table: &str) -> String {
    let key = dataset.primary_key;
    let (persons, divisions) = if dataset.of_divisions {
        ("'{}'::uuid[]", "array(select division_code from created union select division_code from replaced)")
    } else {
        (
            "array(select person_key from created union select person_key from replaced \
               union select (was).person_key from replaced)",
            "'{}'::text[]",
        )
    };
    let (mut arrays, mut names, mut updates) = (String::new(), String::new(), String::new());
    for (index, column) in dataset.columns.iter().enumerate() {
        let name = &column.name;
        let _ = write!(arrays, ", ${}::{}[]", index + 10, column.sql_type);
        let _ = write!(names, ", {name}");
        let _ = write!(updates, ", {name} = m.{name}");
    }
    format!(
        "with input as materialized (\
           select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[]{arrays}) \
             as i (record_key, person_key, division_code, content_hash{names})), \
         met as materialized (\
           select i.*, r as was from input i left join {table} r on r.record_key = i.record_key), \
         change as materialized (select nextval('monitoring.record_change') as number), \
         created as (\
           insert into {table} (record_key, person_key, division_code, content_hash{names}, \
             county_code, as_of, batch_id, first_on, changed_on) \
           select record_key, person_key, division_code, content_hash{names}, $5, $6, $7, $8, $8 \
           from met where (was).record_key is null order by record_key \
           on conflict ({key}) do nothing returning record_key, person_key, division_code), \
         replaced as (\
           update {table} r set person_key = m.person_key, division_code = m.division_code, \
             content_hash = m.content_hash{updates}, county_code = $5, as_of = $6, batch_id = $7, changed_on = $8, \
             ended_on = null \
           from met m \
           where r.record_key = m.record_key and (m.was).as_of <= $6 \
             and ((m.was).content_hash <> m.content_hash or (m.was).ended_on is not null \
                  or (m.was).county_code <> $5) \
           returning r.record_key, r.person_key, r.division_code, m.was), \
         made as (\
           insert into monitoring.record_made (batch_id, number, record_keys) \
           select $7, change.number, array_agg(c.record_key) from created c, change group by change.number), \
         kept as (\
           insert into monitoring.record_before (batch_id, record_key, number, before, before_batch) \
           select $7, r.record_key, change.number, to_jsonb(r.was), (r.was).batch_id from replaced r, change \
           on conflict on constraint record_before_pk do nothing), \
         confirmed as (\
           insert into monitoring.record_confirmed (batch_id, number, record_keys) \
           select $7, change.number, array_agg(m.record_key) from met m, change \
           where (m.was).as_of <= $6 and (m.was).content_hash = m.content_hash and (m.was).ended_on is null \
             and (m.was).county_code = $5 and (m.was).changed_on >= $9 and (m.was).batch_id <> $7 \
           group by change.number) \
         select (select count(*) from met where (was).record_key is null), (select count(*) from created), \
           (select count(*) from replaced), (select count(*) from met where (was).as_of > $6), {persons}, {divisions}"
    )
}

fn left_out_sql(table: &str) -> String {
    format!(
        "with sent as materialized (\
           select unnest(p.record_keys) as record_key from monitoring.batch_part p where p.batch_id = $3) \
         select r.record_key from {table} r \
         where r.county_code = $1 and r.as_of <= $2 and r.ended_on is null \
           and not exists (select from sent s where s.record_key = r.record_key) \
         order by r.record_key for no key update of r"
    )
}

fn end_sql(dataset: &Dataset, table: &str) -> String {
    let about = about(dataset, "r");
    format!(
        "with met as materialized (select r.record_key, r as was from {table} r where r.record_key = any($1)), \
         change as materialized (select nextval('monitoring.record_change') as number), \
         ended as (\
           update {table} r set ended_on = $2, as_of = $2, batch_id = $3, changed_on = $4 \
           from met m where r.record_key = m.record_key returning r.record_key, r.person_key, r.division_code, m.was), \
         kept as (\
           insert into monitoring.record_before (batch_id, record_key, number, before, before_batch) \
           select $3, e.record_key, change.number, to_jsonb(e.was), (e.was).batch_id from ended e, change \
           on conflict on constraint record_before_pk do nothing) \
         select {about} from ended r"
    )
}

/// What ended not long ago and is left out again, is left out by this snapshot too.
fn confirm_ended_sql(table: &str) -> String {
    format!(
        "with sent as materialized (\
           select unnest(p.record_keys) as record_key from monitoring.batch_part p where p.batch_id = $3), \
         change as materialized (select nextval('monitoring.record_change') as number) \
         insert into monitoring.record_confirmed (batch_id, number, record_keys) \
         select $3, change.number, array_agg(r.record_key) from {table} r, change \
         where r.county_code = $1 and r.as_of <= $2 and r.ended_on is not null and r.changed_on >= $4 \
           and r.batch_id <> $3 and not exists (select from sent s where s.record_key = r.record_key) \
         group by change.number"
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::domain::record::datasets;

    #[test]
    fn the_simulation_of_growth_writes_as_the_service_does() {
        let all = datasets().unwrap();
        let payments = all.iter().find(|d| d.source() == "hr.insurance_payment").unwrap();
        let measured = include_str!("../../../../deploy/growth/write_part.sql").trim_end();
        assert_eq!(Statements::of(payments).write, measured);
    }

    #[test]
    fn a_person_stands_in_the_primary_key_where_the_records_key_is_made_of_it() {
        let all = datasets().unwrap();
        let alone: Vec<_> = all.iter().filter(|d| d.primary_key == "record_key").map(Dataset::source).collect();
        let of_divisions = ["outside.civil_reserve_fund", "outside.statistics_price_index"];
        assert_eq!(alone, ["medical_insurance.settlement", of_divisions[0], of_divisions[1]]);
    }
}
