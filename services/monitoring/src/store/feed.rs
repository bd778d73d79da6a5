//! Feeds: what came last of each dataset for each county, how long it counts, when the next is due.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;

use crate::domain::{batch::Batch, feed, record::Dataset};

/// A feed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Feed {
    pub bureau: String,
    pub dataset: String,
    pub county_code: String,
    pub as_of: Option<NaiveDate>,
    pub fresh_until: Option<NaiveDate>,
    pub due_on: Option<NaiveDate>,
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

/// Feeds after a key, in order of it.
pub async fn list(
    conn: &mut PgConnection,
    county: Option<&str>,
    after: Option<&(String, String, String)>,
    limit: i64,
) -> Result<Vec<Feed>> {
    let (bureau, dataset, code) = after.cloned().unwrap_or_default();
    let feeds = sqlx::query_as(
        "select bureau, dataset, county_code, as_of, fresh_until, due_on from monitoring.feed \
         where (bureau, dataset, county_code) > ($1, $2, $3) and ($4::text is null or county_code = $4) \
         order by bureau, dataset, county_code limit $5",
    )
    .bind(bureau)
    .bind(dataset)
    .bind(code)
    .bind(county)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(feeds)
}
