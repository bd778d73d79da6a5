//! The review queue as operators see it: what came beside what is on file, decisions, and the links they make. Each look
//! and each decision leaves its audit row in the same transaction. Lock order: the review, then its links.

use std::{collections::HashMap, sync::Arc};

use chrono::SecondsFormat;
use futures::FutureExt as _;
use minqing_kit::{
    Call, Result,
    db::Work,
    id::{name, parse_name},
    keys::Keyring,
    page,
};
use minqing_proto::minqing::{
    registry::v1::{
        DecideIdentityReviewRequest, DecideIdentityReviewResponse, IdentityDecision, IdentityLink, IdentityProof,
        IdentityReview, IdentityReviewDecision, ListIdentityReviewsRequest, NumberEdit, UndoIdentityLinkRequest,
        UndoIdentityLinkResponse,
    },
    types::v1::Bureau,
};
use uuid::Uuid;

use super::{
    Registry,
    households::{cut, division_filter, key},
    identities::{REVIEWS, kind_of, small},
    view::{self, Depth},
};
use crate::{
    domain::{error::RegistryError, identity, scope::Scope},
    store::identity::{self as store, DecisionRow, Filter, LinkRow, ReviewRow},
};

const LINKS: &str = "identityLinks";
const MAX_PAGE: i32 = 200;
const MAX_REASON: usize = 200;

impl Registry {
    /// A page of the caller's reviews and the token of the next one.
    pub async fn reviews(
        &self,
        call: &Call,
        request: &ListIdentityReviewsRequest,
    ) -> Result<(Vec<IdentityReview>, String)> {
        let narrowed = view::scope(call).narrow(division_filter(&request.division_code)?);
        let Some(prefix) = narrowed else { return Ok((Vec::new(), String::new())) };
        let state = identity::state_text(request.state());
        let kind = (request.kind != 0).then(|| small(request.kind));
        let canonical = format!("identityReviews|{prefix}|{}|{}", state.unwrap_or_default(), request.kind);
        let page = page::page(request.page_size, &request.page_token, &canonical, MAX_PAGE)?;
        let after = page.after.as_deref().map_or(Ok(Uuid::nil()), key)?;
        let (keys, depth, size) = (Arc::clone(&self.keys), Depth::of(call)?, page.size);
        let read = self.db.read(call, move |work| {
            let (keys, prefix) = (Arc::clone(&keys), prefix.clone());
            async move {
                let filter = Filter { prefix: &prefix, state, kind, after, size: size + 1 };
                let rows = store::page(work.conn(), &filter).await?;
                let (rows, last) = cut(rows, size, |r| r.review_id.to_string());
                Ok((shown(work, &keys, depth, rows).await?, last))
            }
            .boxed()
        });
        let (reviews, last) = read.await?;
        Ok((reviews, last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default()))
    }

    /// Writes a decision down; that it is the same person makes the link.
    pub async fn decide(
        &self,
        call: &Call,
        request: DecideIdentityReviewRequest,
    ) -> Result<DecideIdentityReviewResponse> {
        let review = parse_name(REVIEWS, &request.name, "name")?;
        let (reason, decision) = (reason(&request.reason)?, request.decision());
        let (keys, scope, by) = (Arc::clone(&self.keys), view::scope(call), decider(call));
        let done = self.db.mutate(call, &request, move |work| {
            let (keys, scope, by, reason) = (Arc::clone(&keys), scope.clone(), by.clone(), reason.clone());
            async move {
                let row = mine(work, &scope, review).await?;
                let state = identity::decided(kind_of(row.kind), &row.state, decision)?;
                let made = DecisionRow {
                    review_id: review,
                    decision: small(decision as i32),
                    reason,
                    decided_by: by,
                    decided_at: work.now(),
                };
                let (id, link) = (work.new_id(), work.new_id());
                store::add_decision(work.conn(), id, &made).await?;
                if decision == IdentityDecision::SamePerson && !store::link(work.conn(), link, &row, &made).await? {
                    return Err(RegistryError::AliasLinked.into());
                }
                store::set_state(work.conn(), review, state).await?;
                work.audit(&name(REVIEWS, review), &[&format!("decision:{state}")]);
                Ok(DecideIdentityReviewResponse { review: Some(as_it_stands(work, &keys, &scope, review).await?) })
            }
            .boxed()
        });
        done.await
    }

    /// Takes a link back; its review is open again.
    pub async fn undo_link(&self, call: &Call, request: UndoIdentityLinkRequest) -> Result<UndoIdentityLinkResponse> {
        let link = parse_name(LINKS, &request.name, "name")?;
        let reason = reason(&request.reason)?;
        let (keys, scope, by) = (Arc::clone(&self.keys), view::scope(call), decider(call));
        let done = self.db.mutate(call, &request, move |work| {
            let (keys, scope, by, reason) = (Arc::clone(&keys), scope.clone(), by.clone(), reason.clone());
            async move {
                let review = store::review_of_link(work.conn(), link).await?.ok_or(RegistryError::LinkNotFound)?;
                mine(work, &scope, review).await.map_err(|error| match error.reason() {
                    "IDENTITY_REVIEW_NOT_FOUND" => RegistryError::LinkNotFound.into(),
                    _ => error,
                })?;
                let now = work.now();
                if !store::undo(work.conn(), link, &by, &reason, now).await? {
                    return Err(RegistryError::LinkUndone.into());
                }
                store::set_state(work.conn(), review, "open").await?;
                work.audit(&name(LINKS, link), &["undone"]);
                Ok(UndoIdentityLinkResponse { review: Some(as_it_stands(work, &keys, &scope, review).await?) })
            }
            .boxed()
        });
        done.await
    }
}

