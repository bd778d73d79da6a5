//! The admin port: plaintext, for the machine's own probes and scrapers, one port for both protocols. HTTP/1 serves
//! `/metrics`, `/healthz` (the process still schedules tasks; it tests no dependency) and `/readyz`; gRPC serves
//! `grpc.health.v1` with the services `liveness` and `readiness`.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{lifecycle::Lifecycle, metrics::Metrics};

const CONNECTIONS: usize = 64;
/// Longest life of an admin connection; probes and scrapers come anew.
const AGE: Duration = Duration::from_secs(300);
const HEADERS: Duration = Duration::from_secs(5);
const STREAMS: u32 = 32;

/// Whether the service can take work: set once when it can, withdrawn once when it stops.
#[derive(Clone)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
    reporter: HealthReporter,
}

impl Readiness {
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub async fn ready(&self) {
        self.set(true).await;
    }

    pub async fn stopping(&self) {
        self.set(false).await;
    }

    async fn set(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in ["readiness", ""] {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// Binds the admin port and begins to answer on it.
pub async fn start(
    addr: SocketAddr,
    metrics: Metrics,
    lifecycle: &Lifecycle,
) -> anyhow::Result<(SocketAddr, Readiness)> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("liveness", ServingStatus::Serving).await;
    let readiness = Readiness { ready: Arc::default(), reporter };
    readiness.stopping().await;
    let router = tonic::service::Routes::new(health)
        .into_axum_router()
        .route("/metrics", get(move || std::future::ready(metrics_text(&metrics))))
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get({
                let readiness = readiness.clone();
                move || std::future::ready(ready_text(&readiness))
            }),
        );
    let listener = crate::server::bind(addr, "MINQING_ADMIN_LISTEN").await?;
    let bound = listener.local_addr()?;
    lifecycle.spawn_last(serve(listener, router, lifecycle.clone()));
    Ok((bound, readiness))
}

fn metrics_text(metrics: &Metrics) -> ([(&'static str, &'static str); 1], String) {
    ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text())
}

fn ready_text(readiness: &Readiness) -> (StatusCode, &'static str) {
    if readiness.is_ready() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}

/// Probes are answered until the very end of the drain, so that whoever asks learns "not ready" and not "dead".
async fn serve(listener: TcpListener, router: Router, lifecycle: Lifecycle) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Duration::from_secs(30));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (builder, service) = (builder.clone(), TowerToHyperService::new(router.clone()));
        lifecycle.spawn_last(async move {
            let _place = place;
            let _ = tokio::time::timeout(AGE, builder.serve_connection(TokioIo::new(stream), service)).await;
        });
    }
}
