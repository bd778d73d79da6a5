//! Households, members, class status and vehicles as registry tells them, written in sets.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{record::Touched, roster::Household, words};

/// A household's place, to see whether a caller may look at it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Place {
    pub county_code: String,
}

/// Where a household is.
pub async fn place(conn: &mut PgConnection, household: Uuid) -> Result<Option<Place>> {
    let place = sqlx::query_as("select county_code from monitoring.household where household_id = $1")
        .bind(household)
        .fetch_optional(conn)
        .await?;
    Ok(place)
}

/// Households that these persons are in now, and all of these counties and townships, in order of id.
pub async fn households_of(conn: &mut PgConnection, touched: &Touched) -> Result<Vec<Uuid>> {
    if touched.is_nobody() {
        return Ok(Vec::new());
    }
    let (counties, townships): (Vec<&str>, Vec<&str>) =
        touched.divisions.iter().map(String::as_str).partition(|code| words::county(code) == *code);
    let ids = sqlx::query_scalar(
        "select household_id from monitoring.member where person_key = any($1) \
         union select household_id from monitoring.household where county_code = any($2) \
         union select household_id from monitoring.household where left(division_code, 9) || '000' = any($3) \
         order by household_id",
    )
    .bind(&touched.persons)
    .bind(counties)
    .bind(townships)
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// A county's households after one, in order of id.
pub async fn in_county(conn: &mut PgConnection, county: &str, after: Option<Uuid>, limit: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "select household_id from monitoring.household where county_code = $1 and household_id > $2 \
         order by household_id limit $3",
    )
    .bind(county)
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Numbers of the newest states on file.
pub async fn sequences(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query_as("select household_id, sequence from monitoring.household where household_id = any($1)")
        .bind(households)
        .fetch_all(conn)
        .await?;
    Ok(rows)
}

/// Writes the households, and the counties they are the first of; true when there was a new county.
pub async fn put_households(conn: &mut PgConnection, states: &[Household], today: NaiveDate) -> Result<bool> {
    let counties: Vec<_> = states.iter().map(|h| words::county(&h.division_code)).collect();
    sqlx::query(
        "insert into monitoring.household (household_id, division_code, county_code, area_kind, declared_income_fen, \
           income_as_of, financial_assets_fen, house_count, as_of, sequence, first_seen_on) \
         select h.household_id, h.division_code, h.county_code, h.area_kind, h.declared_income_fen, h.income_as_of, \
           h.financial_assets_fen, h.house_count, h.as_of, h.sequence, $11 \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::date[], $7::bigint[], \
             $8::integer[], $9::date[], $10::bigint[]) \
           as h (household_id, division_code, county_code, area_kind, declared_income_fen, income_as_of, \
             financial_assets_fen, house_count, as_of, sequence) \
         order by h.household_id \
         on conflict on constraint household_pk do update set division_code = excluded.division_code, \
           county_code = excluded.county_code, area_kind = excluded.area_kind, \
           declared_income_fen = excluded.declared_income_fen, income_as_of = excluded.income_as_of, \
           financial_assets_fen = excluded.financial_assets_fen, house_count = excluded.house_count, \
           as_of = excluded.as_of, sequence = excluded.sequence",
    )
    .bind(column(states, |h| h.id))
    .bind(column(states, |h| h.division_code.clone()))
    .bind(&counties)
    .bind(column(states, |h| h.area_kind))
    .bind(column(states, |h| h.declared_income_fen))
    .bind(column(states, |h| h.income_as_of))
    .bind(column(states, |h| h.financial_assets_fen))
    .bind(column(states, |h| h.house_count))
    .bind(column(states, |h| h.as_of))
    .bind(column(states, |h| h.sequence))
    .bind(today)
    .execute(&mut *conn)
    .await?;
    let new = sqlx::query(
        "insert into monitoring.county (county_code, first_seen_on) select distinct c.code, $2 \
         from unnest($1::text[]) as c (code) order by c.code on conflict on constraint county_pk do nothing",
    )
    .bind(&counties)
    .bind(today)
    .execute(conn)
    .await?;
    Ok(new.rows_affected() > 0)
}

/// Puts each member into its household and takes out who is no longer in one of them.
pub async fn put_members(conn: &mut PgConnection, states: &[Household]) -> Result<()> {
    let members: Vec<_> = states.iter().flat_map(|h| h.members.iter().map(move |m| (h.id, m))).collect();
    let persons = column(&members, |(_, m)| m.person_key);
    sqlx::query("delete from monitoring.member where household_id = any($1) and person_key <> all($2)")
        .bind(column(states, |h| h.id))
        .bind(&persons)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "insert into monitoring.member (person_key, household_id, birth_on, sex, relation, joined_on) \
         select m.person_key, m.household_id, m.birth_on, m.sex, m.relation, m.joined_on \
         from unnest($1::uuid[], $2::uuid[], $3::date[], $4::integer[], $5::text[], $6::date[]) \
           as m (person_key, household_id, birth_on, sex, relation, joined_on) \
         order by m.person_key \
         on conflict on constraint member_pk do update set household_id = excluded.household_id, \
           birth_on = excluded.birth_on, sex = excluded.sex, relation = excluded.relation, \
           joined_on = excluded.joined_on",
    )
    .bind(&persons)
    .bind(column(&members, |(id, _)| *id))
    .bind(column(&members, |(_, m)| m.birth_on))
    .bind(column(&members, |(_, m)| m.sex))
    .bind(column(&members, |(_, m)| m.relation.clone()))
    .bind(column(&members, |(_, m)| m.joined_on))
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces the households' class status.
pub async fn put_classes(conn: &mut PgConnection, states: &[Household]) -> Result<()> {
    let classes: Vec<_> = states.iter().flat_map(|h| h.classes.iter().map(move |c| (h.id, c))).collect();
    sqlx::query("delete from monitoring.class_status where household_id = any($1)")
        .bind(column(states, |h| h.id))
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "insert into monitoring.class_status (household_id, person_key, assistance_class, valid_from, amount_fen) \
         select c.household_id, c.person_key, c.assistance_class, c.valid_from, c.amount_fen \
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::bigint[]) \
           as c (household_id, person_key, assistance_class, valid_from, amount_fen)",
    )
    .bind(column(&classes, |(id, _)| *id))
    .bind(column(&classes, |(_, c)| c.person_key))
    .bind(column(&classes, |(_, c)| c.assistance_class.clone()))
    .bind(column(&classes, |(_, c)| c.valid_from))
    .bind(column(&classes, |(_, c)| c.amount_fen))
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces the households' vehicles.
pub async fn put_vehicles(conn: &mut PgConnection, states: &[Household]) -> Result<()> {
    let vehicles: Vec<_> = states.iter().flat_map(|h| h.vehicles.iter().map(move |v| (h.id, v))).collect();
    sqlx::query("delete from monitoring.vehicle where household_id = any($1)")
        .bind(column(states, |h| h.id))
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "insert into monitoring.vehicle (household_id, kind, vehicle_use, registered_on) \
         select v.household_id, v.kind, v.vehicle_use, v.registered_on \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::date[]) \
           as v (household_id, kind, vehicle_use, registered_on)",
    )
    .bind(column(&vehicles, |(id, _)| *id))
    .bind(column(&vehicles, |(_, v)| v.kind.clone()))
    .bind(column(&vehicles, |(_, v)| v.vehicle_use.clone()))
    .bind(column(&vehicles, |(_, v)| v.registered_on))
    .execute(conn)
    .await?;
    Ok(())
}

fn column<T, V>(of: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    of.iter().map(value).collect()
}
