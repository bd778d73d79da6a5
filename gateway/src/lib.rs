//! The public edge: one address for every bureau and operator.
//!
//! gRPC calls pass through by service name, unread, with the caller's certificate checked and named to the service
//! behind; REST/JSON serves the register's query and the work-order list. The gateway has no database and decides
//! nothing: the service behind authorises again, for the caller the gateway names.

mod codec;
mod errors;
mod passthrough;
mod rest;
pub mod transcode;

use std::sync::Arc;

use minqing_kit::{
    Settings,
    frame::{self, Edge, EdgeRoutes},
};

/// Runs the gateway until it is told to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    frame::run_edge("gateway", "service/gateway", settings, routes).await
}

fn routes(edge: Arc<Edge>) -> EdgeRoutes {
    let router = rest::routes(edge.clone()).fallback(move |request: axum::extract::Request| {
        let edge = edge.clone();
        async move {
            if passthrough::is_grpc(request.headers()) {
                passthrough::forward(&edge, request).await
            } else {
                errors::response(&errors::no_such_path())
            }
        }
    });
    EdgeRoutes { router, refuse: errors::response }
}
