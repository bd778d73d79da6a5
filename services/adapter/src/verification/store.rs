//! Rows of verification and verification_person.

use chrono::NaiveDate;
use minqing_proto::minqing::{
    identification::v1::{IssuedPerson, VerificationIssued},
    types::v1::VerificationType,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::VERIFICATIONS;
use crate::Result;

/// A verification as it was requested; whom it is about is known by keys only.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct VerificationRow {
    pub id: Uuid,
    kind: i32,
    pub datasets: Vec<String>,
    pub requested_on: NaiveDate,
    pub due_on: NaiveDate,
    pub signed_on: Option<NaiveDate>,
    pub withdrawn_on: Option<NaiveDate>,
    #[sqlx(skip)]
    pub persons: Vec<PersonRow>,
}

/// A person to look up.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PersonRow {
    verification_id: Uuid,
    pub person_key: Uuid,
    pub household_id: Uuid,
    pub authorisation: String,
    pub valid_until: NaiveDate,
}

impl VerificationRow {
    /// Reads the event; `None` when it is not what the contract says.
    pub fn of_event(event: &VerificationIssued) -> Option<VerificationRow> {
        let id = minqing_kit::id::parse_name(VERIFICATIONS, &event.verification, "verification").ok()?;
        Some(VerificationRow {
            id,
            kind: event.r#type,
            datasets: event.datasets.clone(),
            requested_on: event.requested_on.parse().ok()?,
            due_on: event.due_on.parse().ok()?,
            signed_on: None,
            withdrawn_on: None,
            persons: event.persons.iter().map(|p| PersonRow::of_event(id, p)).collect::<Option<_>>()?,
        })
    }

    pub fn name(&self) -> String {
        minqing_kit::id::name(VERIFICATIONS, self.id)
    }

    pub fn kind(&self) -> VerificationType {
        VerificationType::try_from(self.kind).unwrap_or_default()
    }

    /// Whether this dataset was asked for this person.
    pub fn asks(&self, person_key: Uuid, dataset: &str) -> bool {
        self.datasets.iter().any(|d| d == dataset) && self.persons.iter().any(|p| p.person_key == person_key)
    }
}

impl PersonRow {
    fn of_event(verification_id: Uuid, person: &IssuedPerson) -> Option<PersonRow> {
        Some(PersonRow {
            verification_id,
            person_key: Uuid::try_parse(&person.person_key).ok()?,
            household_id: minqing_kit::id::parse_name("households", &person.household, "household").ok()?,
            authorisation: Some(person.authorisation.clone()).filter(|a| !a.is_empty())?,
            valid_until: person.valid_until.parse().ok()?,
        })
    }
}

/// Keeps a verification; one that is there already stays as it is.
pub async fn insert(conn: &mut PgConnection, row: &VerificationRow) -> Result<()> {
    sqlx::query(
        "insert into verification (id, kind, datasets, requested_on, due_on) values ($1, $2, $3, $4, $5) \
         on conflict on constraint verification_pk do nothing",
    )
    .bind(row.id)
    .bind(row.kind)
    .bind(&row.datasets)
    .bind(row.requested_on)
    .bind(row.due_on)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into verification_person (verification_id, person_key, household_id, authorisation, valid_until) \
         select $1, u.* from unnest($2::uuid[], $3::uuid[], $4::text[], $5::date[]) as u \
         on conflict on constraint verification_person_pk do nothing",
    )
    .bind(row.id)
    .bind(row.persons.iter().map(|p| p.person_key).collect::<Vec<_>>())
    .bind(row.persons.iter().map(|p| p.household_id).collect::<Vec<_>>())
    .bind(row.persons.iter().map(|p| p.authorisation.as_str()).collect::<Vec<_>>())
    .bind(row.persons.iter().map(|p| p.valid_until).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Verifications by id with their persons, those that exist.
pub async fn verifications(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<VerificationRow>> {
    let mut rows: Vec<VerificationRow> = sqlx::query_as(
        "select id, kind, datasets, requested_on, due_on, signed_on, withdrawn_on from verification \
         where id = any($1) order by id",
    )
    .bind(ids)
    .fetch_all(&mut *conn)
    .await?;
    let persons: Vec<PersonRow> = sqlx::query_as(
        "select verification_id, person_key, household_id, authorisation, valid_until from verification_person \
         where verification_id = any($1) order by household_id, person_key",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    for row in &mut rows {
        row.persons = persons.iter().filter(|p| p.verification_id == row.id).cloned().collect();
    }
    Ok(rows)
}

/// It was called off. `recall`: the bureau may have it and asks for it itself.
pub async fn withdraw(conn: &mut PgConnection, id: Uuid, on: NaiveDate, recall: bool) -> Result<()> {
    sqlx::query("update verification set withdrawn_on = $2, recall_open = $3 where id = $1 and withdrawn_on is null")
        .bind(id)
        .bind(on)
        .bind(recall)
        .execute(conn)
        .await?;
    Ok(())
}

/// Verifications handed out and called off since, of which the bureau has not said that it knows.
pub async fn recalls(conn: &mut PgConnection, limit: i64) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar("select id from verification where recall_open order by withdrawn_on, id limit $1")
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(ids)
}

/// Signs for verifications; who signs for one that was called off knows that it was.
pub async fn sign(conn: &mut PgConnection, ids: &[Uuid], on: NaiveDate) -> Result<()> {
    sqlx::query(
        "update verification set signed_on = coalesce(signed_on, $2), recall_open = false \
         where id = any($1) and (signed_on is null or recall_open)",
    )
    .bind(ids)
    .bind(on)
    .execute(conn)
    .await?;
    Ok(())
}

/// Pairs of batch number and dataset that were taken and not withdrawn.
pub async fn batches(conn: &mut PgConnection, numbers: &[String]) -> Result<Vec<(String, String)>> {
    let found = sqlx::query_as(
        "select distinct b.batch_no, b.dataset from batch b where b.batch_no = any($1) \
           and not exists (select from withdrawal w where w.batch_id = b.id)",
    )
    .bind(numbers)
    .fetch_all(conn)
    .await?;
    Ok(found)
}
