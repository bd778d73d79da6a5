//! Rows of registry.chain_entry.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

/// An entry to add; `source` is the record it stands for and comes once.
pub struct NewEntry {
    pub chain_entry_id: Uuid,
    pub source: String,
    pub household_id: Option<Uuid>,
    pub person_key: Option<Uuid>,
    pub kind: &'static str,
    pub bureau: String,
    pub programme: String,
    pub amount_fen: i64,
    pub occurred_on: NaiveDate,
    pub referral: String,
    /// The bureau's own number, and the earlier number this one corrects.
    pub record_no: String,
    pub supersedes: String,
}

/// Adds entries whose source is new, then marks what corrections supersede, in whichever order the two came.
pub async fn add(conn: &mut PgConnection, entries: &[NewEntry]) -> Result<u64> {
    let added = insert(&mut *conn, entries).await?;
    let sources: Vec<&str> = entries.iter().map(|e| e.source.as_str()).collect();
    sqlx::query(
        "update registry.chain_entry old set superseded_by = new.source from registry.chain_entry new \
         where (new.source = any($1) or old.source = any($1)) and new.supersedes <> '' and old.bureau = new.bureau \
             and old.record_no = new.supersedes and old.source <> new.source and old.superseded_by is null",
    )
    .bind(sources)
    .execute(conn)
    .await?;
    Ok(added)
}

async fn insert(conn: &mut PgConnection, entries: &[NewEntry]) -> Result<u64> {
    let text = |f: fn(&NewEntry) -> &str| entries.iter().map(f).map(str::to_owned).collect::<Vec<_>>();
    let done = sqlx::query(
        "insert into registry.chain_entry (chain_entry_id, source, household_id, person_key, kind, bureau, programme, \
             amount_fen, occurred_on, referral, record_no, supersedes) \
         select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], \
             $8::bigint[], $9::date[], $10::text[], $11::text[], $12::text[]) \
         on conflict on constraint chain_entry_source_once do nothing",
    )
    .bind(entries.iter().map(|e| e.chain_entry_id).collect::<Vec<_>>())
    .bind(text(|e| &e.source))
    .bind(entries.iter().map(|e| e.household_id).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| e.person_key).collect::<Vec<_>>())
    .bind(text(|e| e.kind))
    .bind(text(|e| &e.bureau))
    .bind(text(|e| &e.programme))
    .bind(entries.iter().map(|e| e.amount_fen).collect::<Vec<_>>())
    .bind(entries.iter().map(|e| e.occurred_on).collect::<Vec<_>>())
    .bind(text(|e| &e.referral))
    .bind(text(|e| &e.record_no))
    .bind(text(|e| &e.supersedes))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

#[derive(sqlx::FromRow)]
pub struct EntryRow {
    pub chain_entry_id: Uuid,
    pub kind: String,
    pub bureau: String,
    pub programme: String,
    pub person_id: Option<Uuid>,
    pub amount_fen: i64,
    pub occurred_on: NaiveDate,
    pub referral: String,
}

/// A household's entries in force, oldest first, with those that are known by a member only.
pub async fn page(
    conn: &mut PgConnection,
    household: Uuid,
    after: (NaiveDate, Uuid),
    size: i64,
) -> Result<Vec<EntryRow>> {
    let rows = sqlx::query_as(
        "select e.chain_entry_id, e.kind, e.bureau, e.programme, p.person_id, e.amount_fen, e.occurred_on, e.referral \
         from registry.chain_entry e left join registry.person p on p.person_key = e.person_key \
         where e.superseded_by is null and (e.household_id = $1 or (e.household_id is null and p.person_id in ( \
             select m.person_id from registry.membership m where m.household_id = $1 and m.valid_to is null))) \
             and (e.occurred_on, e.chain_entry_id) > ($2, $3) \
         order by e.occurred_on, e.chain_entry_id limit $4",
    )
    .bind(household)
    .bind(after.0)
    .bind(after.1)
    .bind(size)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
