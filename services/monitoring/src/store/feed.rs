//! Feeds: what came last of each dataset for each county, how long it counts, when the next is due.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;

use crate::domain::{batch::Batch, feed, record::Dataset};

/// A feed with the quality of its newest batch.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Feed {
    pub bureau: String,
    pub dataset: String,
    pub county_code: String,
    pub as_of: Option<NaiveDate>,
    pub fresh_until: Option<NaiveDate>,
    pub due_on: Option<NaiveDate>,
    /// Indicators of its open warnings.
    pub open_indicators: Vec<String>,
    /// `None` when no batch came since adapters tell of quality; then the rest is empty too.
    pub quality_as_of: Option<NaiveDate>,
    pub rows_received: Option<i64>,
    pub rows_refused: Option<i64>,
    pub rows_before: Option<Vec<i32>>,
    pub mean_rows: Option<i64>,
    pub bad_id_rows: Option<i64>,
    pub two_names_rows: Option<i64>,
    pub name_variant_rows: Option<i64>,
    pub unknown_division_rows: Option<i64>,
    pub bad_date_rows: Option<i64>,
    pub null_field: Option<String>,
    pub null_permille: Option<i64>,
    pub null_limit_permille: Option<i64>,
    pub agreement_permille: Option<i64>,
    pub refused_by_reason: Option<sqlx::types::JsonValue>,
    pub empty_by_field: Option<sqlx::types::JsonValue>,
    pub linked_rows: Option<i64>,
}

/// Which feeds are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub bureau: Option<String>,
    pub county: Option<String>,
    pub only_unhealthy: bool,
}

/// A feed row to add, for a county seen first on a day.
pub struct Expected<'a> {
    pub dataset: &'a Dataset,
    pub county_code: String,
    pub due_on: Option<NaiveDate>,
}

/// Every county with the day it was first seen.
pub async fn counties(conn: &mut PgConnection) -> Result<Vec<(String, NaiveDate)>> {
    let rows = sqlx::query_as("select county_code, first_seen_on from monitoring.county order by county_code")
        .fetch_all(conn)
        .await?;
    Ok(rows)
}

