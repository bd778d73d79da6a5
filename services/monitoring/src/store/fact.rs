//! Households whose facts identification follows, and a digest of what it was last told.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// A household to tell of.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Followed {
    pub household_id: Uuid,
    pub division_code: String,
    pub area_kind: String,
    pub digest: Option<Vec<u8>>,
}

/// Those of the households that have an open warning or a class, or were told of before.
pub async fn followed(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<Followed>> {
    let rows = sqlx::query_as(
        "select h.household_id, h.division_code, h.area_kind, f.digest \
         from monitoring.household h left join monitoring.household_fact f on f.household_id = h.household_id \
         where h.household_id = any($1) \
           and (f.household_id is not null \
             or exists (select from monitoring.class_status c where c.household_id = h.household_id) \
             or exists (select from monitoring.warning w where w.household_id = h.household_id and w.cleared_on is null)) \
         order by h.household_id",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Notes what is being told.
pub async fn told(conn: &mut PgConnection, households: &[Uuid], digests: &[Vec<u8>], as_of: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into monitoring.household_fact (household_id, digest, as_of) \
         select t.household_id, t.digest, $3 from unnest($1::uuid[], $2::bytea[]) as t (household_id, digest) \
         on conflict on constraint household_fact_pk do update set digest = excluded.digest, as_of = excluded.as_of",
    )
    .bind(households)
    .bind(digests)
    .bind(as_of)
    .execute(conn)
    .await?;
    Ok(())
}
