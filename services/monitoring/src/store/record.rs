//! Record sets: one statement per part writes what differs, one statement ends what a snapshot left out. Statements
//! are made per dataset once, at start.

use std::fmt::Write as _;

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::domain::{
    batch::Batch,
    record::{Dataset, Rows, Values},
};

/// The statements of one dataset.
#[derive(Clone, Debug)]
pub struct Statements {
    write: String,
    end: String,
}

/// What writing a part changed.
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub changed: i32,
    /// Persons whose records changed, and those a record passed away from.
    pub persons: Vec<Uuid>,
}

impl Statements {
    /// The statements for a dataset's table.
    pub fn of(dataset: &Dataset) -> Statements {
        Statements { write: write_sql(dataset), end: end_sql(dataset) }
    }

    /// Writes the rows that are new, different, or back after they had ended. A row as of an earlier day than the
    /// one on file changes nothing.
    pub async fn write(&self, conn: &mut PgConnection, batch: &Batch, rows: Rows, today: NaiveDate) -> Result<Written> {
        let mut query = sqlx::query_as::<_, (Uuid, bool)>(AssertSqlSafe(self.write.clone()))
            .bind(rows.record_keys)
            .bind(rows.person_keys)
            .bind(rows.division_codes)
            .bind(rows.hashes)
            .bind(batch.county_code.as_str())
            .bind(batch.as_of)
            .bind(batch.id)
            .bind(today);
        for values in rows.columns {
            query = match values {
                Values::Text(all) => query.bind(all),
                Values::Date(all) => query.bind(all),
                Values::BigInt(all) => query.bind(all),
                Values::Int(all) => query.bind(all),
                Values::Bool(all) => query.bind(all),
            };
        }
        let found = query.fetch_all(conn).await?;
        let changed = found.iter().filter(|(_, written)| *written).count();
        let mut persons: Vec<_> = found.into_iter().map(|(person, _)| person).collect();
        persons.sort_unstable();
        persons.dedup();
        Ok(Written { changed: i32::try_from(changed).unwrap_or(i32::MAX), persons })
    }

    /// Ends the county's rows that none of a snapshot's parts held; gives back their persons, one for each row.
    pub async fn end(&self, conn: &mut PgConnection, batch: &Batch, today: NaiveDate) -> Result<Vec<Uuid>> {
        // The planner cannot know how many keys the parts hold and would compare each row with each key.
        sqlx::raw_sql("set local enable_nestloop = off").execute(&mut *conn).await?;
        let persons = sqlx::query_scalar(AssertSqlSafe(self.end.clone()))
            .bind(batch.county_code.as_str())
            .bind(batch.as_of)
            .bind(batch.id)
            .bind(today)
            .fetch_all(&mut *conn)
            .await?;
        sqlx::raw_sql("set local enable_nestloop to default").execute(conn).await?;
        Ok(persons)
    }
}

fn write_sql(dataset: &Dataset) -> String {
    let table = format!("monitoring.{}", dataset.table);
    let (mut arrays, mut names, mut updates) = (String::new(), String::new(), String::new());
    for (index, column) in dataset.columns.iter().enumerate() {
        let name = &column.name;
        let _ = write!(arrays, ", ${}::{}[]", index + 9, column.sql_type);
        let _ = write!(names, ", {name}");
        let _ = write!(updates, ", {name} = excluded.{name}");
    }
    // Only where the key has no person in it can a record pass from one person to another.
    let moved = if dataset.keyed_by_person {
        String::new()
    } else {
        format!(
            "union all select r.person_key, false from {table} r join input i using (record_key) \
             where r.person_key <> i.person_key and r.as_of <= $6 "
        )
    };
    format!(
        "with input as materialized (\
           select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[]{arrays}) \
             as i (record_key, person_key, division_code, content_hash{names})), \
         written as (\
           insert into {table} as r (record_key, person_key, division_code, content_hash{names}, \
             county_code, as_of, batch_id, first_on, changed_on, ended_on) \
           select record_key, person_key, division_code, content_hash{names}, $5, $6, $7, $8, $8, null \
           from input order by record_key \
           on conflict (record_key) do update set \
             person_key = excluded.person_key, division_code = excluded.division_code, \
             content_hash = excluded.content_hash{updates}, county_code = excluded.county_code, \
             as_of = excluded.as_of, batch_id = excluded.batch_id, changed_on = excluded.changed_on, ended_on = null \
           where r.as_of <= excluded.as_of \
             and (r.content_hash <> excluded.content_hash or r.ended_on is not null \
                  or r.county_code <> excluded.county_code) \
           returning person_key) \
         select person_key, true from written {moved}"
    )
}

fn end_sql(dataset: &Dataset) -> String {
    format!(
        "with sent as materialized (\
           select unnest(p.record_keys) as record_key from monitoring.batch_part p where p.batch_id = $3) \
         update monitoring.{} r set ended_on = $2, as_of = $2, batch_id = $3, changed_on = $4 \
         where r.county_code = $1 and r.as_of <= $2 and r.ended_on is null \
           and not exists (select from sent s where s.record_key = r.record_key) \
         returning r.person_key",
        dataset.table
    )
}
