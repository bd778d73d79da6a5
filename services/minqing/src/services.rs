//! The services of the mesh as data: what the sub-commands, `up` and the tests run.

use anyhow::Context as _;
use minqing_kit::ServiceDef;

/// The core services, in the order in which they start.
pub const CORE: [&str; 5] = ["registry", "monitoring", "dispatch", "feedback", "identification"];

/// The bureaus, each with an adapter of its own; the offices outside the nine share one.
pub fn bureaus() -> Vec<&'static str> {
    minqing_bureaus::all().map(|bureau| bureau.name).collect()
}

/// Bureaus that exchange files in a mesh of `up`: an adapter with an exchange folder sends its referrals out as files,
/// one without hands them out over gRPC. Batches come in either way.
pub const FILE_BUREAUS: [&str; 6] = ["education", "hr", "emergency", "disabled", "women", "outside"];

/// Every process of the mesh but the gateway: core services, then adapters.
pub fn names() -> Vec<String> {
    CORE.iter().map(|&name| name.to_owned()).chain(minqing_bureaus::all().map(|bureau| bureau.service_name())).collect()
}

/// The service a name stands for.
pub fn by_name(name: &str) -> anyhow::Result<ServiceDef> {
    Ok(match name {
        "registry" => minqing_registry::service(),
        "identification" => minqing_identification::service(),
        "monitoring" => minqing_monitoring::service(),
        "dispatch" => minqing_dispatch::service(),
        "feedback" => minqing_feedback::service(),
        _ => name
            .strip_prefix("adapter-")
            .and_then(minqing_bureaus::by_name)
            .map(minqing_adapter::service)
            .with_context(|| format!("unknown service `{name}`; there are {} and gateway", names().join(", ")))?,
    })
}

/// Identity in the certificate's URI: service/registry, adapter/education.
pub fn identity(name: &str) -> String {
    match name.strip_prefix("adapter-") {
        Some(bureau) => format!("adapter/{bureau}"),
        None => format!("service/{name}"),
    }
}

/// Schema of the service's tables, and the end of its role's name.
pub fn schema(name: &str) -> String {
    name.replace('-', "_")
}
