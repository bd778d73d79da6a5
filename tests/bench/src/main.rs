//! Performance jobs, each beside its anchor in the same run, interleaved: what the mesh does as a ratio to what the bare
//! parts could do at most on this machine, now. A figure without its anchor says nothing about another machine.

mod anchor;
mod ingest;
mod latency;
mod measure;
mod memory;
mod mesh;
mod people;
mod query;

use std::{io::Write as _, path::PathBuf};

use clap::Parser;
use serde_json::{Map, Value, json};

use crate::mesh::Mesh;

/// Jobs of the mesh's performance goals, each beside its anchor.
#[derive(Parser)]
struct Arguments {
    /// J1 ingest, J4 record to referral, J5 query with audit, J7 memory of an idle mesh; all when none is named.
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mesh = Mesh::read(&arguments.mesh)?;
    let known = ["J1", "J4", "J5", "J7"];
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
    if wanted("J1") {
        figures.insert("J1".to_owned(), ingest::run(&mesh, arguments.repeats).await?);
    }
    figures.insert("load_after".to_owned(), json!(measure::load()));
    print(&figures)?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&Value::Object(figures))?)?;
    }
    Ok(())
}

fn print(figures: &Map<String, Value>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (job, value) in figures {
        match value.as_object() {
            Some(fields) => {
                writeln!(out, "{job}")?;
                for (name, figure) in fields {
                    writeln!(out, "  {name:<34} {figure}")?;
                }
            }
            None => writeln!(out, "{job} {value}")?,
        }
    }
    Ok(())
}
