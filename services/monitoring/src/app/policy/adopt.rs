//! How a pack comes into use: proposed by one person, approved by another. Each is one transaction with its audit row
//! and its stored answer; the approval tells `PolicyApproved`.

use minqing_kit::{Call, Result, db::Work, id, page::Page};
use minqing_proto::minqing::monitoring::v1::{
    ApprovePolicyRequest, ApprovePolicyResponse, PolicyApproved, ProposePolicyRequest, ProposePolicyResponse,
};
use uuid::Uuid;

use super::{Policies, view};
use crate::{
    domain::{
        policy::{self as rules, Person},
        refusal::Refusal,
    },
    store::policy::{self, Filter, Policy},
};

/// Collection of policies' resource names.
pub const POLICIES: &str = "policies";
/// Who may read of an approval: services only.
const AUDIENCE: Option<&str> = Some("service");

/// Proposes a sound pack.
pub async fn propose(policies: &Policies, call: &Call, request: ProposePolicyRequest) -> Result<ProposePolicyResponse> {
    let reason = rules::reason(&request.reason)?;
    let files = request.pack.clone().filter(|pack| !pack.files.is_empty()).ok_or(Refusal::PackMissing)?;
    let pack = policies.sound(Some(files)).await?;
    let in_use = policies.monitoring.rules.pack.content_hash().to_owned();
    policies
        .monitoring
        .db
        .mutate(call, &request, move |work| {
            let (pack, reason, in_use) = (pack.clone(), reason.clone(), in_use.clone());
            Box::pin(async move {
                let by = person(work.call());
                let policy = Policy {
                    policy_id: work.new_id(),
                    pack: pack.version_tag().to_owned(),
                    content_hash: pack.content_hash().to_owned(),
                    valid_from: pack.head().valid_from,
                    reason,
                    proposed_by: by.identity,
                    proposed_by_operator: by.operator,
                    proposed_on: work.today(),
                    approved_by: None,
                    approved_by_operator: None,
                    approved_on: None,
                };
                if !policy::propose(work.conn(), &policy, pack.archive()).await? {
                    return Err(Refusal::AlreadyProposed.into());
                }
                work.audit(&id::name(POLICIES, policy.policy_id), &["proposed"]);
                Ok(ProposePolicyResponse { policy: Some(view::policy(policy, &in_use)) })
            })
        })
        .await
}

/// Approves a policy. Its pack never changes, so it is checked before the transaction that decides.
pub async fn approve(policies: &Policies, call: &Call, request: ApprovePolicyRequest) -> Result<ApprovePolicyResponse> {
    let policy_id = id::parse_name(POLICIES, &request.name, "name")?;
    let read = rules::content_hash(&request.content_hash)?;
    let sound_hash = checked_anew(policies, policy_id).await?;
    let in_use = policies.monitoring.rules.pack.content_hash().to_owned();
    policies
        .monitoring
        .db
        .mutate(call, &request, move |work| {
            let (read, sound_hash, in_use) = (read.clone(), sound_hash.clone(), in_use.clone());
            Box::pin(async move {
                let mut policy = policy::lock(work.conn(), policy_id).await?.ok_or(Refusal::PolicyNotFound)?;
                let by = person(work.call());
                policy.proposal().approve(&by, &read)?;
                if sound_hash.as_deref() != Some(policy.content_hash.as_str()) {
                    return Err(Refusal::NoLongerSound.into());
                }
                policy.approved_by = Some(by.identity);
                policy.approved_by_operator = by.operator;
                policy.approved_on = Some(work.today());
                policy::approve(work.conn(), &policy).await?;
                tell(work, &policy);
                Ok(ApprovePolicyResponse { policy: Some(view::policy(policy, &in_use)) })
            })
        })
        .await
}

/// The content hash of the policy's pack as it is stored, when today's check still finds no fault in it.
async fn checked_anew(policies: &Policies, id: Uuid) -> Result<Option<String>> {
    let mut connection = policies.monitoring.db.acquire().await?;
    let archive = policy::archive(&mut connection, id).await?.ok_or(Refusal::PolicyNotFound)?;
    drop(connection);
    let pack = policies.unpack(archive).await?;
    Ok(pack.ok().map(|pack| pack.content_hash().to_owned()))
}

fn tell(work: &mut Work, policy: &Policy) {
    let name = id::name(POLICIES, policy.policy_id);
    work.audit(&name, &["approved"]);
    let event = PolicyApproved {
        policy: name.clone(),
        pack: policy.pack.clone(),
        content_hash: policy.content_hash.clone(),
        valid_from: policy.valid_from.to_string(),
        proposed_by: policy.proposed_by.clone(),
        approved_by: policy.approved_by.clone().unwrap_or_default(),
        approved_on: policy.approved_on.map(|day| day.to_string()).unwrap_or_default(),
    };
    work.emit(&name, &event, AUDIENCE);
}

/// A page of policies, newest first.
pub async fn list(policies: &Policies, filter: Filter, page: Page) -> Result<Vec<Policy>> {
    let before = page.after.as_deref().and_then(|key| Uuid::try_parse(key).ok());
    let mut connection = policies.monitoring.db.acquire().await?;
    policy::list(&mut connection, &filter, before, page.size).await
}

fn person(call: &Call) -> Person {
    Person { identity: call.caller.as_str().to_owned(), operator: call.operator.clone() }
}
