//! The exchange service: what a bureau's system calls. Decoding and answers only; the work is done by the modules
//! named after it.

use std::sync::Arc;

use minqing_kit::{Call, Error, db::Fingerprint, id, page};
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeReferralsRequest, AcknowledgeReferralsResponse, AcknowledgeVerificationsRequest,
        AcknowledgeVerificationsResponse, AnswerVerificationRequest, AnswerVerificationResponse, BatchHeader,
        BatchState, DigestForm, FetchIdentityListRequest, FetchIdentityListResponse, FetchReferralsRequest,
        FetchReferralsResponse, FetchVerificationsRequest, FetchVerificationsResponse, GetBatchRequest,
        GetBatchResponse, GetReceiptRequest, GetReceiptResponse, IdentityEntry, ListDatasetsRequest,
        ListDatasetsResponse, ListRowErrorsRequest, ListRowErrorsResponse, ReportFeedbackRequest,
        ReportFeedbackResponse, SubmitBatchRequest, SubmitBatchResponse, WithdrawBatchRequest, WithdrawBatchResponse,
        exchange_service_server::ExchangeService, submit_batch_request::Part,
    },
    registry::v1::ListClassMembersRequest,
};
use prost::Message as _;
use prost_types::Any;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    Result,
    batch::{Announced, Intake},
    core::Core,
    describe, raw,
    receipt::{self, RECEIPTS, Received, append_row},
    store,
    withdraw::no_batch,
};

/// Rows in one message of the stream.
const MAX_PART_ROWS: usize = 2_000;
/// Bytes of rows in one message of the stream.
const MAX_PART_BYTES: usize = 1024 * 1024;

/// The server.
pub struct Exchange(pub Arc<Core>);

#[tonic::async_trait]
impl ExchangeService for Exchange {
    async fn list_datasets(
        &self,
        request: Request<ListDatasetsRequest>,
    ) -> Result<Response<ListDatasetsResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.datasets(&call, request.get_ref())?))
    }

    async fn submit_batch(
        &self,
        request: Request<Streaming<SubmitBatchRequest>>,
    ) -> Result<Response<SubmitBatchResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.submit(&call, request.into_inner()).await?))
    }

    async fn get_batch(&self, request: Request<GetBatchRequest>) -> Result<Response<GetBatchResponse>, Status> {
        let id = id::parse_name("batches", &request.get_ref().name, "name")?;
        let mut conn = self.0.cx.db.acquire().await?;
        let batch = store::batch(&mut conn, id).await?.ok_or_else(no_batch)?;
        let receipt = receipt::store::receipt(&mut conn, id).await?;
        let withdrawal = store::withdrawal(&mut conn, id).await?;
        let state = if withdrawal.is_some() { BatchState::Withdrawn } else { BatchState::Taken };
        Ok(Response::new(GetBatchResponse { batch: Some(batch), receipt, state: state.into(), withdrawal }))
    }

    async fn withdraw_batch(
        &self,
        request: Request<WithdrawBatchRequest>,
    ) -> Result<Response<WithdrawBatchResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.withdraw(&call, request.into_inner()).await?))
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Result<Response<GetReceiptResponse>, Status> {
        let id = id::parse_name(RECEIPTS, &request.get_ref().name, "name")?;
        let mut conn = self.0.cx.db.acquire().await?;
        let receipt = receipt::store::receipt(&mut conn, id)
            .await?
            .ok_or_else(|| Error::not_found("RECEIPT_NOT_FOUND", "there is no receipt of this name", "没有该回执"))?;
        Ok(Response::new(GetReceiptResponse { receipt: Some(receipt) }))
    }

    async fn list_row_errors(
        &self,
        request: Request<ListRowErrorsRequest>,
    ) -> Result<Response<ListRowErrorsResponse>, Status> {
        let asked = request.into_inner();
        let id = id::parse_name("batches", &asked.parent, "parent")?;
        let page = page::page(asked.page_size, &asked.page_token, &asked.parent, 500)?;
        let after = page.after.and_then(|a| a.parse().ok()).unwrap_or(0);
        let mut conn = self.0.cx.db.acquire().await?;
        store::batch(&mut conn, id).await?.ok_or_else(no_batch)?;
        let errors = store::row_errors(&mut conn, id, after, page.size + 1).await?;
        let more = errors.len() as i64 > page.size;
        let errors: Vec<_> = errors.into_iter().take(usize::try_from(page.size).unwrap_or_default()).collect();
        let last = errors.last().filter(|_| more).map(|e| page::next_token(&e.row.to_string(), &asked.parent));
        Ok(Response::new(ListRowErrorsResponse { errors, next_page_token: last.unwrap_or_default() }))
    }

    async fn fetch_referrals(
        &self,
        request: Request<FetchReferralsRequest>,
    ) -> Result<Response<FetchReferralsResponse>, Status> {
        let call = Call::of(&request);
        let referrals = self.0.fetch_referrals(&call, request.get_ref()).await?;
        let withdrawn = self.0.recalled().await?;
        Ok(Response::new(FetchReferralsResponse { referrals, withdrawn }))
    }

    async fn acknowledge_referrals(
        &self,
        request: Request<AcknowledgeReferralsRequest>,
    ) -> Result<Response<AcknowledgeReferralsResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.acknowledge(&call, request.into_inner()).await?))
    }

    async fn report_feedback(
        &self,
        request: Request<ReportFeedbackRequest>,
    ) -> Result<Response<ReportFeedbackResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.report_feedback(&call, request.into_inner()).await?))
    }

    async fn fetch_verifications(
        &self,
        request: Request<FetchVerificationsRequest>,
    ) -> Result<Response<FetchVerificationsResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.fetch_verifications(&call, request.get_ref()).await?))
    }

    async fn acknowledge_verifications(
        &self,
        request: Request<AcknowledgeVerificationsRequest>,
    ) -> Result<Response<AcknowledgeVerificationsResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.acknowledge_verifications(&call, request.into_inner()).await?))
    }

    async fn answer_verification(
        &self,
        request: Request<AnswerVerificationRequest>,
    ) -> Result<Response<AnswerVerificationResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.answer_verification(&call, request.into_inner()).await?))
    }

    async fn fetch_identity_list(
        &self,
        request: Request<FetchIdentityListRequest>,
    ) -> Result<Response<FetchIdentityListResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.identity_list(&call, request.into_inner()).await?))
    }
}

