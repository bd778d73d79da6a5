//! `minqing status`: the backlog of every process, for the person on duty.

use std::{io::Write as _, path::Path};

use anyhow::Context as _;
use minqing_kit::{client, metrics::Metrics, tls};
use minqing_proto::minqing::mesh::v1::{
    GetBacklogRequest, GetBacklogResponse, operations_service_client::OperationsServiceClient,
};
use serde_json::{Value, json};

/// Asks every process of the mesh for its backlog and prints a table, or JSON.
pub async fn run(mesh: &Path, as_json: bool) -> anyhow::Result<()> {
    let text = std::fs::read(mesh).with_context(|| format!("cannot read {}", mesh.display()))?;
    let mesh: Value = serde_json::from_slice(&text).context("the mesh file is not JSON")?;
    let folder = mesh["certificates"]["operator/admin"].as_str().context("the mesh file names no operator")?;
    let services = mesh["services"].as_object().context("the mesh file names no services")?;
    let identity = tls::Identity::load(Path::new(folder))?;

    let mut out = std::io::stdout().lock();
    let mut all = Vec::new();
    if !as_json {
        writeln!(
            out,
            "{:<28}{:>10}{:>12}{:>10}{:>8}  consumers, workers",
            "service", "events", "unnumbered", "pending", "dead"
        )?;
    }
    for (name, entry) in services {
        let address = entry["address"].as_str().unwrap_or_default();
        let answer = ask(name, address, &identity).await;
        if as_json {
            all.push(match answer {
                Ok(backlog) => row_json(&backlog),
                Err(error) => json!({ "service": name, "error": error.to_string() }),
            });
            continue;
        }
        match answer {
            Ok(backlog) => writeln!(
                out,
                "{name:<28}{:>10}{:>12}{:>10}{:>8}  {}",
                backlog.head_position,
                backlog.unnumbered_events,
                backlog.pending_deliveries,
                backlog.dead_letters,
                details(&backlog)
            )?,
            Err(error) => writeln!(out, "{name:<28}没有回答 no answer: {error:#}")?,
        }
    }
    if as_json {
        serde_json::to_writer_pretty(&mut out, &all)?;
        writeln!(out)?;
    }
    Ok(())
}

async fn ask(name: &str, address: &str, identity: &tls::Identity) -> anyhow::Result<GetBacklogResponse> {
    let peer = client::Peer::connect(name, address, identity, Metrics::default())?;
    let request = client::request_for(None, None, GetBacklogRequest {});
    Ok(OperationsServiceClient::new(peer).get_backlog(request).await?.into_inner())
}

fn details(backlog: &GetBacklogResponse) -> String {
    let consumers = backlog.consumers.iter().map(|c| format!("{}@{}", c.producer, c.position));
    let workers =
        backlog.reconcilers.iter().map(|r| format!("{}:{}", r.name, if r.caught_up { "caught up" } else { "behind" }));
    consumers.chain(workers).collect::<Vec<_>>().join(" ")
}

fn row_json(backlog: &GetBacklogResponse) -> Value {
    json!({
        "service": backlog.service,
        "business_date": backlog.business_date,
        "head_position": backlog.head_position,
        "unnumbered_events": backlog.unnumbered_events,
        "pending_deliveries": backlog.pending_deliveries,
        "dead_letters": backlog.dead_letters,
        "consumers": backlog.consumers.iter()
            .map(|c| json!({ "producer": c.producer, "position": c.position })).collect::<Vec<_>>(),
        "reconcilers": backlog.reconcilers.iter()
            .map(|r| json!({ "name": r.name, "caught_up": r.caught_up, "detail": r.detail })).collect::<Vec<_>>(),
    })
}
