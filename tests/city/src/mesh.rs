//! The mesh from outside: where its processes listen, which certificates open them, and calls that are repeated
//! until they have a definite answer. Plain tonic on purpose, none of the mesh's own client code.

use std::{
    collections::BTreeMap,
    future::Future,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use serde::Deserialize;
use tokio::time::Instant;
use tonic::{
    Code, Request, Response, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use uuid::Uuid;

/// How long a call is repeated before the player gives up: longer than any process may be away.
const PATIENCE: Duration = Duration::from_secs(240);
/// A server's own fault is not expected to pass; a broken connection may look like one, so a few times.
const MOST_INTERNAL: u32 = 30;
/// Deadline of one attempt.
const ATTEMPT: Duration = Duration::from_secs(60);

/// What the launcher writes down about the mesh.
#[derive(Debug, Deserialize)]
pub struct MeshFile {
    pub clock_file: Option<PathBuf>,
    pub ca: PathBuf,
    pub services: BTreeMap<String, Service>,
    pub certificates: BTreeMap<String, PathBuf>,
    pub admin_database_url: String,
}

#[derive(Debug, Deserialize)]
pub struct Service {
    pub address: String,
    pub schema: String,
    #[serde(default)]
    pub exchange_dir: Option<PathBuf>,
    /// Public key of an adapter's receipts.
    #[serde(default)]
    pub receipt_key: Option<PathBuf>,
}

/// Connections to the mesh, one a service and identity.
pub struct Mesh {
    pub file: MeshFile,
    ca: Certificate,
    channels: Mutex<BTreeMap<(String, String), Channel>>,
}

impl Mesh {
    pub fn open(path: &Path) -> anyhow::Result<Mesh> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: MeshFile =
            serde_json::from_slice(&text).with_context(|| format!("{} is no mesh file", path.display()))?;
        let ca = Certificate::from_pem(std::fs::read(&file.ca).context("cannot read the mesh's authority")?);
        Ok(Mesh { file, ca, channels: Mutex::default() })
    }

    /// A channel to a service as somebody.
    pub fn channel(&self, service: &str, identity: &str) -> anyhow::Result<Channel> {
        let key = (service.to_owned(), identity.to_owned());
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&key) {
            return Ok(channel.clone());
        }
        let place = self.file.services.get(service).with_context(|| format!("the mesh has no service {service}"))?;
        let folder = self.file.certificates.get(identity);
        let folder = folder.with_context(|| format!("the mesh has no certificate for {identity}"))?;
        let pem =
            |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name} of {identity}"));
        let tls = ClientTlsConfig::new()
            .ca_certificate(self.ca.clone())
            .identity(Identity::from_pem(pem("cert.pem")?, pem("key.pem")?))
            .domain_name(service);
        let channel = Endpoint::from_shared(place.address.clone())?
            .tls_config(tls)?
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .connect_lazy();
        channels.insert(key, channel.clone());
        Ok(channel)
    }

    pub fn exchange_dir(&self, service: &str) -> anyhow::Result<&Path> {
        let place = self.file.services.get(service).with_context(|| format!("the mesh has no service {service}"))?;
        place.exchange_dir.as_deref().with_context(|| format!("{service} has no exchange folder"))
    }
}

/// A stream of rows may take as long as a county is large.
const STREAM: Duration = Duration::from_secs(900);

/// A request that streams a batch.
pub fn ask_stream<T>(body: T, purpose: &str) -> Request<T> {
    let mut request = ask(body, purpose, "");
    request.set_timeout(STREAM);
    request
}

/// A request with its deadline and, where personal data are read, purpose and case.
pub fn ask<T>(body: T, purpose: &str, case_ref: &str) -> Request<T> {
    let mut request = Request::new(body);
    request.set_timeout(ATTEMPT);
    let fields = [("minqing-purpose", purpose), ("minqing-case", case_ref), ("minqing-operator", "city-player")];
    for (name, text) in fields {
        if let Some(value) = Some(text).filter(|t| !t.is_empty()).and_then(|t| t.parse().ok()) {
            request.metadata_mut().insert(name, value);
        }
    }
    request
}

/// Repeats a call until its answer is definite. The caller repeats the same request id, so nothing happens twice.
pub async fn patiently<T, F, C>(what: &str, mut call: F) -> anyhow::Result<T>
where
    F: FnMut() -> C,
    C: Future<Output = Result<Response<T>, Status>>,
{
    let until = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(40);
    let mut internal = 0;
    loop {
        let status = match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => status,
        };
        internal += u32::from(status.code() == Code::Internal);
        if !may_pass(status.code()) || internal > MOST_INTERNAL || Instant::now() > until {
            return Err(anyhow::anyhow!("{what}: {:?}: {}", status.code(), status.message()));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Aborted
            | Code::ResourceExhausted
            | Code::Internal
    )
}

/// A request id that follows from what is asked, so that a second play sends the same.
pub fn request_id(seed: u64, what: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("minqing/city/{seed}/{what}").as_bytes()).to_string()
}
