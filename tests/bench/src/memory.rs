//! J7: memory of the idle mesh, PostgreSQL and Redis included, as the sum of proportional set sizes, so that shared pages
//! count once.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::mesh::Mesh;

pub async fn run(mesh: &Mesh) -> anyhow::Result<Value> {
    // Every process of the mesh is up when the file exists; nothing else is asked of it here.
    mesh.today()?;
    let mut sums: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Ok(command) = fs::read_to_string(path.join("cmdline")) else { continue };
        let group = match command.split('\0').collect::<Vec<_>>().as_slice() {
            [program, "serve", ..] if program.ends_with("/minqing") => "services",
            [program, ..] if program.starts_with("postgres") || program.ends_with("/postgres") => "postgres",
            [program, ..] if program.contains("redis-server") => "redis",
            _ => continue,
        };
        let Ok(rollup) = fs::read_to_string(path.join("smaps_rollup")) else { continue };
        let pss = rollup
            .lines()
            .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0);
        let sum = sums.entry(group).or_default();
        *sum = (sum.0 + 1, sum.1 + pss);
    }
    let total: u64 = sums.values().map(|(_, kib)| kib).sum();
    let mut figures = serde_json::Map::new();
    for (group, (processes, kib)) in sums {
        figures.insert(format!("{group}_mib"), json!(kib / 1024));
        figures.insert(format!("{group}_processes"), json!(processes));
    }
    figures.insert("total_mib".to_owned(), json!(total / 1024));
    figures.insert("goal".to_owned(), json!("<= 2048 MiB"));
    Ok(Value::Object(figures))
}
