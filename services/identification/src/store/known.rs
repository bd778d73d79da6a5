//! Rows of identification.household and identification.household_fact: the newest state told, by the household's own
//! counter. What is taken over is kept in the history of the day as well.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minqing_kit::{Error, Result};
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::history;
use crate::domain::facts::{Facts, Held, PersonFacts};

/// Key of the advisory lock under which cases are opened and assessed.
const CASE_LOCK: i64 = 0x6d69_6e71_0002;

/// Waits until no other handler opens or assesses cases: facts and a verified work order that come at once would
/// otherwise not see each other. Held to the end of the transaction.
pub async fn lock(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(CASE_LOCK).execute(conn).await?;
    Ok(())
}

pub struct NewFacts {
    pub household_id: Uuid,
    pub division_code: String,
    pub area_kind: &'static str,
    pub as_of: NaiveDate,
    pub sequence: i64,
    pub facts: Facts,
    pub persons: Vec<PersonFacts>,
}

#[derive(Clone, sqlx::FromRow)]
pub struct FactRow {
    pub household_id: Uuid,
    pub division_code: String,
    pub area_kind: String,
    pub as_of: NaiveDate,
    pub facts: Json<Facts>,
    pub persons: Json<Vec<PersonFacts>>,
}

/// Keeps what is newer than what is known; gives the households it was newer for.
pub async fn put_facts(conn: &mut PgConnection, new: &[NewFacts], today: NaiveDate) -> Result<Vec<Uuid>> {
    let changed: Vec<Uuid> = sqlx::query_scalar(
        "insert into identification.household_fact \
             (household_id, division_code, area_kind, as_of, sequence, facts, persons) \
         select u.id, u.division, u.area, u.as_of, u.sequence, u.facts::json, u.persons::json \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::date[], $5::bigint[], $6::text[], $7::text[]) \
             as u (id, division, area, as_of, sequence, facts, persons) \
         on conflict on constraint household_fact_pk do update \
         set division_code = excluded.division_code, area_kind = excluded.area_kind, as_of = excluded.as_of, \
             sequence = excluded.sequence, facts = excluded.facts, persons = excluded.persons \
         where household_fact.sequence < excluded.sequence returning household_id",
    )
    .bind(new.iter().map(|n| n.household_id).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.division_code.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.area_kind).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.as_of).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.sequence).collect::<Vec<_>>())
    .bind(json_texts(new.iter().map(|n| &n.facts))?)
    .bind(json_texts(new.iter().map(|n| &n.persons))?)
    .fetch_all(&mut *conn)
    .await?;
    history::keep_facts(conn, &changed, today).await?;
    Ok(changed)
}

fn json_texts<'a, T: Serialize + 'a>(of: impl Iterator<Item = &'a T>) -> Result<Vec<String>> {
    of.map(|one| serde_json::to_string(one).map_err(Error::bug)).collect()
}

pub async fn facts(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<FactRow>> {
    let rows = sqlx::query_as(
        "select household_id, division_code, area_kind, as_of, facts, persons from identification.household_fact \
         where household_id = any($1)",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

pub struct NewRoster {
    pub household_id: Uuid,
    pub division_code: String,
    pub area_kind: &'static str,
    pub members: Vec<Uuid>,
    /// Of those members of whom the register tells it.
    pub births: BTreeMap<Uuid, NaiveDate>,
    pub classes: Vec<Held>,
    pub as_of: NaiveDate,
    pub sequence: i64,
}

#[derive(Clone, sqlx::FromRow)]
pub struct RosterRow {
    pub household_id: Uuid,
    pub division_code: String,
    pub area_kind: String,
    pub members: Vec<Uuid>,
    pub classes: Json<Vec<Held>>,
}

/// Keeps what is newer than what is known; gives the households it was newer for.
pub async fn put_roster(conn: &mut PgConnection, new: &[NewRoster], today: NaiveDate) -> Result<Vec<Uuid>> {
    // An array of arrays must be rectangular in PostgreSQL, so members travel as jsonb.
    let changed: Vec<Uuid> = sqlx::query_scalar(
        "insert into identification.household \
             (household_id, division_code, area_kind, members, classes, as_of, sequence, births) \
         select u.id, u.division, u.area, array(select jsonb_array_elements_text(u.members)::uuid), u.classes, \
             u.as_of, u.sequence, u.births \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::date[], $7::bigint[], \
                 $8::jsonb[]) \
             as u (id, division, area, members, classes, as_of, sequence, births) \
         on conflict on constraint household_pk do update \
         set division_code = excluded.division_code, area_kind = excluded.area_kind, members = excluded.members, \
             classes = excluded.classes, as_of = excluded.as_of, sequence = excluded.sequence, \
             births = excluded.births \
         where household.sequence < excluded.sequence returning household_id",
    )
    .bind(new.iter().map(|n| n.household_id).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.division_code.clone()).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.area_kind).collect::<Vec<_>>())
    .bind(new.iter().map(|n| Json(&n.members)).collect::<Vec<_>>())
    .bind(new.iter().map(|n| Json(&n.classes)).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.as_of).collect::<Vec<_>>())
    .bind(new.iter().map(|n| n.sequence).collect::<Vec<_>>())
    .bind(new.iter().map(|n| Json(&n.births)).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    history::keep_roster(conn, &changed, today).await?;
    Ok(changed)
}

pub async fn roster(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<RosterRow>> {
    let rows = sqlx::query_as(
        "select household_id, division_code, area_kind, members, classes from identification.household \
         where household_id = any($1)",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
