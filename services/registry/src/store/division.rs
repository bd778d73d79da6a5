//! Rows of registry.division.

use minqing_kit::Result;
use sqlx::PgConnection;

use crate::domain::division::Division;

#[derive(sqlx::FromRow)]
pub struct DivisionRow {
    pub code: String,
    pub title: String,
    pub level: String,
    pub parent_code: String,
}

/// Adds what the table lacks and corrects what it has otherwise; nothing is removed.
pub async fn seed(conn: &mut PgConnection, divisions: &[Division]) -> Result<u64> {
    let column = |f: fn(&Division) -> &str| divisions.iter().map(f).map(str::to_owned).collect::<Vec<_>>();
    let done = sqlx::query(
        "insert into registry.division (code, title, level, parent_code) \
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]) \
         on conflict on constraint division_pk do update \
         set title = excluded.title, level = excluded.level, parent_code = excluded.parent_code \
         where (division.title, division.level, division.parent_code) \
            is distinct from (excluded.title, excluded.level, excluded.parent_code)",
    )
    .bind(column(|d| &d.code))
    .bind(column(|d| &d.title))
    .bind(column(|d| &d.level))
    .bind(column(|d| &d.parent_code))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

pub async fn all(conn: &mut PgConnection) -> Result<Vec<DivisionRow>> {
    Ok(sqlx::query_as("select code, title, level, parent_code from registry.division order by code")
        .fetch_all(conn)
        .await?)
}

/// A page in order of code; `parent` of `None` is every division.
pub async fn page(conn: &mut PgConnection, parent: Option<&str>, after: &str, size: i64) -> Result<Vec<DivisionRow>> {
    let rows = sqlx::query_as(
        "select code, title, level, parent_code from registry.division \
         where ($1::text is null or parent_code = $1) and code > $2 order by code limit $3",
    )
    .bind(parent)
    .bind(after)
    .bind(size)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
