//! Differences between our books and the register's or a bureau's, and how far the nightly comparison has come.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use minqing_kit::Result;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// Whose books are beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counterpart {
    Registry,
    Bureau,
}

impl Counterpart {
    pub const ALL: [Counterpart; 2] = [Counterpart::Registry, Counterpart::Bureau];

    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            Counterpart::Registry => "registry",
            Counterpart::Bureau => "bureau",
        }
    }
}

/// One line of the books and who else keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRef {
    pub counterpart: Counterpart,
    /// First day.
    pub month: NaiveDate,
    pub bureau: String,
    pub programme: String,
}

/// A row of `feedback.difference`.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct DifferenceRow {
    pub difference_id: Uuid,
    pub counterpart: String,
    pub bureau: String,
    pub programme: String,
    pub month: NaiveDate,
    pub record_no: String,
    pub kind: String,
    pub division_code: String,
    pub amount_fen: Option<i64>,
    pub decision: Option<String>,
    pub other_amount_fen: Option<i64>,
    pub other_decision: Option<String>,
    pub first_seen_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
}

/// What makes a difference of a line the same one.
type Facts<'a> = (&'a str, &'a str, Option<i64>, Option<&'a str>, Option<i64>, Option<&'a str>);

impl DifferenceRow {
    fn facts(&self) -> Facts<'_> {
        let (own, other) = (self.decision.as_deref(), self.other_decision.as_deref());
        (&self.record_no, &self.kind, self.amount_fen, own, self.other_amount_fen, other)
    }
}

/// Months to compare on a day, newest first: of `window` and those with open differences, what was not compared that day.
pub async fn due_months(
    connection: &mut PgConnection,
    window: &[NaiveDate],
    today: NaiveDate,
) -> Result<Vec<NaiveDate>> {
    let months =
        sqlx::query_scalar(include_str!("sql/due_months.sql")).bind(window).bind(today).fetch_all(connection).await?;
    Ok(months)
}

/// Marks a month compared on a day.
pub async fn compared(connection: &mut PgConnection, month: NaiveDate, today: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into feedback.book_month as b (month, compared_on) values ($1, $2) \
         on conflict on constraint book_month_pkey do update set compared_on = greatest(b.compared_on, excluded.compared_on)",
    )
    .bind(month)
    .bind(today)
    .execute(connection)
    .await?;
    Ok(())
}

/// Only this transaction may settle or tell differences of a month until it ends: what is told of a household counts those
/// of every line, which others may be settling.
pub async fn lock_month(connection: &mut PgConnection, month: NaiveDate) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('feedback.difference/' || $1::text, 0))")
        .bind(month)
        .execute(connection)
        .await?;
    Ok(())
}

/// Marks a compared month told; false when it was told before.
pub async fn tell(connection: &mut PgConnection, month: NaiveDate, today: NaiveDate) -> Result<bool> {
    let told = sqlx::query("update feedback.book_month set told_on = $2 where month = $1 and told_on is null")
        .bind(month)
        .bind(today)
        .execute(connection)
        .await?;
    Ok(told.rows_affected() > 0)
}

/// Whether a month was told.
pub async fn is_told(connection: &mut PgConnection, month: NaiveDate) -> Result<bool> {
    let told = sqlx::query_scalar(
        "select exists (select from feedback.book_month as b where b.month = $1 and b.told_on is not null)",
    )
    .bind(month)
    .fetch_one(connection)
    .await?;
    Ok(told)
}

/// Households with how many records about them differ now in a month, each once: those whose records are among a bureau's
/// numbers, of which none may differ any more; without numbers those with differences.
pub async fn households(
    connection: &mut PgConnection,
    month: NaiveDate,
    touched: Option<(&str, &[String])>,
) -> Result<Vec<(Uuid, i64)>> {
    let households = sqlx::query_as(include_str!("sql/differing_households.sql"))
        .bind(month)
        .bind(touched.map(|(bureau, _)| bureau))
        .bind(touched.map(|(_, numbers)| numbers))
        .fetch_all(connection)
        .await?;
    Ok(households)
}

/// The day through which all of the months were compared; none when one never was.
pub async fn compared_on(connection: &mut PgConnection, months: &[NaiveDate]) -> Result<Option<NaiveDate>> {
    let day = sqlx::query_scalar(
        "select min(b.compared_on) from feedback.book_month as b where b.month = any($1) \
         having count(*) = cardinality($1)",
    )
    .bind(months)
    .fetch_optional(connection)
    .await?;
    Ok(day.flatten())
}