impl Exchange {
    fn datasets(&self, call: &Call, asked: &ListDatasetsRequest) -> Result<ListDatasetsResponse> {
        let page = page::page(asked.page_size, &asked.page_token, "datasets", 100)?;
        let size = usize::try_from(page.size).unwrap_or_default();
        // An office below the bureau sees what it may send.
        let mut all = self.0.schemas();
        all.retain(|s| self.0.bureau.may_send(call.caller.as_str(), s.name()));
        let after = page.after.unwrap_or_default();
        let mut rest = all.iter().filter(|s| s.name() > after.as_str());
        let datasets: Vec<_> = rest.by_ref().take(size).collect();
        let last = datasets.last().filter(|_| rest.next().is_some()).map(|s| page::next_token(s.name(), "datasets"));
        Ok(ListDatasetsResponse {
            datasets: datasets.into_iter().map(|s| describe::dataset(s)).collect(),
            limits: Some(describe::limits(MAX_PART_ROWS, MAX_PART_BYTES)),
            next_page_token: last.unwrap_or_default(),
        })
    }

    async fn submit(&self, call: &Call, mut stream: Streaming<SubmitBatchRequest>) -> Result<SubmitBatchResponse> {
        let Some(SubmitBatchRequest { part: Some(Part::Header(header)) }) = self.0.places.next(&mut stream).await?
        else {
            return Err(Error::invalid("HEADER_MISSING", "the first message must be the header", "首条消息应为批次头")
                .field("header", "must come first"));
        };
        let row_count = u32::try_from(header.row_count).map_err(|_| {
            Error::invalid("INVALID_BATCH_HEADER", "row_count must not be negative", "row_count 不能为负数")
        })?;
        if !self.0.bureau.may_send(call.caller.as_str(), &header.dataset) {
            let (en, zh) = (
                "the certificate's office may send only datasets that begin with its name",
                "该证书所属单位只能报送本单位的数据集",
            );
            return Err(Error::forbidden("FOREIGN_DATASET", en, zh).field("dataset", en));
        }
        // Waiting here reads nothing more from the stream, so the sender waits too.
        let _place = self.0.places.take(row_count).await?;
        let said = announced(&header, row_count);
        let intake = self.0.open(&said).await?;
        let raw = raw::Writer::begin(&self.0, &said, "rows").await?;
        let id = raw.id();
        let outcome = self.take_all(call, &header, intake, (raw, stream)).await;
        raw::settle(&self.0, id, &outcome).await;
        outcome
    }

