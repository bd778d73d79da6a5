//! The processes of the mesh and its Redis: start, watch, kill, stop.

use std::{fs::File, io::Write as _, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, bail};
use futures::future::select_all;
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

use super::{
    Options, database,
    layout::{Layout, Ports},
};
use crate::services;

/// One process of the mesh.
pub struct Process {
    /// registry, adapter-education, gateway …
    pub name: String,
    /// Port of its gRPC over mTLS.
    pub port: u16,
    /// Port of its health and metrics.
    pub admin_port: u16,
    /// How often it has been killed on purpose.
    pub kills: u32,
    variables: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", &self.name])
            .env_clear()
            .envs(inherited())
            .envs(self.variables.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            // A group of its own: Ctrl-C in the terminal reaches `up` alone, which stops the rest in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.name))?;
        self.child = Some(child);
        Ok(())
    }
}

/// What a process keeps of the surroundings; everything else it is told.
#[expect(clippy::disallowed_methods, reason = "passed on to the processes, not read as a setting")]
fn inherited() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    ["PATH", "HOME", "TZ"].into_iter().filter_map(|key| Some((key, std::env::var_os(key)?)))
}

/// Every process of the mesh.
pub struct Processes {
    all: Vec<Process>,
}

impl Processes {
    /// Gives each process its ports and its settings.
    pub fn plan(layout: &Layout, options: &Options, admin_url: &str, redis_url: &str) -> anyhow::Result<Self> {
        let mut names = services::names();
        names.push("gateway".to_owned());
        let mut ports = Ports::new();
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            let log = layout.logs().join(format!("{name}.log"));
            File::create(&log)?;
            all.push(Process {
                port: ports.take()?,
                admin_port: ports.take()?,
                kills: 0,
                variables: Vec::new(),
                log,
                child: None,
                name,
            });
        }
        let peers: Vec<String> =
            all.iter().map(|process| format!("{}=https://127.0.0.1:{}", process.name, process.port)).collect();
        for process in &mut all {
            process.variables = variables(layout, options, (admin_url, redis_url), &peers.join(","), process)?;
        }
        Ok(Self { all })
    }

    /// Number of processes.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Every process.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.all.iter()
    }

    /// Starts every process.
    pub fn start_all(&mut self) -> anyhow::Result<()> {
        self.all.iter_mut().try_for_each(Process::start)
    }

    /// Waits until every process says that it is ready; one that dies before is an error.
    pub async fn wait_ready(&mut self, limit: Duration) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + limit;
        for index in 0..self.all.len() {
            loop {
                if let Some(status) = self.all[index].child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                    bail!("`{}` ended with {status}; see {}", self.all[index].name, self.all[index].log.display());
                }
                if ready(self.all[index].admin_port).await {
                    break;
                }
                if tokio::time::Instant::now() > deadline {
                    bail!("`{}` is not ready; see {}", self.all[index].name, self.all[index].log.display());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    /// Waits for a process to end and starts it again. When nobody disturbs the mesh, an end is a fault: it is told.
    pub async fn supervise(&mut self, unexpected: bool) -> anyhow::Result<()> {
        let waits = self.all.iter_mut().enumerate().filter_map(|(index, process)| {
            let child = process.child.as_mut()?;
            Some(Box::pin(async move { (index, child.wait().await) }))
        });
        let ((index, status), _, _) = select_all(waits).await;
        let process = &mut self.all[index];
        if unexpected {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            super::say(format_args!(
                "进程 {} 意外退出，重启 process ended unexpectedly ({status}), starting it again; see {}",
                process.name,
                process.log.display()
            ))?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        process.start()
    }

    /// Kills one process with SIGKILL; `supervise` starts it again.
    pub fn kill(&mut self, index: usize) {
        let process = &mut self.all[index];
        if let Some(child) = &mut process.child
            && child.start_kill().is_ok()
        {
            process.kills += 1;
        }
    }

    /// Asks every process to stop, and kills what has not stopped in time.
    pub async fn stop_all(&mut self, limit: Duration) {
        for process in &self.all {
            if let Some(pid) = process.pid().and_then(|pid| i32::try_from(pid).ok()) {
                // It may have ended by itself in between; then there is nothing to ask.
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
        }
        let deadline = tokio::time::Instant::now() + limit;
        for process in &mut self.all {
            if let Some(mut child) = process.child.take()
                && tokio::time::timeout_at(deadline, child.wait()).await.is_err()
            {
                let _ = child.kill().await;
            }
        }
    }

    /// A table of every address, for the person who keeps the mesh up.
    pub fn print_addresses(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{:<26}{:<30}健康与指标 health, metrics", "服务 service", "gRPC (mTLS)")?;
        for process in &self.all {
            writeln!(
                out,
                "{:<26}{:<30}http://127.0.0.1:{}",
                process.name,
                format!("https://127.0.0.1:{}", process.port),
                process.admin_port
            )?;
        }
        writeln!(out, "Ctrl-C 停止 stops the mesh")
    }
}

fn variables(
    layout: &Layout,
    options: &Options,
    (admin_url, redis_url): (&str, &str),
    peers: &str,
    process: &Process,
) -> anyhow::Result<Vec<(String, String)>> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut all = vec![
        ("MINQING_LISTEN", format!("127.0.0.1:{}", process.port)),
        ("MINQING_ADMIN_LISTEN", format!("127.0.0.1:{}", process.admin_port)),
        ("MINQING_TLS_DIR", text(layout.certificate(&services::identity(&process.name)))),
        ("MINQING_PEERS", peers.to_owned()),
        ("MINQING_KEYS_FILE", text(layout.keys())),
        ("MINQING_REDIS_URL", redis_url.to_owned()),
        ("MINQING_POLICY_DIR", text(options.policy.canonicalize()?)),
        ("MINQING_LOG", "info,sqlx=warn".to_owned()),
        (
            "MINQING_CLOCK",
            if layout.real_clock { "system".to_owned() } else { format!("file:{}", layout.clock().display()) },
        ),
    ];
    if process.name != "gateway" {
        all.push(("MINQING_DATABASE_URL", database::service_url(admin_url, &process.name)?));
    }
    if let Some(otlp) = &options.otlp {
        all.push(("MINQING_OTLP_ENDPOINT", otlp.clone()));
    }
    if let Some(bureau) = process.name.strip_prefix("adapter-") {
        all.push(("MINQING_SIGNING_DIR", text(layout.signing(bureau))));
        if let Some((_, url)) = options.exchange_database.iter().find(|(name, _)| name == bureau) {
            all.push(("MINQING_EXCHANGE_DATABASE_URL", url.clone()));
        }
    }
    if let Some(bureau) = process.name.strip_prefix("adapter-").filter(|b| services::FILE_BUREAUS.contains(b)) {
        let folder = layout.exchange(bureau);
        if options.fresh && folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        all.push(("MINQING_EXCHANGE_DIR", text(folder)));
    }
    Ok(all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

async fn ready(port: u16) -> bool {
    let client: Client<_, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let Ok(uri) = format!("http://127.0.0.1:{port}/readyz").parse() else { return false };
    match tokio::time::timeout(Duration::from_secs(2), client.get(uri)).await {
        Ok(Ok(response)) => response.status().is_success(),
        _ => false,
    }
}

/// The Redis of the mesh: the caller's, or one of our own on a free port.
pub struct Redis {
    server: Option<PathBuf>,
    url: String,
    port: u16,
    log: PathBuf,
    child: Option<Child>,
}

impl Redis {
    /// Chooses the address; starts nothing yet.
    pub fn prepare(layout: &Layout, options: &Options) -> anyhow::Result<Self> {
        let port = Ports::new().take()?;
        let url = options.redis_url.clone().unwrap_or_else(|| format!("redis://127.0.0.1:{port}"));
        let server = if options.redis_url.is_some() { None } else { options.redis_server.clone() };
        Ok(Self { server, url, port, log: layout.logs().join("redis.log"), child: None })
    }

    /// URL of the Redis.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts our own Redis; it keeps nothing on disk, since losing it may only cost time.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(server)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", server.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills our own Redis.
    pub async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    /// Empties the Redis.
    pub async fn flush(&self) -> anyhow::Result<()> {
        let client = redis::Client::open(self.url.as_str())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await?;
        Ok(())
    }

    /// True when the Redis is ours to stop.
    pub fn is_ours(&self) -> bool {
        self.server.is_some()
    }
}
