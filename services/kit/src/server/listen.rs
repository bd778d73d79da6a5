//! Takes connections: a cap over all and per address, a deadline for the handshake, HTTP/2 with every bound set, a
//! connection that is old is asked to leave and then cut, the same at the end of the process.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rand::Rng;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Limits,
    edge::{Edge, EdgeConnection},
    guard::{Connection, Guard},
};
use crate::{lifecycle::Lifecycle, metrics::Metrics, tls};

const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_LIST: u32 = 8 << 10;
const PENDING_RESETS: usize = 20;
const LOCAL_ERROR_RESETS: usize = 256;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;
/// Rest after a failed accept, which is mostly "too many open files".
const ACCEPT_REST: Duration = Duration::from_millis(50);

pub(super) struct Listen {
    pub guard: Arc<Guard>,
    pub edge: Option<Edge>,
    pub tls: Arc<ServerConfig>,
    pub limits: Limits,
    pub metrics: Metrics,
    pub lifecycle: Lifecycle,
}

impl Listen {
    pub async fn run(self, listener: TcpListener) -> anyhow::Result<()> {
        let own = Arc::new(self);
        let slots = Slots::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = own.lifecycle.soft().cancelled() => return Ok(()),
            };
            let (stream, addr) = match accepted {
                Ok(accepted) => accepted,
                Err(e) => {
                    tracing::warn!(cause = %e, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                    continue;
                }
            };
            match slots.take(addr.ip(), &own.limits) {
                Ok(slot) => {
                    let own = own.clone();
                    own.lifecycle.tracker().spawn({
                        let own = own.clone();
                        async move { own.connection(stream, addr, slot).await }
                    });
                }
                Err(reason) => own.metrics.connection_refused(reason),
            }
        }
    }

    async fn connection(&self, stream: TcpStream, addr: SocketAddr, slot: Slot) {
        let (slot, gauge) = (slot, self.metrics.connections.clone());
        gauge.inc();
        let refused = match self.handshake(stream).await {
            Ok(stream) => {
                self.serve(stream).await;
                None
            }
            Err(reason) => Some(reason),
        };
        gauge.dec();
        drop(slot);
        if let Some(reason) = refused {
            tracing::debug!(peer = %addr, reason, "connection refused");
            self.metrics.connection_refused(reason);
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, &'static str> {
        // Small answers must not wait for the next one; a dead peer is found by HTTP/2 pings.
        let _ = stream.set_nodelay(true);
        let acceptor = TlsAcceptor::from(self.tls.clone());
        match tokio::time::timeout(self.limits.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) => Err("handshake"),
            Err(_) => Err("handshake_timeout"),
        }
    }

    async fn serve(&self, stream: TlsStream<TcpStream>) {
        let caller = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(tls::caller_of);
        let connection = self.guard.clone().connection(caller.and_then(Result::ok));
        match self.edge.clone() {
            None => self.serve_grpc(stream, connection).await,
            Some(edge) => self.serve_edge(stream, EdgeConnection { connection, edge }).await,
        }
    }

    async fn serve_grpc(&self, stream: TlsStream<TcpStream>, service: Connection) {
        let builder = self.bounded().http2_only();
        self.until_cut(pin!(builder.serve_connection(TokioIo::new(stream), service)), |c| c.graceful_shutdown()).await;
    }

    /// The same bounds for a connection that may speak HTTP/1.1 too.
    async fn serve_edge(&self, stream: TlsStream<TcpStream>, service: EdgeConnection) {
        let mut builder = self.bounded();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.handshake).max_buf_size(64 << 10);
        self.until_cut(pin!(builder.serve_connection(TokioIo::new(stream), service)), |c| c.graceful_shutdown()).await;
    }

    /// Every bound of HTTP/2, set here alone.
    fn bounded(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(HEADER_LIST)
            .max_pending_accept_reset_streams(PENDING_RESETS)
            .max_local_error_reset_streams(LOCAL_ERROR_RESETS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        builder
    }

    /// Serves a connection until it ends, is old, or the process stops; then asks it to leave, and cuts it at last.
    async fn until_cut<C: Future>(&self, mut connection: Pin<&mut C>, ask_to_leave: impl FnOnce(Pin<&mut C>)) {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.leaving() => {}
        }
        ask_to_leave(connection.as_mut());
        tokio::select! {
            _ = connection => {}
            () = self.cut() => {}
        }
    }

    /// Ends when a connection is to be asked to leave.
    async fn leaving(&self) {
        tokio::select! {
            () = tokio::time::sleep(jittered(self.limits.connection_age)) => {}
            () = self.lifecycle.soft().cancelled() => {}
        }
    }

    /// Ends when a connection that was asked to leave is cut.
    async fn cut(&self) {
        tokio::select! {
            () = tokio::time::sleep(self.limits.connection_grace) => {}
            () = self.lifecycle.hard().cancelled() => {}
        }
    }
}

/// Give or take a tenth, so that clients that came together do not leave together.
fn jittered(age: Duration) -> Duration {
    age.mul_f64(rand::rng().random_range(0.9..1.1))
}

/// Open connections by address.
#[derive(Clone, Default)]
struct Slots(Arc<Mutex<HashMap<IpAddr, usize>>>);

struct Slot {
    slots: Slots,
    addr: IpAddr,
}

impl Slots {
    fn take(&self, addr: IpAddr, limits: &Limits) -> Result<Slot, &'static str> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The sum is over at most `connections` addresses.
        if open.values().sum::<usize>() >= limits.connections {
            return Err("too_many");
        }
        let own = open.entry(addr).or_default();
        if *own >= limits.connections_per_address {
            return Err("too_many_of_address");
        }
        *own += 1;
        Ok(Slot { slots: self.clone(), addr })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.addr) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.addr);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn connections_are_capped_over_all_and_per_address() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let slots = Slots::default();
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|a| a.parse().unwrap());
        let first = slots.take(a, &limits).unwrap();
        let _second = slots.take(a, &limits).unwrap();
        assert_eq!(slots.take(a, &limits).err(), Some("too_many_of_address"));
        let _third = slots.take(b, &limits).unwrap();
        assert_eq!(slots.take(b, &limits).err(), Some("too_many"));
        drop(first);
        assert!(slots.take(b, &limits).is_ok());
    }
}
