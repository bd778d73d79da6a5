//! Indicators counted over a range of days in one statement, however many warnings there were, and their latest checks.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;

/// First and last day, both within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// Which warnings; prefixes are of division codes, empty for all.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What the caller may see.
    pub scope: String,
    /// What was asked for.
    pub division: String,
    pub range: Range,
}

/// Minutes that the pack gives to a check.
#[derive(Clone, Debug, Default)]
pub struct CheckMinutes {
    /// Prefix of each county's divisions, and the minutes there.
    pub counties: Vec<(String, i32)>,
    pub elsewhere: i32,
}

/// What came of an indicator's warnings.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct YieldRow {
    pub indicator: String,
    pub hits: i64,
    pub merged: i64,
    pub suppressed: i64,
    pub cleared_unchecked: i64,
    pub checked: i64,
    pub verified_true: i64,
    pub verified_partly: i64,
    pub not_true: i64,
    pub already_aided: i64,
    pub cannot_find: i64,
    pub moved_away: i64,
    pub refuses_help: i64,
    pub died: i64,
    pub work_orders: i64,
    pub alone: i64,
    pub overlap_indicator: Option<String>,
    pub overlap_orders: i64,
    pub visits_told: i64,
    pub visits_untold: i64,
    pub minutes_told: f64,
    pub minutes_estimated: f64,
    pub merging_visits: i64,
    pub merging_minutes: i64,
    pub suppression_visits: i64,
    pub suppression_minutes: i64,
}

/// Visits to the work orders of the range's warnings, each once.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct VisitsRow {
    pub told: i64,
    pub untold: i64,
    /// Mean minutes of those told.
    pub mean_minutes: Option<f64>,
}

/// Every indicator with a warning raised in the range.
pub async fn by_indicator(
    connection: &mut PgConnection,
    wanted: &Wanted,
    minutes: &CheckMinutes,
) -> Result<Vec<YieldRow>> {
    let (prefixes, of_county): (Vec<&str>, Vec<i32>) = minutes.counties.iter().map(|(p, m)| (p.as_str(), *m)).unzip();
    let rows = sqlx::query_as(include_str!("sql/indicator_yields.sql"))
        .bind(wanted.range.from)
        .bind(wanted.range.to)
        .bind(&wanted.scope)
        .bind(&wanted.division)
        .bind(prefixes)
        .bind(of_county)
        .bind(minutes.elsewhere)
        .fetch_all(connection)
        .await?;
    Ok(rows)
}

/// Visits to work orders with a warning raised in the range, by then.
pub async fn visits(connection: &mut PgConnection, wanted: &Wanted) -> Result<VisitsRow> {
    let row = sqlx::query_as(
        "select count(v.minutes) as told, count(*) - count(v.minutes) as untold, avg(v.minutes)::float8 as mean_minutes \
         from dispatch.visit as v \
         where v.work_order_id in ( \
           select r.work_order_id from dispatch.reason as r \
           where r.raised_on between $1 and least($2, v.recorded_on) \
             and starts_with(r.division_code, $3) and starts_with(r.division_code, $4))",
    )
    .bind(wanted.range.from)
    .bind(wanted.range.to)
    .bind(&wanted.scope)
    .bind(&wanted.division)
    .fetch_one(connection)
    .await?;
    Ok(row)
}

/// A place and the verdicts that count there.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Twelve digits.
    pub division: String,
    /// What the codes of everything below it share.
    pub prefix: String,
    pub range: Range,
}

/// An indicator's checks in a watched place.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ChecksRow {
    pub division: String,
    pub indicator: String,
    pub checked: i64,
    pub found_true: i64,
}

/// Checks by place and indicator.
pub async fn checks(connection: &mut PgConnection, places: &[Watched]) -> Result<Vec<ChecksRow>> {
    let column = |of: fn(&Watched) -> &str| places.iter().map(of).collect::<Vec<_>>();
    let day = |of: fn(&Range) -> NaiveDate| places.iter().map(|p| of(&p.range)).collect::<Vec<_>>();
    let rows = sqlx::query_as(
        "select p.division, r.indicator, count(*) as checked, \
           count(*) filter (where r.verdict in ('verified_true', 'verified_partly')) as found_true \
         from unnest($1::text[], $2::text[], $3::date[], $4::date[]) as p (division, prefix, from_on, to_on) \
         join dispatch.reason as r on r.verdict_on between p.from_on and p.to_on and starts_with(r.division_code, p.prefix) \
         group by p.division, r.indicator order by p.division, r.indicator",
    )
    .bind(column(|p| &p.division))
    .bind(column(|p| &p.prefix))
    .bind(day(|r| r.from))
    .bind(day(|r| r.to))
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
