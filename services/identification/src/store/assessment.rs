//! Rows of identification.assessment.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// An assessment as it is kept.
pub struct Stored<'a> {
    pub as_of: NaiveDate,
    pub pack: &'a str,
    pub body: Vec<u8>,
}

/// Keeps the newest assessment of an open case; one that says the same changes nothing.
pub async fn put(conn: &mut PgConnection, case_id: Uuid, stored: &Stored<'_>, unmet: &[String]) -> Result<()> {
    let done = sqlx::query(
        "insert into identification.assessment (case_id, as_of, pack, body) values ($1, $2, $3, $4) \
         on conflict on constraint assessment_pk do update \
         set as_of = excluded.as_of, pack = excluded.pack, body = excluded.body \
         where (assessment.as_of, assessment.pack, assessment.body) \
            is distinct from (excluded.as_of, excluded.pack, excluded.body)",
    )
    .bind(case_id)
    .bind(stored.as_of)
    .bind(stored.pack)
    .bind(&stored.body)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update identification.case_file set unmet_classes = $2, version = version + 1 \
         where case_id = $1 and state = 'open' and ($3 or unmet_classes <> $2)",
    )
    .bind(case_id)
    .bind(unmet)
    .bind(done.rows_affected() > 0)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn body(conn: &mut PgConnection, case_id: Uuid) -> Result<Option<Vec<u8>>> {
    let body = sqlx::query_scalar("select body from identification.assessment where case_id = $1")
        .bind(case_id)
        .fetch_optional(conn)
        .await?;
    Ok(body)
}
