//! Performance jobs, each beside its anchor in the same run, interleaved: what the mesh does as a ratio to what the bare
//! parts could do at most on this machine, now. A figure without its anchor says nothing about another machine.

mod anchor;
mod assess;
mod ingest;
mod latency;
mod measure;
mod memory;
mod mesh;
mod people;
mod query;
mod rules;
mod snapshot;
mod transports;

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Map, Value, json};

use crate::mesh::Mesh;

/// Jobs of the mesh's performance goals, each beside its anchor.
#[derive(Parser)]
struct Arguments {
    /// J1 ingest, J2 a monthly snapshot cross-matched and a large feed by each transport, J3 rules, J4 record to referral, J5 query with audit, J7 memory of an idle mesh; all when none is named.
    jobs: Vec<String>,
    /// The file `minqing up` writes.
    #[arg(long)]
    mesh: PathBuf,
    /// Write the figures as JSON too.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Times each side runs; the median counts.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// J2: rows sent by each transport.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// J2: database of the bureau, as its adapter is told.
    #[arg(long)]
    bureau_database: Option<String>,
    /// J2: households of the county whose snapshot is cross-matched; nine rows each.
    #[arg(long, default_value_t = 20_000)]
    snapshot_households: usize,
    /// J2: Python with DuckDB.
    #[arg(long)]
    duckdb: Option<PathBuf>,
    /// J3: the policy pack's folder.
    #[arg(long)]
    policy: PathBuf,
    /// J3: households of the city.
    #[arg(long, default_value_t = 200_000)]
    households: usize,
    /// J3: households the rules engines judge.
    #[arg(long, default_value_t = 5_000)]
    engine_households: usize,
    /// J3: Python with OpenFisca-Core and asyncpg.
    #[arg(long)]
    python: Option<PathBuf>,
    /// J3: the program of tests/bench/engines.
    #[arg(long)]
    engines: Option<PathBuf>,
    /// Folder for what is made on the way.
    #[arg(long)]
    scratch: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mesh = Mesh::read(&arguments.mesh)?;
    let known = ["J1", "J2", "J3", "J4", "J5", "J7"];
    for job in &arguments.jobs {
        anyhow::ensure!(known.contains(&job.as_str()), "unknown job `{job}`; there are {}", known.join(", "));
    }
    let wanted = |job: &str| arguments.jobs.is_empty() || arguments.jobs.iter().any(|j| j == job);

    let mut figures = Map::new();
    figures.insert("machine".to_owned(), measure::machine());
    // Memory first: the other jobs fill caches.
    if wanted("J7") {
        figures.insert("J7".to_owned(), memory::run(&mesh).await?);
    }
    if wanted("J5") {
        figures.insert("J5".to_owned(), query::run(&mesh, arguments.repeats).await?);
    }
    if wanted("J4") {
        figures.insert("J4".to_owned(), latency::run(&mesh, arguments.repeats).await?);
    }
    if wanted("J3") {
        figures.insert("J3".to_owned(), rules(&mesh, &arguments).await?);
    }
    if wanted("J1") {
        figures.insert("J1".to_owned(), ingest::run(&mesh, arguments.repeats).await?);
    }
    if wanted("J2") {
        figures.insert("J2".to_owned(), large_feeds(&mesh, &arguments).await?);
    }
    figures.insert("load_after".to_owned(), json!(measure::load()));
    print(&figures)?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&Value::Object(figures))?)?;
    }
    Ok(())
}

async fn large_feeds(mesh: &Mesh, arguments: &Arguments) -> anyhow::Result<Value> {
    let (households, duckdb) = (arguments.snapshot_households, arguments.duckdb.as_deref());
    let mut figures = json!({ "snapshot": snapshot::run(mesh, households, &arguments.scratch, duckdb).await? });
    if let Some(bureau) = arguments.bureau_database.as_deref().filter(|_| arguments.rows > 0) {
        figures["transports"] = transports::run(mesh, bureau, arguments.rows).await?;
    }
    Ok(figures)
}

async fn rules(mesh: &Mesh, arguments: &Arguments) -> anyhow::Result<Value> {
    let options = rules::Options {
        repeats: arguments.repeats,
        households: arguments.households,
        engine_households: arguments.engine_households,
        policy: arguments.policy.clone(),
        python: arguments.python.clone(),
        engines: arguments.engines.clone(),
        scratch: arguments.scratch.clone(),
    };
    let assess = assess::run(mesh, arguments.repeats).await?;
    let mut figures = rules::run(mesh.database()?, &mesh.today()?, &options).await?;
    figures["assess"] = assess;
    Ok(figures)
}

fn print(figures: &Map<String, Value>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (name, value) in figures {
        show(&mut out, name, value, 0)?;
    }
    Ok(())
}

/// A figure a line; what belongs together stands indented under its name.
fn show(out: &mut impl std::io::Write, name: &str, value: &Value, depth: usize) -> anyhow::Result<()> {
    let (margin, width) = (depth * 2, 44_usize.saturating_sub(depth * 2));
    match value {
        Value::Object(fields) => {
            writeln!(out, "{:margin$}{name}", "")?;
            for (name, figure) in fields {
                show(out, name, figure, depth + 1)?;
            }
        }
        Value::String(text) => writeln!(out, "{:margin$}{name:<width$} {text}", "")?,
        other => writeln!(out, "{:margin$}{name:<width$} {other}", "")?,
    }
    Ok(())
}
