//! The first answer to each mutating call. The row is inserted before the work, so that a duplicate under way waits
//! on it, and completed in the same transaction, so that there is an answer exactly when there is an effect.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Work, migrate};
use crate::{
    error::{Error, Result},
    id::canonical_uuid,
};

/// Digest of a call's method and body, by which a repeat is told from another call under the same id.
#[derive(Clone, Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Starts a digest over the parts of a streamed request.
    pub fn new(method: &str) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        fingerprint.part(method.as_bytes());
        fingerprint
    }

    /// Adds a part; its length goes in too, so that parts cannot be cut differently to the same digest.
    pub fn part(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.update(length.to_be_bytes());
        self.0.update(bytes);
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The digest of a unary request.
    pub fn of<Q: prost::Message>(method: &str, request: &Q) -> [u8; 32] {
        let mut fingerprint = Fingerprint::new(method);
        fingerprint.part(&request.encode_to_vec());
        fingerprint.finish()
    }
}

/// A call that was done.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Stored {
    fingerprint: Vec<u8>,
    /// The first answer, encoded.
    pub response: Vec<u8>,
    /// When its effect was committed.
    pub completed_at: DateTime<Utc>,
}

impl Stored {
    /// The first answer, if the body is the one it was given to.
    pub fn answer_to(self, fingerprint: [u8; 32]) -> Result<Vec<u8>> {
        if self.fingerprint == fingerprint {
            return Ok(self.response);
        }
        Err(Error::failed_state(
            "REQUEST_ID_REUSED",
            "this request_id was used for a request with other contents",
            "该 request_id 已用于内容不同的请求",
        )
        .field("request_id", "must be new for every new request"))
    }
}

/// A request id must be a UUID in its usual spelling.
pub(super) fn parse_request_id(text: &str) -> Result<Uuid> {
    canonical_uuid(&text.to_ascii_lowercase()).ok_or_else(|| {
        Error::invalid("INVALID_REQUEST_ID", "request_id must be a uuid", "request_id 应为 UUID")
            .field("request_id", "must be a uuid")
    })
}

/// Takes the id for this transaction, waiting for a duplicate that is under way; `Some` is the answer it left.
pub(super) async fn claim(work: &mut Work, request_id: Uuid, fingerprint: [u8; 32]) -> Result<Option<Vec<u8>>> {
    let caller = work.call().caller.as_str().to_owned();
    let method = work.call().method.clone();
    let inserted = sqlx::query(
        "insert into idempotency (caller, method, request_id, fingerprint) values ($1, $2, $3, $4) \
         on conflict on constraint idempotency_pk do nothing",
    )
    .bind(&caller)
    .bind(&method)
    .bind(request_id)
    .bind(fingerprint.as_slice())
    .execute(work.conn())
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(None);
    }
    // Read committed: the row that made the insert do nothing is committed, so this statement sees it.
    match find(work.conn(), &caller, &method, request_id).await? {
        Some(stored) => stored.answer_to(fingerprint).map(Some),
        None => {
            Err(Error::conflict("SERIALIZATION_FAILURE", "a concurrent change came first", "数据被同时修改，请重试"))
        }
    }
}

/// Stores the answer.
pub(super) async fn complete(work: &mut Work, request_id: Uuid, answer: &[u8]) -> Result<()> {
    let caller = work.call().caller.as_str().to_owned();
    let method = work.call().method.clone();
    sqlx::query(
        "update idempotency set response = $4, completed_at = clock_timestamp() \
         where caller = $1 and method = $2 and request_id = $3",
    )
    .bind(caller)
    .bind(method)
    .bind(request_id)
    .bind(answer)
    .execute(work.conn())
    .await?;
    Ok(())
}

/// The stored call, if there is one.
pub(super) async fn find(
    connection: &mut PgConnection,
    caller: &str,
    method: &str,
    request_id: Uuid,
) -> Result<Option<Stored>> {
    let stored = sqlx::query_as(
        "select fingerprint, response, completed_at from idempotency \
         where caller = $1 and method = $2 and request_id = $3 and completed_at is not null",
    )
    .bind(caller)
    .bind(method)
    .bind(request_id)
    .fetch_optional(connection)
    .await?;
    Ok(stored)
}

/// How long an answer can be asked for, and a repeat is recognised. The longest closure of offices, Spring Festival,
/// is ten days.
const KEPT: &str = "40 days";
/// Rows one pass removes.
const PRUNED_AT_ONCE: i64 = 5_000;

impl super::Db {
    /// Makes the audit's months ahead, removes answers and inbox entries past their time, a bounded number; true when more
    /// may be left.
    pub async fn prune(&self) -> Result<bool> {
        let mut connection = self.acquire().await?;
        migrate::make_audit_months(&mut connection).await?;
        let answers = sqlx::query(
            "delete from idempotency where ctid = any (array( \
               select ctid from idempotency where completed_at < clock_timestamp() - $1::text::interval limit $2))",
        )
        .bind(KEPT)
        .bind(PRUNED_AT_ONCE)
        .execute(&mut *connection)
        .await?;
        // An entry at or before the cursor can no longer be met again.
        let entries = sqlx::query(
            "delete from inbox where ctid = any (array( \
               select i.ctid from inbox i join consumer_cursor c on c.producer = i.producer and i.position <= c.position \
               where i.applied_at < clock_timestamp() - $1::text::interval limit $2))",
        )
        .bind(KEPT)
        .bind(PRUNED_AT_ONCE)
        .execute(&mut *connection)
        .await?;
        let most = u64::try_from(PRUNED_AT_ONCE).unwrap_or(u64::MAX);
        Ok(answers.rows_affected() >= most || entries.rows_affected() >= most)
    }

    /// What became of a caller's own call, whatever its body was.
    pub async fn stored(&self, caller: &str, method: &str, request_id: &str) -> Result<Option<Stored>> {
        let request_id = parse_request_id(request_id)?;
        let mut connection = self.acquire().await?;
        find(&mut connection, caller, method, request_id).await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn parts_cannot_be_cut_differently_to_the_same_fingerprint() {
        let digest = |parts: &[&str]| {
            let mut fingerprint = Fingerprint::new("/a.B/C");
            parts.iter().for_each(|p| fingerprint.part(p.as_bytes()));
            fingerprint.finish()
        };
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["ab"]), digest(&["ab", ""]));
    }

    #[test]
    fn a_request_id_that_is_no_uuid_is_refused_by_name() {
        let error = parse_request_id("42").unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Invalid);
        assert_eq!(error.fields()[0].0, "request_id");
        assert!(parse_request_id("0198C0DE-0000-7000-8000-000000000001").is_ok());
    }
}
