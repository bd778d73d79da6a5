//! A whole mesh of processes for a test: PostgreSQL and Redis of its own, `minqing up`, and a command that runs against
//! it. Everything is gone when the value is dropped, however the test ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use minqing_test_kit::Postgres;
use serde_json::Value;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Longest wait for the mesh to start or stop, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A binary of the workspace, built beside this test.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(2).unwrap().join(name)
}

/// A mesh that runs a command, or waits to be asked.
pub struct Mesh {
    up: Child,
    folder: tempfile::TempDir,
    _postgres: Postgres,
}

impl Mesh {
    /// Starts `minqing up` with further options and a command.
    pub fn start(options: &[&str], command: &[String]) -> anyhow::Result<Mesh> {
        let folder = tempfile::tempdir()?;
        let postgres = Postgres::start()?;
        let redis = setting("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let redis = which(&redis).context("no redis-server; set REDIS_SERVER")?;
        let log = fs::File::create(folder.path().join("up.log"))?;
        let up = Command::new(binary("minqing"))
            .arg("up")
            .args(["--data".as_ref(), folder.path().as_os_str()])
            .args(["--database-url", &postgres.admin_url("postgres")])
            .args(["--redis-server".as_ref(), redis.as_os_str()])
            .args(["--policy".as_ref(), root().join("deploy/policy/longnan").as_os_str()])
            .arg("--fresh")
            .args(options)
            .arg("--")
            .args(command)
            .arg(folder.path())
            // Held open by this process: what `waiting` runs reads it, so the mesh ends with the test in whatever way.
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("minqing is not built beside the test; run bash tests/run")?;
        Ok(Mesh { up, folder, _postgres: postgres })
    }

    /// Starts a mesh that runs a line of shell, in which `$0` is the data folder.
    pub fn start_with_play(options: &[&str], line: &str) -> anyhow::Result<Mesh> {
        Mesh::start(options, &["sh".to_owned(), "-c".to_owned(), line.to_owned()])
    }

    /// Starts a mesh that stays up until the value is dropped.
    pub fn waiting(options: &[&str]) -> anyhow::Result<Mesh> {
        let mut mesh = Mesh::start_with_play(options, "exec cat")?;
        mesh.wait_for("the mesh file", |mesh| mesh.path("mesh.json").exists())?;
        Ok(mesh)
    }

    /// The command of a city that plays against this mesh.
    pub fn play(&self, households: u32, days: u32) -> Command {
        let mut command = Command::new(binary("minqing-city"));
        command
            .args(["play", "--seed", "7", "--households", &households.to_string(), "--days", &days.to_string()])
            .args(["--mesh".as_ref(), self.path("mesh.json").as_os_str()])
            .args(["--policy".as_ref(), root().join("deploy/policy/longnan").as_os_str()])
            .args(["--work".as_ref(), self.path("city").as_os_str()])
            .args(["--report".as_ref(), self.path("report.json").as_os_str()])
            .stdin(Stdio::null());
        command
    }

    /// A file of the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The mesh file.
    pub fn facts(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("mesh.json")).unwrap()).unwrap()
    }

    /// The city's report.
    pub fn report(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.path("report.json")).context("no report")?)?)
    }

    /// Waits for a condition; an error when the mesh ends before, or time runs out.
    pub fn wait_for(&mut self, what: &str, condition: impl Fn(&Mesh) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            if let Some(status) = self.up.try_wait()? {
                bail!("the mesh ended with {status} before {what}\n{}", self.wreckage());
            }
            ensure!(Instant::now() < deadline, "{what} did not come\n{}", self.wreckage());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits for the command and the mesh to end; the exit code.
    pub fn ended(&mut self, limit: Duration) -> anyhow::Result<i32> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.up.try_wait()? {
                return Ok(status.code().unwrap_or(-1));
            }
            ensure!(Instant::now() < deadline, "the mesh did not end in time\n{}", self.wreckage());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Tells `up` to stop.
    pub fn terminate(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.up.id().to_string()]).status();
    }

    /// Ids of the processes that `up` started and that still run.
    pub fn processes(&self) -> Vec<u32> {
        let mine = self.folder.path().as_os_str().as_encoded_bytes().to_vec();
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let id = path.file_name()?.to_str()?.parse().ok()?;
                let environment = fs::read(path.join("environ")).ok()?;
                let here = environment.windows(mine.len()).any(|window| window == mine);
                (here && id != std::process::id() && id != self.up.id()).then_some(id)
            })
            .collect()
    }

    /// Id of a service's process while it runs.
    pub fn process(&self, service: &str) -> Option<u32> {
        let serves = |id: &u32| {
            let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            command.ends_with(format!("\0serve\0{service}\0").as_bytes())
        };
        self.processes().into_iter().find(serves)
    }

    /// A connection to a service with the certificate of an identity, or with none.
    pub async fn channel(&self, service: &str, identity: Option<&str>) -> anyhow::Result<Channel> {
        let facts = self.facts();
        let entry = if service == "gateway" { &facts["gateway"] } else { &facts["services"][service] };
        let address = entry["address"].as_str().context("no such service")?.to_owned();
        let ca = fs::read(facts["ca"].as_str().context("no authority")?)?;
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)).domain_name(service);
        if let Some(identity) = identity {
            let folder = self.certificate(identity);
            tls =
                tls.identity(Identity::from_pem(fs::read(folder.join("cert.pem"))?, fs::read(folder.join("key.pem"))?));
        }
        Ok(Endpoint::from_shared(address)?.tls_config(tls)?.connect_timeout(Duration::from_secs(5)).connect().await?)
    }

    /// Certificate folder of an identity.
    pub fn certificate(&self, identity: &str) -> PathBuf {
        PathBuf::from(self.facts()["certificates"][identity].as_str().unwrap())
    }

    /// URL of the database as its administrator.
    pub fn database(&self) -> String {
        self.facts()["admin_database_url"].as_str().unwrap().to_owned()
    }

    /// The ends of the logs, for the person who reads a failed test.
    pub fn wreckage(&self) -> String {
        let mut text = tail(&self.path("up.log"));
        if let Ok(entries) = fs::read_dir(self.path("logs")) {
            for entry in entries.flatten() {
                let log = tail(&entry.path());
                let worth = log.lines().filter(|l| l.contains("ERROR") || l.contains("error")).collect::<Vec<_>>();
                if !worth.is_empty() {
                    text.push_str(&format!("\n{}:\n{}", entry.path().display(), worth.join("\n")));
                }
            }
        }
        text
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.terminate();
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.up.try_wait().is_ok_and(|status| status.is_none()) {
            if Instant::now() > deadline {
                let _ = self.up.kill();
                let _ = self.up.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A variable of the test run's environment.
#[expect(clippy::disallowed_methods, reason = "what `tests/run` found on this machine, no setting of a service")]
pub fn setting(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn which(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return Some(name.to_owned());
    }
    std::env::split_paths(&setting("PATH")?).map(|folder| folder.join(name)).find(|path| path.exists())
}

fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
