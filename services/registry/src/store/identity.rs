//! Rows of registry.identity_review, identity_decision and identity_link, and the persons they are judged by.

use chrono::{DateTime, NaiveDate, Utc};
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::identity::OnFile;

#[derive(sqlx::FromRow)]
struct OnFileRow {
    person_key: Uuid,
    name_key: Uuid,
    household_id: Option<Uuid>,
    division_code: Option<String>,
    name_sealed: Vec<u8>,
}

/// Persons of these keys, and everybody who is in one of these households now.
pub async fn on_file(conn: &mut PgConnection, keys: &[Uuid], households: &[Uuid]) -> Result<Vec<OnFile>> {
    let rows: Vec<OnFileRow> = sqlx::query_as(
        "select p.person_key, p.name_key, m.household_id, h.division_code, p.name_sealed from registry.person p \
         left join registry.membership m on m.person_id = p.person_id and m.valid_to is null \
         left join registry.household h on h.household_id = m.household_id \
         where p.person_key = any($1) \
         union \
         select p.person_key, p.name_key, m.household_id, h.division_code, p.name_sealed \
         from registry.membership m join registry.person p on p.person_id = m.person_id \
         join registry.household h on h.household_id = m.household_id \
         where m.household_id = any($2) and m.valid_to is null \
         order by person_key",
    )
    .bind(keys)
    .bind(households)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| OnFile {
            person_key: r.person_key,
            name_key: r.name_key,
            household_id: r.household_id,
            division_code: r.division_code,
            name_sealed: r.name_sealed,
        })
        .collect())
}

/// A review to be written.
#[derive(Clone)]
pub struct NewReview {
    pub review_id: Uuid,
    pub kind: i16,
    pub division_code: String,
    pub number_key: Uuid,
    pub name_key: Uuid,
    pub person_key: Uuid,
    pub edit: i16,
    pub proofs: Vec<i16>,
    pub score: i16,
    pub complete: bool,
    pub number_sealed: Option<Vec<u8>>,
    pub name_sealed: Option<Vec<u8>>,
    pub source: Source,
    pub row: i32,
}

/// The batch that brought it.
#[derive(Clone)]
pub struct Source {
    /// Empty for a county's collection.
    pub bureau: String,
    pub dataset: String,
    pub batch_no: String,
}

/// Writes a review or finds the one there is, with what speaks for it today; gives its state. One that is open again after
/// its texts were deleted needs them to be decided, and gets them back.
pub async fn propose(conn: &mut PgConnection, new: &NewReview, today: NaiveDate) -> Result<String> {
    let back = "identity_review.state = 'open' and identity_review.texts_deleted_on is not null";
    let sql = format!(
        "insert into registry.identity_review (review_id, kind, division_code, number_key, name_key, person_key, edit, \
             proofs, score, complete, number_sealed, name_sealed, bureau, dataset, batch_no, row_no, first_seen_on, \
             last_seen_on) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17) \
         on conflict on constraint identity_review_once do update set kind = excluded.kind, \
             division_code = excluded.division_code, edit = excluded.edit, proofs = excluded.proofs, \
             score = excluded.score, complete = excluded.complete, bureau = excluded.bureau, \
             dataset = excluded.dataset, batch_no = excluded.batch_no, row_no = excluded.row_no, \
             last_seen_on = greatest(identity_review.last_seen_on, excluded.last_seen_on), \
             number_sealed = case when {back} then excluded.number_sealed else identity_review.number_sealed end, \
             name_sealed = case when {back} then excluded.name_sealed else identity_review.name_sealed end, \
             texts_deleted_on = case when {back} then null else identity_review.texts_deleted_on end \
         returning state"
    );
    let state = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(new.review_id)
        .bind(new.kind)
        .bind(&new.division_code)
        .bind(new.number_key)
        .bind(new.name_key)
        .bind(new.person_key)
        .bind(new.edit)
        .bind(&new.proofs)
        .bind(new.score)
        .bind(new.complete)
        .bind(&new.number_sealed)
        .bind(&new.name_sealed)
        .bind(&new.source.bureau)
        .bind(&new.source.dataset)
        .bind(&new.source.batch_no)
        .bind(new.row)
        .bind(today)
        .fetch_one(conn)
        .await?;
    Ok(state)
}

