//! The one server of the mesh: mutual TLS, HTTP/2 bounds, access rules, deadlines to the end of the answer, load
//! shedding, traces and counts. A service gives its routes and can get none of this wrong.
//!
//! tonic's own server is not used: it cannot end a stream at its deadline, has no cap on connections or handshakes, and
//! with a grace time set it never asks an old connection to leave, it only cuts it off (0.14.9).

mod access;
mod body;
mod edge;
mod guard;
mod listen;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tonic::service::Routes;

pub use access::{Rule, rule};
pub use edge::Edge;
pub(crate) use guard::parse_timeout;

use crate::{lifecycle::Lifecycle, metrics::Metrics, tls::Identity};

/// Bounds of the server. The defaults are the mesh's; tests lower them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Streams of one connection (SETTINGS_MAX_CONCURRENT_STREAMS).
    pub streams: u32,
    /// Calls of one connection answered at a time.
    pub calls_per_connection: usize,
    /// Calls of the process answered at a time.
    pub calls: usize,
    pub connections: usize,
    pub connections_per_address: usize,
    pub handshake: Duration,
    /// Deadline of a call that names none.
    pub deadline: Duration,
    /// The same for a call whose request is a stream.
    pub stream_deadline: Duration,
    /// Longest deadline a caller may name.
    pub longest_deadline: Duration,
    /// Age at which a connection is asked to leave, give or take a tenth.
    pub connection_age: Duration,
    pub connection_grace: Duration,
    pub message: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            streams: 128,
            calls_per_connection: 96,
            calls: 512,
            connections: 2_000,
            connections_per_address: 256,
            handshake: Duration::from_secs(5),
            deadline: Duration::from_secs(5),
            stream_deadline: Duration::from_secs(120),
            longest_deadline: Duration::from_secs(600),
            connection_age: Duration::from_secs(15 * 60),
            connection_grace: Duration::from_secs(30),
            message: 4 << 20,
        }
    }
}

/// What a server is made of.
pub struct Server {
    /// Own identity, `service/registry` or `adapter/education`.
    pub own: String,
    pub identity: Identity,
    pub routes: Routes,
    /// Set on the public edge: how plain HTTP requests are answered.
    pub edge: Option<Edge>,
    pub limits: Limits,
    pub metrics: Metrics,
    pub lifecycle: Lifecycle,
}

impl Server {
    /// Binds the address and begins to answer; the tasks belong to the lifecycle. Returns the bound address.
    pub async fn start(self, addr: SocketAddr) -> anyhow::Result<SocketAddr> {
        let tls = self.identity.server_config(self.edge.is_some())?;
        let listener = bind(addr, "MINQING_LISTEN").await?;
        let bound = listener.local_addr()?;
        let guard = Arc::new(guard::Guard::new(self.own, self.routes, self.limits.clone(), self.metrics.clone()));
        let lifecycle = self.lifecycle.clone();
        let listen =
            listen::Listen { edge: self.edge, guard, tls, limits: self.limits, metrics: self.metrics, lifecycle };
        self.lifecycle.spawn("server", listen.run(listener));
        Ok(bound)
    }
}

/// Binds with the variable named when it fails.
pub(crate) async fn bind(addr: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr)
        .await
        .map_err(|e| anyhow::anyhow!("cannot listen on {addr}: {e}; set {variable} to a free address of this machine"))
}