/// Adds the feeds that are expected and not there yet.
pub async fn expect(conn: &mut PgConnection, expected: &[Expected<'_>]) -> Result<()> {
    let (mut bureaus, mut names, mut counties, mut rhythms, mut dues) = (vec![], vec![], vec![], vec![], vec![]);
    for feed in expected {
        bureaus.push(feed.dataset.bureau.as_str());
        names.push(feed.dataset.name.as_str());
        counties.push(feed.county_code.as_str());
        rhythms.push(feed.dataset.rhythm.word());
        dues.push(feed.due_on);
    }
    sqlx::query(
        "insert into monitoring.feed (bureau, dataset, county_code, rhythm, due_on) \
         select e.bureau, e.dataset, e.county_code, e.rhythm, e.due_on \
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[]) \
           as e (bureau, dataset, county_code, rhythm, due_on) \
         on conflict on constraint feed_pk do nothing",
    )
    .bind(bureaus)
    .bind(names)
    .bind(counties)
    .bind(rhythms)
    .bind(dues)
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds the feeds, all or a batch's, until the transaction ends.
pub async fn hold(conn: &mut PgConnection, only: Option<&Batch>) -> Result<()> {
    sqlx::query(
        "select from monitoring.feed where $1::text is null or (bureau = $1 and dataset = $2 and county_code = $3) \
         order by bureau, dataset, county_code for update",
    )
    .bind(only.map(|b| b.dataset.bureau.as_str()))
    .bind(only.map(|b| b.dataset.name.as_str()))
    .bind(only.map(|b| b.county_code.as_str()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the batch's feed and says whether its data count as known on a day.
pub async fn was_fresh(conn: &mut PgConnection, batch: &Batch, today: NaiveDate) -> Result<bool> {
    let fresh = sqlx::query_scalar(
        "select coalesce(fresh_until >= $4, false) from monitoring.feed \
         where bureau = $1 and dataset = $2 and county_code = $3 for update",
    )
    .bind(&batch.dataset.bureau)
    .bind(&batch.dataset.name)
    .bind(&batch.county_code)
    .bind(today)
    .fetch_optional(conn)
    .await?;
    Ok(fresh.unwrap_or(false))
}

/// Whether the feed is known on a day; others may be about to change that.
pub async fn is_fresh(conn: &mut PgConnection, batch: &Batch, today: NaiveDate) -> Result<bool> {
    let fresh = sqlx::query_scalar(
        "select coalesce(fresh_until >= $4, false) from monitoring.feed \
         where bureau = $1 and dataset = $2 and county_code = $3",
    )
    .bind(&batch.dataset.bureau)
    .bind(&batch.dataset.name)
    .bind(&batch.county_code)
    .bind(today)
    .fetch_optional(conn)
    .await?;
    Ok(fresh.unwrap_or(false))
}

/// Marks the feed delivered as of the batch's day, unless a newer batch has come.
pub async fn deliver(conn: &mut PgConnection, batch: &Batch) -> Result<()> {
    let dataset = &batch.dataset;
    sqlx::query(
        "insert into monitoring.feed as f (bureau, dataset, county_code, rhythm, as_of, fresh_until, due_on) \
         values ($1, $2, $3, $4, $5, $6, $7) \
         on conflict on constraint feed_pk do update \
           set rhythm = excluded.rhythm, as_of = excluded.as_of, fresh_until = excluded.fresh_until, \
               due_on = excluded.due_on \
           where f.as_of is null or f.as_of <= excluded.as_of",
    )
    .bind(&dataset.bureau)
    .bind(&dataset.name)
    .bind(&batch.county_code)
    .bind(dataset.rhythm.word())
    .bind(batch.as_of)
    .bind(feed::fresh_until(batch.as_of, dataset.fresh_days))
    .bind(feed::due_on(dataset.rhythm, batch.as_of))
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the feed back to the newest batch that is left, after the batch was withdrawn: to what it was before any came
/// when none is. Says whether that is another day.
pub async fn go_back(conn: &mut PgConnection, batch: &Batch) -> Result<bool> {
    let dataset = &batch.dataset;
    let was: Option<Option<NaiveDate>> = sqlx::query_scalar(
        "select as_of from monitoring.feed where bureau = $1 and dataset = $2 and county_code = $3 for update",
    )
    .bind(&dataset.bureau)
    .bind(&dataset.name)
    .bind(&batch.county_code)
    .fetch_optional(&mut *conn)
    .await?;
    let as_of: Option<NaiveDate> = sqlx::query_scalar(
        "select max(b.as_of) from monitoring.batch b \
         left join monitoring.batch_quality q on q.batch_id = b.batch_id and q.rows_received > 0 \
           and q.rows_received = q.rows_refused \
         where b.bureau = $1 and b.dataset = $2 and b.county_code = $3 and b.closed_on is not null \
           and b.withdrawn_on is null and b.overridden_by is null and q.batch_id is null",
    )
    .bind(&dataset.bureau)
    .bind(&dataset.name)
    .bind(&batch.county_code)
    .fetch_one(&mut *conn)
    .await?;
    let seen_on: Option<NaiveDate> =
        sqlx::query_scalar("select first_seen_on from monitoring.county where county_code = $1")
            .bind(&batch.county_code)
            .fetch_optional(&mut *conn)
            .await?;
    let Some(from) = as_of.or(seen_on) else {
        sqlx::query("delete from monitoring.feed where bureau = $1 and dataset = $2 and county_code = $3")
            .bind(&dataset.bureau)
            .bind(&dataset.name)
            .bind(&batch.county_code)
            .execute(conn)
            .await?;
        return Ok(was.is_some());
    };
    sqlx::query(
        "update monitoring.feed set as_of = $4, fresh_until = $5, due_on = $6 \
         where bureau = $1 and dataset = $2 and county_code = $3",
    )
    .bind(&dataset.bureau)
    .bind(&dataset.name)
    .bind(&batch.county_code)
    .bind(as_of)
    .bind(as_of.map(|day| feed::fresh_until(day, dataset.fresh_days)))
    .bind(feed::due_on(dataset.rhythm, from))
    .execute(conn)
    .await?;
    Ok(was.flatten() != as_of)
}

/// Feeds after a key, in order of it.
pub async fn list(
    conn: &mut PgConnection,
    wanted: &Wanted,
    after: Option<&(String, String, String)>,
    limit: i64,
) -> Result<Vec<Feed>> {
    let (bureau, dataset, code) = after.cloned().unwrap_or_default();
    let feeds = sqlx::query_as(
        "select f.bureau, f.dataset, f.county_code, f.as_of, f.fresh_until, f.due_on, w.open_indicators, \
                f.quality_as_of, f.rows_received, f.rows_refused, f.rows_before, f.mean_rows, f.bad_id_rows, \
                f.two_names_rows, f.name_variant_rows, f.unknown_division_rows, f.bad_date_rows, f.null_field, \
                f.null_permille, f.null_limit_permille, f.agreement_permille, f.refused_by_reason, f.empty_by_field, f.linked_rows \
         from monitoring.feed_health f \
         cross join lateral (\
           select coalesce(array_agg(w.indicator order by w.indicator), '{}') as open_indicators \
           from monitoring.warning w where w.household_id is null and w.cleared_on is null \
             and w.subject = f.bureau || '.' || f.dataset || '@' || f.county_code) w \
         where (f.bureau, f.dataset, f.county_code) > ($1, $2, $3) and ($4::text is null or f.county_code = $4) \
           and ($5::text is null or f.bureau = $5) and (not $6 or cardinality(w.open_indicators) > 0) \
         order by f.bureau, f.dataset, f.county_code limit $7",
    )
    .bind(bureau)
    .bind(dataset)
    .bind(code)
    .bind(wanted.county.as_deref())
    .bind(wanted.bureau.as_deref())
    .bind(wanted.only_unhealthy)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(feeds)
}
