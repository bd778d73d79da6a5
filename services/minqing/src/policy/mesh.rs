//! How the commands that need the register reach the mesh: by the file that `up` writes, with one of its certificates.

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use minqing_kit::{Error, client, client::Peer, metrics::Metrics, tls};
use minqing_proto::minqing::monitoring::v1::{
    PackFile, PackFiles, Progress, policy_service_client::PolicyServiceClient,
};
use prost_reflect::{ReflectMessage, SerializeOptions};
use tonic::{Request, Status};

/// The word for the pack that the service works with.
const IN_USE: &str = "in-use";
/// Longest a call may take; the mesh allows no more.
const LONGEST: Duration = Duration::from_secs(600);

/// Which mesh, and as whom.
#[derive(Args)]
pub struct MeshOptions {
    /// The file that `up` writes into its data folder.
    #[arg(long)]
    mesh: PathBuf,
    /// Whose certificate to show, as the mesh file names it.
    #[arg(long, default_value = "operator/admin")]
    identity: String,
    /// Account of the person at the console; goes into the audit.
    #[arg(long)]
    operator: Option<String>,
}

impl MeshOptions {
    fn unknown_identity(&self, mesh: &serde_json::Value) -> String {
        let all = mesh["certificates"].as_object().into_iter().flat_map(|all| all.keys());
        let people: Vec<&str> = all.map(String::as_str).filter(|name| name.starts_with("operator/")).collect();
        format!(
            "--identity: 没有 {0} 的证书，可用 the mesh file names no certificate of {0}; it names {1}",
            self.identity,
            people.join(", ")
        )
    }

    /// A service of the mesh.
    pub fn peer(&self, service: &str) -> anyhow::Result<Peer> {
        let text = fs::read(&self.mesh).with_context(|| format!("cannot read {}", self.mesh.display()))?;
        let mesh: serde_json::Value = serde_json::from_slice(&text).context("the mesh file is not JSON")?;
        let folder = mesh["certificates"][&self.identity].as_str();
        let folder = folder.with_context(|| self.unknown_identity(&mesh))?;
        let address = mesh["services"][service]["address"].as_str();
        let address = address.with_context(|| format!("the mesh file names no {service}"))?;
        let identity = tls::Identity::load(Path::new(folder))?;
        Peer::connect(service, address, &identity, Metrics::default())
    }

    /// The service that knows packs.
    pub fn policies(&self) -> anyhow::Result<PolicyServiceClient<Peer>> {
        Ok(PolicyServiceClient::new(self.peer("monitoring")?))
    }

    /// A request in the person's name, with all the time there is.
    pub fn request<T>(&self, purpose: Option<&str>, body: T) -> anyhow::Result<Request<T>> {
        let mut request = client::request_for(purpose, None, body);
        request.set_timeout(LONGEST);
        if let Some(operator) = &self.operator {
            let value = operator.parse().context("--operator must be plain ASCII text")?;
            request.metadata_mut().insert(minqing_kit::call::header::OPERATOR, value);
        }
        Ok(request)
    }
}

/// A refusal with both its texts and what it says of each field.
pub fn refused(status: Status) -> anyhow::Error {
    let error = Error::from(status);
    let mut text = format!("{} {}", error.message_zh(), error.message());
    for (field, wrong) in error.fields() {
        text.push_str(&format!("\n  {field}: {wrong}"));
    }
    anyhow::anyhow!(text)
}

/// The files of a pack's folder; none for the pack in use.
pub fn files(pack: &Path) -> anyhow::Result<Option<PackFiles>> {
    if pack.as_os_str() == IN_USE {
        return Ok(None);
    }
    // Faults are told before anything is sent, with all their places.
    super::load(pack)?;
    let mut files = Vec::new();
    for entry in sorted(pack)? {
        if entry.is_dir() {
            files.extend(sorted(&entry)?);
        } else {
            files.push(entry);
        }
    }
    let is_yaml = |path: &PathBuf| path.is_file() && path.extension().is_some_and(|end| end == "yaml");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(pack)?.to_str().context("a file's name is not UTF-8")?.to_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok(PackFile { path: name, text })
    };
    let files = files.into_iter().filter(is_yaml).map(read).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!files.is_empty(), "{} holds no pack", pack.display());
    Ok(Some(PackFiles { files }))
}

fn sorted(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Shows how far a run is: one line that is written over, or a line for each tenth where nobody looks on.
#[derive(Default)]
pub struct Meter {
    tenth: Option<i64>,
}

impl Meter {
    pub fn show(&mut self, progress: Progress) -> std::io::Result<()> {
        let Progress { households_done: done, households_of: of } = progress;
        let mut err = std::io::stderr();
        let tenth = done.saturating_mul(10) / of.max(1);
        let line = format!("已计算 evaluated {done} / {of} 户 households ({} %)", done.saturating_mul(100) / of.max(1));
        if err.is_terminal() {
            write!(err, "\r{line}")?;
            if done >= of {
                writeln!(err)?;
            }
        } else if self.tenth != Some(tenth) {
            writeln!(err, "{line}")?;
        }
        self.tenth = Some(tenth);
        err.flush()
    }
}

/// Waits for the run, or for Ctrl-C: then the run is dropped, which ends the work at the service.
pub async fn cancellable<T>(run: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = run => done,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            bail!("已取消 cancelled")
        }
    }
}

/// Canonical JSON of a message, with numbers as numbers and nothing left out.
pub fn print_json<M: ReflectMessage>(message: &M) -> anyhow::Result<()> {
    let options = SerializeOptions::new().stringify_64_bit_integers(false).skip_default_fields(false);
    let mut out = std::io::stdout().lock();
    let mut writer = serde_json::Serializer::pretty(&mut out);
    message.transcode_to_dynamic().serialize_with_options(&mut writer, &options)?;
    writeln!(out)?;
    Ok(())
}
