//! The frame of the gateway: a process with a public port and no database of its own.

use std::sync::Arc;

use axum::Router;

use super::Peers;
use crate::{
    Lifecycle, Result, admin,
    client::Peer,
    lifecycle,
    metrics::Metrics,
    server::{self, Limits, Server},
    settings::Settings,
    telemetry,
    tls::Identity,
};

/// What the gateway has at hand.
pub struct Edge {
    peers: Peers,
    metrics: Metrics,
}

impl Edge {
    /// A service of the mesh, by its name.
    pub fn peer(&self, service: &str) -> Result<Peer> {
        self.peers.get(service, &self.metrics)
    }
}

/// What the gateway serves: its router, asked for plain requests and, through its fallback, for gRPC, and how it
/// writes a refusal of a plain request.
pub struct EdgeRoutes {
    pub router: Router,
    pub refuse: fn(&tonic::Status) -> http::Response<axum::body::Body>,
}

/// Runs the gateway until SIGTERM or SIGINT.
pub async fn run_edge(
    name: &str,
    identity: &str,
    settings: Settings,
    routes: fn(Arc<Edge>) -> EdgeRoutes,
) -> anyhow::Result<()> {
    telemetry::hook_panics();
    let lifecycle = Lifecycle::new();
    let telemetry = telemetry::init(name, &settings)?;
    let metrics = Metrics::new();
    let certificate = Identity::load(&settings.tls_dir)?;
    let (admin_addr, readiness) = admin::start(settings.admin_listen, metrics.clone(), &lifecycle).await?;
    let peers = Peers::new(certificate.clone(), settings.peers.clone());
    let EdgeRoutes { router, refuse } = routes(Arc::new(Edge { peers, metrics: metrics.clone() }));
    let server = Server {
        own: identity.to_owned(),
        identity: certificate,
        routes: tonic::service::Routes::from(router.clone()),
        edge: Some(server::Edge { router, refuse }),
        limits: Limits::default(),
        metrics,
        lifecycle: lifecycle.clone(),
    };
    let addr = server.start(settings.listen).await?;
    readiness.ready().await;
    tracing::info!(service = name, %addr, admin = %admin_addr, "started");
    tokio::select! {
        signal = lifecycle::stop_signal() => signal?,
        () = lifecycle.soft().cancelled() => {}
    }
    readiness.stopping().await;
    let end = lifecycle.stop(lifecycle::DRAIN).await;
    telemetry.shutdown().await;
    end
}
