//! Rows of registry.household and the files read with them.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{batch::Batch, prepared::PreparedHousehold};

#[derive(sqlx::FromRow)]
pub struct OnFile {
    pub household_id: Uuid,
    pub content_key: Option<Uuid>,
    pub as_of: NaiveDate,
}

pub async fn on_file(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<OnFile>> {
    let rows =
        sqlx::query_as("select household_id, content_key, as_of from registry.household where household_id = any($1)")
            .bind(ids)
            .fetch_all(conn)
            .await?;
    Ok(rows)
}

/// Writes the households as collected, new ones and known ones.
pub async fn upsert(conn: &mut PgConnection, batch: &Batch, households: &[PreparedHousehold]) -> Result<()> {
    sqlx::query(
        "insert into registry.household (household_id, county_code, household_no, division_code, area_kind, \
             address_sealed, declared_income_fen, income_as_of, financial_assets_fen, house_count, as_of, content_key) \
         select u.id, $10, u.no, u.division, u.area, u.address, u.income, $11, u.assets, u.houses, $11, u.content \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[], \
             $8::integer[], $9::uuid[]) as u (id, no, division, area, address, income, assets, houses, content) \
         on conflict on constraint household_pk do update set division_code = excluded.division_code, \
             area_kind = excluded.area_kind, address_sealed = excluded.address_sealed, \
             declared_income_fen = excluded.declared_income_fen, income_as_of = excluded.income_as_of, \
             financial_assets_fen = excluded.financial_assets_fen, house_count = excluded.house_count, \
             as_of = excluded.as_of, content_key = excluded.content_key, version = household.version + 1",
    )
    .bind(households.iter().map(PreparedHousehold::household_id).collect::<Vec<_>>())
    .bind(households.iter().map(|h| h.household_no.clone()).collect::<Vec<_>>())
    .bind(households.iter().map(|h| h.division_code.clone()).collect::<Vec<_>>())
    .bind(households.iter().map(|h| h.area_kind.clone()).collect::<Vec<_>>())
    .bind(households.iter().map(|h| h.address.clone()).collect::<Vec<_>>())
    .bind(households.iter().map(|h| h.declared_income_fen).collect::<Vec<_>>())
    .bind(households.iter().map(|h| h.financial_assets_fen).collect::<Vec<_>>())
    .bind(households.iter().map(|h| h.house_count).collect::<Vec<_>>())
    .bind(households.iter().map(PreparedHousehold::content_key).collect::<Vec<_>>())
    .bind(&batch.county)
    .bind(batch.as_of)
    .execute(conn)
    .await?;
    Ok(())
}

/// Members have moved out: the file is no longer what was collected, so the same row again is a change.
pub async fn left_by_members(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("update registry.household set content_key = null, version = version + 1 where household_id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Something about the file has changed that collection does not know.
pub async fn touch(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query("update registry.household set version = version + 1 where household_id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub struct FileRow {
    pub household_id: Uuid,
    pub household_no: String,
    pub division_code: String,
    pub area_kind: String,
    pub address_sealed: Option<Vec<u8>>,
    pub declared_income_fen: i64,
    pub version: i64,
}

pub async fn file(conn: &mut PgConnection, id: Uuid) -> Result<Option<FileRow>> {
    let row = sqlx::query_as(
        "select household_id, household_no, division_code, area_kind, address_sealed, declared_income_fen, version \
         from registry.household where household_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// A page of files below `prefix` (digits), with the class in force on `today` when one is asked for.
pub async fn page(
    conn: &mut PgConnection,
    prefix: &str,
    class: Option<(&str, NaiveDate)>,
    after: Uuid,
    size: i64,
) -> Result<Vec<FileRow>> {
    let (class, today) = class.map_or((None, None), |(class, today)| (Some(class), Some(today)));
    let rows = sqlx::query_as(
        "select h.household_id, h.household_no, h.division_code, h.area_kind, h.address_sealed, \
             h.declared_income_fen, h.version \
         from registry.household h \
         where h.division_code like $1 || '%' and h.household_id > $4 and ($2::text is null or exists ( \
             select from registry.class_status s where s.assistance_class = $2 \
             and s.valid_from <= $3 and (s.valid_to is null or s.valid_to >= $3) \
             and (s.household_id = h.household_id or s.person_id in ( \
                 select m.person_id from registry.membership m \
                 where m.household_id = h.household_id and m.valid_to is null)))) \
         order by h.household_id limit $5",
    )
    .bind(prefix)
    .bind(class)
    .bind(today)
    .bind(after)
    .bind(size)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
