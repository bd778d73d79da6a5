//! Rows of identification.verification, verification_person and verification_item. Lock order: verification by id.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::domain::{
    authorisation::{Authorised, OnFile, Signer},
    verification::{Answer, Days, Item, ItemKey, Outcome, State, Verification},
};

#[derive(sqlx::FromRow)]
struct FileRow {
    household_id: Uuid,
    members: Vec<Uuid>,
    births: Json<BTreeMap<Uuid, NaiveDate>>,
}

/// Where each of these persons is on file; in the household itself, if there.
pub async fn on_file(conn: &mut PgConnection, household: Uuid, persons: &[Uuid]) -> Result<HashMap<Uuid, OnFile>> {
    let rows: Vec<FileRow> = sqlx::query_as(
        "select household_id, members, births from identification.household where members && $2 \
         order by household_id = $1, household_id",
    )
    .bind(household)
    .bind(persons)
    .fetch_all(conn)
    .await?;
    let mut found = HashMap::new();
    for row in rows {
        for key in row.members.iter().filter(|key| persons.contains(key)) {
            let birth_on = row.births.0.get(key).copied();
            found.insert(*key, OnFile { household_id: row.household_id, birth_on });
        }
    }
    Ok(found)
}

/// A verification to open.
pub struct NewVerification {
    pub verification_id: Uuid,
    pub household_id: Uuid,
    pub case_id: Option<Uuid>,
    pub division_code: String,
    pub kind: String,
    pub requested_on: NaiveDate,
    pub due_on: NaiveDate,
    pub requested_by: String,
    pub operator: Option<String>,
    pub persons: Vec<Authorised>,
    /// Bureau and dataset.
    pub datasets: Vec<(String, String)>,
}