/// Bureaus and programmes with open differences in a month.
pub async fn open_lines(
    connection: &mut PgConnection,
    counterpart: Counterpart,
    month: NaiveDate,
) -> Result<Vec<(String, String)>> {
    let lines = sqlx::query_as(
        "select distinct d.bureau, d.programme from feedback.difference as d \
         where d.counterpart = $1 and d.month = $2 and d.resolved_at is null",
    )
    .bind(counterpart.as_str())
    .bind(month)
    .fetch_all(connection)
    .await?;
    Ok(lines)
}

/// What settling a line came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub appeared: u64,
    pub resolved: u64,
    /// Records of which a difference appeared or was resolved.
    pub numbers: Vec<String>,
}

/// Makes `found` the open differences of one line: others are resolved, new ones added.
pub async fn settle(
    connection: &mut PgConnection,
    line: &LineRef,
    found: &[DifferenceRow],
    now: DateTime<Utc>,
) -> Result<Settled> {
    // Matched here and not in a statement: a line may differ in all its records, of which no planner can know.
    let open = open_of(&mut *connection, line).await?;
    let (still, known): (HashSet<_>, HashSet<_>) =
        (found.iter().map(DifferenceRow::facts).collect(), open.iter().map(DifferenceRow::facts).collect());
    let gone: Vec<&DifferenceRow> = open.iter().filter(|d| !still.contains(&d.facts())).collect();
    let new: Vec<&DifferenceRow> = found.iter().filter(|d| !known.contains(&d.facts())).collect();
    let numbers = gone.iter().chain(&new).map(|d| d.record_no.clone()).collect();
    let mut settled = Settled { numbers, ..Settled::default() };
    if !gone.is_empty() {
        let gone: Vec<Uuid> = gone.iter().map(|d| d.difference_id).collect();
        let done = sqlx::query("update feedback.difference set resolved_at = $2 where difference_id = any($1)")
            .bind(gone)
            .bind(now)
            .execute(&mut *connection)
            .await?;
        settled.resolved = done.rows_affected();
    }
    if !new.is_empty() {
        let insert = sqlx::query(include_str!("sql/insert_differences.sql")).bind(Json(new));
        settled.appeared = insert.execute(connection).await?.rows_affected();
    }
    Ok(settled)
}

/// Open differences of one line, locked against another comparison of it.
async fn open_of(connection: &mut PgConnection, line: &LineRef) -> Result<Vec<DifferenceRow>> {
    let rows = sqlx::query_as(
        "select d.difference_id, d.counterpart, d.bureau, d.programme, d.month, d.record_no, d.kind, d.division_code, \
                d.amount_fen, d.decision, d.other_amount_fen, d.other_decision, d.first_seen_at, d.resolved_at \
         from feedback.difference as d \
         where d.counterpart = $1 and d.month = $2 and d.bureau = $3 and d.programme = $4 and d.resolved_at is null \
         order by d.difference_id for update",
    )
    .bind(line.counterpart.as_str())
    .bind(line.month)
    .bind(&line.bureau)
    .bind(&line.programme)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Open differences by bureau and counterpart.
pub async fn open_counts(connection: &mut PgConnection) -> Result<Vec<(String, String, i64)>> {
    let counts = sqlx::query_as(
        "select d.bureau, d.counterpart, count(*) from feedback.difference as d where d.resolved_at is null \
         group by d.bureau, d.counterpart",
    )
    .fetch_all(connection)
    .await?;
    Ok(counts)
}

/// Which differences.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Prefix of the division: what the caller may see; empty for all.
    pub scope: String,
    pub bureau: Option<String>,
    pub programme: Option<String>,
    pub month: Option<NaiveDate>,
    pub open: Option<bool>,
    pub counterpart: Option<&'static str>,
    pub size: i64,
    pub after: Option<Uuid>,
}

/// A page of differences, newest first.
pub async fn list(connection: &mut PgConnection, filter: &Filter) -> Result<Vec<DifferenceRow>> {
    let rows = sqlx::query_as(
        "select d.difference_id, d.counterpart, d.bureau, d.programme, d.month, d.record_no, d.kind, d.division_code, \
                d.amount_fen, d.decision, d.other_amount_fen, d.other_decision, d.first_seen_at, d.resolved_at \
         from feedback.difference as d \
         where starts_with(d.division_code, $1) and ($2::text is null or d.bureau = $2) \
           and ($3::text is null or d.programme = $3) and ($4::date is null or d.month = $4) \
           and ($5::boolean is null or (d.resolved_at is null) = $5) \
           and ($6::text is null or d.counterpart = $6) and ($7::uuid is null or d.difference_id < $7) \
         order by d.difference_id desc limit $8",
    )
    .bind(&filter.scope)
    .bind(filter.bureau.as_deref())
    .bind(filter.programme.as_deref())
    .bind(filter.month)
    .bind(filter.open)
    .bind(filter.counterpart)
    .bind(filter.after)
    .bind(filter.size)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
