//! Rows of registry.membership: who is in which household from when to when.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::plan::{Join, OpenMembership};

/// Memberships now, of these households or of these persons.
pub async fn open(conn: &mut PgConnection, households: &[Uuid], persons: &[Uuid]) -> Result<Vec<OpenMembership>> {
    let rows: Vec<(Uuid, Uuid, Uuid, String, NaiveDate, NaiveDate)> = sqlx::query_as(
        "select membership_id, household_id, person_id, relation, joined_on, valid_from from registry.membership \
         where valid_to is null and (household_id = any($1) or person_id = any($2)) order by membership_id",
    )
    .bind(households)
    .bind(persons)
    .fetch_all(conn)
    .await?;
    let open = |(membership_id, household_id, person_id, relation, joined_on, valid_from)| OpenMembership {
        membership_id,
        household_id,
        person_id,
        relation,
        joined_on,
        valid_from,
    };
    Ok(rows.into_iter().map(open).collect())
}

pub async fn close(conn: &mut PgConnection, ends: &[(Uuid, NaiveDate)]) -> Result<()> {
    sqlx::query(
        "update registry.membership m set valid_to = u.last_day from unnest($1::uuid[], $2::date[]) as u (id, last_day) \
         where m.membership_id = u.id and m.valid_to is null",
    )
    .bind(ends.iter().map(|e| e.0).collect::<Vec<_>>())
    .bind(ends.iter().map(|e| e.1).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn insert(conn: &mut PgConnection, joins: &[(Uuid, Join<'_>)], from: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into registry.membership (membership_id, household_id, person_id, relation, joined_on, valid_from) \
         select u.*, $6 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::date[]) as u",
    )
    .bind(joins.iter().map(|j| j.0).collect::<Vec<_>>())
    .bind(joins.iter().map(|j| j.1.household_id).collect::<Vec<_>>())
    .bind(joins.iter().map(|j| j.1.member.person_id()).collect::<Vec<_>>())
    .bind(joins.iter().map(|j| j.1.member.relation.clone()).collect::<Vec<_>>())
    .bind(joins.iter().map(|j| j.1.joined_on).collect::<Vec<_>>())
    .bind(from)
    .execute(conn)
    .await?;
    Ok(())
}

/// Household a person is in now, by key.
pub async fn household_of(conn: &mut PgConnection, person_key: Uuid) -> Result<Option<(Uuid, Uuid)>> {
    let row = sqlx::query_as(
        "select p.person_id, m.household_id from registry.person p \
         join registry.membership m on m.person_id = p.person_id and m.valid_to is null where p.person_key = $1",
    )
    .bind(person_key)
    .fetch_optional(conn)
    .await?;
    Ok(row)
}
