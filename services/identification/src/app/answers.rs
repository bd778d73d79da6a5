//! Takes bureaus' answers to verifications, each by itself; the last one completes its verification.

use std::{collections::BTreeMap, sync::Arc};

use futures::FutureExt as _;
use minqing_kit::{Call, Result, db::Work, id::name, id::parse_name};
use minqing_proto::minqing::{
    identification::v1::{
        ItemAnswer, ItemResult, RecordVerificationAnswersRequest, RecordVerificationAnswersResponse,
        VerificationCompleted,
    },
    types::v1::VerificationOutcome,
};
use uuid::Uuid;

use super::{AUDIENCE, Identification, verify::VERIFICATIONS};
use crate::{
    domain::{
        code::bureau_text,
        verification::{Answer, Fault, ItemKey, NOT_ASKED, Outcome, Verification, answer},
        verification_error::VerificationError,
    },
    store::{self, verification::VerificationRow},
};

/// An answer as far as it is good.
type Checked<T> = std::result::Result<T, Fault>;

const MAX_ANSWERS: usize = 500;
const FIELDS: &[&str] = &["verification"];

impl Identification {
    /// Records answers of the adapter's bureau; a repeat gets the first answer.
    pub async fn record_verification_answers(
        &self,
        call: &Call,
        request: RecordVerificationAnswersRequest,
    ) -> Result<RecordVerificationAnswersResponse> {
        let bureau = bureau_text(request.bureau());
        if call.caller.as_str() != format!("adapter/{bureau}") {
            return Err(VerificationError::OtherBureau.into());
        }
        if request.answers.is_empty() || request.answers.len() > MAX_ANSWERS {
            return Err(VerificationError::AnswersOutOfRange.into());
        }
        let answers = Arc::new(request.answers.clone());
        let change = self.db.mutate(call, &request, move |work| {
            let (bureau, answers) = (bureau.clone(), Arc::clone(&answers));
            async move { Ok(RecordVerificationAnswersResponse { results: record(work, &bureau, &answers).await? }) }
                .boxed()
        });
        change.await
    }
}

/// A verification under way, and whether an answer changed it.
struct Open {
    row: VerificationRow,
    now: Verification,
    changed: bool,
}

async fn record(work: &mut Work, bureau: &str, answers: &[ItemAnswer]) -> Result<Vec<ItemResult>> {
    let mut asked: Vec<Uuid> = answers.iter().filter_map(|a| id_of(a).ok()).collect();
    asked.sort_unstable();
    asked.dedup();
    store::verification::lock(work.conn(), &asked).await?;
    let mut items = store::verification::items(work.conn(), &asked).await?;
    let mut open = BTreeMap::new();
    for id in asked {
        if let Some(row) = store::verification::one(work.conn(), id).await? {
            let now = Verification { days: row.days(), items: items.remove(&id).unwrap_or_default() };
            open.insert(id, Open { row, now, changed: false });
        }
    }
    let today = work.today();
    let mut results = Vec::with_capacity(answers.len());
    for one in answers {
        let taken = read(one, bureau).and_then(|(id, key, answer)| {
            let open = open.get_mut(&id).ok_or(NOT_ASKED)?;
            let new = open.now.take(&key, answer, today)?;
            open.changed |= new;
            Ok(())
        });
        results.push(result(taken));
    }
    for (id, open) in open.into_iter().filter(|(_, open)| open.changed) {
        store::verification::save(work.conn(), id, &open.now, &open.row.cancel_reason).await?;
        tell(work, &open);
    }
    Ok(results)
}

fn tell(work: &mut Work, open: &Open) {
    let household = name("households", open.row.household_id);
    work.audit(&household, FIELDS);
    if let Some(on) = open.now.days.completed_on {
        let event = VerificationCompleted {
            verification: name(VERIFICATIONS, open.row.verification_id),
            household,
            case: open.row.case_id.map(|id| name("cases", id)).unwrap_or_default(),
            completed_on: on.to_string(),
        };
        work.emit(&event.verification.clone(), &event, AUDIENCE);
    }
}

fn id_of(given: &ItemAnswer) -> Checked<Uuid> {
    parse_name(VERIFICATIONS, &given.verification, "verification").map_err(|_| NOT_ASKED)
}

fn read(given: &ItemAnswer, bureau: &str) -> Checked<(Uuid, ItemKey, Answer)> {
    let outcome = match given.outcome() {
        VerificationOutcome::Unspecified => None,
        VerificationOutcome::Found => Some(Outcome::Found),
        VerificationOutcome::NothingFound => Some(Outcome::NothingFound),
        VerificationOutcome::Cannot => Some(Outcome::Cannot),
    };
    let person_key = Uuid::try_parse(&given.person_key).map_err(|_| NOT_ASKED)?;
    let key = ItemKey { person_key, bureau: bureau.to_owned(), dataset: given.dataset.clone() };
    Ok((id_of(given)?, key, answer(outcome, &given.batch_no, &given.reason_code)?))
}

fn result(taken: Checked<()>) -> ItemResult {
    match taken {
        Ok(()) => ItemResult { accepted: true, ..ItemResult::default() },
        Err(fault) => ItemResult {
            accepted: false,
            field: fault.field.to_owned(),
            reason: fault.reason.to_owned(),
            message: format!("{} {}", fault.field, fault.en),
            message_zh: format!("{} {}", fault.field, fault.zh),
        },
    }
}
