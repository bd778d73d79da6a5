//! The mesh's side of the books, and each bureau's timeliness: sums over sets.

use chrono::{DateTime, NaiveDate, Utc};
use minqing_kit::{Error, Result};
use sqlx::PgConnection;

use crate::domain::{
    books::{Entry, OwnEntry},
    decision::Decision,
};

/// One bureau, programme and month.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Line {
    pub bureau: String,
    pub programme: String,
    pub month: String,
    pub referrals: i64,
    pub receipts: i64,
    pub feedback: i64,
    pub granted: i64,
    pub amount_fen: i64,
    pub digest: String,
    pub content_digest: String,
}

/// Lines of a bureau and a month; of all when none is named.
pub async fn reconciliation(
    connection: &mut PgConnection,
    bureau: Option<&str>,
    from: Option<NaiveDate>,
    before: Option<NaiveDate>,
) -> Result<Vec<Line>> {
    let lines = sqlx::query_as(include_str!("sql/reconciliation.sql"))
        .bind(bureau)
        .bind(from)
        .bind(before)
        .fetch_all(connection)
        .await?;
    Ok(lines)
}

#[derive(sqlx::FromRow)]
struct OwnRow {
    record_no: String,
    amount_fen: i64,
    decision: String,
    division_code: String,
    in_force: bool,
    on_its_way: bool,
}

/// Records of one bureau and programme in a month, by the bytes of their numbers: those in force, and those corrected
/// after `since`, since when a record may still be on its way.
pub async fn entries(
    connection: &mut PgConnection,
    line: &(String, String),
    month: (NaiveDate, NaiveDate),
    since: DateTime<Utc>,
) -> Result<Vec<OwnEntry>> {
    let rows: Vec<OwnRow> = sqlx::query_as(include_str!("sql/book_entries.sql"))
        .bind(&line.0)
        .bind(&line.1)
        .bind(month.0)
        .bind(month.1)
        .bind(since)
        .fetch_all(connection)
        .await?;
    let entry = |row: OwnRow| {
        let unknown = || Error::bug(anyhow::anyhow!("a record has the unknown decision {}", row.decision));
        let decision = Decision::parse(&row.decision).ok_or_else(unknown)?;
        Ok(OwnEntry {
            entry: Entry { record_no: row.record_no, amount_fen: row.amount_fen, decision },
            division_code: row.division_code,
            in_force: row.in_force,
            on_its_way: row.on_its_way,
        })
    };
    rows.into_iter().map(entry).collect()
}

/// A bureau's timeliness.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Timely {
    pub bureau: String,
    pub referrals: i64,
    pub signed_on_time: i64,
    pub settled_on_time: i64,
    pub overdue: i64,
    pub mean_days: i64,
}

/// Every bureau's timeliness as it stands on a day.
pub async fn timeliness(connection: &mut PgConnection, today: NaiveDate) -> Result<Vec<Timely>> {
    let lines = sqlx::query_as(
        "select r.bureau, count(*) as referrals, \
                count(*) filter (where r.signed_on <= r.sign_due_on) as signed_on_time, \
                count(*) filter (where r.settled_on <= r.due_on) as settled_on_time, \
                count(*) filter (where r.settled_on is null and r.due_on < $1) as overdue, \
                coalesce(ceil(avg(r.settled_on - r.issued_on)), 0)::bigint as mean_days \
         from feedback.referral as r where r.decision is distinct from 'withdrawn' group by r.bureau order by r.bureau",
    )
    .bind(today)
    .fetch_all(connection)
    .await?;
    Ok(lines)
}
