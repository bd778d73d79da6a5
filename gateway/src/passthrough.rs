//! gRPC pass-through: chooses the service behind by the name of the service called, and for the bureau contract by the
//! bureau that calls; bodies are streamed, never read.

use axum::{extract::Request, response::Response};
use http::HeaderValue;
use minqing_kit::{Call, Error, call::header, frame::Edge};
use tonic::Status;
use tower::ServiceExt as _;

/// The services of the bureau contract, served by each adapter for its own bureau.
const BUREAU_CONTRACT: [&str; 2] = ["minqing.bureau.v1.ExchangeService", "minqing.bureau.v1.LedgerService"];

/// Whether a request speaks gRPC.
pub fn is_grpc(headers: &http::HeaderMap) -> bool {
    headers.get(http::header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Forwards a call, or answers that nothing is served under its name.
pub async fn forward(edge: &Edge, request: Request) -> Response {
    match send(edge, request).await {
        Ok(response) => response,
        Err(status) => status.into_http(),
    }
}

async fn send(edge: &Edge, request: Request) -> Result<Response, Status> {
    let call = request.extensions().get::<Call>().cloned().ok_or_else(|| Status::unauthenticated("no caller"))?;
    let target = target(request.uri().path(), &call)?;
    let peer = edge.peer(&target)?;
    let (mut head, body) = request.into_parts();
    let caller = HeaderValue::from_str(call.caller.as_str()).map_err(|_| Status::unauthenticated("no caller"))?;
    head.headers.insert(header::ON_BEHALF, caller);
    let response = peer.oneshot(Request::from_parts(head, tonic::body::Body::new(body))).await?;
    Ok(response.map(axum::body::Body::new))
}

/// Which process serves a path for a caller.
fn target(path: &str, call: &Call) -> Result<String, Error> {
    let service = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if BUREAU_CONTRACT.contains(&service) {
        if call.caller.kind() == "bureau" {
            let bureau = call.caller.rest().split('/').next().unwrap_or_default();
            return Ok(format!("adapter-{bureau}"));
        }
        return Err(Error::invalid(
            "BUREAU_UNKNOWN",
            "the bureau contract is served to a bureau; call the adapter itself to look into it",
            "该接口面向部门；运维请直接访问适配服务",
        ));
    }
    match service.split('.').collect::<Vec<_>>().as_slice() {
        ["minqing", name @ ("registry" | "identification" | "monitoring" | "dispatch" | "feedback"), "v1", _] => {
            Ok((*name).to_owned())
        }
        _ => Err(Error::new(
            minqing_kit::Kind::Unimplemented,
            "SERVICE_UNKNOWN",
            "the gateway serves no such service",
            "网关没有该服务",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use minqing_kit::Caller;

    use super::*;

    fn call(caller: &str) -> Call {
        Call::new(Caller::parse(caller).unwrap(), "")
    }

    #[test]
    fn a_bureau_reaches_its_own_adapter_and_no_other() {
        let path = "/minqing.bureau.v1.ExchangeService/SubmitBatch";
        assert_eq!(target(path, &call("bureau/education")).unwrap(), "adapter-education");
        assert_eq!(target(path, &call("bureau/medical_insurance/system-2")).unwrap(), "adapter-medical_insurance");
        let ledger = "/minqing.bureau.v1.LedgerService/CompareLedger";
        assert_eq!(target(ledger, &call("bureau/education")).unwrap(), "adapter-education");
        assert!(target("/minqing.bureau.v1.ReplayService/ReplayBatch", &call("bureau/education")).is_err());
        assert!(target(path, &call("operator/admin")).is_err());
    }

    #[test]
    fn core_services_are_reached_by_their_package_and_nothing_else_is() {
        assert_eq!(
            target("/minqing.dispatch.v1.DispatchService/ListWorkOrders", &call("operator/city")).unwrap(),
            "dispatch"
        );
        for path in ["/minqing.mesh.v1.EventLogService/ReadEvents", "/grpc.health.v1.Health/Check", "/", "/x/y"] {
            assert!(target(path, &call("operator/city")).is_err(), "{path}");
        }
    }
}
