//! A bureau's own ledger on its way to feedback, which keeps the mesh's books and compares.

mod form;

use std::sync::Arc;

use minqing_kit::{Call, db::Fingerprint};
use minqing_proto::minqing::{
    bureau::v1::{CompareLedgerRequest, CompareLedgerResponse, ledger_service_server::LedgerService},
    feedback::v1 as feedback,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{Result, core::Core};

/// The server.
pub struct Ledger(pub Arc<Core>);

#[tonic::async_trait]
impl LedgerService for Ledger {
    async fn compare_ledger(
        &self,
        request: Request<CompareLedgerRequest>,
    ) -> Result<Response<CompareLedgerResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.0.compare_ledger(&call, request.into_inner()).await?))
    }
}

impl Core {
    pub async fn compare_ledger(&self, call: &Call, request: CompareLedgerRequest) -> Result<CompareLedgerResponse> {
        let fingerprint = Fingerprint::of(&call.method, &request);
        if let Some(done) = self.cx.db.outcome(call, &request.request_id, fingerprint).await? {
            return Ok(done);
        }
        let own = format!("minqing/ledger/{}/{}/{}", call.caller, call.method, request.request_id);
        let asked = feedback::CompareLedgerRequest {
            request_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, own.as_bytes()).to_string(),
            bureau: self.number as i32,
            month: request.month.clone(),
            lines: request.lines.clone(),
        };
        let answer = CompareLedgerResponse { results: self.peers.compare_ledger(call, asked).await?.results };
        self.cx
            .db
            .mutate(call, &request, move |_| {
                let answer = answer.clone();
                Box::pin(async move { Ok(answer) })
            })
            .await
    }
}
