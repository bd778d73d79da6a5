//! The adapter's own notes: of each batch of an exchange table, and of how far it has taken each feed.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;

/// Notes that the batch is under way; what became of it before, if that is certain. One that was told and is ready
/// again, because the bureau took the result away, is under way once more.
pub async fn seen(conn: &mut PgConnection, batch_no: &str, digest: [u8; 32], kind: &str) -> Result<Option<Uuid>> {
    sqlx::query(
        "insert into table_batch (batch_no, digest, kind, state) values ($1, $2, $3, 'taken') \
         on conflict on constraint table_batch_pk do update set state = 'taken', reason = '', told_at = null \
           where table_batch.state = 'told'",
    )
    .bind(batch_no)
    .bind(digest.as_slice())
    .bind(kind)
    .execute(&mut *conn)
    .await?;
    let batch = sqlx::query_scalar("select batch_id from table_batch where batch_no = $1 and digest = $2")
        .bind(batch_no)
        .bind(digest.as_slice())
        .fetch_one(conn)
        .await?;
    Ok(batch)
}

/// Notes what the batch has become.
pub async fn done(conn: &mut PgConnection, batch_no: &str, digest: [u8; 32], batch: Uuid) -> Result<()> {
    sqlx::query("update table_batch set batch_id = $3 where batch_no = $1 and digest = $2 and batch_id is null")
        .bind(batch_no)
        .bind(digest.as_slice())
        .bind(batch)
        .execute(conn)
        .await?;
    Ok(())
}

/// Numbers of some batches whose telling is not noted, the oldest first.
pub async fn untold(conn: &mut PgConnection, limit: i64) -> Result<Vec<String>> {
    let found = sqlx::query_scalar(
        "select batch_no from table_batch where state = 'taken' group by batch_no order by min(taken_at) limit $1",
    )
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// Notes that the bureau was told of a batch; `reason` is empty for one that was taken. A feed's own mark moves past a
/// stretch that was taken and stays before one that was not. One transaction with its caller's.
pub async fn told(conn: &mut PgConnection, batch_no: &str, reason: &str) -> Result<()> {
    sqlx::query(
        "update table_batch set state = 'told', reason = $2, told_at = clock_timestamp() \
         where batch_no = $1 and state = 'taken'",
    )
    .bind(batch_no)
    .bind(reason)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update table_feed set taken_seq = case when $2 then open_to else taken_seq end, \
           taken_as_of = case when $2 then open_as_of else taken_as_of end, \
           open_no = null, open_to = null, open_as_of = null where open_no = $1",
    )
    .bind(batch_no)
    .bind(reason.is_empty())
    .execute(conn)
    .await?;
    Ok(())
}

/// How far a feed is taken, and the stretch that is under way.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub struct FeedRow {
    pub taken_seq: Option<i64>,
    pub taken_as_of: Option<String>,
    open_no: Option<String>,
    open_to: Option<i64>,
    open_as_of: Option<String>,
}

/// A stretch under way: its batch number, its end, the day of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub no: String,
    pub to: i64,
    pub as_of: String,
}

impl FeedRow {
    pub fn open(&self) -> Option<Stretch> {
        Some(Stretch { no: self.open_no.clone()?, to: self.open_to?, as_of: self.open_as_of.clone()? })
    }
}

pub async fn feed(conn: &mut PgConnection, dataset: &str, county: &str) -> Result<Option<FeedRow>> {
    let row = sqlx::query_as(
        "select taken_seq, taken_as_of, open_no, open_to, open_as_of from table_feed where dataset = $1 and county = $2",
    )
    .bind(dataset)
    .bind(county)
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Notes the next stretch of a feed taken up to `taken`; the one under way, which may be another process's. None when
/// the feed has moved on meanwhile.
pub async fn open_feed(
    conn: &mut PgConnection,
    (dataset, county): (&str, &str),
    taken: Option<i64>,
    stretch: &Stretch,
) -> Result<Option<Stretch>> {
    let row: Option<FeedRow> = sqlx::query_as(
        "insert into table_feed as f (dataset, county, open_no, open_to, open_as_of) values ($1, $2, $3, $4, $5) \
         on conflict on constraint table_feed_pk do update set open_no = coalesce(f.open_no, excluded.open_no), \
           open_to = coalesce(f.open_to, excluded.open_to), open_as_of = coalesce(f.open_as_of, excluded.open_as_of) \
           where f.taken_seq is not distinct from $6 \
         returning taken_seq, taken_as_of, open_no, open_to, open_as_of",
    )
    .bind(dataset)
    .bind(county)
    .bind(&stretch.no)
    .bind(stretch.to)
    .bind(&stretch.as_of)
    .bind(taken)
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| row.open()))
}
