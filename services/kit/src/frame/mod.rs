//! From a service's definition to a running process and back: settings, telemetry, keys, database, server, workers in
//! this order, and the reverse at the end. [`run`] is a process's main; [`start`] is what tests use.

mod edge;
mod feed;
mod running;
mod start;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use futures::future::BoxFuture;
use tonic::service::RoutesBuilder;

pub use edge::{Edge, EdgeRoutes, run_edge};
pub use running::Running;
pub use start::{run, start};

use crate::{
    client::Peer,
    clock::SharedClock,
    db::Db,
    delivery::Carrier,
    error::{Error, Result},
    events::Consumer,
    id::SharedIds,
    keys::Keyring,
    lifecycle::Lifecycle,
    metrics::Metrics,
    reconcile::{Reconciler, Reconcilers},
    settings::Settings,
    tls::Identity,
};

/// What a service has at hand.
#[derive(Clone)]
pub struct Context {
    /// `registry`, `adapter-education`.
    pub name: String,
    /// `service/registry`, `adapter/education`.
    pub identity: String,
    pub db: Db,
    pub clock: SharedClock,
    pub ids: SharedIds,
    pub keys: Arc<Keyring>,
    pub settings: Arc<Settings>,
    pub lifecycle: Lifecycle,
    pub metrics: Metrics,
    peers: Arc<Peers>,
    reconcilers: Arc<OnceLock<Reconcilers>>,
}

impl Context {
    /// Another service, by its name. The connection is shared and made when first used.
    pub fn peer(&self, service: &str) -> Result<Peer> {
        self.peers.get(service, &self.metrics)
    }

    /// Asks a reconciler of this process for a pass soon.
    pub fn nudge(&self, reconciler: &str) {
        if let Some(reconcilers) = self.reconcilers.get() {
            reconcilers.nudge(reconciler);
        }
    }
}

/// Connections of a process to others, one each.
pub struct Peers {
    identity: Identity,
    urls: BTreeMap<String, String>,
    open: Mutex<BTreeMap<String, Peer>>,
}

impl Peers {
    pub fn new(identity: Identity, urls: BTreeMap<String, String>) -> Peers {
        Peers { identity, urls, open: Mutex::default() }
    }

    pub fn get(&self, service: &str, metrics: &Metrics) -> Result<Peer> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = open.get(service) {
            return Ok(peer.clone());
        }
        let url = self.urls.get(service).ok_or_else(|| {
            Error::unavailable(
                "PEER_UNKNOWN",
                format!("no address of {service} is known; add {service}=https://host:port to MINQING_PEERS"),
                format!("未配置服务 {service} 的地址，请在 MINQING_PEERS 中添加"),
            )
        })?;
        let peer = Peer::connect(service, url, &self.identity, metrics.clone()).map_err(Error::bug)?;
        open.insert(service.to_owned(), peer.clone());
        Ok(peer)
    }

    fn knows(&self, service: &str) -> bool {
        self.urls.contains_key(service)
    }
}

/// What a service adds to the frame.
#[derive(Default)]
pub struct Parts {
    pub routes: RoutesBuilder,
    pub consumers: Vec<Consumer>,
    pub reconcilers: Vec<Arc<dyn Reconciler>>,
    pub carriers: Vec<Arc<dyn Carrier>>,
}

type Build = Box<dyn FnOnce(Context) -> BoxFuture<'static, anyhow::Result<Parts>> + Send>;

/// A service.
pub struct ServiceDef {
    pub name: String,
    pub identity: String,
    /// Schema of its tables: `registry`, `adapter_education`.
    pub schema: String,
    pub migrations: &'static sqlx::migrate::Migrator,
    pub build: Build,
}

/// What tests put in the place of the real thing.
#[derive(Clone, Default)]
pub struct Overrides {
    pub clock: Option<SharedClock>,
    pub ids: Option<SharedIds>,
    /// No workers: the test calls `consume_once`, `reconcile_once`, `relay_once`, `carry_once`.
    pub manual: bool,
}
