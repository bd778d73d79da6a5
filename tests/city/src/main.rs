//! `minqing-city`: makes a synthetic city, plays it against a mesh, or writes its feeds into a folder.

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use minqing_city::{
    city::{City, Settings},
    generate,
    play::{self, Task, Until},
    thresholds::Thresholds,
    truth,
};

#[derive(Parser)]
#[command(version, about = "合成市：造数、报送、办理、核对 a synthetic city: makes, sends, handles, checks")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the city's weeks against a running mesh and report.
    Play(Play),
    /// Write the bureaus' feeds, the truth and a manifest into a folder, without a mesh. Tells on the error stream how far
    /// it is.
    Generate(Generate),
}

#[derive(Args)]
struct Size {
    /// Households of the city, at least 120; 700000 are a prefecture of 2.4 million people.
    #[arg(long, default_value_t = 5000)]
    households: usize,
    /// Same seed, same city.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Working days on which the bureaus send, at least 3: `play` takes up to 30, `generate` up to 300; 250 are a year.
    #[arg(long, default_value_t = 22)]
    days: u32,
    /// Policy pack whose thresholds the truth is worked out with.
    #[arg(long)]
    policy: PathBuf,
}

#[derive(Args)]
struct Play {
    #[command(flatten)]
    size: Size,
    /// File in which the launcher wrote where the mesh is.
    #[arg(long)]
    mesh: PathBuf,
    /// Write the report as JSON too.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Folder for the truth, which the mesh is never told of.
    #[arg(long)]
    work: Option<PathBuf>,
    /// What the launcher does to the mesh meanwhile; only noted in the report.
    #[arg(long, value_enum, default_value = "none")]
    chaos: Chaos,
    /// How far: until everything is settled, or only until the last day's records are screened, which judges the rows that
    /// were refused and the warnings, and is what a very large city has time for.
    #[arg(long, value_enum, default_value = "settled")]
    until: Until,
    /// Leave the conformance kit out; a disturbed mesh is never tried with it.
    #[arg(long)]
    no_conform: bool,
}

#[derive(Args)]
struct Generate {
    #[command(flatten)]
    size: Size,
    /// Folder to write into; it also takes the city's rows while they are written, in a file without a name.
    #[arg(long)]
    out: PathBuf,
    /// Threads that write and judge; what is written does not depend on their number.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Chaos {
    None,
    Kill,
    Redis,
}

impl Size {
    /// What the city is made from; `most` are the days that the command can bear.
    fn read(&self, most: u32) -> anyhow::Result<(Settings, Thresholds)> {
        anyhow::ensure!(self.households >= 120, "--households must be at least 120, or the planted cases have no room");
        anyhow::ensure!(
            (3..=most).contains(&self.days),
            "--days must be 3 to {most}, so that all ends within the calendar"
        );
        let settings = Settings { seed: self.seed, households: self.households, days: self.days };
        Ok((settings, Thresholds::load(&self.policy)?))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "错误 error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<bool> {
    match Cli::parse().command {
        Command::Generate(options) => {
            let (settings, thresholds) = options.size.read(300)?;
            let threads = options.threads.max(1);
            generate::generate(generate::Task { settings, thresholds, folder: options.out, threads })?;
            Ok(true)
        }
        Command::Play(options) => {
            let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
            runtime.block_on(play_city(options))
        }
    }
}

async fn play_city(options: Play) -> anyhow::Result<bool> {
    let began = std::time::Instant::now();
    let (settings, thresholds) = options.size.read(30)?;
    let city = Arc::new(City::build(settings, thresholds));
    if let Some(folder) = &options.work {
        truth::write(&city, folder)?;
    }
    let generate = began.elapsed().as_secs_f64();
    let chaos = match options.chaos {
        Chaos::None => "none",
        Chaos::Kill => "kill",
        Chaos::Redis => "redis",
    };
    let conform = !options.no_conform && matches!(options.chaos, Chaos::None);
    let (mesh, work, until) = (options.mesh, options.work, options.until);
    let task = Task { city, mesh, work, until, chaos: chaos.to_owned(), conform };
    let mut report = play::play(task).await?;
    report.phases_s.insert("generate".to_owned(), (generate * 1_000.0).round() / 1_000.0);
    if let Some(path) = &options.report {
        let text = serde_json::to_vec_pretty(&report)?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    write!(std::io::stdout().lock(), "{}", report.table())?;
    Ok(report.ok)
}
