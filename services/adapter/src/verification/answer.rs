//! A bureau's answers to verifications: each is checked by itself, the ID number becomes the person's key, and the good
//! ones go to identification, which says of each whether it is taken. ID numbers are not kept.

use std::collections::HashSet;

use minqing_kit::{Call, Error, db::Fingerprint, delivery::Deliveries, id, keys::IdNumber};
use minqing_proto::minqing::{
    bureau::v1::{AnswerResult, AnswerVerificationRequest, AnswerVerificationResponse, VerificationAnswer},
    identification::v1::{ItemAnswer, ItemResult, RecordVerificationAnswersRequest},
    types::v1::VerificationOutcome,
};
use prost::Message as _;
use uuid::Uuid;

use super::{VERIFICATIONS, sign, store};
use crate::{Result, core::Core, row::text};

/// Answers in one call.
pub const MAX_ANSWERS: usize = 500;

/// What is wrong with an answer: field, reason, English, Chinese. Never the value.
type Wrong = (&'static str, &'static str, &'static str, &'static str);

const NOT_ISSUED: Wrong = (
    "verification",
    "VERIFICATION_NOT_ISSUED",
    "was not requested of this bureau; use the name as it was handed out",
    "未向本部门下发该核对，请使用下发的核对编号",
);
const NOT_ASKED_DATASET: Wrong = (
    "dataset",
    "DATASET_NOT_ASKED",
    "was not asked for in this verification, or belongs to another office; answer what was handed out",
    "该核对未要求此数据集，或此数据集属于其他单位，请按下发内容答复",
);
const NOT_ASKED_PERSON: Wrong = (
    "id_number",
    "PERSON_NOT_ASKED",
    "was not asked for in this verification; answer about the persons handed out",
    "该核对不涉及此人，请按下发人员答复",
);
const NO_ID_NUMBER: Wrong = (
    "id_number",
    "ID_NUMBER_INVALID",
    "is no valid resident ID number; compare it with the request",
    "不是有效的公民身份号码，请与下发内容核对",
);
const NO_BATCH: Wrong = (
    "batch_no",
    "BATCH_NOT_TAKEN",
    "is no batch of this dataset that was taken and still counts; send the records first, then the answer",
    "没有该数据集的有效批次，请先报送数据再答复",
);

impl Core {
    pub async fn answer_verification(
        &self,
        call: &Call,
        request: AnswerVerificationRequest,
    ) -> Result<AnswerVerificationResponse> {
        if !(1..=MAX_ANSWERS).contains(&request.answers.len()) {
            let (en, zh) = ("answers must be 1 to 500", "answers 应为 1 至 500 条");
            return Err(Error::invalid("INVALID_ANSWERS", en, zh).field("answers", en));
        }
        let fingerprint = Fingerprint::of(&call.method, &request);
        if let Some(done) = self.cx.db.outcome(call, &request.request_id, fingerprint).await? {
            return Ok(done);
        }
        let checked = self.check_answers(call, &request.answers).await?;
        let results = self.tell_answers(call, &request, checked).await?;
        let had = request.answers.iter().zip(&results).filter(|(_, result)| result.accepted);
        let had: HashSet<Uuid> = had.filter_map(|(answer, _)| id_of(answer)).collect();
        let had: Vec<Uuid> = had.into_iter().collect();
        let answer = AnswerVerificationResponse { results };
        let deliveries = Deliveries::new(self.cx.db.clone());
        self.cx
            .db
            .mutate(call, &request, move |w| {
                let (had, answer, deliveries) = (had.clone(), answer.clone(), deliveries.clone());
                Box::pin(async move {
                    // Who answers has it.
                    sign(w, &deliveries, &had).await?;
                    Ok(answer)
                })
            })
            .await
    }

