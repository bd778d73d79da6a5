//! Warnings: raised and cleared in sets, read by page.

use chrono::{DateTime, NaiveDate, Utc};
use minqing_kit::Result;
use minqing_proto::minqing::monitoring::v1::ClearReason;
use sqlx::PgConnection;
use uuid::Uuid;

use super::evaluation::Change;
use crate::domain::words;

/// A warning as stored, without its explanation.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Warning {
    pub warning_id: Uuid,
    pub indicator: String,
    pub level: i32,
    pub household_id: Option<Uuid>,
    pub person_key: Option<Uuid>,
    pub subject: String,
    pub division_code: String,
    pub county_code: String,
    pub area_kind: String,
    pub raised_on: NaiveDate,
    pub cleared_on: Option<NaiveDate>,
    pub clear_reason: Option<String>,
    pub pack: String,
}

/// What lies behind a warning, as json.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Explanation {
    pub conditions: sqlx::types::JsonValue,
    pub facts: sqlx::types::JsonValue,
    pub parameters: sqlx::types::JsonValue,
    pub sources: sqlx::types::JsonValue,
}

/// Warnings to raise, column by column.
#[derive(Clone, Debug, Default)]
pub struct Raised {
    pub ids: Vec<Uuid>,
    pub indicators: Vec<String>,
    pub levels: Vec<i32>,
    pub households: Vec<Option<Uuid>>,
    pub persons: Vec<Option<Uuid>>,
    pub subjects: Vec<String>,
    pub bureaus: Vec<String>,
    pub divisions: Vec<String>,
    pub counties: Vec<String>,
    pub areas: Vec<String>,
    pub conditions: Vec<String>,
    pub facts: Vec<String>,
    pub parameters: Vec<String>,
}

/// Raises the warnings. A second open one for the same thing cannot be: the caller holds the household or the feed.
pub async fn raise(conn: &mut PgConnection, raised: Raised, on: NaiveDate, pack: &str) -> Result<()> {
    sqlx::query(
        "insert into monitoring.warning (warning_id, indicator, level, household_id, person_key, subject, bureau, \
           division_code, county_code, area_kind, raised_on, pack, conditions, facts, parameters, sources) \
         select r.warning_id, r.indicator, r.level, r.household_id, r.person_key, r.subject, r.bureau, \
           r.division_code, r.county_code, r.area_kind, $14, $15, r.conditions::jsonb, r.facts::jsonb, \
           r.parameters::jsonb, coalesce(s.sources, '{}'::jsonb) \
         from unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], \
             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[]) \
           as r (warning_id, indicator, level, household_id, person_key, subject, bureau, division_code, county_code, \
             area_kind, conditions, facts, parameters) \
         left join (select f.county_code, jsonb_object_agg(f.bureau || '.' || f.dataset, f.as_of) as sources \
                    from monitoring.feed f where f.as_of is not null group by f.county_code) s using (county_code)",
    )
    .bind(raised.ids)
    .bind(raised.indicators)
    .bind(raised.levels)
    .bind(raised.households)
    .bind(raised.persons)
    .bind(raised.subjects)
    .bind(raised.bureaus)
    .bind(raised.divisions)
    .bind(raised.counties)
    .bind(raised.areas)
    .bind(raised.conditions)
    .bind(raised.facts)
    .bind(raised.parameters)
    .bind(on)
    .bind(pack)
    .execute(conn)
    .await?;
    Ok(())
}

/// Clears open warnings.
pub async fn clear(conn: &mut PgConnection, ids: &[Uuid], on: NaiveDate, reason: ClearReason) -> Result<()> {
    sqlx::query(
        "update monitoring.warning set cleared_on = $2, clear_reason = $3 \
         where warning_id = any($1) and cleared_on is null",
    )
    .bind(ids)
    .bind(on)
    .bind(words::clear_reason(reason))
    .execute(conn)
    .await?;
    Ok(())
}

/// Warnings that data which came on a day or later may have raised, and those they may have cleared and that are not
/// open again, the newest of each. Only of some indicators.
pub async fn changed_since(
    conn: &mut PgConnection,
    households: &[Uuid],
    since: NaiveDate,
    indicators: &[String],
) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "select w.warning_id from (\
           select distinct on (household_id, indicator, person_key) warning_id, raised_on, cleared_on, clear_reason \
           from monitoring.warning where household_id = any($1) and indicator = any($3) \
           order by household_id, indicator, person_key, cleared_on desc nulls first, warning_id desc) w \
         where case when w.cleared_on is null then w.raised_on >= $2 \
                    else w.cleared_on >= $2 and w.clear_reason = 'refuted' end",
    )
    .bind(households)
    .bind(since)
    .bind(indicators)
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Open warnings as changes that clear them, cleared ones as changes that raise them again, as they were.
pub async fn as_changes(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Change>> {
    let changes = sqlx::query_as(
        "select w.household_id, w.person_key, w.indicator, h.division_code, h.area_kind, \
                case when w.cleared_on is null then w.warning_id end as warning_id, 'L' || w.level as severity, \
                w.conditions::text as conditions, w.facts::text as facts, w.parameters::text as parameters \
         from monitoring.warning w join monitoring.household h on h.household_id = w.household_id \
         where w.warning_id = any($1) order by 1, 3, 2 nulls first",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    Ok(changes)
}

/// Which warnings are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub household: Option<Uuid>,
    pub indicator: Option<String>,
    pub open_only: bool,
    pub county: Option<String>,
}

/// Warnings before a key, newest first.
pub async fn list(conn: &mut PgConnection, filter: &Filter, before: Option<Uuid>, limit: i64) -> Result<Vec<Warning>> {
    let warnings = sqlx::query_as(
        "select warning_id, indicator, level, household_id, person_key, subject, division_code, county_code, area_kind, \
                raised_on, cleared_on, clear_reason, pack from monitoring.warning \
         where ($1::uuid is null or warning_id < $1) and ($2::uuid is null or household_id = $2) \
           and ($3::text is null or indicator = $3) and (not $4 or cleared_on is null) \
           and ($5::text is null or county_code = $5) \
         order by warning_id desc limit $6",
    )
    .bind(before)
    .bind(filter.household)
    .bind(filter.indicator.as_deref())
    .bind(filter.open_only)
    .bind(filter.county.as_deref())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(warnings)
}

/// One warning.
pub async fn find(conn: &mut PgConnection, id: Uuid) -> Result<Option<Warning>> {
    let warning = sqlx::query_as(
        "select warning_id, indicator, level, household_id, person_key, subject, division_code, county_code, area_kind, \
                raised_on, cleared_on, clear_reason, pack from monitoring.warning where warning_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(warning)
}

/// What lies behind a warning.
pub async fn explanation(conn: &mut PgConnection, id: Uuid) -> Result<Explanation> {
    let explanation =
        sqlx::query_as("select conditions, facts, parameters, sources from monitoring.warning where warning_id = $1")
            .bind(id)
            .fetch_one(conn)
            .await?;
    Ok(explanation)
}

/// The machine's own time in the database: when what is being written was accepted.
pub async fn accepted_at(conn: &mut PgConnection) -> Result<DateTime<Utc>> {
    Ok(sqlx::query_scalar("select clock_timestamp()").fetch_one(conn).await?)
}
