//! A second implementation of monitoring as far as a batch goes through it: it takes parts, closes, and remembers about
//! whom it was told.

use std::sync::{Arc, Mutex};

use minqing_kit::{Parts, ServiceDef};
use minqing_proto::minqing::monitoring::v1::{
    self as pb, monitoring_service_server::MonitoringService, monitoring_service_server::MonitoringServiceServer,
};
use sqlx::migrate::Migrator;
use tonic::{Request, Response, Status};

static NO_MIGRATIONS: Migrator = Migrator::DEFAULT;

type Answer<T> = Result<Response<T>, Status>;

/// Keys of the persons whose records came.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    /// What came since the last call.
    pub fn take(&self) -> Vec<String> {
        self.0.lock().map(|mut told| std::mem::take(&mut *told)).unwrap_or_default()
    }
}

fn no<T>() -> Answer<T> {
    Err(Status::unimplemented("not needed here"))
}

#[tonic::async_trait]
impl MonitoringService for Told {
    async fn submit_records(&self, request: Request<pb::SubmitRecordsRequest>) -> Answer<pb::SubmitRecordsResponse> {
        let records = request.into_inner().records;
        let accepted = i32::try_from(records.len()).unwrap_or(i32::MAX);
        if let Ok(mut told) = self.0.lock() {
            told.extend(records.into_iter().map(|record| record.person_key));
        }
        Ok(Response::new(pb::SubmitRecordsResponse { accepted, changed: accepted, ..Default::default() }))
    }

    async fn close_batch(&self, request: Request<pb::CloseBatchRequest>) -> Answer<pb::CloseBatchResponse> {
        Ok(Response::new(pb::CloseBatchResponse { changed: request.get_ref().accepted, ended: 0 }))
    }

    async fn withdraw_batch(&self, _: Request<pb::WithdrawBatchRequest>) -> Answer<pb::WithdrawBatchResponse> {
        no()
    }

    async fn list_warnings(&self, _: Request<pb::ListWarningsRequest>) -> Answer<pb::ListWarningsResponse> {
        no()
    }

    async fn get_warning(&self, _: Request<pb::GetWarningRequest>) -> Answer<pb::GetWarningResponse> {
        no()
    }

    async fn list_feeds(&self, _: Request<pb::ListFeedsRequest>) -> Answer<pb::ListFeedsResponse> {
        no()
    }

    async fn get_household_facts(
        &self,
        _: Request<pb::GetHouseholdFactsRequest>,
    ) -> Answer<pb::GetHouseholdFactsResponse> {
        no()
    }
}

/// Monitoring as a service of the test's own process.
pub fn service(told: &Told) -> ServiceDef {
    let told = told.clone();
    ServiceDef {
        name: "monitoring".into(),
        identity: "service/monitoring".into(),
        schema: "monitoring".into(),
        migrations: &NO_MIGRATIONS,
        build: Box::new(move |_| {
            Box::pin(async move {
                let mut parts = Parts::default();
                parts.routes.add_service(MonitoringServiceServer::new(told));
                Ok(parts)
            })
        }),
    }
}
