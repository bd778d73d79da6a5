//! Cases. Lock order: one case at a time, by `for update`.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// A case as it stands.
#[derive(Clone, sqlx::FromRow)]
pub struct CaseRow {
    pub case_id: Uuid,
    pub household_id: Uuid,
    pub division_code: String,
    pub kind: String,
    pub state: String,
    pub work_order_id: Uuid,
    pub opened_on: NaiveDate,
    pub assessment: Option<Vec<u8>>,
    pub decision: Option<String>,
    pub assistance_class: Option<String>,
    pub reason: Option<String>,
    pub decided_on: Option<NaiveDate>,
    pub version: i64,
}

/// A case to be opened.
pub struct NewCase<'a> {
    pub case_id: Uuid,
    pub household_id: Uuid,
    pub division_code: &'a str,
    pub kind: &'a str,
    pub work_order_id: Uuid,
    pub opened_on: NaiveDate,
    pub assessment: Option<Vec<u8>>,
}

/// Opens a case unless the household has one of the kind open, or the work order had one; true when it is new.
pub async fn insert(connection: &mut PgConnection, case: &NewCase<'_>) -> Result<bool> {
    let done = sqlx::query(
        "insert into identification.case_file \
             (case_id, household_id, division_code, kind, state, work_order_id, opened_on, assessment) \
         values ($1, $2, $3, $4, 'open', $5, $6, $7) on conflict do nothing",
    )
    .bind(case.case_id)
    .bind(case.household_id)
    .bind(case.division_code)
    .bind(case.kind)
    .bind(case.work_order_id)
    .bind(case.opened_on)
    .bind(&case.assessment)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Open cases of households, in a fixed order, locked.
pub async fn open_of(connection: &mut PgConnection, households: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(sqlx::query_as(
        "select case_id, household_id from identification.case_file \
         where household_id = any($1) and state = 'open' order by case_id for update",
    )
    .bind(households)
    .fetch_all(connection)
    .await?)
}

/// Replaces an open case's assessment.
pub async fn set_assessment(connection: &mut PgConnection, case: Uuid, assessment: &[u8]) -> Result<()> {
    sqlx::query(
        "update identification.case_file set assessment = $2, version = version + 1 \
         where case_id = $1 and state = 'open'",
    )
    .bind(case)
    .bind(assessment)
    .execute(connection)
    .await?;
    Ok(())
}

/// A case within a scope of divisions.
pub async fn find(connection: &mut PgConnection, case: Uuid, scope: &str, lock: bool) -> Result<Option<CaseRow>> {
    const READ: &str = "select case_id, household_id, division_code, kind, state, work_order_id, opened_on, assessment, \
         decision, assistance_class, reason, decided_on, version from identification.case_file \
         where case_id = $1 and starts_with(division_code, $2)";
    const LOCK: &str = "select case_id, household_id, division_code, kind, state, work_order_id, opened_on, assessment, \
         decision, assistance_class, reason, decided_on, version from identification.case_file \
         where case_id = $1 and starts_with(division_code, $2) for update";
    let statement = if lock { LOCK } else { READ };
    Ok(sqlx::query_as(statement).bind(case).bind(scope).fetch_optional(connection).await?)
}

/// Filter and page of a list.
pub struct CaseFilter {
    pub scope: String,
    pub division: String,
    pub state: Option<&'static str>,
    pub before: Option<Uuid>,
    pub size: i64,
}

/// Cases, newest first: ids grow with time.
pub async fn list(connection: &mut PgConnection, filter: &CaseFilter) -> Result<Vec<CaseRow>> {
    Ok(sqlx::query_as(
        "select case_id, household_id, division_code, kind, state, work_order_id, opened_on, assessment, \
             decision, assistance_class, reason, decided_on, version \
         from identification.case_file \
         where starts_with(division_code, $1) and starts_with(division_code, $2) \
           and ($3::text is null or state = $3) and ($4::uuid is null or case_id < $4) \
         order by case_id desc limit $5",
    )
    .bind(&filter.scope)
    .bind(&filter.division)
    .bind(filter.state)
    .bind(filter.before)
    .bind(filter.size)
    .fetch_all(connection)
    .await?)
}

/// What a decision writes.
pub struct Decided<'a> {
    pub case_id: Uuid,
    pub decision_id: Uuid,
    pub decision: &'a str,
    pub class: Option<&'a str>,
    pub person_key: Option<Uuid>,
    pub amount_fen: i64,
    pub valid_from: Option<NaiveDate>,
    pub reason: &'a str,
    pub decided_on: NaiveDate,
}

/// Writes the decision.
pub async fn decide(connection: &mut PgConnection, decided: &Decided<'_>) -> Result<()> {
    sqlx::query(
        "update identification.case_file set state = 'decided', decision_id = $2, decision = $3, \
             assistance_class = $4, person_key = $5, amount_fen = $6, valid_from = $7, reason = $8, decided_on = $9, \
             version = version + 1 \
         where case_id = $1 and state = 'open'",
    )
    .bind(decided.case_id)
    .bind(decided.decision_id)
    .bind(decided.decision)
    .bind(decided.class)
    .bind(decided.person_key)
    .bind(decided.amount_fen)
    .bind(decided.valid_from)
    .bind(decided.reason)
    .bind(decided.decided_on)
    .execute(connection)
    .await?;
    Ok(())
}
