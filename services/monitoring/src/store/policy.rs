//! Policies: packs proposed and approved.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::policy::{Person, Proposal};

/// A policy without its pack.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Policy {
    pub policy_id: Uuid,
    pub pack: String,
    pub content_hash: String,
    pub valid_from: NaiveDate,
    pub reason: String,
    pub proposed_by: String,
    pub proposed_by_operator: Option<String>,
    pub proposed_on: NaiveDate,
    pub approved_by: Option<String>,
    pub approved_by_operator: Option<String>,
    pub approved_on: Option<NaiveDate>,
}

impl Policy {
    /// What decides about its approval.
    pub fn proposal(&self) -> Proposal {
        Proposal {
            content_hash: self.content_hash.clone(),
            proposed_by: Person { identity: self.proposed_by.clone(), operator: self.proposed_by_operator.clone() },
            approved: self.approved_on.is_some(),
        }
    }
}

/// Which policies to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Approved ones, or those that wait; none for both.
    pub approved: Option<bool>,
    pub content_hash: Option<String>,
}

/// Adds a proposed policy; false when the same contents wait for approval already.
pub async fn propose(conn: &mut PgConnection, policy: &Policy, archive: &[u8]) -> Result<bool> {
    let done = sqlx::query(
        "insert into monitoring.policy (policy_id, pack, content_hash, valid_from, reason, archive, proposed_by, \
           proposed_by_operator, proposed_on) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (content_hash) where approved_on is null do nothing",
    )
    .bind(policy.policy_id)
    .bind(&policy.pack)
    .bind(&policy.content_hash)
    .bind(policy.valid_from)
    .bind(&policy.reason)
    .bind(archive)
    .bind(&policy.proposed_by)
    .bind(&policy.proposed_by_operator)
    .bind(policy.proposed_on)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The policy, locked until the transaction ends: of two approvals the second one sees the first.
pub async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<Option<Policy>> {
    let policy = sqlx::query_as(
        "select policy_id, pack, content_hash, valid_from, reason, proposed_by, proposed_by_operator, proposed_on, \
           approved_by, approved_by_operator, approved_on \
         from monitoring.policy where policy_id = $1 for update",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(policy)
}

/// The archive of a policy's pack, as it was proposed.
pub async fn archive(conn: &mut PgConnection, id: Uuid) -> Result<Option<Vec<u8>>> {
    let archive = sqlx::query_scalar("select archive from monitoring.policy where policy_id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(archive)
}

/// Notes the approval that the policy holds.
pub async fn approve(conn: &mut PgConnection, policy: &Policy) -> Result<()> {
    sqlx::query(
        "update monitoring.policy set approved_by = $2, approved_by_operator = $3, approved_on = $4 where policy_id = $1",
    )
    .bind(policy.policy_id)
    .bind(&policy.approved_by)
    .bind(&policy.approved_by_operator)
    .bind(policy.approved_on)
    .execute(conn)
    .await?;
    Ok(())
}

/// Policies, newest first.
pub async fn list(conn: &mut PgConnection, filter: &Filter, before: Option<Uuid>, limit: i64) -> Result<Vec<Policy>> {
    let policies = sqlx::query_as(
        "select policy_id, pack, content_hash, valid_from, reason, proposed_by, proposed_by_operator, proposed_on, \
           approved_by, approved_by_operator, approved_on \
         from monitoring.policy \
         where ($1::boolean is null or (approved_on is not null) = $1) and ($2::text is null or content_hash = $2) \
           and ($3::uuid is null or policy_id < $3) \
         order by policy_id desc limit $4",
    )
    .bind(filter.approved)
    .bind(&filter.content_hash)
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(policies)
}
