//! How much stands in the mesh's tables, to see that a repeated call adds nothing; and when the mesh is at rest, asked
//! the way an operator does, with `minqing status`.

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::harness::{Mesh, binary};

const PATIENCE: Duration = Duration::from_secs(60);

/// Rows of every table of every service once the mesh is at rest. Left out are the audit of reads and the adapters'
/// notes of files: the monthly identity list reads and writes whenever its time has come.
pub async fn books(mesh: &Mesh) -> anyhow::Result<BTreeMap<String, i64>> {
    rest(mesh).await?;
    let mut connection = PgConnection::connect(&mesh.database()).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables \
         where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema') \
           and table_name not in ('audit', 'file')",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        let count = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")));
        rows.insert(table, count.fetch_one(&mut connection).await?);
    }
    connection.close().await?;
    ensure!(rows.len() > 100, "only {} tables were counted", rows.len());
    Ok(rows)
}

/// That nothing was added since the books were read.
pub async fn unchanged(mesh: &Mesh, before: &BTreeMap<String, i64>) -> anyhow::Result<()> {
    let after = books(mesh).await?;
    let added: Vec<_> = after.iter().filter(|(table, rows)| before.get(*table) != Some(*rows)).collect();
    ensure!(added.is_empty(), "a repeat has a second effect; rows now: {added:?}");
    Ok(())
}

/// Waits until every event is numbered and read and every periodic worker is done, and stays so at a second look.
async fn rest(mesh: &Mesh) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut before = None;
    loop {
        let now = status(mesh)?;
        let busy = busy(&now)?;
        let heads: Vec<_> = now.iter().map(|one| one["head_position"].clone()).collect();
        if busy.is_none() && before.as_ref() == Some(&heads) {
            return Ok(());
        }
        before = busy.is_none().then_some(heads);
        ensure!(Instant::now() < deadline, "the mesh did not come to rest: {busy:?}\n{}", mesh.wreckage());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn status(mesh: &Mesh) -> anyhow::Result<Vec<Value>> {
    let output =
        Command::new(binary("minqing")).args(["status", "--json", "--mesh"]).arg(mesh.path("mesh.json")).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("`minqing status --json` is no JSON")
}

/// What is still on its way.
fn busy(all: &[Value]) -> anyhow::Result<Option<String>> {
    let heads: BTreeMap<_, _> =
        all.iter().map(|one| (one["service"].as_str(), one["head_position"].as_i64())).collect();
    for one in all {
        let service = one["service"].as_str().with_context(|| format!("a service does not answer: {one}"))?;
        if one["unnumbered_events"].as_i64() != Some(0) {
            return Ok(Some(format!("{service} numbers events")));
        }
        for consumer in one["consumers"].as_array().context("no consumers")? {
            if heads.get(&consumer["producer"].as_str()).is_some_and(|head| *head != consumer["position"].as_i64()) {
                return Ok(Some(format!("{service} reads {}", consumer["producer"])));
            }
        }
        for worker in one["reconcilers"].as_array().context("no workers")? {
            if worker["caught_up"] != true {
                return Ok(Some(format!("{service} is at {}", worker["name"])));
            }
        }
    }
    Ok(None)
}
