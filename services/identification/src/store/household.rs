//! Households and their facts as the events told them; the newest sequence wins, whatever arrives later.

use chrono::NaiveDate;
use minqing_kit::Result;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Where a household is and what it holds.
pub struct HouseholdRow {
    pub household_id: Uuid,
    pub division_code: String,
    pub area_kind: String,
    /// `[{class, person_key, amount_fen}]`
    pub classes: Value,
    pub sequence: i64,
}

/// A household's facts.
#[derive(Clone, sqlx::FromRow)]
pub struct FactsRow {
    pub household_id: Uuid,
    pub division_code: String,
    pub area_kind: String,
    pub as_of: NaiveDate,
    /// `{name: {value, as_of}}`
    pub facts: Value,
    /// `[{person_key, facts}]`
    pub persons: Value,
    pub sequence: i64,
}

/// Keeps the newest of each household.
pub async fn save_households(connection: &mut PgConnection, rows: &[HouseholdRow]) -> Result<()> {
    sqlx::query(
        "insert into identification.household as h (household_id, division_code, area_kind, classes, sequence) \
         select distinct on (household_id) household_id, division_code, area_kind, classes, sequence \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::bigint[]) \
              as r (household_id, division_code, area_kind, classes, sequence) \
         order by household_id, sequence desc \
         on conflict (household_id) do update set division_code = excluded.division_code, \
             area_kind = excluded.area_kind, classes = excluded.classes, sequence = excluded.sequence \
         where h.sequence < excluded.sequence",
    )
    .bind(rows.iter().map(|r| r.household_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.division_code.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.area_kind.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.classes.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.sequence).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps the newest of each household and returns those that became newer.
pub async fn save_facts(connection: &mut PgConnection, rows: &[FactsRow]) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar(
        "insert into identification.household_fact as f \
             (household_id, division_code, area_kind, as_of, facts, persons, sequence) \
         select distinct on (household_id) household_id, division_code, area_kind, as_of, facts, persons, sequence \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::date[], $5::jsonb[], $6::jsonb[], $7::bigint[]) \
              as r (household_id, division_code, area_kind, as_of, facts, persons, sequence) \
         order by household_id, sequence desc \
         on conflict (household_id) do update set division_code = excluded.division_code, \
             area_kind = excluded.area_kind, as_of = excluded.as_of, facts = excluded.facts, \
             persons = excluded.persons, sequence = excluded.sequence \
         where f.sequence < excluded.sequence \
         returning household_id",
    )
    .bind(rows.iter().map(|r| r.household_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.division_code.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.area_kind.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.as_of).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.facts.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.persons.clone()).collect::<Vec<_>>())
    .bind(rows.iter().map(|r| r.sequence).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

/// A household's facts.
pub async fn facts(connection: &mut PgConnection, household: Uuid) -> Result<Option<FactsRow>> {
    Ok(sqlx::query_as(
        "select household_id, division_code, area_kind, as_of, facts, persons, sequence \
         from identification.household_fact where household_id = $1",
    )
    .bind(household)
    .fetch_optional(connection)
    .await?)
}

/// Division and area of a household the register told of.
pub async fn place(connection: &mut PgConnection, household: Uuid) -> Result<Option<(String, String)>> {
    Ok(sqlx::query_as("select division_code, area_kind from identification.household where household_id = $1")
        .bind(household)
        .fetch_optional(connection)
        .await?)
}
