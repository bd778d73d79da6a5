//! A second implementation of identification as far as an adapter calls it: items in memory, each answered once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use minqing_kit::ServiceDef;
use minqing_proto::minqing::identification::v1::{
    self as pb,
    verification_service_server::{VerificationService, VerificationServiceServer},
};
use tonic::{Request, Response, Status};

use crate::peers::{Shared, def, no};

#[derive(Default)]
pub struct Checks {
    pub away: AtomicBool,
    /// The answer to each item: verification, person, dataset.
    pub answers: Mutex<BTreeMap<[String; 3], pb::ItemAnswer>>,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl VerificationService for Shared<Checks> {
    async fn record_verification_answers(
        &self,
        request: Request<pb::RecordVerificationAnswersRequest>,
    ) -> Answer<pb::RecordVerificationAnswersResponse> {
        if self.0.away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("away"));
        }
        let mut kept = self.0.answers.lock().unwrap();
        let results = request.into_inner().answers.into_iter().map(|a| {
            let key = [a.verification.clone(), a.person_key.clone(), a.dataset.clone()];
            let accepted = *kept.entry(key).or_insert_with(|| a.clone()) == a;
            let (field, reason) = if accepted { ("", "") } else { ("outcome", "ITEM_ANSWERED") };
            let message = if accepted { "" } else { "outcome was answered" };
            pb::ItemResult {
                accepted,
                field: field.to_owned(),
                reason: reason.to_owned(),
                message: message.to_owned(),
                message_zh: message.to_owned(),
            }
        });
        Ok(Response::new(pb::RecordVerificationAnswersResponse { results: results.collect() }))
    }

    async fn request_verification(
        &self,
        _: Request<pb::RequestVerificationRequest>,
    ) -> Answer<pb::RequestVerificationResponse> {
        no()
    }

    async fn cancel_verification(
        &self,
        _: Request<pb::CancelVerificationRequest>,
    ) -> Answer<pb::CancelVerificationResponse> {
        no()
    }

    async fn get_verification(&self, _: Request<pb::GetVerificationRequest>) -> Answer<pb::GetVerificationResponse> {
        no()
    }

    async fn list_verifications(
        &self,
        _: Request<pb::ListVerificationsRequest>,
    ) -> Answer<pb::ListVerificationsResponse> {
        no()
    }
}

pub fn identification(checks: &Arc<Checks>) -> ServiceDef {
    let checks = Shared(checks.clone());
    def("identification", move |p| {
        p.routes.add_service(VerificationServiceServer::new(checks));
    })
}