/// The person at the console where the call tells it, else the desk alone.
fn decider(call: &Call) -> String {
    match &call.operator {
        Some(operator) => format!("{} {operator}", call.caller.as_str()),
        None => call.caller.as_str().to_owned(),
    }
}

fn reason(text: &str) -> Result<String> {
    let text = text.trim();
    let good = !text.is_empty() && text.chars().count() <= MAX_REASON && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(RegistryError::ReasonMalformed.into()) }
}

/// A review of the caller's division, locked.
async fn mine(work: &mut Work, scope: &Scope, review: Uuid) -> Result<ReviewRow> {
    let row = store::locked(work.conn(), review).await?.filter(|row| scope.sees(&row.division_code));
    Ok(row.ok_or(RegistryError::ReviewNotFound)?)
}

async fn as_it_stands(work: &mut Work, keys: &Keyring, scope: &Scope, review: Uuid) -> Result<IdentityReview> {
    let row = mine(work, scope, review).await?;
    let mut shown = shown(work, keys, Depth::Masked, vec![row]).await?;
    Ok(shown.pop().ok_or(RegistryError::ReviewNotFound)?)
}

/// Reviews with their history, each audited under the person on file.
async fn shown(work: &mut Work, keys: &Keyring, depth: Depth, rows: Vec<ReviewRow>) -> Result<Vec<IdentityReview>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.review_id).collect();
    let mut decisions: HashMap<Uuid, Vec<DecisionRow>> = HashMap::new();
    for row in store::decisions(work.conn(), &ids).await? {
        decisions.entry(row.review_id).or_default().push(row);
    }
    let mut links: HashMap<Uuid, Vec<LinkRow>> = HashMap::new();
    for row in store::links(work.conn(), &ids).await? {
        links.entry(row.review_id).or_default().push(row);
    }
    let fields: &[&str] = match depth {
        Depth::Full => &["name", "id_number"],
        Depth::Masked => &["name:masked", "id_number:masked"],
    };
    let mut reviews = Vec::with_capacity(rows.len());
    for row in rows {
        work.audit(&name(REVIEWS, row.review_id), fields);
        work.audit(&name("persons", row.person_id), fields);
        let mut review = view::review(keys, depth, &row)?;
        review.decisions = decisions.remove(&row.review_id).unwrap_or_default().iter().map(decision).collect();
        review.links = links.remove(&row.review_id).unwrap_or_default().iter().map(link).collect();
        reviews.push(review);
    }
    Ok(reviews)
}

/// A review without its personal texts and history.
pub fn plain(row: &ReviewRow) -> IdentityReview {
    IdentityReview {
        name: name(REVIEWS, row.review_id),
        kind: row.kind.into(),
        state: identity::state_of(&row.state).into(),
        division_code: row.division_code.clone(),
        proofs: proofs(&row.proofs),
        score: row.score.into(),
        complete: row.complete,
        edit: NumberEdit::try_from(i32::from(row.edit)).unwrap_or_default().into(),
        person: name("persons", row.person_id),
        bureau: bureau(&row.bureau).into(),
        dataset: row.dataset.clone(),
        batch_no: row.batch_no.clone(),
        row: row.row_no,
        first_seen_on: row.first_seen_on.to_string(),
        last_seen_on: row.last_seen_on.to_string(),
        texts_deleted_on: row.texts_deleted_on.map(|day| day.to_string()).unwrap_or_default(),
        ..IdentityReview::default()
    }
}

fn proofs(stored: &[i16]) -> Vec<i32> {
    stored.iter().map(|proof| IdentityProof::try_from(i32::from(*proof)).unwrap_or_default().into()).collect()
}

fn bureau(adapter: &str) -> Bureau {
    Bureau::from_str_name(&format!("BUREAU_{}", adapter.to_ascii_uppercase())).unwrap_or_default()
}

fn decision(row: &DecisionRow) -> IdentityReviewDecision {
    IdentityReviewDecision {
        decision: row.decision.into(),
        reason: row.reason.clone(),
        decided_by: row.decided_by.clone(),
        decided_time: row.decided_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}

fn link(row: &LinkRow) -> IdentityLink {
    IdentityLink {
        name: name(LINKS, row.link_id),
        reason: row.reason.clone(),
        linked_by: row.linked_by.clone(),
        linked_time: row.linked_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        proofs: proofs(&row.proofs),
        undone_time: row.undone_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default(),
        undone_by: row.undone_by.clone().unwrap_or_default(),
        undone_reason: row.undone_reason.clone().unwrap_or_default(),
    }
}
