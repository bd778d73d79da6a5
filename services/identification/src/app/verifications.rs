//! Shows verifications: an item without answer is told as unanswered, never as nothing found.

use chrono::NaiveDate;
use futures::FutureExt as _;
use minqing_kit::{Call, Result, db::Work, id::name, page};
use minqing_proto::minqing::{
    identification::v1 as pb,
    types::v1::{AuthorisationSigner, VerificationOutcome},
};
use uuid::Uuid;

use super::{
    Identification,
    look::{check_division, position},
    scope,
    verify::VERIFICATIONS,
};
use crate::{
    domain::{
        authorisation::{Authorised, Signer},
        code::{bureau_of, kind_of},
        verification::{Answer, Item, Outcome, State},
        verification_error::VerificationError,
    },
    store::{
        self,
        verification::{VerificationFilter, VerificationRow},
    },
};

const MAX_PAGE: i32 = 500;
/// What the audit says was seen.
const FIELDS: &[&str] = &["verification"];

impl Identification {
    /// A verification with its persons and items.
    pub async fn verification(&self, call: &Call, id: Uuid) -> Result<pb::Verification> {
        let scope = scope(call);
        let read = self.db.read(call, move |work| {
            let scope = scope.clone();
            async move {
                let row = store::verification::one(work.conn(), id).await?;
                let row = row.filter(|r| scope.sees(&r.division_code)).ok_or(VerificationError::NotFound)?;
                work.audit(&name("households", row.household_id), FIELDS);
                whole(work, id).await
            }
            .boxed()
        });
        read.await
    }

    /// Verifications newest first, without persons and items, and the token of the next page.
    pub async fn verifications(
        &self,
        call: &Call,
        request: &pb::ListVerificationsRequest,
    ) -> Result<(Vec<pb::Verification>, String)> {
        check_division(&request.division_code)?;
        let Some(prefix) = scope(call).narrow(&request.division_code) else { return Ok((Vec::new(), String::new())) };
        let state = match request.state() {
            pb::VerificationState::Unspecified => None,
            pb::VerificationState::Requested => Some(State::Requested),
            pb::VerificationState::Overdue => Some(State::Overdue),
            pb::VerificationState::Complete => Some(State::Complete),
            pb::VerificationState::Cancelled => Some(State::Cancelled),
        };
        let canonical = format!("verifications|{prefix}|{}", request.state);
        let page = page::page(request.page_size, &request.page_token, &canonical, MAX_PAGE)?;
        let before = page.after.as_deref().map(position).transpose()?;
        let today = self.clock.today();
        let mut conn = self.db.acquire().await?;
        let filter = VerificationFilter { prefix: &prefix, state, today, before, size: page.size + 1 };
        let mut rows = store::verification::page(&mut conn, &filter).await?;
        let size = usize::try_from(page.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more).map(|r| format!("{}|{}", r.requested_on, r.verification_id));
        let token = last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default();
        Ok((rows.into_iter().map(|row| told(row, today)).collect(), token))
    }
}

/// The verification as it stands in this transaction, with its persons and items.
pub async fn whole(work: &mut Work, id: Uuid) -> Result<pb::Verification> {
    let today = work.today();
    let row = store::verification::one(work.conn(), id).await?.ok_or(VerificationError::NotFound)?;
    let persons = store::verification::persons(work.conn(), id).await?;
    let items = store::verification::items(work.conn(), &[id]).await?.remove(&id).unwrap_or_default();
    Ok(pb::Verification {
        persons: persons.into_iter().map(person).collect(),
        items: items.into_iter().map(item).collect(),
        ..told(row, today)
    })
}

/// Without persons and items.
pub fn told(row: VerificationRow, today: NaiveDate) -> pb::Verification {
    let state = match row.days().state(today) {
        State::Requested => pb::VerificationState::Requested,
        State::Overdue => pb::VerificationState::Overdue,
        State::Complete => pb::VerificationState::Complete,
        State::Cancelled => pb::VerificationState::Cancelled,
    };
    let day = |day: Option<NaiveDate>| day.map(|d| d.to_string()).unwrap_or_default();
    let count = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
    let counts = pb::VerificationCounts {
        items: count(row.items),
        found: count(row.found),
        nothing_found: count(row.nothing_found),
        cannot: count(row.cannot),
        unanswered: count(row.items - row.found - row.nothing_found - row.cannot),
    };
    pb::Verification {
        name: name(VERIFICATIONS, row.verification_id),
        household: name("households", row.household_id),
        case: row.case_id.map(|id| name("cases", id)).unwrap_or_default(),
        r#type: kind_of(&row.kind).into(),
        state: state.into(),
        requested_on: row.requested_on.to_string(),
        due_on: row.due_on.to_string(),
        completed_on: day(row.completed_on),
        cancelled_on: day(row.cancelled_on),
        counts: Some(counts),
        etag: row.version.to_string(),
        division_code: row.division_code,
        cancel_reason: row.cancel_reason,
        persons: Vec::new(),
        items: Vec::new(),
    }
}

fn person(person: Authorised) -> pb::CheckedPerson {
    let signer = match person.signer {
        Signer::Own => AuthorisationSigner::Self_,
        Signer::Guardian => AuthorisationSigner::Guardian,
        Signer::Heir => AuthorisationSigner::Heir,
    };
    pb::CheckedPerson {
        person_key: person.person_key.to_string(),
        obligor: person.obligor,
        authorisation: Some(pb::Authorisation {
            reference: person.reference,
            signer: signer.into(),
            signed_on: person.signed_on.to_string(),
            valid_until: person.valid_until.to_string(),
        }),
    }
}

fn item(item: Item) -> pb::VerificationItem {
    let outcome = match item.answer.as_ref().map(|a| a.outcome) {
        None => VerificationOutcome::Unspecified,
        Some(Outcome::Found) => VerificationOutcome::Found,
        Some(Outcome::NothingFound) => VerificationOutcome::NothingFound,
        Some(Outcome::Cannot) => VerificationOutcome::Cannot,
    };
    let (batch_no, reason_code) =
        item.answer.map(|Answer { batch_no, reason_code, .. }| (batch_no, reason_code)).unwrap_or_default();
    pb::VerificationItem {
        person_key: item.key.person_key.to_string(),
        bureau: bureau_of(&item.key.bureau).into(),
        dataset: item.key.dataset,
        outcome: outcome.into(),
        batch_no,
        reason_code,
        answered_on: item.answered_on.map(|day| day.to_string()).unwrap_or_default(),
    }
}
