//! `minqing.registry.v1.IdentityService`.

use std::sync::Arc;

use minqing_kit::Call;
use minqing_proto::minqing::registry::v1::{
    DecideIdentityReviewRequest, DecideIdentityReviewResponse, ListIdentityReviewsRequest, ListIdentityReviewsResponse,
    ProposeIdentitiesRequest, ProposeIdentitiesResponse, UndoIdentityLinkRequest, UndoIdentityLinkResponse,
    identity_service_server::IdentityService,
};
use tonic::{Request, Response, Status};

use crate::app::Registry;

type Answer<T> = Result<Response<T>, Status>;

/// The service's RPCs.
pub struct IdentityRpc {
    registry: Arc<Registry>,
}

impl IdentityRpc {
    pub fn new(registry: Arc<Registry>) -> IdentityRpc {
        IdentityRpc { registry }
    }
}

#[tonic::async_trait]
impl IdentityService for IdentityRpc {
    async fn propose_identities(
        &self,
        request: Request<ProposeIdentitiesRequest>,
    ) -> Answer<ProposeIdentitiesResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.registry.propose(&call, request.into_inner()).await?))
    }

    async fn list_identity_reviews(
        &self,
        request: Request<ListIdentityReviewsRequest>,
    ) -> Answer<ListIdentityReviewsResponse> {
        let call = Call::of(&request);
        let (reviews, next_page_token) = self.registry.reviews(&call, request.get_ref()).await?;
        Ok(Response::new(ListIdentityReviewsResponse { reviews, next_page_token }))
    }

    async fn decide_identity_review(
        &self,
        request: Request<DecideIdentityReviewRequest>,
    ) -> Answer<DecideIdentityReviewResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.registry.decide(&call, request.into_inner()).await?))
    }

    async fn undo_identity_link(&self, request: Request<UndoIdentityLinkRequest>) -> Answer<UndoIdentityLinkResponse> {
        let call = Call::of(&request);
        Ok(Response::new(self.registry.undo_link(&call, request.into_inner()).await?))
    }
}