#[derive(Clone, sqlx::FromRow)]
pub struct ReviewRow {
    pub review_id: Uuid,
    pub kind: i16,
    pub state: String,
    pub division_code: String,
    pub number_key: Uuid,
    pub name_key: Uuid,
    pub person_key: Uuid,
    pub edit: i16,
    pub proofs: Vec<i16>,
    pub score: i16,
    pub complete: bool,
    /// As it came, or as it is on file under its key.
    pub number_sealed: Option<Vec<u8>>,
    pub name_sealed: Option<Vec<u8>>,
    pub bureau: String,
    pub dataset: String,
    pub batch_no: String,
    pub row_no: i32,
    pub first_seen_on: NaiveDate,
    pub last_seen_on: NaiveDate,
    pub texts_deleted_on: Option<NaiveDate>,
    pub person_id: Uuid,
    pub file_number_sealed: Vec<u8>,
    pub file_name_sealed: Vec<u8>,
}

const REVIEW: &str = "select r.review_id, r.kind, r.state, r.division_code, r.number_key, r.name_key, r.person_key, r.edit, \
     r.proofs, r.score, r.complete, coalesce(r.number_sealed, h.id_number_sealed) as number_sealed, r.name_sealed, r.bureau, r.dataset, r.batch_no, r.row_no, \
     r.first_seen_on, r.last_seen_on, r.texts_deleted_on, p.person_id, p.id_number_sealed as file_number_sealed, \
     p.name_sealed as file_name_sealed \
     from registry.identity_review r join registry.person p on p.person_key = r.person_key \
     left join registry.person h on h.person_key = r.number_key";

/// Which reviews a page holds.
pub struct Filter<'a> {
    pub prefix: &'a str,
    pub state: Option<&'a str>,
    pub kind: Option<i16>,
    pub after: Uuid,
    pub size: i64,
}

/// Reviews below a division in the order of their ids.
pub async fn page(conn: &mut PgConnection, filter: &Filter<'_>) -> Result<Vec<ReviewRow>> {
    let sql = format!(
        "{REVIEW} where r.division_code like $1 and ($2::text is null or r.state = $2) \
         and ($3::smallint is null or r.kind = $3) and r.review_id > $4 order by r.review_id limit $5"
    );
    let rows = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(format!("{}%", filter.prefix))
        .bind(filter.state)
        .bind(filter.kind)
        .bind(filter.after)
        .bind(filter.size)
        .fetch_all(conn)
        .await?;
    Ok(rows)
}

/// One review, its row locked until the transaction ends.
pub async fn locked(conn: &mut PgConnection, review: Uuid) -> Result<Option<ReviewRow>> {
    let sql = format!("{REVIEW} where r.review_id = $1 for update of r");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(review).fetch_optional(conn).await?)
}

