//! Rows of identification.policy_pack and identification.policy_pack_in_force.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;

/// Content hash of the pack in force on the day.
pub async fn in_force(conn: &mut PgConnection, day: NaiveDate) -> Result<Option<String>> {
    let hash = sqlx::query_scalar(
        "select content_hash from identification.policy_pack_in_force where active_from <= $1 \
         order by active_from desc limit 1",
    )
    .bind(day)
    .fetch_optional(conn)
    .await?;
    Ok(hash)
}

/// A pack to keep.
pub struct NewPack<'a> {
    pub content_hash: &'a str,
    pub tag: &'a str,
    pub files: &'a [u8],
    /// First business date it may be used for.
    pub valid_from: NaiveDate,
}

/// Keeps the pack's files, once.
pub async fn keep(conn: &mut PgConnection, new: &NewPack<'_>, today: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into identification.policy_pack (content_hash, tag, files, registered_on) values ($1, $2, $3, $4) \
         on conflict on constraint policy_pack_pk do nothing",
    )
    .bind(new.content_hash)
    .bind(new.tag)
    .bind(new.files)
    .bind(today)
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a kept pack in force from today, the very first one from its first valid day. Of several on a day the last stays.
pub async fn put_in_force(conn: &mut PgConnection, new: &NewPack<'_>, today: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into identification.policy_pack_in_force (active_from, content_hash) \
         select case when exists (select from identification.policy_pack_in_force) then $2 else least($2, $3) end, $1 \
         on conflict on constraint policy_pack_in_force_pk do update set content_hash = excluded.content_hash",
    )
    .bind(new.content_hash)
    .bind(today)
    .bind(new.valid_from)
    .execute(conn)
    .await?;
    Ok(())
}

/// Files of a kept pack.
pub async fn files(conn: &mut PgConnection, content_hash: &str) -> Result<Option<Vec<u8>>> {
    let files = sqlx::query_scalar("select files from identification.policy_pack where content_hash = $1")
        .bind(content_hash)
        .fetch_optional(conn)
        .await?;
    Ok(files)
}
