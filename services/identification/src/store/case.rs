//! Rows of identification.case_file, case_work_order and decision.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::case::{Effect, Kind, Proposal, State, Verdict};

/// A case to open.
pub struct NewCase {
    pub case_id: Uuid,
    pub household_id: Uuid,
    pub division_code: String,
    pub kind: Kind,
    pub work_order: String,
    pub verified_on: NaiveDate,
    pub candidate_classes: Vec<String>,
}

pub async fn has_work_order(conn: &mut PgConnection, work_order: &str, kind: Kind) -> Result<bool> {
    let found = sqlx::query_scalar(
        "select exists (select from identification.case_work_order where work_order = $1 and kind = $2)",
    )
    .bind(work_order)
    .bind(kind.as_str())
    .fetch_one(conn)
    .await?;
    Ok(found)
}

pub async fn note_work_order(conn: &mut PgConnection, work_order: &str, kind: Kind, case_id: Uuid) -> Result<()> {
    sqlx::query("insert into identification.case_work_order (work_order, kind, case_id) values ($1, $2, $3)")
        .bind(work_order)
        .bind(kind.as_str())
        .bind(case_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds what the new one brings to the open case of its household and kind, if there is one; gives that case.
pub async fn join_open(conn: &mut PgConnection, new: &NewCase) -> Result<Option<Uuid>> {
    let joined = sqlx::query_scalar(
        "update identification.case_file set opened_on = least(opened_on, $3), verified_on = greatest(verified_on, $3), \
             candidate_classes = array(select distinct c from unnest(candidate_classes || $4::text[]) as u (c) order by c), \
             version = version + 1 \
         where household_id = $1 and kind = $2 and state = 'open' returning case_id",
    )
    .bind(new.household_id)
    .bind(new.kind.as_str())
    .bind(new.verified_on)
    .bind(&new.candidate_classes)
    .fetch_optional(conn)
    .await?;
    Ok(joined)
}

pub async fn insert(conn: &mut PgConnection, new: &NewCase) -> Result<()> {
    sqlx::query(
        "insert into identification.case_file \
             (case_id, household_id, division_code, kind, work_order, opened_on, verified_on, candidate_classes) \
         values ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(new.case_id)
    .bind(new.household_id)
    .bind(&new.division_code)
    .bind(new.kind.as_str())
    .bind(&new.work_order)
    .bind(new.verified_on)
    .bind(&new.candidate_classes)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
pub struct OpenCase {
    pub case_id: Uuid,
    pub household_id: Uuid,
    pub division_code: String,
    pub verified_on: NaiveDate,
}

pub async fn open_of(conn: &mut PgConnection, households: &[Uuid]) -> Result<Vec<OpenCase>> {
    let rows = sqlx::query_as(
        "select case_id, household_id, division_code, verified_on from identification.case_file \
         where household_id = any($1) and state = 'open' order by household_id, kind for update",
    )
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Households with an open case that was assessed with another pack than this one.
pub async fn assessed_otherwise(conn: &mut PgConnection, pack: &str, most: i64) -> Result<Vec<Uuid>> {
    let rows = sqlx::query_scalar(
        "select distinct c.household_id from identification.case_file c \
         left join identification.assessment a using (case_id) \
         where c.state = 'open' and a.pack is distinct from $1 order by c.household_id limit $2",
    )
    .bind(pack)
    .bind(most)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
pub struct CaseRow {
    pub case_id: Uuid,
    pub household_id: Uuid,
    pub division_code: String,
    kind: String,
    state: String,
    pub work_order: String,
    pub opened_on: NaiveDate,
    pub candidate_classes: Vec<String>,
    pub unmet_classes: Vec<String>,
    pub version: i64,
    pub decided_on: Option<NaiveDate>,
    pub decision: Option<String>,
    pub assistance_class: Option<String>,
    pub reason: Option<String>,
}

impl CaseRow {
    /// The table's check allows no other text.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.kind).unwrap_or(Kind::Recognition)
    }

    /// An unreadable state would be decided: nothing more may happen to it.
    pub fn state(&self) -> State {
        State::of(&self.state).unwrap_or(State::Decided)
    }
}

pub async fn one(conn: &mut PgConnection, case_id: Uuid) -> Result<Option<CaseRow>> {
    let row = sqlx::query_as(
        "select c.case_id, c.household_id, c.division_code, c.kind, c.state, c.work_order, c.opened_on, \
             c.candidate_classes, c.unmet_classes, c.version, d.decided_on, d.decision, d.assistance_class, d.reason \
         from identification.case_file c left join identification.decision d using (case_id) where c.case_id = $1",
    )
    .bind(case_id)
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// The case, held against every other change until the transaction ends.
pub async fn locked(conn: &mut PgConnection, case_id: Uuid) -> Result<Option<CaseRow>> {
    sqlx::query("select from identification.case_file where case_id = $1 for update")
        .bind(case_id)
        .execute(&mut *conn)
        .await?;
    one(conn, case_id).await
}

/// Which cases to list.
pub struct CaseFilter<'a> {
    /// Digits the division starts with.
    pub prefix: &'a str,
    pub state: Option<State>,
    /// Day and id of the row before.
    pub before: Option<(NaiveDate, Uuid)>,
    pub size: i64,
}

pub async fn page(conn: &mut PgConnection, filter: &CaseFilter<'_>) -> Result<Vec<CaseRow>> {
    let (day, id) = filter.before.unzip();
    let rows = sqlx::query_as(
        "select c.case_id, c.household_id, c.division_code, c.kind, c.state, c.work_order, c.opened_on, \
             c.candidate_classes, c.unmet_classes, c.version, d.decided_on, d.decision, d.assistance_class, d.reason \
         from identification.case_file c left join identification.decision d using (case_id) \
         where c.division_code like $1 || '%' and ($2::text is null or c.state = $2) \
             and ($3::date is null or (c.opened_on, c.case_id) < ($3, $4)) \
         order by c.opened_on desc, c.case_id desc limit $5",
    )
    .bind(filter.prefix)
    .bind(filter.state.map(State::as_str))
    .bind(day)
    .bind(id)
    .bind(filter.size)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A decision to record.
pub struct NewDecision<'a> {
    pub decision_id: Uuid,
    pub case_id: Uuid,
    pub proposal: &'a Proposal,
    pub verdict: Verdict,
    pub effect: &'a Effect,
    pub decided_on: NaiveDate,
    pub operator: Option<String>,
}

pub async fn decide(conn: &mut PgConnection, new: &NewDecision<'_>) -> Result<()> {
    let amount = matches!(new.effect, Effect::Granted { .. }).then_some(new.proposal.amount_fen);
    sqlx::query(
        "insert into identification.decision (decision_id, case_id, decision, assistance_class, person_key, \
             amount_fen, valid_from, reason, household_heard, decided_on, decided_by, operator) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(new.decision_id)
    .bind(new.case_id)
    .bind(new.verdict.as_str())
    .bind(&new.proposal.class)
    .bind(new.proposal.person_key)
    .bind(amount)
    .bind(new.proposal.valid_from)
    .bind(&new.proposal.reason)
    .bind(new.proposal.household_heard)
    .bind(new.decided_on)
    .bind(&new.proposal.decider)
    .bind(&new.operator)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update identification.case_file set state = 'decided', version = version + 1 \
         where case_id = $1 and state = 'open'",
    )
    .bind(new.case_id)
    .execute(conn)
    .await?;
    Ok(())
}