    /// Stores each part as it came, then checks its rows; the batch goes on only when all of it is stored.
    async fn take_all(
        &self,
        call: &Call,
        header: &BatchHeader,
        mut intake: Intake,
        (mut raw, mut stream): (raw::Writer, Streaming<SubmitBatchRequest>),
    ) -> Result<SubmitBatchResponse> {
        let mut fingerprint = Fingerprint::new(&call.method);
        fingerprint.part(&header.encode_to_vec());
        while let Some(message) = self.0.places.next(&mut stream).await? {
            let Some(Part::Rows(part)) = message.part else {
                let (en, zh) = ("every message after the header must hold rows", "批次头之后应全部为数据行");
                return Err(Error::invalid("ROWS_EXPECTED", en, zh).field("rows", "must follow the header"));
            };
            fits(&part.rows)?;
            let mut bytes = Vec::new();
            for any in &part.rows {
                fingerprint.part(any.type_url.as_bytes());
                fingerprint.part(&any.value);
                append_row(&mut bytes, any);
            }
            raw.write(&bytes).await?;
            intake = take(intake, part.rows).await?;
        }
        let stored = raw.finish().await?;
        let (digest, raw) = (stored.digest, Some(stored.id));
        let received = Received { form: DigestForm::Rows, digest, signature: header.signature.clone(), raw };
        self.0.finish(intake, call, fingerprint.finish(), received).await
    }

    async fn identity_list(&self, call: &Call, asked: FetchIdentityListRequest) -> Result<FetchIdentityListResponse> {
        if !self.0.bureau.acts_on_referrals {
            let (en, zh) = ("offices that act on no referral get no identity list", "不承接转介的单位不提供身份名单");
            return Err(Error::forbidden("NO_IDENTITY_LIST", en, zh));
        }
        let asked = ListClassMembersRequest {
            classes: asked.classes,
            division_code: asked.division_code,
            page_size: asked.page_size,
            page_token: asked.page_token,
        };
        let page = self.0.peers.class_members(call, asked).await?;
        let entries: Vec<_> = page.members.into_iter().map(entry).collect();
        let told = entries.len();
        // Whose data these are stands in the register's audit; here stands that this bureau got them.
        self.0
            .cx
            .db
            .read(call, move |w| {
                Box::pin(async move {
                    w.audit(&format!("identityLists/{told}"), &["id_number", "name", "assistance_class"]);
                    Ok(())
                })
            })
            .await?;
        Ok(FetchIdentityListResponse { entries, next_page_token: page.next_page_token })
    }
}

/// A member of a class as the bureau gets it.
pub fn entry(member: minqing_proto::minqing::registry::v1::ClassMember) -> IdentityEntry {
    let identity = member.identity.unwrap_or_default();
    IdentityEntry {
        id_number: identity.id_number,
        name: identity.name,
        assistance_class: member.assistance_class,
        division_code: member.division_code,
        valid_from: member.valid_from,
        valid_to: member.valid_to,
    }
}

fn announced(header: &BatchHeader, row_count: u32) -> Announced<'_> {
    Announced {
        request_id: &header.request_id,
        batch_no: &header.batch_no,
        dataset: &header.dataset,
        mode: header.mode(),
        division_code: &header.division_code,
        as_of: &header.as_of,
        row_count: Some(row_count),
    }
}

fn fits(rows: &[Any]) -> Result<()> {
    let bytes: usize = rows.iter().map(|r| r.value.len()).sum();
    if rows.len() <= MAX_PART_ROWS && bytes <= MAX_PART_BYTES {
        return Ok(());
    }
    let (en, zh) = ("a message may hold at most 2,000 rows and 1 MiB", "每条消息最多 2000 行、1 MiB");
    Err(Error::invalid("PART_TOO_LARGE", en, zh).field("rows", en))
}

/// Checks rows off the runtime's threads: a part is some ten thousand regular checks and hashes.
async fn take(mut intake: Intake, rows: Vec<Any>) -> Result<Intake> {
    let work = tokio::task::spawn_blocking(move || intake.take_typed(&rows).map(|()| intake));
    work.await.map_err(Error::bug)?
}
