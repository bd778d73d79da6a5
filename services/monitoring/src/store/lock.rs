//! Who waits for whom. Two locks keep an evaluation from missing what another transaction is just writing:
//! the roster lock, shared by all who look persons up and exclusive for who moves them, and the rows of the
//! households evaluated, taken in order of id. A feed's lock is shared by all who take its batches and exclusive for who
//! withdraws one. Order: roster, referrals, books, feed, batch, records, entries of `record_due`, households, feed row. Read committed, so what is read after a lock is the newest.

use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

const ROSTER_LOCK: i64 = 0x6d71_726f_7374_6572;
const FEED_LOCK: i64 = 0x6d71_6665_6564_6c6f;
const REFERRAL_LOCK: i64 = 0x6d71_7265_6665_7272;
const BOOKS_LOCK: i64 = 0x6d71_626f_6f6b_7321;
const CATALOGUE_LOCK: i64 = 0x6d71_6361_7461_6c6f;

/// Persons stay in their households until the transaction ends.
pub async fn keep_roster(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock_shared($1)").bind(ROSTER_LOCK).execute(conn).await?;
    Ok(())
}

/// Only this transaction may move persons until it ends.
pub async fn move_roster(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(ROSTER_LOCK).execute(conn).await?;
    Ok(())
}

/// No batch of the feed (`bureau.dataset@county`) is withdrawn until the transaction ends.
pub async fn keep_feed(conn: &mut PgConnection, feed: &str) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended($1, $2))")
        .bind(feed)
        .bind(FEED_LOCK)
        .execute(conn)
        .await?;
    Ok(())
}

/// Only this transaction may take or withdraw batches of the feed until it ends.
pub async fn hold_feed(conn: &mut PgConnection, feed: &str) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, $2))")
        .bind(feed)
        .bind(FEED_LOCK)
        .execute(conn)
        .await?;
    Ok(())
}

/// Only this transaction may add referrals or receipts until it ends.
pub async fn referrals(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(REFERRAL_LOCK).execute(conn).await?;
    Ok(())
}

/// Only this transaction may take over what feedback's books came to until it ends.
pub async fn books(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(BOOKS_LOCK).execute(conn).await?;
    Ok(())
}

/// Only this transaction may make tables until it ends.
pub async fn make_tables(conn: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(CATALOGUE_LOCK).execute(conn).await?;
    Ok(())
}

/// Takes the households' rows in order of id and gives back those that exist.
pub async fn households(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let locked = sqlx::query_scalar(
        "select household_id from monitoring.household where household_id = any($1) order by household_id for update",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    Ok(locked)
}
