//! The one deployable binary: each service is a sub-command and its own process; `up` starts the whole mesh on one
//! machine; the rest are an operator's tools.

mod adapter;
mod books;
mod exchange;
mod feeds;
mod growth;
mod identities;
mod indicators;
mod policy;
mod receipt;
mod services;
mod status;
mod up;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use minqing_kit::Settings;

/// Minqing (民情): finds the households that need help, tells the right department, and knows what became of it.
///
/// A service is configured by MINQING_* variables; `minqing serve --help` lists them.
#[derive(Parser)]
#[command(name = "minqing", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one service until it is told to stop (运行一个服务).
    ///
    /// Variables: MINQING_DATABASE_URL, MINQING_REDIS_URL, MINQING_LISTEN, MINQING_ADMIN_LISTEN, MINQING_TLS_DIR,
    /// MINQING_PEERS, MINQING_KEYS_FILE, MINQING_OTLP_ENDPOINT, MINQING_CLOCK, MINQING_POLICY_DIR, MINQING_LOG,
    /// MINQING_EXCHANGE_DIR, MINQING_EXCHANGE_DATABASE_URL, MINQING_SIGNING_DIR, MINQING_RAW_DAYS, MINQING_BUREAU_FILE,
    /// MINQING_REVIEW_TEXT_DAYS.
    Serve {
        /// registry, identification, monitoring, dispatch, feedback, gateway, or adapter-<bureau>.
        service: String,
    },
    /// Start every service as a process of its own on this machine (本机启动全部服务).
    Up(up::Options),
    /// Make keys, certificates, roles and schemas for a development mesh, and migrate (准备开发环境).
    Prepare(up::PrepareOptions),
    /// Check, compare and try policy packs (检查、比较、试算政策包).
    #[command(subcommand)]
    Policy(policy::Command),
    /// Make a new adapter, and check any adapter against the contract (新建适配器、检验符合性).
    #[command(subcommand)]
    Adapter(adapter::Command),
    /// Show how each bureau's data stand by county: last delivered, due, rows, refusals, agreement, warnings (查看数据源).
    Feeds(feeds::FeedsOptions),
    /// Show the records in which feedback's books differ from the register's or a bureau's (查看对账差异).
    Books(books::BooksOptions),
    /// Show what came of each indicator's warnings, and the visits that merging and suppression saved (查看预警成效).
    Indicators(indicators::IndicatorsOptions),
    /// Show and decide whom faulty numbers and names mean (身份复核).
    #[command(subcommand)]
    Identities(identities::Command),
    /// Check signed receipts offline (离线核验回执).
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// Print what a bureau's DBA runs for the table exchange (库表交换).
    #[command(subcommand)]
    Exchange(exchange::Command),
    /// Print how the tables are laid out over many machines (输出分布式部署语句).
    #[command(subcommand)]
    Growth(growth::Command),
    /// Show how far each process of a running mesh is, and what is stuck (查看运行状态).
    Status {
        /// The file that `up` writes into its data folder.
        #[arg(long)]
        mesh: PathBuf,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let outcome = runtime.block_on(async {
        match Arguments::parse().command {
            Command::Serve { service } => serve(&service).await,
            Command::Up(options) => return up::run(options).await,
            Command::Policy(command) => return policy::run(command).await,
            Command::Adapter(command) => return adapter::run(command).await,
            Command::Receipt(command) => return receipt::run(&command),
            Command::Exchange(command) => exchange::run(&command),
            Command::Growth(command) => growth::run(&command),
            Command::Feeds(options) => return feeds::run(options).await,
            Command::Books(options) => return books::run(options).await,
            Command::Indicators(options) => return indicators::run(options).await,
            Command::Identities(command) => return identities::run(command).await,
            Command::Prepare(options) => up::prepare(&options).await,
            Command::Status { mesh, json } => status::run(&mesh, json).await,
        }
        .map(|()| ExitCode::SUCCESS)
    });
    outcome.unwrap_or_else(|error| fail(&error))
}

async fn serve(service: &str) -> anyhow::Result<()> {
    if service == "gateway" {
        return minqing_gateway::run(Settings::from_env("gateway")?).await;
    }
    let def = services::by_name(service)?;
    let settings = Settings::from_env(service)?;
    minqing_kit::frame::run(def, settings).await
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed, for the person who typed it")]
fn fail(error: &anyhow::Error) -> ExitCode {
    // Whoever reads (`| head`) has seen enough: that is no fault.
    if error.chain().any(is_closed_pipe) {
        return ExitCode::SUCCESS;
    }
    eprintln!("错误 error: {error:#}");
    ExitCode::FAILURE
}

fn is_closed_pipe(cause: &(dyn std::error::Error + 'static)) -> bool {
    let of_io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let of_json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
    of_io.or(of_json) == Some(std::io::ErrorKind::BrokenPipe)
}
