//! A bureau takes a batch back. Monitoring first, own tables second: whoever gets no answer asks again, monitoring answers
//! as before, and only then is it on record here, with the answer. A number that was withdrawn is used up for its dataset,
//! county and day.

use std::sync::Arc;

use chrono::SecondsFormat;
use minqing_kit::{Call, Error, db::Fingerprint};
use minqing_proto::minqing::{
    bureau::v1::{Batch, WithdrawBatchRequest, WithdrawBatchResponse, Withdrawal},
    monitoring::v1 as monitoring,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, batch::Announced, core::Core, row::text, store};

/// Collection of batches in resource names.
const BATCHES: &str = "batches";
const MAX_REASON: usize = 200;
const MAX_OPERATOR: usize = 64;

/// There is no such batch, or none the caller may know of.
pub fn no_batch() -> Error {
    Error::not_found("BATCH_NOT_FOUND", "there is no batch of this name", "没有该批次")
}

impl Core {
    /// Does it, or gives the first answer to a repeat.
    pub async fn withdraw(&self, call: &Call, request: WithdrawBatchRequest) -> Result<WithdrawBatchResponse> {
        let reason = said(&request.reason, "reason", MAX_REASON)?;
        let operator = said(&request.operator, "operator", MAX_OPERATOR)?;
        let fingerprint = Fingerprint::of(&call.method, &request);
        if let Some(done) = self.cx.db.outcome(call, &request.request_id, fingerprint).await? {
            return Ok(done);
        }
        let (id, batch) = self.batch_called(&request.batch).await?;
        if !self.bureau.may_send(call.caller.as_str(), &batch.dataset) {
            return Err(no_batch());
        }
        let withdrawal = match store::withdrawal(&mut *self.cx.db.acquire().await?, id).await? {
            Some(before) => before,
            None => self.take_back(id, &request.request_id, (reason, operator)).await?,
        };
        let answer = Arc::new(WithdrawBatchResponse { batch: Some(batch), withdrawal: Some(withdrawal) });
        self.cx
            .db
            .mutate_keyed(call, &request.request_id, fingerprint, move |w| {
                let answer = Arc::clone(&answer);
                Box::pin(async move {
                    w.audit(&minqing_kit::id::name(BATCHES, id), &["withdrawn"]);
                    let kept = keep(w.conn(), id, answer.withdrawal.as_ref()).await?;
                    Ok(WithdrawBatchResponse { withdrawal: Some(kept), ..(*answer).clone() })
                })
            })
            .await
    }

    /// Has monitoring take the batch back; it answers the same whoever asks again.
    async fn take_back(&self, id: Uuid, request_id: &str, (reason, operator): (String, String)) -> Result<Withdrawal> {
        let asked = monitoring::WithdrawBatchRequest {
            request_id: Uuid::new_v5(&id, format!("withdraw {request_id}").as_bytes()).to_string(),
            batch_id: id.to_string(),
        };
        let done = self.peers.withdraw(asked).await?;
        Ok(Withdrawal {
            withdrawn_time: self.cx.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true),
            reason,
            operator,
            records: done.records,
            overridden: done.overridden,
        })
    }

    /// The batch of a resource name, or the only one of a number.
    async fn batch_called(&self, called: &str) -> Result<(Uuid, Batch)> {
        let called = text::trim(called);
        let mut conn = self.cx.db.acquire().await?;
        let id = if called.starts_with("batches/") {
            minqing_kit::id::parse_name(BATCHES, &called, "batch")?
        } else {
            match store::batches_numbered(&mut conn, &called).await?.as_slice() {
                [] => return Err(no_batch()),
                [only] => *only,
                _ => return Err(ambiguous()),
            }
        };
        let batch = store::batch(&mut conn, id).await?.ok_or_else(no_batch)?;
        Ok((id, batch))
    }

    /// Refuses a batch under a number that was withdrawn for the same dataset, county and day.
    pub async fn refuse_withdrawn(&self, said: &Announced<'_>) -> Result<()> {
        let number = text::trim(said.batch_no);
        let county = text::division(said.division_code).map(|code| format!("{code:012}"));
        let (Some(county), Some(as_of)) = (county, text::date(said.as_of)) else { return Ok(()) };
        let mut conn = self.cx.db.acquire().await?;
        if store::is_withdrawn(&mut conn, &number, said.dataset, (&county, as_of)).await? {
            return Err(Error::failed_state(
                "BATCH_WITHDRAWN",
                "the batch of this number was withdrawn; send what is right under a new number",
                "该批次号已撤回，请以新批次号报送正确数据",
            )
            .field("batch_no", "must be new"));
        }
        Ok(())
    }
}

/// Puts the withdrawal on record, unless somebody was quicker; gives back what stands.
async fn keep(conn: &mut PgConnection, id: Uuid, withdrawal: Option<&Withdrawal>) -> Result<Withdrawal> {
    if let Some(withdrawal) = withdrawal {
        store::insert_withdrawal(conn, id, withdrawal).await?;
    }
    let missing = || Error::bug(anyhow::anyhow!("a withdrawal just written is not there"));
    store::withdrawal(conn, id).await?.ok_or_else(missing)
}

fn said(given: &str, field: &'static str, longest: usize) -> Result<String> {
    let given = text::trim(given);
    if given.is_empty() || given.chars().count() > longest || text::has_unreadable(&given) {
        let en = format!("{field} must be a text of 1 to {longest} characters");
        let zh = format!("{field} 应为 1 至 {longest} 个字符");
        return Err(Error::invalid("INVALID_WITHDRAWAL", en.clone(), zh).field(field, &en));
    }
    Ok(given)
}

fn ambiguous() -> Error {
    let en = "more than one batch has this number; name the one by batches/{id}, as its result and receipt do";
    let zh = "有多个批次使用该批次号，请填写回执或结果文件中的批次名（batches/…）";
    Error::failed_state("BATCH_NO_AMBIGUOUS", en, zh).field("batch", en)
}
