//! `IdentificationService`.

mod convert;

use std::sync::Arc;

use minqing_kit::{
    Call, Context, Error, Result,
    db::Db,
    id::parse_name,
    page::{next_token, page},
};
use minqing_proto::minqing::identification::v1::{self as pb, identification_service_server::IdentificationService};
use tonic::{Request, Response};

use crate::{
    app::{assess::Assessor, decide::decide, open::assess_now, scope},
    domain::error::Refusal,
    store::{
        case_file::{self, CaseFilter},
        household,
    },
};

/// Most entries of a page.
const MOST: i32 = 500;

/// Serves assessments and cases.
pub struct IdentificationRpc {
    db: Db,
    assessor: Arc<Assessor>,
}

impl IdentificationRpc {
    pub fn new(cx: &Context, assessor: Arc<Assessor>) -> IdentificationRpc {
        IdentificationRpc { db: cx.db.clone(), assessor }
    }

    async fn assess(&self, call: &Call, request: pb::AssessHouseholdRequest) -> Result<pb::AssessHouseholdResponse> {
        let id = parse_name("households", &request.household, "household")?;
        let (scope, assessor) = (scope::prefix(&call.caller)?, self.assessor.clone());
        let read = self.db.read(call, move |work| {
            let (scope, assessor) = (scope.clone(), assessor.clone());
            Box::pin(async move {
                let place = household::place(work.conn(), id).await?;
                if !place.is_some_and(|(division, _)| division.starts_with(&scope)) {
                    return Err(household_not_found());
                }
                work.audit(&minqing_kit::id::name("households", id), &["assessment"]);
                let today = work.today();
                Ok(assess_now(work, &assessor, id).await?.unwrap_or_else(|| assessor.unknown(id, today)))
            })
        });
        Ok(pb::AssessHouseholdResponse { assessment: Some(read.await?) })
    }

    async fn list(&self, call: &Call, request: pb::ListCasesRequest) -> Result<pb::ListCasesResponse> {
        let filter = format!("{}|{}|{}", call.caller.as_str(), request.division_code, request.state);
        let page = page(request.page_size, &request.page_token, &filter, MOST)?;
        let wanted = CaseFilter {
            scope: scope::prefix(&call.caller)?,
            division: convert::division(&request.division_code)?,
            state: convert::state(request.state)?,
            before: page.after.as_deref().map(convert::case_key).transpose()?,
            size: page.size,
        };
        let mut connection = self.db.acquire().await?;
        let rows = case_file::list(&mut connection, &wanted).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|n| n >= page.size);
        let last = rows.last().filter(|_| full).map(|row| next_token(&row.case_id.to_string(), &filter));
        let cases = rows.iter().map(|row| convert::case(row, false)).collect::<Result<_>>()?;
        Ok(pb::ListCasesResponse { cases, next_page_token: last.unwrap_or_default() })
    }

    async fn get(&self, call: &Call, request: pb::GetCaseRequest) -> Result<pb::GetCaseResponse> {
        let id = parse_name("cases", &request.name, "name")?;
        let scope = scope::prefix(&call.caller)?;
        let read = self.db.read(call, move |work| {
            let scope = scope.clone();
            Box::pin(async move {
                let row = case_file::find(work.conn(), id, &scope, false).await?.ok_or(Refusal::CaseNotFound)?;
                work.audit(&minqing_kit::id::name("households", row.household_id), &["case", "assessment"]);
                convert::case(&row, true)
            })
        });
        Ok(pb::GetCaseResponse { case: Some(read.await?) })
    }

    async fn record(&self, call: &Call, request: pb::RecordDecisionRequest) -> Result<pb::RecordDecisionResponse> {
        let id = parse_name("cases", &request.name, "name")?;
        let scope = scope::prefix(&call.caller)?;
        let ruling = convert::ruling(&request)?;
        let change = self.db.mutate(call, &request, move |work| {
            let (scope, ruling) = (scope.clone(), ruling.clone());
            Box::pin(async move {
                let row = decide(work, id, &scope, &ruling).await?;
                // The stored answer is kept for long; the assessment can be read again.
                Ok(pb::RecordDecisionResponse { case: Some(convert::case(&row, false)?) })
            })
        });
        change.await
    }
}

#[tonic::async_trait]
impl IdentificationService for IdentificationRpc {
    async fn assess_household(
        &self,
        request: Request<pb::AssessHouseholdRequest>,
    ) -> tonic::Result<Response<pb::AssessHouseholdResponse>> {
        Ok(Response::new(self.assess(&Call::of(&request), request.into_inner()).await?))
    }

    async fn list_cases(
        &self,
        request: Request<pb::ListCasesRequest>,
    ) -> tonic::Result<Response<pb::ListCasesResponse>> {
        Ok(Response::new(self.list(&Call::of(&request), request.into_inner()).await?))
    }

    async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> tonic::Result<Response<pb::GetCaseResponse>> {
        Ok(Response::new(self.get(&Call::of(&request), request.into_inner()).await?))
    }

    async fn record_decision(
        &self,
        request: Request<pb::RecordDecisionRequest>,
    ) -> tonic::Result<Response<pb::RecordDecisionResponse>> {
        Ok(Response::new(self.record(&Call::of(&request), request.into_inner()).await?))
    }
}

fn household_not_found() -> Error {
    Error::not_found("HOUSEHOLD_NOT_FOUND", "there is no such household", "没有该家庭")
}