    async fn check_answers(
        &self,
        call: &Call,
        answers: &[VerificationAnswer],
    ) -> Result<Vec<std::result::Result<ItemAnswer, Wrong>>> {
        let ids: Vec<Uuid> = answers.iter().filter_map(id_of).collect();
        let numbers: Vec<String> = answers.iter().map(|a| text::trim(&a.batch_no)).filter(|n| !n.is_empty()).collect();
        let mut conn = self.cx.db.acquire().await?;
        let known = store::verifications(&mut conn, &ids).await?;
        let batches = store::batches(&mut conn, &numbers).await?;
        drop(conn);
        let check = |answer: &VerificationAnswer| {
            let asked = id_of(answer).and_then(|id| known.iter().find(|row| row.id == id)).ok_or(NOT_ISSUED)?;
            let dataset = text::trim(&answer.dataset);
            let dataset = self.dataset_titled(&dataset).unwrap_or(dataset);
            if !asked.datasets.contains(&dataset) || !self.bureau.may_send(call.caller.as_str(), &dataset) {
                return Err(NOT_ASKED_DATASET);
            }
            let number = IdNumber::parse(&answer.id_number).map_err(|_| NO_ID_NUMBER)?;
            let person_key = self.cx.keys.person_key(&number);
            if !asked.asks(person_key, &dataset) {
                return Err(NOT_ASKED_PERSON);
            }
            let batch_no = text::trim(&answer.batch_no);
            let taken = batches.iter().any(|(no, of)| *no == batch_no && *of == dataset);
            if answer.outcome() == VerificationOutcome::Found && !batch_no.is_empty() && !taken {
                return Err(NO_BATCH);
            }
            Ok(ItemAnswer {
                verification: asked.name(),
                person_key: person_key.to_string(),
                dataset,
                outcome: answer.outcome,
                batch_no,
                reason_code: text::trim(&answer.reason_code),
            })
        };
        Ok(answers.iter().map(check).collect())
    }

    /// Sends the good answers; every answer gets a result, in order.
    async fn tell_answers(
        &self,
        call: &Call,
        request: &AnswerVerificationRequest,
        checked: Vec<std::result::Result<ItemAnswer, Wrong>>,
    ) -> Result<Vec<AnswerResult>> {
        let good: Vec<_> = checked.iter().flatten().cloned().collect();
        let mut told = Vec::new();
        if !good.is_empty() {
            let mut asked = RecordVerificationAnswersRequest {
                request_id: String::new(),
                bureau: self.number as i32,
                answers: good,
            };
            // Batches may be taken before a repeat: then it is another request, in which identification knows the
            // answers again by their items.
            let own = format!("minqing/verifications/{}/{}/{}", call.caller, call.method, request.request_id);
            let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, own.as_bytes());
            asked.request_id = Uuid::new_v5(&space, &asked.encode_to_vec()).to_string();
            told = self.peers.verification_answers(call, asked).await?.results;
        }
        let mut told = told.into_iter();
        let result = |slot: std::result::Result<ItemAnswer, Wrong>| match slot {
            Err(wrong) => Ok(refused(wrong)),
            Ok(_) => told
                .next()
                .map(taken)
                .ok_or_else(|| Error::bug(anyhow::anyhow!("identification answered too few items"))),
        };
        checked.into_iter().map(result).collect()
    }
}

fn id_of(answer: &VerificationAnswer) -> Option<Uuid> {
    id::parse_name(VERIFICATIONS, answer.verification.trim(), "verification").ok()
}

fn taken(result: ItemResult) -> AnswerResult {
    AnswerResult {
        accepted: result.accepted,
        field: result.field,
        reason: result.reason,
        message: result.message,
        message_zh: result.message_zh,
    }
}

fn refused((field, reason, en, zh): Wrong) -> AnswerResult {
    AnswerResult {
        accepted: false,
        field: field.to_owned(),
        reason: reason.to_owned(),
        message: format!("{field} {en}"),
        message_zh: format!("{field} {zh}"),
    }
}
