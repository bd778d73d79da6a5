//! The public edge beside gRPC: plain HTTP requests, over HTTP/1.1 or HTTP/2, on the same port and with the same
//! certificates. They take places, have a deadline and a caller; what they may do, the service behind decides.

use std::{convert::Infallible, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use axum::{Router, body::Body};
use futures::FutureExt;
use http::{HeaderMap, Request, Response, header::CONTENT_TYPE};
use http_body_util::Either;
use hyper::body::Incoming;
use tonic::Status;
use tower::ServiceExt as _;

use super::{
    body::Watched,
    guard::{Connection, expired, panicked},
};

/// Longest a plain request is worked on.
const DEADLINE: Duration = Duration::from_secs(10);

/// How the edge answers plain requests.
#[derive(Clone)]
pub struct Edge {
    pub router: Router,
    /// Writes a refusal in the edge's own form.
    pub refuse: fn(&Status) -> Response<Body>,
}

/// One connection of the edge: gRPC by the guard, everything else by the router.
#[derive(Clone)]
pub(super) struct EdgeConnection {
    pub connection: Connection,
    pub edge: Edge,
}

impl hyper::service::Service<Request<Incoming>> for EdgeConnection {
    type Response = Response<Either<Watched, Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let own = self.clone();
        Box::pin(async move {
            Ok(if is_grpc(request.headers()) {
                own.connection.answer(request.map(tonic::body::Body::new)).await.map(Either::Left)
            } else {
                own.plain(request.map(Body::new)).await.map(Either::Right)
            })
        })
    }
}

impl EdgeConnection {
    async fn plain(self, mut request: Request<Body>) -> Response<Body> {
        let refuse = self.edge.refuse;
        let (places, call) = match self.connection.admit_plain(request.headers()) {
            Ok(admitted) => admitted,
            Err(refusal) => return refuse(&refusal.into()),
        };
        let deadline = std::time::Instant::now() + DEADLINE;
        let span = self.connection.plain_span(&call, request.headers());
        request.extensions_mut().insert(call);
        let handler = AssertUnwindSafe(self.edge.router.oneshot(request)).catch_unwind();
        let handler = crate::call::within(deadline, tracing::Instrument::instrument(handler, span));
        let response = match tokio::time::timeout_at(deadline.into(), handler).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(e))) => match e {},
            Ok(Err(_)) => refuse(&panicked()),
            Err(_) => refuse(&expired()),
        };
        // Plain answers are whole when they leave the router, so the places are free again.
        drop(places);
        response
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
