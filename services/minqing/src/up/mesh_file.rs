//! `mesh.json`: where everything is, for the programs that talk to the mesh.

use serde_json::{Map, Value, json};

use super::{Options, certificates, layout::Layout, process::Processes};
use crate::services;

/// Writes the file atomically; its readers include the synthetic city and the tests.
pub fn write(
    layout: &Layout,
    options: &Options,
    processes: &Processes,
    admin_url: &str,
    redis_url: &str,
) -> anyhow::Result<()> {
    let mut all = Map::new();
    for process in processes.iter() {
        let mut entry = json!({
            "address": format!("https://127.0.0.1:{}", process.port),
            "admin": format!("http://127.0.0.1:{}", process.admin_port),
            "schema": services::schema(&process.name),
            "log": layout.logs().join(format!("{}.log", process.name)),
        });
        if let Some(bureau) = process.name.strip_prefix("adapter-") {
            entry["receipt_key"] = json!(layout.signing(bureau).join(minqing_kit::keys::signing::PUBLIC_FILE));
        }
        if let Some(bureau) = process.name.strip_prefix("adapter-").filter(|b| services::FILE_BUREAUS.contains(b)) {
            entry["exchange_dir"] = json!(layout.exchange(bureau));
        }
        all.insert(process.name.clone(), entry);
    }
    let gateway = all.remove("gateway").unwrap_or(Value::Null);
    let identities: Map<String, Value> = certificates::identities()
        .into_iter()
        .map(|identity| {
            let folder = layout.certificate(&identity);
            (identity, json!(folder))
        })
        .collect();
    let mesh = json!({
        "clock_file": if layout.real_clock { Value::Null } else { json!(layout.clock()) },
        "ca": layout.certificates().join("ca.pem"),
        "services": all,
        "gateway": gateway,
        "certificates": identities,
        "redis": redis_url,
        "admin_database_url": admin_url,
        "policy": options.policy,
    });
    let target = layout.root.join("mesh.json");
    let part = layout.root.join("mesh.json.part");
    std::fs::write(&part, serde_json::to_vec_pretty(&mesh)?)?;
    std::fs::rename(part, target)?;
    Ok(())
}
