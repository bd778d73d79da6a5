//! `minqing policy`: checks, compares and tries policy packs before one decides about people.

mod activate;
mod back_test;
mod check;
mod diff;
mod explain;
pub mod mesh;
mod simulate;
pub mod table;
mod test;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use minqing_policy::Pack;

/// What to do with policy packs.
#[derive(Subcommand)]
pub enum Command {
    /// Read a pack, report every fault with file, line and hint, or its counts and unconfirmed values (检查政策包).
    Check(CheckOptions),
    /// Show what differs between two packs, entry by entry (比较两个政策包).
    Diff(DiffOptions),
    /// Work the pack's own examples and show which differ (运行政策包自带实例).
    Test(CheckOptions),
    /// Judge the whole register by two packs: who enters, leaves or changes amount, cost, field work (试算).
    Simulate(simulate::SimulateOptions),
    /// Judge the register by a pack's indicators on past days: hits, overlaps, yield (回测).
    BackTest(back_test::BackTestOptions),
    /// Bring a pack into use: one person proposes it, another approves it (提交、批准政策包).
    Activate(activate::ActivateOptions),
    /// Tell what the rules say of one household, and why (解释一户).
    Explain(explain::ExplainOptions),
    /// Write a JSON Schema for each pack file, for editors (生成编辑器校验模式).
    Schema {
        /// Folder to write into.
        #[arg(long)]
        to: PathBuf,
    },
}

#[derive(Args)]
pub struct CheckOptions {
    /// The pack's folder.
    pack: PathBuf,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct DiffOptions {
    /// The pack's folder now.
    before: PathBuf,
    /// The other pack's folder.
    after: PathBuf,
    /// JSON instead of a list.
    #[arg(long)]
    json: bool,
}

/// Runs the command; a pack with faults ends it with failure.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(options) => check::run(&options.pack, options.json),
        Command::Diff(options) => diff::run(&options.before, &options.after, options.json),
        Command::Test(options) => test::run(&options.pack, options.json),
        Command::Simulate(options) => simulate::run(options).await,
        Command::BackTest(options) => back_test::run(options).await,
        Command::Activate(options) => activate::run(options).await,
        Command::Explain(options) => explain::run(options).await,
        Command::Schema { to } => check::write_schemas(&to),
    }
}

/// The pack, or an error that lists every fault.
fn load(folder: &std::path::Path) -> anyhow::Result<Pack> {
    Pack::load(folder).map_err(|errors| anyhow::anyhow!("{}: {errors}", folder.display()))
}
