//! `minqing adapter`: for those who connect a bureau.

mod conform;
mod new;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be done with adapters.
#[derive(Subcommand)]
pub enum Command {
    /// Make the crate, contract and registrations of a new bureau's adapter in this workspace (新建适配器).
    New(new::Options),
    /// Try every case of the contract on a running adapter, in whatever language it is written (检验适配器).
    Conform(conform::Options),
}

/// Runs the command.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::New(options) => new::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Conform(options) => conform::run(options).await,
    }
}
