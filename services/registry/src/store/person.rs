//! Rows of registry.person. The sealed fields go out as they are; only `app::view` opens them.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::prepared::{PreparedHousehold, PreparedMember};

#[derive(sqlx::FromRow)]
pub struct Known {
    pub person_key: Uuid,
    pub name_key: Uuid,
    /// Household the person is in now, and the day its file was collected.
    pub household_id: Option<Uuid>,
    pub placed_as_of: Option<NaiveDate>,
}

pub async fn known(conn: &mut PgConnection, keys: &[Uuid]) -> Result<Vec<Known>> {
    let rows = sqlx::query_as(
        "select p.person_key, p.name_key, m.household_id, h.as_of as placed_as_of from registry.person p \
         left join registry.membership m on m.person_id = p.person_id and m.valid_to is null \
         left join registry.household h on h.household_id = m.household_id \
         where p.person_key = any($1)",
    )
    .bind(keys)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Adds persons not on file. Of known ones phone and account are renewed when the row names them.
pub async fn upsert(conn: &mut PgConnection, households: &[PreparedHousehold]) -> Result<()> {
    let members: Vec<&PreparedMember> = households.iter().flat_map(|h| &h.members).collect();
    sqlx::query(
        "insert into registry.person (person_id, person_key, name_key, birth_on, sex, id_number_sealed, name_sealed, \
             phone_sealed, account_sealed) \
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[], $5::smallint[], $6::bytea[], \
             $7::bytea[], $8::bytea[], $9::bytea[]) \
         on conflict on constraint person_pk do update \
         set phone_sealed = coalesce(excluded.phone_sealed, person.phone_sealed), \
             account_sealed = coalesce(excluded.account_sealed, person.account_sealed)",
    )
    .bind(members.iter().map(|m| m.person_id()).collect::<Vec<_>>())
    .bind(members.iter().map(|m| m.person_key()).collect::<Vec<_>>())
    .bind(members.iter().map(|m| m.name_key()).collect::<Vec<_>>())
    .bind(members.iter().map(|m| m.birth_on()).collect::<Vec<_>>())
    .bind(members.iter().map(|m| i16::try_from(m.sex).unwrap_or(9)).collect::<Vec<_>>())
    .bind(members.iter().map(|m| m.id_number.clone()).collect::<Vec<_>>())
    .bind(members.iter().map(|m| m.name.clone()).collect::<Vec<_>>())
    .bind(members.iter().map(|m| m.phone.clone()).collect::<Vec<_>>())
    .bind(members.iter().map(|m| m.account.clone()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub struct MemberRow {
    pub household_id: Uuid,
    pub person_id: Uuid,
    pub person_key: Uuid,
    pub relation: String,
    pub joined_on: NaiveDate,
    pub birth_on: NaiveDate,
    pub sex: i16,
    pub id_number_sealed: Vec<u8>,
    pub name_sealed: Vec<u8>,
    pub phone_sealed: Option<Vec<u8>>,
}

/// Members now, the head first.
pub async fn members(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<MemberRow>> {
    let rows = sqlx::query_as(
        "select m.household_id, p.person_id, p.person_key, m.relation, m.joined_on, p.birth_on, p.sex, \
             p.id_number_sealed, p.name_sealed, p.phone_sealed \
         from registry.membership m join registry.person p using (person_id) \
         where m.household_id = any($1) and m.valid_to is null \
         order by m.household_id, m.relation, p.birth_on, p.person_id",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
pub struct IdentityRow {
    pub person_id: Uuid,
    pub person_key: Uuid,
    pub id_number_sealed: Vec<u8>,
    pub name_sealed: Vec<u8>,
    pub phone_sealed: Option<Vec<u8>>,
}

/// Persons of a household: those named, past members included, or all members now.
pub async fn identities(conn: &mut PgConnection, household: Uuid, keys: Option<&[Uuid]>) -> Result<Vec<IdentityRow>> {
    let rows = sqlx::query_as(
        "select p.person_id, p.person_key, p.id_number_sealed, p.name_sealed, p.phone_sealed from registry.person p \
         where ($2::uuid[] is null or p.person_key = any($2)) and exists (select from registry.membership m \
             where m.person_id = p.person_id and m.household_id = $1 and ($2::uuid[] is not null or m.valid_to is null)) \
         order by p.person_key",
    )
    .bind(household)
    .bind(keys)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
pub struct MatchRow {
    pub known: bool,
    pub name_agrees: bool,
    pub household_id: Option<Uuid>,
    pub linked_person_key: Option<Uuid>,
}

/// One answer for each probe, in order. Laterals that cannot be joined otherwise: a thousand probes make a planner read the
/// register from end to end.
pub async fn match_probes(conn: &mut PgConnection, keys: &[Uuid], names: &[Option<Uuid>]) -> Result<Vec<MatchRow>> {
    let rows = sqlx::query_as(
        "select p.person_id is not null as known, coalesce(p.name_key = u.name_key, false) as name_agrees, \
             m.household_id, l.person_key as linked_person_key \
         from unnest($1::uuid[], $2::uuid[]) with ordinality as u (person_key, name_key, place) \
         left join lateral (select p.person_id, p.name_key from registry.person p \
             where p.person_key = u.person_key offset 0) p on true \
         left join lateral (select m.household_id from registry.membership m \
             where m.person_id = p.person_id and m.valid_to is null offset 0) m on true \
         left join lateral (select l.person_key from registry.identity_link l \
             where l.number_key = u.person_key and l.name_key = u.name_key and l.undone_at is null offset 0) l on true \
         order by u.place",
    )
    .bind(keys)
    .bind(names)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The person of a key.
pub async fn id_of(conn: &mut PgConnection, key: Uuid) -> Result<Option<Uuid>> {
    let id = sqlx::query_scalar("select person_id from registry.person where person_key = $1")
        .bind(key)
        .fetch_optional(conn)
        .await?;
    Ok(id)
}
