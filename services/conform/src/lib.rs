//! The conformance kit for adapters: runs the same cases against any adapter, in whatever language, over the wire, and
//! says of each what was expected, what came and how to mend it. It fills its rows from what the adapter tells of its
//! datasets, with people who cannot exist.

mod cases;
mod edge;
pub mod person;
pub mod report;
pub mod row;
pub mod session;

use std::time::Instant;

use anyhow::Context as _;
use minqing_kit::{client::Peer, metrics::Metrics, tls};
use minqing_proto::minqing::bureau::v1::{ListDatasetsRequest, exchange_service_client::ExchangeServiceClient};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::{
    report::{Case, Report, Said, Verdict},
    session::{Notebook, Refusal, Session, Target},
};

/// The bureau a certificate is of: `bureau/education` or `bureau/education/system-2`.
fn bureau_of(identity: &tls::Identity) -> anyhow::Result<String> {
    let cert = CertificateDer::from_pem_slice(identity.cert.as_bytes()).context("cert.pem holds no certificate")?;
    let caller = tls::caller_of(&cert).context("the certificate names no identity of the mesh")?;
    let bureau = caller.rest().split('/').next().unwrap_or_default();
    anyhow::ensure!(
        caller.kind() == "bureau" && !bureau.is_empty(),
        "the certificate is of {}; use the bureau's, bureau/<name>",
        caller.as_str()
    );
    Ok(bureau.to_owned())
}

/// Runs every case. An error means that nothing could be tried at all.
pub async fn run(target: &Target) -> anyhow::Result<Report> {
    let bureau = bureau_of(&target.identity)?;
    let adapter = format!("adapter-{bureau}");
    let peer = Peer::connect(&adapter, &target.address, &target.identity, Metrics::new())?;
    let mut client = ExchangeServiceClient::new(peer.clone());
    let (mut datasets, mut limits, mut page_token) = (Vec::new(), None, String::new());
    loop {
        let asked = ListDatasetsRequest { page_size: 50, page_token };
        let page = client.list_datasets(asked).await.map_err(Refusal::of).map_err(|refusal| {
            anyhow::anyhow!(
                "{adapter} at {} does not answer ListDatasets ({}); check that it runs there, that its certificate \
                 carries the DNS name {adapter}, and that it serves minqing.bureau.v1.ExchangeService",
                target.address,
                refusal.text()
            )
        })?;
        let page = page.into_inner();
        datasets.extend(page.datasets);
        limits = limits.or(page.limits);
        page_token = page.next_page_token;
        if page_token.is_empty() || datasets.len() > 1_000 {
            break;
        }
    }
    let wanted = |name: &str| target.datasets.is_empty() || target.datasets.iter().any(|d| d == name);
    datasets.retain(|d| wanted(session::name(d)));
    anyhow::ensure!(!datasets.is_empty(), "{adapter} has none of the datasets asked for");
    let limits = limits.with_context(|| format!("{adapter} tells no limits in ListDatasets"))?;
    let session = Session { target, bureau, peer, datasets, limits };
    let cases = cases::all(&session).await;
    Ok(Report::of(adapter, target.address.clone(), cases))
}

/// Runs one case into a notebook and closes it.
async fn case(name: &'static str, title: Said, dataset: &str, work: impl Future<Output = Notebook>) -> Case {
    let began = Instant::now();
    let book = work.await;
    let verdict = match (book.faults.is_empty(), book.skipped) {
        (false, _) => Verdict::Failed,
        (true, true) => Verdict::Skipped,
        (true, false) => Verdict::Passed,
    };
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Case {
        name,
        title,
        dataset: dataset.to_owned(),
        verdict,
        checks: book.checks,
        millis,
        faults: book.faults,
        note: book.note,
    }
}
