//! Visits, and where the households are that may be visited.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::visit::{Occasion, Visit};

/// Where a household is, by a numbered state of the register.
#[derive(Clone, Debug)]
pub struct Place {
    pub household: Uuid,
    pub division: String,
    pub sequence: i64,
}

/// Adds a visit.
pub async fn insert(connection: &mut PgConnection, id: Uuid, visit: &Visit, recorded_on: NaiveDate) -> Result<()> {
    let (work_order, verdict, finding) = match &visit.occasion {
        Occasion::Own { finding } => (None, None, Some(finding.as_str())),
        Occasion::Check { work_order, verdict } => (Some(*work_order), Some(verdict.as_str()), None),
    };
    sqlx::query(
        "insert into dispatch.visit (visit_id, household_id, work_order_id, division_code, visited_on, recorded_on, \
           visitor, met, minutes, group_ticked, lives_alone, carer, photo_digest, finding, verdict) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(id)
    .bind(visit.household)
    .bind(work_order)
    .bind(&visit.division)
    .bind(visit.on)
    .bind(recorded_on)
    .bind(&visit.visitor)
    .bind(visit.met)
    .bind(visit.seen.minutes)
    .bind(visit.seen.group_ticked.as_deref())
    .bind(visit.seen.lives_alone)
    .bind(visit.seen.carer.as_deref())
    .bind(&visit.photo_digest)
    .bind(finding)
    .bind(verdict)
    .execute(connection)
    .await?;
    Ok(())
}

/// Division of a household within a scope.
pub async fn division(connection: &mut PgConnection, household: Uuid, scope: &str) -> Result<Option<String>> {
    let division = sqlx::query_scalar(
        "select h.division_code from dispatch.household as h where h.household_id = $1 and starts_with(h.division_code, $2)",
    )
    .bind(household)
    .bind(scope)
    .fetch_optional(connection)
    .await?;
    Ok(division)
}

/// Notes where households are; a state older than the one on file changes nothing.
pub async fn put_places(connection: &mut PgConnection, places: &[Place]) -> Result<()> {
    let households: Vec<Uuid> = places.iter().map(|p| p.household).collect();
    let divisions: Vec<&str> = places.iter().map(|p| p.division.as_str()).collect();
    let sequences: Vec<i64> = places.iter().map(|p| p.sequence).collect();
    sqlx::query(
        "insert into dispatch.household as h (household_id, division_code, sequence) \
         select distinct on (p.household_id) p.household_id, p.division_code, p.sequence \
         from unnest($1::uuid[], $2::text[], $3::bigint[]) as p (household_id, division_code, sequence) \
         order by p.household_id, p.sequence desc \
         on conflict on constraint household_pkey do update \
           set division_code = excluded.division_code, sequence = excluded.sequence where h.sequence < excluded.sequence",
    )
    .bind(households)
    .bind(divisions)
    .bind(sequences)
    .execute(connection)
    .await?;
    Ok(())
}
