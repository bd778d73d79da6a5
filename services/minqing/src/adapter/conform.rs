//! `minqing adapter conform`: the conformance kit as a command. Answers 0 when every case passed, 1 when one failed, 2
//! when the adapter could not be tried.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use clap::Args;
use minqing_conform::session::Target;
use minqing_kit::{
    clock::{Clock as _, SystemClock},
    id::{IdSource as _, SystemIds},
    keys::VerifyingKey,
    tls::Identity,
};
use serde_json::Value;

/// Options of `minqing adapter conform`.
///
/// The kit calls the adapter as its bureau's system would, with the bureau's certificate. It needs nothing of the
/// adapter but `minqing.bureau.v1.ExchangeService`: it asks ListDatasets for the columns and fills rows about people
/// who cannot exist (ID numbers of division 990000, never assigned). It sends changes only, never a snapshot, so it ends
/// nothing; what it sends stays in the mesh under the county given. Use a test mesh, or a county kept for tests.
///
/// Examples:
///   minqing adapter conform --mesh data/mesh.json --bureau water
///   minqing adapter conform --address https://127.0.0.1:7010 --tls-dir certs/bureau.water \
///     --other-tls-dir certs/bureau.hr --receipt-key signing/adapter.water/public.pem --county 621228
#[derive(Args)]
pub struct Options {
    /// The file that `up` writes into its data folder: address, certificates, key and date are taken from it.
    #[arg(long, requires = "bureau", conflicts_with_all = ["address", "tls_dir", "other_tls_dir", "receipt_key", "today"])]
    mesh: Option<PathBuf>,
    /// Whose adapter of that mesh.
    #[arg(long, requires = "mesh")]
    bureau: Option<String>,
    /// Where the adapter listens, https://host:port. Its certificate must carry the DNS name adapter-<bureau>.
    #[arg(long, required_unless_present = "mesh")]
    address: Option<String>,
    /// Folder with ca.pem, cert.pem and key.pem of the bureau (spiffe://minqing/bureau/<name>).
    #[arg(long, required_unless_present = "mesh")]
    tls_dir: Option<PathBuf>,
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
pub async fn run(mut options: Options) -> anyhow::Result<ExitCode> {
    let target = options.find_in_mesh().and_then(|()| target(&options));
    let report = match target {
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
        fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    write!(io::stdout().lock(), "{}", report.table())?;
    Ok(ExitCode::from(u8::from(!report.is_good())))
}

impl Options {
    /// Fills in what the mesh file tells of the bureau.
    fn find_in_mesh(&mut self) -> anyhow::Result<()> {
        let (Some(file), Some(bureau)) = (&self.mesh, &self.bureau) else { return Ok(()) };
        let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mesh: Value = serde_json::from_slice(&text).context("the mesh file is not JSON")?;
        let adapter = &mesh["services"][format!("adapter-{bureau}")];
        self.address = adapter["address"].as_str().map(str::to_owned);
        ensure!(self.address.is_some(), "--bureau: 没有这个部门的适配器 the mesh has no adapter of {bureau}");
        let certificate = |bureau: &str| mesh["certificates"][format!("bureau/{bureau}")].as_str().map(PathBuf::from);
        self.tls_dir = certificate(bureau);
        self.other_tls_dir = certificate(if bureau == "hr" { "education" } else { "hr" });
        self.receipt_key = adapter["receipt_key"].as_str().map(PathBuf::from);
        if let Some(clock) = mesh["clock_file"].as_str() {
            let now = fs::read_to_string(clock).with_context(|| format!("cannot read {clock}"))?;
            self.today = Some(now.get(..10).context("the clock file holds no date")?.parse()?);
        }
        Ok(())
    }
}

fn target(options: &Options) -> anyhow::Result<Target> {
    let address = options.address.clone().context("no address")?;
    let certificate = options.tls_dir.as_deref().context("no certificate of the bureau")?;
    Ok(Target {
        address,
        identity: Identity::load(certificate)?,
        other: options.other_tls_dir.as_deref().map(Identity::load).transpose()?,
        receipt_key: options.receipt_key.as_deref().map(VerifyingKey::load).transpose()?,
        county: options.county.clone(),
        today: options.today.unwrap_or_else(|| SystemClock.today()),
        datasets: options.dataset.clone(),
        run: SystemIds.uuid(),
    })
}
