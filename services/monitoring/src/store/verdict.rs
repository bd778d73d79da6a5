//! Verdicts on warnings: written as dispatch tells them, read as counts by indicator.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::verdict::Checked;

/// Verdicts on an indicator's warnings.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Yield {
    pub indicator: String,
    pub checked: i64,
    pub found_true: i64,
    pub already_aided: i64,
    pub not_true: i64,
    pub not_reached: i64,
}

/// Writes verdicts that name their indicators; a warning's newer one replaces the older.
pub async fn put_named(conn: &mut PgConnection, checked: &[&Checked]) -> Result<()> {
    let flat: Vec<(Uuid, &str, &str, NaiveDate)> = checked
        .iter()
        .flat_map(|c| {
            let names = c.indicators.iter().flatten();
            names.map(|name| (c.household, name.as_str(), c.verdict.as_str(), c.decided_on))
        })
        .collect();
    sqlx::query(
        "insert into monitoring.verdict (warning_id, indicator, household_id, county_code, verdict, decided_on) \
         select distinct on (w.warning_id) w.warning_id, w.indicator, w.household_id, w.county_code, v.verdict, v.decided_on \
         from unnest($1::uuid[], $2::text[], $3::text[], $4::date[]) with ordinality \
             as v (household_id, indicator, verdict, decided_on, place) \
         join monitoring.warning w on w.household_id = v.household_id and w.indicator = v.indicator \
           and w.raised_on <= v.decided_on and coalesce(w.cleared_on, v.decided_on) >= v.decided_on \
         order by w.warning_id, v.decided_on desc, v.place desc \
         on conflict on constraint verdict_pk do update set verdict = excluded.verdict, decided_on = excluded.decided_on \
         where monitoring.verdict.decided_on <= excluded.decided_on",
    )
    .bind(column(&flat, |v| v.0))
    .bind(column(&flat, |v| v.1))
    .bind(column(&flat, |v| v.2))
    .bind(column(&flat, |v| v.3))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes verdicts that name no indicator: on every warning that was open on the day and has no verdict yet.
pub async fn put_unnamed(conn: &mut PgConnection, checked: &[&Checked]) -> Result<()> {
    sqlx::query(
        "insert into monitoring.verdict (warning_id, indicator, household_id, county_code, verdict, decided_on) \
         select distinct on (w.warning_id) w.warning_id, w.indicator, w.household_id, w.county_code, v.verdict, v.decided_on \
         from unnest($1::uuid[], $2::text[], $3::date[]) with ordinality as v (household_id, verdict, decided_on, place) \
         join monitoring.warning w on w.household_id = v.household_id and w.raised_on <= v.decided_on \
           and coalesce(w.cleared_on, v.decided_on) >= v.decided_on \
         order by w.warning_id, v.place \
         on conflict on constraint verdict_pk do nothing",
    )
    .bind(column(checked, |c| c.household))
    .bind(column(checked, |c| c.verdict.as_str()))
    .bind(column(checked, |c| c.decided_on))
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts by indicator, of one county or all, decided from `from` (all when none) to `to`.
pub async fn yields(
    conn: &mut PgConnection,
    county: Option<&str>,
    from: Option<NaiveDate>,
    to: NaiveDate,
) -> Result<Vec<Yield>> {
    let yields = sqlx::query_as(
        "select v.indicator, count(*) as checked, \
           count(*) filter (where v.verdict in ('verified_true', 'verified_partly')) as found_true, \
           count(*) filter (where v.verdict = 'already_aided') as already_aided, \
           count(*) filter (where v.verdict = 'not_true') as not_true, \
           count(*) filter (where v.verdict in ('cannot_find', 'moved_away', 'refuses_help', 'died')) as not_reached \
         from monitoring.verdict v \
         where ($1::text is null or v.county_code = $1) and ($2::date is null or v.decided_on >= $2) and v.decided_on <= $3 \
         group by v.indicator order by v.indicator",
    )
    .bind(county)
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    Ok(yields)
}

fn column<T, V>(of: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    of.iter().map(value).collect()
}
