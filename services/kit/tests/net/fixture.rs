//! A mesh of two: a server with a log whose behaviour the request names, and peers with any identity.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use minqing_kit::{
    Error, Lifecycle,
    client::Peer,
    metrics::Metrics,
    server::{Limits, Server},
    tls::{Identity, dev::Ca},
};
use minqing_proto::minqing::mesh::v1::{
    ReadEventsRequest, ReadEventsResponse,
    event_log_service_client::EventLogServiceClient,
    event_log_service_server::{EventLogService, EventLogServiceServer},
};
use tonic::{Request, Response, Status, service::RoutesBuilder};

pub const READ_EVENTS: &str = "/minqing.mesh.v1.EventLogService/ReadEvents";

/// Does what the first entry of `types` says.
#[derive(Clone, Default)]
pub struct Log {
    pub calls: Arc<AtomicUsize>,
    /// Calls answered UNAVAILABLE before the first that is not.
    pub away: Arc<AtomicUsize>,
    pub other: Option<Peer>,
}

#[tonic::async_trait]
impl EventLogService for Log {
    async fn read_events(&self, request: Request<ReadEventsRequest>) -> Result<Response<ReadEventsResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let call = minqing_kit::Call::of(&request);
        if self.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            return Err(Error::unavailable("AWAY", "away", "暂不可用").into());
        }
        match request.get_ref().types.first().map(String::as_str) {
            Some("hang") => std::future::pending().await,
            Some("panic") => panic!("planted"),
            Some("refuse") => {
                return Err(Error::failed_state("ALREADY_CLOSED", "the case is closed", "个案已结案")
                    .field("case", "is closed")
                    .into());
            }
            Some("large") => {
                let event = minqing_proto::minqing::mesh::v1::Event { payload: vec![1; 5 << 20], ..Default::default() };
                return Ok(Response::new(ReadEventsResponse { events: vec![event], ..Default::default() }));
            }
            Some("trace") => {
                let traceparent = minqing_kit::telemetry::traceparent_of_current_span();
                let event = minqing_proto::minqing::mesh::v1::Event { traceparent, ..Default::default() };
                return Ok(Response::new(ReadEventsResponse { events: vec![event], ..Default::default() }));
            }
            Some("ask") => {
                let other = self.other.clone().unwrap();
                let started = Instant::now();
                let answer = client(other).read_events(read("hang")).await;
                let code = answer.unwrap_err().code() as i64;
                let millis = i64::try_from(started.elapsed().as_millis()).unwrap();
                return Ok(Response::new(ReadEventsResponse {
                    head_position: code,
                    through_position: millis,
                    events: vec![],
                }));
            }
            _ => {}
        }
        // The caller's name length tells who was seen.
        let seen = i64::try_from(call.caller.as_str().len()).unwrap();
        Ok(Response::new(ReadEventsResponse { head_position: seen, ..Default::default() }))
    }
}

pub struct Mesh {
    pub ca: Ca,
    pub addr: SocketAddr,
    pub metrics: Metrics,
    pub lifecycle: Lifecycle,
}

impl Mesh {
    pub async fn start(log: Log) -> Mesh {
        Mesh::with(log, Limits::default()).await
    }

    pub async fn with(log: Log, limits: Limits) -> Mesh {
        let large = EventLogServiceServer::new(log).max_decoding_message_size(8 << 20);
        Mesh::serving(large, limits).await
    }

    pub async fn serving<S>(service: S, limits: Limits) -> Mesh
    where
        S: tower::Service<http::Request<tonic::body::Body>, Error = std::convert::Infallible>
            + tonic::server::NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        let ca = Ca::new("test CA").unwrap();
        let mut routes = RoutesBuilder::default();
        routes.add_service(service);
        let metrics = Metrics::new();
        let lifecycle = Lifecycle::new();
        let server = Server {
            own: "service/monitoring".to_owned(),
            identity: ca.issue("service/monitoring", &["monitoring"]).unwrap(),
            routes: routes.routes(),
            limits,
            metrics: metrics.clone(),
            lifecycle: lifecycle.clone(),
            edge: None,
        };
        let addr = server.start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Mesh { ca, addr, metrics, lifecycle }
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.addr.port())
    }

    pub fn identity(&self, caller: &str) -> Identity {
        self.ca.issue(caller, &[]).unwrap()
    }

    pub fn peer(&self, caller: &str) -> Peer {
        Peer::connect("monitoring", &self.url(), &self.identity(caller), Metrics::new()).unwrap()
    }

    pub fn client(&self, caller: &str) -> EventLogServiceClient<Peer> {
        client(self.peer(caller))
    }
}

pub fn client(peer: Peer) -> EventLogServiceClient<Peer> {
    EventLogServiceClient::new(peer).max_decoding_message_size(8 << 20)
}

pub fn read(what: &str) -> ReadEventsRequest {
    ReadEventsRequest { types: vec![what.to_owned()], ..Default::default() }
}

pub fn within<T>(what: T, time: Duration) -> Request<T> {
    let mut request = Request::new(what);
    request.set_timeout(time);
    request
}

/// A call of any method with an empty message.
pub async fn raw(peer: &Peer, path: &str, headers: &[(&'static str, &str)]) -> Status {
    let mut request = http::Request::builder()
        .method("POST")
        .uri(format!("https://monitoring{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (key, value) in headers {
        request = request.header(*key, *value);
    }
    let body = tonic::body::Body::new(http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5])));
    match tower::ServiceExt::oneshot(peer.clone(), request.body(body).unwrap()).await {
        Ok(response) => Status::from_header_map(response.headers()).unwrap(),
        Err(status) => status,
    }
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