pub async fn insert(conn: &mut PgConnection, new: &NewVerification) -> Result<()> {
    sqlx::query(
        "insert into identification.verification (verification_id, household_id, case_id, division_code, kind, \
             requested_on, due_on, requested_by, operator) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.verification_id)
    .bind(new.household_id)
    .bind(new.case_id)
    .bind(&new.division_code)
    .bind(&new.kind)
    .bind(new.requested_on)
    .bind(new.due_on)
    .bind(&new.requested_by)
    .bind(&new.operator)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into identification.verification_person (verification_id, person_key, household_id, obligor, \
             authorisation, signer, signed_on, valid_until) \
         select $1, u.* from unnest($2::uuid[], $3::uuid[], $4::boolean[], $5::text[], $6::text[], $7::date[], \
             $8::date[]) as u",
    )
    .bind(new.verification_id)
    .bind(new.persons.iter().map(|p| p.person_key).collect::<Vec<_>>())
    .bind(new.persons.iter().map(|p| p.household_id).collect::<Vec<_>>())
    .bind(new.persons.iter().map(|p| p.obligor).collect::<Vec<_>>())
    .bind(new.persons.iter().map(|p| p.reference.as_str()).collect::<Vec<_>>())
    .bind(new.persons.iter().map(|p| p.signer.as_str()).collect::<Vec<_>>())
    .bind(new.persons.iter().map(|p| p.signed_on).collect::<Vec<_>>())
    .bind(new.persons.iter().map(|p| p.valid_until).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "insert into identification.verification_item (verification_id, person_key, bureau, dataset) \
         select $1, p.person_key, d.bureau, d.dataset from unnest($2::uuid[]) as p (person_key), \
             unnest($3::text[], $4::text[]) as d (bureau, dataset)",
    )
    .bind(new.verification_id)
    .bind(new.persons.iter().map(|p| p.person_key).collect::<Vec<_>>())
    .bind(new.datasets.iter().map(|(bureau, _)| bureau.as_str()).collect::<Vec<_>>())
    .bind(new.datasets.iter().map(|(_, dataset)| dataset.as_str()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// A verification with its items counted by answer.
#[derive(Clone, sqlx::FromRow)]
pub struct VerificationRow {
    pub verification_id: Uuid,
    pub household_id: Uuid,
    pub case_id: Option<Uuid>,
    pub division_code: String,
    pub kind: String,
    pub requested_on: NaiveDate,
    pub due_on: NaiveDate,
    pub completed_on: Option<NaiveDate>,
    pub cancelled_on: Option<NaiveDate>,
    pub cancel_reason: String,
    pub version: i64,
    pub items: i64,
    pub found: i64,
    pub nothing_found: i64,
    pub cannot: i64,
}

impl VerificationRow {
    pub fn days(&self) -> Days {
        Days { due_on: self.due_on, completed_on: self.completed_on, cancelled_on: self.cancelled_on }
    }
}

const ROW: &str = "select v.verification_id, v.household_id, v.case_id, v.division_code, v.kind, v.requested_on, \
     v.due_on, v.completed_on, v.cancelled_on, v.cancel_reason, v.version, i.items, i.found, i.nothing_found, i.cannot \
     from identification.verification v cross join lateral (select count(*) as items, \
         count(*) filter (where outcome = 'found') as found, \
         count(*) filter (where outcome = 'nothing_found') as nothing_found, \
         count(*) filter (where outcome = 'cannot') as cannot \
         from identification.verification_item where verification_id = v.verification_id) i";

fn rows_where(condition: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{ROW} {condition}"))
}

pub async fn one(conn: &mut PgConnection, id: Uuid) -> Result<Option<VerificationRow>> {
    let row = sqlx::query_as(rows_where("where v.verification_id = $1")).bind(id).fetch_optional(conn).await?;
    Ok(row)
}

/// Holds the verifications that exist against every other change until the transaction ends.
pub async fn lock(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query(
        "select from identification.verification where verification_id = any($1) order by verification_id for update",
    )
    .bind(ids)
    .execute(conn)
    .await?;
    Ok(())
}

/// Most verifications shown with a case.
const OF_CASE: i64 = 50;

/// Verifications made for a case, newest first.
pub async fn of_case(conn: &mut PgConnection, case_id: Uuid) -> Result<Vec<VerificationRow>> {
    let sql = "where v.case_id = $1 order by v.requested_on desc, v.verification_id desc limit $2";
    Ok(sqlx::query_as(rows_where(sql)).bind(case_id).bind(OF_CASE).fetch_all(conn).await?)
}

/// Which verifications to list.
pub struct VerificationFilter<'a> {
    /// Digits the division starts with.
    pub prefix: &'a str,
    pub state: Option<State>,
    pub today: NaiveDate,
    /// Day and id of the row before.
    pub before: Option<(NaiveDate, Uuid)>,
    pub size: i64,
}

pub async fn page(conn: &mut PgConnection, filter: &VerificationFilter<'_>) -> Result<Vec<VerificationRow>> {
    let (day, id) = filter.before.unzip();
    let state = match filter.state {
        None => "true",
        Some(State::Requested) => "num_nonnulls(v.completed_on, v.cancelled_on) = 0 and v.due_on >= $5",
        Some(State::Overdue) => "num_nonnulls(v.completed_on, v.cancelled_on) = 0 and v.due_on < $5",
        Some(State::Complete) => "v.completed_on is not null",
        Some(State::Cancelled) => "v.cancelled_on is not null",
    };
    let rows = sqlx::query_as(rows_where(&format!(
        "where v.division_code like $1 || '%' and ($2::date is null or (v.requested_on, v.verification_id) < ($2, $3)) \
             and {state} and $5::date is not null \
         order by v.requested_on desc, v.verification_id desc limit $4"
    )))
    .bind(filter.prefix)
    .bind(day)
    .bind(id)
    .bind(filter.size)
    .bind(filter.today)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
struct PersonRow {
    person_key: Uuid,
    household_id: Uuid,
    obligor: bool,
    authorisation: String,
    signer: String,
    signed_on: NaiveDate,
    valid_until: NaiveDate,
}

impl From<PersonRow> for Authorised {
    /// The table's check allows no other signer.
    fn from(row: PersonRow) -> Authorised {
        Authorised {
            person_key: row.person_key,
            household_id: row.household_id,
            obligor: row.obligor,
            reference: row.authorisation,
            signer: Signer::of(&row.signer).unwrap_or(Signer::Own),
            signed_on: row.signed_on,
            valid_until: row.valid_until,
        }
    }
}

pub async fn persons(conn: &mut PgConnection, id: Uuid) -> Result<Vec<Authorised>> {
    let rows: Vec<PersonRow> = sqlx::query_as(
        "select person_key, household_id, obligor, authorisation, signer, signed_on, valid_until \
         from identification.verification_person where verification_id = $1 order by person_key",
    )
    .bind(id)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Authorised::from).collect())
}

#[derive(sqlx::FromRow)]
struct ItemRow {
    verification_id: Uuid,
    person_key: Uuid,
    bureau: String,
    dataset: String,
    outcome: Option<String>,
    batch_no: String,
    reason_code: String,
    answered_on: Option<NaiveDate>,
}

impl From<ItemRow> for Item {
    fn from(row: ItemRow) -> Item {
        let answer = |outcome| Answer { outcome, batch_no: row.batch_no, reason_code: row.reason_code };
        Item {
            key: ItemKey { person_key: row.person_key, bureau: row.bureau, dataset: row.dataset },
            answer: row.outcome.as_deref().and_then(Outcome::of).map(answer),
            answered_on: row.answered_on,
        }
    }
}

/// Items of verifications, in order.
pub async fn items(conn: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Item>>> {
    let rows: Vec<ItemRow> = sqlx::query_as(
        "select verification_id, person_key, bureau, dataset, outcome, batch_no, reason_code, answered_on \
         from identification.verification_item where verification_id = any($1) \
         order by verification_id, person_key, bureau, dataset",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut all: HashMap<Uuid, Vec<Item>> = HashMap::new();
    for row in rows {
        all.entry(row.verification_id).or_default().push(row.into());
    }
    Ok(all)
}

/// Writes the answers that are there, and how the verification stands.
pub async fn save(conn: &mut PgConnection, id: Uuid, now: &Verification, reason: &str) -> Result<()> {
    let answered: Vec<(&Item, &Answer)> = now.items.iter().filter_map(|i| Some((i, i.answer.as_ref()?))).collect();
    sqlx::query(
        "update identification.verification_item i set outcome = u.outcome, batch_no = u.batch_no, \
             reason_code = u.reason_code, answered_on = u.answered_on \
         from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::date[]) \
             as u (person_key, bureau, dataset, outcome, batch_no, reason_code, answered_on) \
         where i.verification_id = $1 and i.person_key = u.person_key and i.bureau = u.bureau \
             and i.dataset = u.dataset \
             and (i.outcome, i.batch_no, i.reason_code) is distinct from (u.outcome, u.batch_no, u.reason_code)",
    )
    .bind(id)
    .bind(answered.iter().map(|(i, _)| i.key.person_key).collect::<Vec<_>>())
    .bind(answered.iter().map(|(i, _)| i.key.bureau.as_str()).collect::<Vec<_>>())
    .bind(answered.iter().map(|(i, _)| i.key.dataset.as_str()).collect::<Vec<_>>())
    .bind(answered.iter().map(|(_, a)| a.outcome.as_str()).collect::<Vec<_>>())
    .bind(answered.iter().map(|(_, a)| a.batch_no.as_str()).collect::<Vec<_>>())
    .bind(answered.iter().map(|(_, a)| a.reason_code.as_str()).collect::<Vec<_>>())
    .bind(answered.iter().map(|(i, _)| i.answered_on).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update identification.verification set completed_on = $2, cancelled_on = $3, cancel_reason = $4, \
             version = version + 1 where verification_id = $1",
    )
    .bind(id)
    .bind(now.days.completed_on)
    .bind(now.days.cancelled_on)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}
