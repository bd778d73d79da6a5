//! The chain of relief as books: sums of a month by bureau and programme, and the records behind a line.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// First day of a month and of the next.
pub type Span = (NaiveDate, NaiveDate);

#[derive(sqlx::FromRow)]
pub struct LineRow {
    pub bureau: String,
    pub programme: String,
    pub count: i64,
    pub amount_fen: i64,
    pub digest: String,
    pub content_digest: String,
}

/// Lines of a month after a bureau and programme.
pub async fn lines(
    conn: &mut PgConnection,
    month: Span,
    bureau: Option<&str>,
    after: (&str, &str),
    size: i64,
) -> Result<Vec<LineRow>> {
    let rows = sqlx::query_as(include_str!("sql/book_lines.sql"))
        .bind(month.0)
        .bind(month.1)
        .bind(bureau)
        .bind(after.0)
        .bind(after.1)
        .bind(size)
        .fetch_all(conn)
        .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
pub struct BookedRow {
    pub chain_entry_id: Uuid,
    pub record_no: String,
    pub amount_fen: i64,
    pub kind: String,
}

/// Records of a line after a number, by bytes. A number is expected once; should the chain hold it twice, both are
/// shown, which the entry's id in the key sees to.
pub async fn entries(
    conn: &mut PgConnection,
    line: (&str, &str, Span),
    after: (&str, Uuid),
    size: i64,
) -> Result<Vec<BookedRow>> {
    let (bureau, programme, month) = line;
    let rows = sqlx::query_as(
        "select e.chain_entry_id, e.record_no, e.amount_fen, e.kind from registry.chain_entry e \
         where e.superseded_by is null and e.record_no <> '' and e.bureau = $1 and e.programme = $2 \
             and e.occurred_on >= $3 and e.occurred_on < $4 \
             and (e.record_no collate \"C\", e.chain_entry_id) > ($5, $6) \
         order by e.record_no collate \"C\", e.chain_entry_id limit $7",
    )
    .bind(bureau)
    .bind(programme)
    .bind(month.0)
    .bind(month.1)
    .bind(after.0)
    .bind(after.1)
    .bind(size)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
