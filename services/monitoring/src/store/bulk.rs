//! A part of many rows: one statement takes the rows on file and says which of those that came are new, which are just so
//! and which differ. Only the new ones and those that differ travel as columns: new ones by COPY, which costs half of what an
//! insert does, the others, few as a rule, by the statement that also writes small parts.

use std::fmt::Write as _;

use bytes::{BufMut as _, BytesMut};
use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::record::{Days, concurrent};
use crate::domain::{
    batch::Batch,
    record::{Dataset, Rows, Values},
};

/// The statements of one dataset.
#[derive(Clone, Debug)]
pub struct Bulk {
    look: String,
    copy: String,
}

/// Places of the rows that came, by what is on file.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct Met {
    /// In order of their keys.
    pub new: Vec<i32>,
    /// Of other contents, ended, of another county, or of a later day.
    pub different: Vec<i32>,
    /// Keys of the rows just so that have to be noted, since the change they confirm may yet be withdrawn.
    pub confirmed: Vec<Uuid>,
}

impl Bulk {
    pub fn of(dataset: &Dataset, table: &str) -> Bulk {
        let mut names = String::new();
        for column in &dataset.columns {
            let _ = write!(names, ", {}", column.name);
        }
        Bulk {
            look: look_sql(table),
            copy: format!(
                "copy {table} (record_key, person_key, division_code, content_hash, county_code, as_of, batch_id, first_on, \
                   changed_on{names}) from stdin (format binary)"
            ),
        }
    }

    /// Takes the rows of these keys until the transaction ends and holds them against what came.
    pub async fn look(&self, conn: &mut PgConnection, batch: &Batch, rows: &Rows, days: Days) -> Result<Met> {
        // A thousand keys make a planner read a table of some hundred thousand rows from end to end, for each part. What comes
        // after in the transaction goes by keys, too.
        sqlx::raw_sql("set local enable_seqscan = off").execute(&mut *conn).await?;
        let met = sqlx::query_as(AssertSqlSafe(self.look.clone()))
            .bind(&rows.record_keys)
            .bind(&rows.hashes)
            .bind(batch.as_of)
            .bind(batch.county_code.as_str())
            .bind(batch.id)
            .bind(days.kept_from)
            .fetch_one(conn)
            .await?;
        Ok(met)
    }

    /// Adds the rows at these places, which are in order of their keys.
    pub async fn add(
        &self,
        conn: &mut PgConnection,
        (batch, today): (&Batch, NaiveDate),
        rows: &Rows,
        places: &[usize],
    ) -> Result<()> {
        let mut copy = conn.copy_in_raw(&self.copy).await?;
        let sent = copy.send(encoded(batch, today, rows, places).freeze()).await;
        let done = match sent {
            Ok(_) => copy.finish().await.map(drop),
            Err(error) => Err(error),
        };
        // Another transaction made a row of the same key meanwhile.
        done.map_err(|error| match error.as_database_error() {
            Some(refused) if refused.is_unique_violation() => concurrent().caused_by(error),
            _ => error.into(),
        })
    }
}

/// Notes what a part made and what it found just so.
pub async fn note(conn: &mut PgConnection, batch: Uuid, made: &[Uuid], confirmed: &[Uuid]) -> Result<()> {
    if made.is_empty() && confirmed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with change as materialized (select nextval('monitoring.record_change') as number), \
         made as (\
           insert into monitoring.record_made (batch_id, number, record_keys) \
           select $1, change.number, $2 from change where cardinality($2::uuid[]) > 0) \
         insert into monitoring.record_confirmed (batch_id, number, record_keys) \
         select $1, change.number, $3 from change where cardinality($3::uuid[]) > 0",
    )
    .bind(batch)
    .bind(made)
    .bind(confirmed)
    .execute(conn)
    .await?;
    Ok(())
}

/// A row that waited for its lock is judged as it is after.
fn look_sql(table: &str) -> String {
    format!(
        "with held as materialized (\
           select r.record_key, r.content_hash, r.county_code, r.as_of, r.ended_on, r.changed_on, r.batch_id from {table} r \
           where r.record_key = any($1) order by r.record_key for no key update), \
         met as (\
           select i.record_key, i.place::integer as place, h.record_key is null as new, h.changed_on, h.batch_id, \
             h.as_of <= $3 and h.content_hash = i.content_hash and h.ended_on is null and h.county_code = $4 as same \
           from unnest($1::uuid[], $2::bytea[]) with ordinality as i (record_key, content_hash, place) \
           left join held h on h.record_key = i.record_key) \
         select coalesce(array_agg(place - 1 order by record_key) filter (where new), '{{}}') as new, \
           coalesce(array_agg(place - 1) filter (where not new and not same), '{{}}') as different, \
           coalesce(array_agg(record_key) filter (where same and changed_on >= $6 and batch_id <> $5), '{{}}') as confirmed \
         from met"
    )
}

/// Days of PostgreSQL's calendar, which begins with the year 2000.
fn day(date: NaiveDate) -> i32 {
    let days = (date - NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default()).num_days();
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// The rows as COPY reads them: each field behind its length.
fn encoded(batch: &Batch, today: NaiveDate, rows: &Rows, places: &[usize]) -> BytesMut {
    const OWN_COLUMNS: usize = 9;
    let mut to = BytesMut::with_capacity(32 + places.len() * (200 + 24 * rows.columns.len()));
    // Signature, flags, length of the header's extension.
    to.put_slice(b"PGCOPY\n\xff\r\n\0");
    to.put_slice(&[0; 8]);
    let columns = i16::try_from(OWN_COLUMNS + rows.columns.len()).unwrap_or(i16::MAX);
    for &at in places {
        to.put_i16(columns);
        field(&mut to, rows.record_keys[at].as_bytes());
        optional(&mut to, rows.person_keys[at].as_ref().map(Uuid::as_bytes));
        field(&mut to, rows.division_codes[at].as_bytes());
        field(&mut to, &rows.hashes[at]);
        field(&mut to, batch.county_code.as_bytes());
        field(&mut to, &day(batch.as_of).to_be_bytes());
        field(&mut to, batch.id.as_bytes());
        field(&mut to, &day(today).to_be_bytes());
        field(&mut to, &day(today).to_be_bytes());
        for values in &rows.columns {
            match values {
                Values::Text(all) => optional(&mut to, all[at].as_ref().map(String::as_bytes)),
                Values::Date(all) => optional(&mut to, all[at].map(|date| day(date).to_be_bytes())),
                Values::BigInt(all) => optional(&mut to, all[at].map(i64::to_be_bytes)),
                Values::Int(all) => optional(&mut to, all[at].map(i32::to_be_bytes)),
                Values::Bool(all) => optional(&mut to, all[at].map(|truth| [u8::from(truth)])),
            }
        }
    }
    to.put_i16(-1);
    to
}

fn field(to: &mut BytesMut, value: &[u8]) {
    to.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
    to.put_slice(value);
}

fn optional(to: &mut BytesMut, value: Option<impl AsRef<[u8]>>) {
    match value {
        Some(value) => field(to, value.as_ref()),
        None => to.put_i32(-1),
    }
}
