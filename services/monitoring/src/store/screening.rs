//! How far the daily screening has come: one row.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// The screening's state.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Progress {
    pub through: Option<NaiveDate>,
    pub for_date: Option<NaiveDate>,
    pub last_household: Option<Uuid>,
    /// Newest date of which those due were looked for; none: every household has to be evaluated.
    pub found_through: Option<NaiveDate>,
    /// Content hash of the policy pack all this is of.
    pub pack: String,
}

impl Progress {
    /// Whether everything was evaluated for the day with the pack.
    pub fn is_done(&self, day: NaiveDate, pack: &str) -> bool {
        self.pack == pack && self.through.is_some_and(|through| through >= day)
    }

    /// Whether everybody knows that the day has begun.
    pub fn has_begun(&self, day: NaiveDate, pack: &str) -> bool {
        self.pack == pack && self.for_date.is_some_and(|date| date >= day)
    }
}

/// The business date that has begun: nobody may be evaluated as of an earlier one. Whoever asks holds the roster.
pub async fn begun(conn: &mut PgConnection) -> Result<Option<NaiveDate>> {
    Ok(sqlx::query_scalar("select for_date from monitoring.screening where one").fetch_one(conn).await?)
}

/// The state, to look at.
pub async fn look(conn: &mut PgConnection) -> Result<Progress> {
    let progress = sqlx::query_as(
        "select through, for_date, last_household, found_through, pack from monitoring.screening where one",
    )
    .fetch_one(conn)
    .await?;
    Ok(progress)
}

/// Takes the row until the transaction ends.
pub async fn take(conn: &mut PgConnection) -> Result<Progress> {
    let progress = sqlx::query_as(
        "select through, for_date, last_household, found_through, pack from monitoring.screening where one for update",
    )
    .fetch_one(conn)
    .await?;
    Ok(progress)
}

/// The next households after the last one, in order of id.
pub async fn next(conn: &mut PgConnection, after: Option<Uuid>, limit: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar(
        "select household_id from monitoring.household where household_id > $1 order by household_id limit $2",
    )
    .bind(after.unwrap_or(Uuid::nil()))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Notes how far it came.
pub async fn advance(conn: &mut PgConnection, progress: &Progress) -> Result<()> {
    sqlx::query(
        "update monitoring.screening set through = $1, for_date = $2, last_household = $3, pack = $4, found_through = $5 \
         where one",
    )
    .bind(progress.through)
    .bind(progress.for_date)
    .bind(progress.last_household)
    .bind(&progress.pack)
    .bind(progress.found_through)
    .execute(conn)
    .await?;
    Ok(())
}
