//! `minqing.identification.v1.IdentificationService`. Who may call what, and for which purpose, the frame has checked
//! already by the access rules of the contract.

use std::sync::Arc;

use minqing_kit::{Call, id::parse_name};
use minqing_proto::minqing::identification::v1::{
    AssessHouseholdRequest, AssessHouseholdResponse, GetCaseRequest, GetCaseResponse, ListCasesRequest,
    ListCasesResponse, RecordDecisionRequest, RecordDecisionResponse,
    identification_service_server::IdentificationService,
};
use tonic::{Request, Response, Status};

use crate::app::{Identification, evaluate::Extent};

type Answer<T> = Result<Response<T>, Status>;

/// The service's RPCs.
pub struct IdentificationRpc {
    identification: Arc<Identification>,
}

impl IdentificationRpc {
    pub fn new(identification: Arc<Identification>) -> IdentificationRpc {
        IdentificationRpc { identification }
    }
}

#[tonic::async_trait]
impl IdentificationService for IdentificationRpc {
    async fn assess_household(&self, request: Request<AssessHouseholdRequest>) -> Answer<AssessHouseholdResponse> {
        let call = Call::of(&request);
        let request = request.get_ref();
        let household = parse_name("households", &request.household, "household")?;
        let extent = if request.everything { Extent::Everything } else { Extent::Classes };
        let assessment = Some(self.identification.assess(&call, household, &request.as_of, extent).await?);
        Ok(Response::new(AssessHouseholdResponse { assessment }))
    }

    async fn list_cases(&self, request: Request<ListCasesRequest>) -> Answer<ListCasesResponse> {
        let call = Call::of(&request);
        let (cases, next_page_token) = self.identification.cases(&call, request.get_ref()).await?;
        Ok(Response::new(ListCasesResponse { cases, next_page_token }))
    }

    async fn get_case(&self, request: Request<GetCaseRequest>) -> Answer<GetCaseResponse> {
        let call = Call::of(&request);
        let id = parse_name("cases", &request.get_ref().name, "name")?;
        let case = Some(self.identification.case(&call, id).await?);
        Ok(Response::new(GetCaseResponse { case }))
    }

    async fn record_decision(&self, request: Request<RecordDecisionRequest>) -> Answer<RecordDecisionResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.identification.record_decision(&call, request.into_inner()).await?))
    }
}
