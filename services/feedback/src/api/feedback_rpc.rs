//! `FeedbackService`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minqing_kit::{
    Call, Context, Error, Result,
    clock::SharedClock,
    db::Db,
    id::parse_name,
    page::{next_token, page},
};
use minqing_proto::minqing::feedback::v1::{self as pb, feedback_service_server::FeedbackService};
use tonic::{Request, Response};
use uuid::Uuid;

use super::{MOST, key};
use crate::{
    app::{
        books,
        record::record,
        scope,
        sign::sign,
        view::{self, HOUSEHOLDS, REFERRALS},
    },
    store::{
        books::{reconciliation, timeliness},
        record::{self as store, Filter},
    },
};

/// Most receipts and records of a call.
const MOST_RECEIPTS: usize = 100;
const MOST_RECORDS: usize = 500;

/// Serves receipts, records and the books.
pub struct FeedbackRpc {
    db: Db,
    clock: SharedClock,
}

impl FeedbackRpc {
    pub fn new(cx: &Context) -> FeedbackRpc {
        FeedbackRpc { db: cx.db.clone(), clock: cx.clock.clone() }
    }

    async fn sign(&self, call: &Call, request: pb::RecordReceiptsRequest) -> Result<pb::RecordReceiptsResponse> {
        let bureau = scope::own_bureau(&call.caller, request.bureau)?;
        let receipts = receipts(&request.receipts)?;
        let change = self.db.mutate(call, &request, move |work| {
            let (bureau, receipts) = (bureau.clone(), receipts.clone());
            Box::pin(async move { Ok(pb::RecordReceiptsResponse { recorded: sign(work, &bureau, &receipts).await? }) })
        });
        change.await
    }

    async fn record(&self, call: &Call, request: pb::RecordFeedbackRequest) -> Result<pb::RecordFeedbackResponse> {
        let bureau = scope::own_bureau(&call.caller, request.bureau)?;
        at_most(request.feedback.len(), MOST_RECORDS, "feedback")?;
        let records = std::sync::Arc::new(request.feedback.clone());
        let change = self.db.mutate(call, &request, move |work| {
            let (bureau, records) = (bureau.clone(), records.clone());
            Box::pin(async move { Ok(pb::RecordFeedbackResponse { results: record(work, &bureau, &records).await? }) })
        });
        change.await
    }

    async fn list(&self, call: &Call, request: pb::ListFeedbackRequest) -> Result<pb::ListFeedbackResponse> {
        let filter = format!("{}|{}|{}", call.caller.as_str(), request.bureau, request.household);
        let page = page(request.page_size, &request.page_token, &filter, MOST)?;
        let household = match request.household.as_str() {
            "" => None,
            name => Some(parse_name(HOUSEHOLDS, name, "household")?),
        };
        let wanted = Filter {
            scope: scope::prefix(&call.caller)?,
            bureau: scope::readable_bureau(&call.caller, request.bureau)?,
            household,
            size: page.size,
            after: page.after.as_deref().map(key).transpose()?,
        };
        let subject = request.household;
        let read = self.db.read(call, move |work| {
            let (wanted, subject) = (wanted.clone(), subject.clone());
            Box::pin(async move {
                let rows = store::list(work.conn(), &wanted).await?;
                if !subject.is_empty() {
                    work.audit(&subject, &["feedback"]);
                }
                Ok(rows)
            })
        });
        let rows = read.await?;
        let full = i64::try_from(rows.len()).is_ok_and(|n| n >= page.size);
        let last = rows.last().filter(|_| full).map(|row| row.feedback_id.to_string());
        Ok(pb::ListFeedbackResponse {
            feedback: rows.iter().map(view::feedback).collect(),
            next_page_token: last.map_or_else(String::new, |key| next_token(&key, &filter)),
        })
    }

    async fn reconcile(
        &self,
        call: &Call,
        request: pb::GetReconciliationRequest,
    ) -> Result<pb::GetReconciliationResponse> {
        let bureau = scope::readable_bureau(&call.caller, request.bureau)?;
        let (from, before) = books::month(&request.month)?.unzip();
        let mut connection = self.db.acquire().await?;
        let lines = reconciliation(&mut connection, bureau.as_deref(), from, before).await?;
        Ok(pb::GetReconciliationResponse { lines: lines.into_iter().map(books::line).collect() })
    }

    async fn timely(&self) -> Result<pb::GetTimelinessResponse> {
        let mut connection = self.db.acquire().await?;
        let lines = timeliness(&mut connection, self.clock.today()).await?;
        Ok(pb::GetTimelinessResponse { lines: lines.into_iter().map(books::timely).collect() })
    }
}

#[tonic::async_trait]
impl FeedbackService for FeedbackRpc {
    async fn record_receipts(
        &self,
        request: Request<pb::RecordReceiptsRequest>,
    ) -> tonic::Result<Response<pb::RecordReceiptsResponse>> {
        Ok(Response::new(self.sign(&Call::of(&request), request.into_inner()).await?))
    }

    async fn record_feedback(
        &self,
        request: Request<pb::RecordFeedbackRequest>,
    ) -> tonic::Result<Response<pb::RecordFeedbackResponse>> {
        Ok(Response::new(self.record(&Call::of(&request), request.into_inner()).await?))
    }

    async fn list_feedback(
        &self,
        request: Request<pb::ListFeedbackRequest>,
    ) -> tonic::Result<Response<pb::ListFeedbackResponse>> {
        Ok(Response::new(self.list(&Call::of(&request), request.into_inner()).await?))
    }

    async fn get_reconciliation(
        &self,
        request: Request<pb::GetReconciliationRequest>,
    ) -> tonic::Result<Response<pb::GetReconciliationResponse>> {
        Ok(Response::new(self.reconcile(&Call::of(&request), request.into_inner()).await?))
    }

    async fn get_timeliness(
        &self,
        _request: Request<pb::GetTimelinessRequest>,
    ) -> tonic::Result<Response<pb::GetTimelinessResponse>> {
        Ok(Response::new(self.timely().await?))
    }
}

/// Receipts by referral; one named twice is signed on the earlier day.
fn receipts(receipts: &[pb::Receipt]) -> Result<BTreeMap<Uuid, NaiveDate>> {
    at_most(receipts.len(), MOST_RECEIPTS, "receipts")?;
    let mut days = BTreeMap::new();
    for receipt in receipts {
        let id = parse_name(REFERRALS, &receipt.referral, "receipts.referral")?;
        let on: NaiveDate =
            receipt.signed_on.parse().ok().filter(|_| receipt.signed_on.len() == 10).ok_or_else(|| {
                Error::invalid(
                    "INVALID_DATE",
                    "signed_on must be a date, YYYY-MM-DD",
                    "signed_on 应为 YYYY-MM-DD 格式的日期",
                )
                .field("receipts.signed_on", "must be YYYY-MM-DD")
            })?;
        days.entry(id).and_modify(|before: &mut NaiveDate| *before = on.min(*before)).or_insert(on);
    }
    Ok(days)
}

fn at_most(count: usize, most: usize, field: &'static str) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    Err(Error::invalid("TOO_MANY", format!("{field} has more than {most} entries"), format!("{field} 超过 {most} 条"))
        .field(field, format!("must have at most {most} entries")))
}
