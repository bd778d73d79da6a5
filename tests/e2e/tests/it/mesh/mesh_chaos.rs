//! A disturbed mesh comes to what the city's oracle knows, whatever disturbs it, and a stopped one leaves nothing behind. An
//! undisturbed play is mesh_month's.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::harness::{Mesh, binary, root};

const LIMIT: Duration = Duration::from_secs(600);

/// Plays the same small city under a disturbance and returns what came of it.
fn outcome(chaos: &str) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let play = format!(
        "exec '{}' play --seed 11 --households 120 --days 3 --chaos {chaos} --no-conform --mesh \"$0/mesh.json\" --policy '{}' --report '{}'",
        binary("minqing-city").display(),
        root().join("deploy/policy/longnan").display(),
        report.display()
    );
    let mut mesh = Mesh::start_with_play(&["--chaos", chaos, "--chaos-seed", "3"], &play)?;
    let code = mesh.ended(LIMIT)?;
    ensure!(code == 0, "the play under `{chaos}` ended with {code}\n{}", mesh.wreckage());
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report)?)?;
    ensure!(report["ok"] == true, "{report:#}");
    Ok(report["outcome_digest"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn killed_processes_and_a_lost_redis_change_nothing_of_the_outcome() -> anyhow::Result<()> {
    assert_eq!(outcome("kill")?, outcome("redis")?);
    Ok(())
}

#[test]
fn a_mesh_that_is_told_to_stop_leaves_no_process_behind() -> anyhow::Result<()> {
    let mut mesh = Mesh::waiting(&[])?;
    assert!(mesh.processes().len() >= 15, "{:?}", mesh.processes());

    let asked = Instant::now();
    mesh.terminate();
    mesh.ended(Duration::from_secs(20))?;

    assert!(asked.elapsed() < Duration::from_secs(15));
    assert_eq!(mesh.processes(), Vec::<u32>::new());
    Ok(())
}
