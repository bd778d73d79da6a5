//! `minqing.identification.v1.VerificationService`.

use std::sync::Arc;

use minqing_kit::{Call, id::parse_name};
use minqing_proto::minqing::identification::v1::{
    CancelVerificationRequest, CancelVerificationResponse, GetVerificationRequest, GetVerificationResponse,
    ListVerificationsRequest, ListVerificationsResponse, RecordVerificationAnswersRequest,
    RecordVerificationAnswersResponse, RequestVerificationRequest, RequestVerificationResponse,
    verification_service_server::VerificationService,
};
use tonic::{Request, Response, Status};

use crate::app::{Identification, verify::VERIFICATIONS};

type Answer<T> = Result<Response<T>, Status>;

/// The service's RPCs.
pub struct VerificationRpc {
    identification: Arc<Identification>,
}

impl VerificationRpc {
    pub fn new(identification: Arc<Identification>) -> VerificationRpc {
        VerificationRpc { identification }
    }
}

#[tonic::async_trait]
impl VerificationService for VerificationRpc {
    async fn request_verification(
        &self,
        request: Request<RequestVerificationRequest>,
    ) -> Answer<RequestVerificationResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.identification.request_verification(&call, request.into_inner()).await?))
    }

    async fn cancel_verification(
        &self,
        request: Request<CancelVerificationRequest>,
    ) -> Answer<CancelVerificationResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.identification.cancel_verification(&call, request.into_inner()).await?))
    }

    async fn get_verification(&self, request: Request<GetVerificationRequest>) -> Answer<GetVerificationResponse> {
        let call = Call::of(&request);
        let id = parse_name(VERIFICATIONS, &request.get_ref().name, "name")?;
        let verification = Some(self.identification.verification(&call, id).await?);
        Ok(Response::new(GetVerificationResponse { verification }))
    }

    async fn list_verifications(
        &self,
        request: Request<ListVerificationsRequest>,
    ) -> Answer<ListVerificationsResponse> {
        let call = Call::of(&request);
        let (verifications, next_page_token) = self.identification.verifications(&call, request.get_ref()).await?;
        Ok(Response::new(ListVerificationsResponse { verifications, next_page_token }))
    }

    async fn record_verification_answers(
        &self,
        request: Request<RecordVerificationAnswersRequest>,
    ) -> Answer<RecordVerificationAnswersResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.identification.record_verification_answers(&call, request.into_inner()).await?))
    }
}
