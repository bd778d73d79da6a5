//! The one client of the mesh: a [`Peer`] is a lazily connected channel with mutual TLS, on which every call has a
//! deadline (at most what is left of the call being answered), carries the trace, and is made again a few times when
//! the peer is away, within a budget.

mod body;
mod budget;
mod send;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Context as _;
use tonic::{Status, metadata::MetadataValue, transport::Channel};

pub use body::PeerBody;

use crate::{
    call::{Call, header},
    metrics::Metrics,
    tls::Identity,
};

const CONNECT: Duration = Duration::from_secs(2);
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls on their way to a peer at a time, below the server's bound per connection; more wait in line.
const CALLS: usize = 64;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;

/// A service of the mesh, as its clients see it; the `T` of a generated client.
#[derive(Clone)]
pub struct Peer {
    shared: Arc<Shared>,
    channel: Channel,
}

struct Shared {
    name: String,
    metrics: Metrics,
    budget: budget::Budget,
}

impl Peer {
    /// The service `name` at `url`; nothing is connected yet.
    pub fn connect(name: &str, url: &str, identity: &Identity, metrics: Metrics) -> anyhow::Result<Peer> {
        let what = || {
            format!("the peer {name} cannot be used with the URL {url}; set MINQING_PEERS to {name}=https://host:port")
        };
        let endpoint = tonic::transport::Endpoint::from_shared(url.to_owned())
            .with_context(what)?
            .tls_config(identity.client_config(name))
            .with_context(what)?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .concurrency_limit(CALLS);
        let shared = Shared { name: name.to_owned(), metrics, budget: budget::Budget::default() };
        Ok(Peer { shared: Arc::new(shared), channel: endpoint.connect_lazy() })
    }

    /// The peer's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl tower::Service<http::Request<tonic::body::Body>> for Peer {
    type Response = http::Response<PeerBody>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Every attempt waits for a channel of its own, within the deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(send::send(self.clone(), request))
    }
}

/// A request that goes on with a call's purpose, case and operator.
pub fn request<T>(call: &Call, body: T) -> tonic::Request<T> {
    let mut request = request_for(call.purpose.as_deref(), call.case_ref.as_deref(), body);
    insert(&mut request, header::OPERATOR, call.operator.as_deref());
    request
}

/// A request with a purpose and a case of its own.
pub fn request_for<T>(purpose: Option<&str>, case_ref: Option<&str>, body: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(body);
    insert(&mut request, header::PURPOSE, purpose);
    insert(&mut request, header::CASE, case_ref);
    request
}

/// Makes a request on behalf of somebody; the server takes it from the gateway only.
pub fn on_behalf<T>(mut request: tonic::Request<T>, caller: &crate::Caller) -> tonic::Request<T> {
    insert(&mut request, header::ON_BEHALF, Some(caller.as_str()));
    request
}

/// Values were checked where they came in; one that is no ASCII text is left out, and the server will miss it.
fn insert<T>(request: &mut tonic::Request<T>, key: &'static str, value: Option<&str>) {
    if let Some(value) = value.and_then(|v| MetadataValue::try_from(v).ok()) {
        request.metadata_mut().insert(key, value);
    }
}
