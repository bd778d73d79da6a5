//! `minqing up`: the whole mesh on one machine, each service a process of its own.
//!
//! Prepares the database, keys and certificates in the data folder, starts and supervises the processes, then runs
//! the command after `--` against the mesh (the synthetic city, say) and stops everything when it ends.

mod certificates;
mod chaos;
mod database;
mod layout;
mod mesh_file;
mod process;

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use self::{layout::Layout, process::Processes};
use crate::services;

/// How the mesh is disturbed while the command runs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Chaos {
    /// Not at all.
    None,
    /// Every process is killed (SIGKILL) at least twice at random moments.
    Kill,
    /// Redis is flushed, stopped and started again and again.
    Redis,
}

/// Options of `minqing up`.
#[derive(Args)]
pub struct Options {
    /// Folder in which keys, certificates, logs and exchange folders live.
    #[arg(long)]
    data: PathBuf,
    /// Administrator's URL of the PostgreSQL to make roles, schemas and databases in.
    #[arg(long)]
    database_url: String,
    /// Use this Redis instead of starting one.
    #[arg(long, conflicts_with = "redis_server")]
    redis_url: Option<String>,
    /// Start this redis-server on a free port.
    #[arg(long, required_unless_present = "redis_url")]
    redis_server: Option<PathBuf>,
    /// Policy pack.
    #[arg(long)]
    policy: PathBuf,
    /// Begin with empty registers instead of those of the last run; nothing is migrated twice.
    #[arg(long)]
    fresh: bool,
    /// Disturb the mesh while the command runs.
    #[arg(long, value_enum, default_value = "none")]
    chaos: Chaos,
    /// Seed of the disturbances.
    #[arg(long, default_value_t = 1)]
    chaos_seed: u64,
    /// Leave the mesh up after the command; Ctrl-C stops it.
    #[arg(long)]
    stay: bool,
    /// Send traces to this OTLP/gRPC receiver.
    #[arg(long)]
    otlp: Option<String>,
    /// Let a bureau's adapter exchange by tables in this database, BUREAU=URL; may be given several times.
    #[arg(long, value_parser = exchange_database)]
    exchange_database: Vec<(String, String)>,
    /// Command to run against the mesh once it is ready; without one the mesh stays up with the real clock.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Options of `minqing prepare`.
#[derive(Args)]
pub struct PrepareOptions {
    /// Folder in which keys and certificates are made.
    #[arg(long)]
    data: PathBuf,
    /// Administrator's URL of the database that gets the roles and schemas.
    #[arg(long)]
    database_url: String,
}

fn exchange_database(text: &str) -> Result<(String, String), String> {
    let (bureau, url) = text.split_once('=').ok_or("要写成 部门=URL write it as bureau=URL")?;
    if !services::bureaus().contains(&bureau) {
        return Err(format!("没有这个部门 no bureau is called {bureau}"));
    }
    Ok((bureau.to_owned(), url.to_owned()))
}

/// Prepares what a mesh started by other means (compose) needs; a second run changes nothing.
pub async fn prepare(options: &PrepareOptions) -> anyhow::Result<()> {
    let layout = Layout::prepare(&options.data, true)?;
    certificates::prepare(&layout)?;
    database::provision_and_migrate(&options.database_url).await?;
    say(format_args!("已准备 prepared: {}", layout.root.display()))?;
    Ok(())
}

/// Starts the mesh, runs the command, stops the mesh; the exit code is the command's.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let layout = Layout::prepare(&options.data, options.command.is_empty())?;
    certificates::prepare(&layout)?;
    let mut redis = process::Redis::prepare(&layout, &options)?;
    redis.start().await?;

    say(format_args!("准备数据库 preparing the database"))?;
    let database_url = database::prepare(&options).await?;
    let mut processes = Processes::plan(&layout, &options, &database_url, redis.url())?;

    let outcome = async {
        let began = tokio::time::Instant::now();
        processes.start_all()?;
        processes.wait_ready(Duration::from_secs(120)).await?;
        say(format_args!("{} 个进程就绪 processes ready in {:.1} s", processes.len(), began.elapsed().as_secs_f64()))?;
        mesh_file::write(&layout, &options, &processes, &database_url, redis.url())?;
        attend(&options, &layout, &mut processes, &mut redis).await
    }
    .await;

    processes.stop_all(Duration::from_secs(10)).await;
    redis.stop().await;
    outcome
}

/// Runs the command while the processes are supervised and, if asked, disturbed.
async fn attend(
    options: &Options,
    layout: &Layout,
    processes: &mut Processes,
    redis: &mut process::Redis,
) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut code = ExitCode::SUCCESS;

    if let Some((program, arguments)) = options.command.split_first() {
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{program}`"))?;
        let mut disturbance = chaos::Disturbance::new(options.chaos, options.chaos_seed);
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                _ = interrupt.recv() => return Ok(ExitCode::from(130)),
                _ = terminate.recv() => return Ok(ExitCode::from(143)),
                died = processes.supervise(options.chaos == Chaos::None) => died?,
                () = disturbance.due() => disturbance.strike(processes, redis).await?,
            }
        };
        code = ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1));
        if let Err(shortfall) = disturbance.finish(layout, processes) {
            say(format_args!("{shortfall:#}"))?;
            code = ExitCode::FAILURE;
        }
    }

    if options.stay || options.command.is_empty() {
        processes.print_addresses()?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                died = processes.supervise(true) => died?,
            }
        }
    }
    Ok(code)
}

fn say(text: std::fmt::Arguments<'_>) -> std::io::Result<()> {
    writeln!(std::io::stderr().lock(), "{text}")
}
