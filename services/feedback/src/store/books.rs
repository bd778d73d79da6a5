//! The mesh's side of the books, and each bureau's timeliness: sums over sets.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;

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