pub async fn set_state(conn: &mut PgConnection, review: Uuid, state: &str) -> Result<()> {
    sqlx::query("update registry.identity_review set state = $2 where review_id = $1")
        .bind(review)
        .bind(state)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes the texts of reviews of which nothing was decided since `before`, and which are not open; gives the reviews.
pub async fn delete_texts(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    today: NaiveDate,
    most: i64,
) -> Result<Vec<Uuid>> {
    let reviews = sqlx::query_scalar(
        "update registry.identity_review set number_sealed = null, name_sealed = null, texts_deleted_on = $2 \
         where review_id in (select r.review_id from registry.identity_review r \
             where r.state <> 'open' and (r.number_sealed is not null or r.name_sealed is not null) \
                 and not exists (select from registry.identity_decision d \
                     where d.review_id = r.review_id and d.decided_at >= $1) \
             order by r.review_id limit $3 for update of r) \
         returning review_id",
    )
    .bind(before)
    .bind(today)
    .bind(most)
    .fetch_all(conn)
    .await?;
    Ok(reviews)
}

#[derive(sqlx::FromRow)]
pub struct DecisionRow {
    pub review_id: Uuid,
    pub decision: i16,
    pub reason: String,
    pub decided_by: String,
    pub decided_at: DateTime<Utc>,
}

pub async fn add_decision(conn: &mut PgConnection, id: Uuid, row: &DecisionRow) -> Result<()> {
    sqlx::query(
        "insert into registry.identity_decision (decision_id, review_id, decision, reason, decided_by, decided_at) \
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(row.review_id)
    .bind(row.decision)
    .bind(&row.reason)
    .bind(&row.decided_by)
    .bind(row.decided_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Decisions of reviews, oldest first.
pub async fn decisions(conn: &mut PgConnection, reviews: &[Uuid]) -> Result<Vec<DecisionRow>> {
    let rows = sqlx::query_as(
        "select review_id, decision, reason, decided_by, decided_at from registry.identity_decision \
         where review_id = any($1) order by decided_at, decision_id",
    )
    .bind(reviews)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
pub struct LinkRow {
    pub link_id: Uuid,
    pub review_id: Uuid,
    pub proofs: Vec<i16>,
    pub reason: String,
    pub linked_by: String,
    pub linked_at: DateTime<Utc>,
    pub undone_at: Option<DateTime<Utc>>,
    pub undone_by: Option<String>,
    pub undone_reason: Option<String>,
}

/// Links of reviews, oldest first.
pub async fn links(conn: &mut PgConnection, reviews: &[Uuid]) -> Result<Vec<LinkRow>> {
    let rows = sqlx::query_as(
        "select link_id, review_id, proofs, reason, linked_by, linked_at, undone_at, undone_by, undone_reason \
         from registry.identity_link where review_id = any($1) order by linked_at, link_id",
    )
    .bind(reviews)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Makes the link of a review; false when the alias stands for somebody already.
pub async fn link(conn: &mut PgConnection, id: Uuid, of: &ReviewRow, decided: &DecisionRow) -> Result<bool> {
    let done = sqlx::query(
        "insert into registry.identity_link (link_id, review_id, number_key, name_key, person_key, proofs, reason, \
             linked_by, linked_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (number_key, name_key) where undone_at is null do nothing",
    )
    .bind(id)
    .bind(of.review_id)
    .bind(of.number_key)
    .bind(of.name_key)
    .bind(of.person_key)
    .bind(&of.proofs)
    .bind(&decided.reason)
    .bind(&decided.decided_by)
    .bind(decided.decided_at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The review a link was made of.
pub async fn review_of_link(conn: &mut PgConnection, link: Uuid) -> Result<Option<Uuid>> {
    let review = sqlx::query_scalar("select review_id from registry.identity_link where link_id = $1")
        .bind(link)
        .fetch_optional(conn)
        .await?;
    Ok(review)
}

/// Takes a link back; false when it was already.
pub async fn undo(conn: &mut PgConnection, link: Uuid, by: &str, reason: &str, at: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query(
        "update registry.identity_link set undone_at = $2, undone_by = $3, undone_reason = $4 \
         where link_id = $1 and undone_at is null",
    )
    .bind(link)
    .bind(at)
    .bind(by)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A member who left a household as another of the same name, birth and sex joined it.
#[derive(sqlx::FromRow)]
pub struct NewNumber {
    pub old_key: Uuid,
    pub new_key: Uuid,
    pub name_key: Uuid,
    pub division_code: String,
    pub number_sealed: Vec<u8>,
    pub name_sealed: Vec<u8>,
}

/// Who changed the number, by all that can be seen, among memberships closed and persons joined just now.
pub async fn new_numbers(conn: &mut PgConnection, closed: &[Uuid], joined: &[Uuid]) -> Result<Vec<NewNumber>> {
    if closed.is_empty() || joined.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_as(
        "select o.person_key as old_key, n.person_key as new_key, o.name_key, h.division_code, \
             o.id_number_sealed as number_sealed, o.name_sealed \
         from registry.membership m join registry.person o on o.person_id = m.person_id \
         join registry.membership j on j.household_id = m.household_id and j.valid_to is null \
             and j.person_id = any($2) \
         join registry.person n on n.person_id = j.person_id \
         join registry.household h on h.household_id = m.household_id \
         where m.membership_id = any($1) and n.person_key <> o.person_key and n.name_key = o.name_key \
             and n.birth_on = o.birth_on and n.sex = o.sex and not exists (select from registry.membership e \
                 where e.person_id = o.person_id and e.valid_to is null) \
         order by o.person_key, n.person_key",
    )
    .bind(closed)
    .bind(joined)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
