//! `minqing adapter conform`: the conformance kit as a command. Answers 0 when every case passed, 1 when one failed, 2
//! when the adapter could not be tried.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use chrono::NaiveDate;
use clap::Args;
use minqing_conform::session::Target;
use minqing_kit::{
    clock::{Clock as _, SystemClock},
    id::{IdSource as _, SystemIds},
    keys::VerifyingKey,
    tls::Identity,
};

/// Options of `minqing adapter conform`.
///
/// The kit calls the adapter as its bureau's system would, with the bureau's certificate. It needs nothing of the
/// adapter but `minqing.bureau.v1.ExchangeService`: it asks ListDatasets for the columns and fills rows about people
/// who cannot exist (ID numbers of division 990000, never assigned). It sends changes only, never a snapshot, so it ends
/// nothing; what it sends stays in the mesh under the county given. Use a test mesh, or a county kept for tests.
///
/// Example:
///   minqing adapter conform --address https://127.0.0.1:7010 --tls-dir certs/bureau.water \
///     --other-tls-dir certs/bureau.hr --receipt-key signing/adapter.water/public.pem --county 621228
#[derive(Args)]
pub struct Options {
    /// Where the adapter listens, https://host:port. Its certificate must carry the DNS name adapter-<bureau>.
    #[arg(long)]
    address: String,
    /// Folder with ca.pem, cert.pem and key.pem of the bureau (spiffe://minqing/bureau/<name>).
    #[arg(long)]
    tls_dir: PathBuf,
    /// The same of another bureau: the adapter must refuse it. Without it this is not tried.
    #[arg(long)]
    other_tls_dir: Option<PathBuf>,
    /// Public key (PEM) of the adapter's receipts. Without it signatures are not checked.
    #[arg(long)]
    receipt_key: Option<PathBuf>,
    /// County of the rows sent, 6 digits, one that the adapter knows.
    #[arg(long, default_value = "621228")]
    county: String,
    /// The adapter's business date, YYYY-MM-DD; today in China when not given. A mesh under simulation has its own.
    #[arg(long)]
    today: Option<NaiveDate>,
    /// Try this dataset only; may be given several times.
    #[arg(long)]
    dataset: Vec<String>,
    /// Write the report as JSON too.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let report = match target(&options) {
        Ok(target) => minqing_conform::run(&target).await,
        Err(error) => Err(error),
    };
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            writeln!(io::stderr().lock(), "无法检验 cannot try the adapter: {error:#}")?;
            return Ok(ExitCode::from(2));
        }
    };
    if let Some(path) = &options.report {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    write!(io::stdout().lock(), "{}", report.table())?;
    Ok(ExitCode::from(u8::from(!report.is_good())))
}

fn target(options: &Options) -> anyhow::Result<Target> {
    Ok(Target {
        address: options.address.clone(),
        identity: Identity::load(&options.tls_dir)?,
        other: options.other_tls_dir.as_deref().map(Identity::load).transpose()?,
        receipt_key: options.receipt_key.as_deref().map(VerifyingKey::load).transpose()?,
        county: options.county.clone(),
        today: options.today.unwrap_or_else(|| SystemClock.today()),
        datasets: options.dataset.clone(),
        run: SystemIds.uuid(),
    })
}
