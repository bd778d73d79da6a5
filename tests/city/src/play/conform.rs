//! After the books are closed, the conformance kit meets every adapter of the mesh: in a county that the city has
//! nobody in, with people who cannot exist, so that nothing of the play is touched.

use std::collections::BTreeMap;

use anyhow::Context as _;
use minqing_conform::session::Target;
use minqing_kit::{keys::VerifyingKey, tls::Identity};
use uuid::Uuid;

use super::{Play, report::Conformance};

/// A county without a household of the city.
const COUNTY: &str = "621228";

impl Play {
    pub(super) async fn conform(&mut self) -> anyhow::Result<BTreeMap<String, Conformance>> {
        let adapters: Vec<String> =
            self.mesh.file.services.keys().filter(|name| name.starts_with("adapter-")).cloned().collect();
        let targets = adapters.iter().map(|adapter| self.target(adapter)).collect::<anyhow::Result<Vec<_>>>()?;
        let reports = futures::future::join_all(targets.iter().map(minqing_conform::run)).await;
        let mut all = BTreeMap::new();
        for (adapter, report) in adapters.into_iter().zip(reports) {
            let report = report.with_context(|| format!("the conformance kit cannot try {adapter}"))?;
            if !report.is_good() {
                self.problems.push(report.table());
            }
            let counts = Conformance { passed: report.passed, failed: report.failed, skipped: report.skipped };
            all.insert(adapter, counts);
        }
        Ok(all)
    }

    fn target(&self, adapter: &str) -> anyhow::Result<Target> {
        let file = &self.mesh.file;
        let place = file.services.get(adapter).context("no such adapter")?;
        let certificate = |identity: &str| {
            let folder = file.certificates.get(identity).with_context(|| format!("no certificate for {identity}"))?;
            Identity::load(folder)
        };
        let bureau = adapter.trim_start_matches("adapter-");
        let other = if bureau == "hr" { "education" } else { "hr" };
        let clock = std::fs::read_to_string(file.clock_file.as_ref().context("no clock file")?)?;
        Ok(Target {
            address: place.address.clone(),
            identity: certificate(&format!("bureau/{bureau}"))?,
            other: Some(certificate(&format!("bureau/{other}"))?),
            receipt_key: place.receipt_key.as_deref().map(VerifyingKey::load).transpose()?,
            county: COUNTY.to_owned(),
            today: clock.get(..10).context("the clock file holds no date")?.parse()?,
            datasets: Vec::new(),
            run: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("minqing/city/conform/{adapter}").as_bytes()),
        })
    }
}
