//! A receipt out of a running mesh, checked by the program that needs none.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use minqing_proto::contract;
use serde_json::Value;

use super::harness::{Mesh, binary};

const PATIENCE: Duration = Duration::from_secs(60);

/// Drops a file into education's folder and checks its receipt in every way that it can fail.
pub async fn a_files_receipt_is_checked_offline(mesh: &Mesh, folder: &Path) -> anyhow::Result<()> {
    let message = contract::dataset_message("education", "student_enrolment").context("no dataset")?;
    let headers: Vec<_> = message.fields().filter_map(|f| contract::column(&f)).map(|c| c.header).collect();
    // One row, and a bad one: a batch with nothing accepted is signed for like any other.
    let content = format!("{}\n{}\n", headers.join(","), vec!["x"; headers.len()].join(","));
    let name = "student_enrolment__621202__2026-10-26__changes__signed.csv";
    fs::write(folder.join("inbox").join(format!("{name}.part")), &content)?;
    fs::rename(folder.join("inbox").join(format!("{name}.part")), folder.join("inbox").join(name))?;
    let done = folder.join("done").join(name);
    let deadline = Instant::now() + PATIENCE;
    while !done.exists() {
        ensure!(Instant::now() < deadline, "the file was not taken in\n{}", mesh.wreckage());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let receipt = folder.join("result").join(format!("{name}.receipt.json"));
    let key = |bureau: &str| mesh.path("signing").join(format!("adapter.{bureau}")).join("public.pem");
    let scratch = tempfile::tempdir()?;
    let (rows, changed) = (scratch.path().join("rows.csv"), scratch.path().join("changed.json"));
    fs::write(&rows, content.replacen(",x", ",y", 1))?;
    fs::write(&changed, fs::read_to_string(&receipt)?.replace("\"refused\": 1", "\"refused\": 0"))?;
    assert_eq!(verify(&receipt, &key("education"), Some(&done))?, (0, "GOOD".to_owned()));
    assert_eq!(verify(&receipt, &key("education"), Some(&rows))?, (1, "OTHER_ROWS".to_owned()));
    assert_eq!(verify(&receipt, &key("hr"), Some(&done))?, (1, "OTHER_KEY".to_owned()));
    assert_eq!(verify(&changed, &key("education"), None)?, (1, "CHANGED".to_owned()));
    assert_eq!(verify(&rows, &key("education"), None)?, (2, "CANNOT_CHECK".to_owned()));
    Ok(())
}

/// Exit code and verdict.
fn verify(receipt: &Path, key: &Path, rows: Option<&Path>) -> anyhow::Result<(i32, String)> {
    let mut command = Command::new(binary("minqing"));
    command.args(["receipt", "verify", "--json"]).arg(receipt).arg("--key").arg(key);
    if let Some(rows) = rows {
        command.arg("--rows").arg(rows);
    }
    let output = command.output()?;
    let told: Value = serde_json::from_slice(&output.stdout).context("`minqing receipt verify --json` is no JSON")?;
    let verdict = told.get(0).unwrap_or(&told)["verdict"].as_str().context("no verdict")?.to_owned();
    Ok((output.status.code().unwrap_or(-1), verdict))
}
