//! Households that time has made due, until they are evaluated.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// Ids written by one statement.
const CHUNK: usize = 20_000;

/// A feed that has run out.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RanOut {
    pub bureau: String,
    pub dataset: String,
    pub county_code: String,
}

/// Households due for one cause, in order of id.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Next {
    pub cause: String,
    pub households: Vec<Uuid>,
}

/// Adds households to those due for a cause.
pub async fn add(conn: &mut PgConnection, cause: &str, households: &[Uuid]) -> Result<()> {
    for chunk in households.chunks(CHUNK) {
        sqlx::query(
            "insert into monitoring.due_household (cause, household_id) \
             select $1, d.household_id from unnest($2::uuid[]) as d (household_id) \
             on conflict on constraint due_household_pk do nothing",
        )
        .bind(cause)
        .bind(chunk)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Adds everybody of a division, by the leading digits of its counties' codes, and of an area kind or both.
pub async fn add_place(conn: &mut PgConnection, cause: &str, prefix: &str, area_kind: Option<&str>) -> Result<()> {
    sqlx::query(
        "insert into monitoring.due_household (cause, household_id) \
         select $1, h.household_id from monitoring.household h \
         where starts_with(h.county_code, $2) and ($3::text is null or h.area_kind = $3) \
         on conflict on constraint due_household_pk do nothing",
    )
    .bind(cause)
    .bind(prefix)
    .bind(area_kind)
    .execute(conn)
    .await?;
    Ok(())
}

/// Feeds that were fresh until the day before.
pub async fn ran_out(conn: &mut PgConnection, day: NaiveDate) -> Result<Vec<RanOut>> {
    let feeds = sqlx::query_as(
        "select bureau, dataset, county_code from monitoring.feed where fresh_until = $1::date - 1 order by 1, 2, 3",
    )
    .bind(day)
    .fetch_all(conn)
    .await?;
    Ok(feeds)
}

/// Adds households about whom the day before was the last on which a check kept something quiet.
pub async fn add_heard_again(conn: &mut PgConnection, cause: &str, day: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into monitoring.due_household (cause, household_id) \
         select distinct $1, household_id from monitoring.quiet where quiet_until = $2::date - 1 \
         on conflict on constraint due_household_pk do nothing",
    )
    .bind(cause)
    .bind(day)
    .execute(conn)
    .await?;
    Ok(())
}

/// The next pairs of cause and household due, by cause.
pub async fn next(conn: &mut PgConnection, limit: i64) -> Result<Vec<Next>> {
    let next = sqlx::query_as(
        "select d.cause, array_agg(d.household_id order by d.household_id) as households from (\
           select cause, household_id from monitoring.due_household order by cause, household_id limit $1) d \
         group by d.cause order by d.cause",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(next)
}

/// They have been evaluated.
pub async fn done(conn: &mut PgConnection, of: &Next) -> Result<()> {
    sqlx::query("delete from monitoring.due_household where cause = $1 and household_id = any($2)")
        .bind(&of.cause)
        .bind(&of.households)
        .execute(conn)
        .await?;
    Ok(())
}

/// Nobody is due any more: everybody is going to be evaluated.
pub async fn forget(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("delete from monitoring.due_household").execute(conn).await?;
    Ok(())
}

/// How many households are due by cause.
pub async fn count(conn: &mut PgConnection) -> Result<Vec<(String, i64)>> {
    let counts = sqlx::query_as("select cause, count(*) from monitoring.due_household group by cause order by cause")
        .fetch_all(conn)
        .await?;
    Ok(counts)
}

/// Distinct households due, and households there are.
pub async fn households(conn: &mut PgConnection) -> Result<(i64, i64)> {
    let counts = sqlx::query_as(
        "select (select count(distinct household_id) from monitoring.due_household), \
                (select count(*) from monitoring.household)",
    )
    .fetch_one(conn)
    .await?;
    Ok(counts)
}
