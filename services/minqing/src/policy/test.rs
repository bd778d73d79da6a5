//! `minqing policy test`: works the pack's own examples.

use std::{io::Write as _, path::Path, process::ExitCode};

use minqing_policy::Worked;
use serde_json::json;

pub fn run(folder: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let pack = super::load(folder)?;
    let worked = pack.work_examples();
    let failed: Vec<&Worked> = worked.iter().filter(|one| one.failure.is_some()).collect();
    let untried = pack.untried();
    let mut out = std::io::stdout().lock();
    if as_json {
        let failures = failed.iter().map(|one| {
            let (en, zh) = one.failure.clone().unwrap_or_default();
            json!({ "example": one.example, "rule": one.rule, "problem": en, "problem_zh": zh })
        });
        let untried = untried.iter().map(|(rule, what)| json!({ "rule": rule, "no_example_that": what }));
        let report = json!({
            "examples": worked.len(),
            "passed": worked.len() - failed.len(),
            "failures": failures.collect::<Vec<_>>(),
            "untried": untried.collect::<Vec<_>>(),
        });
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        for one in &failed {
            let (en, zh) = one.failure.clone().unwrap_or_default();
            writeln!(out, "✗ {} ({}): {en} ({zh})", one.example, one.rule)?;
        }
        for (rule, what) in &untried {
            writeln!(out, "! {rule}: 没有此类实例 no example that {what}")?;
        }
        writeln!(out, "实例 examples: {} 通过 passed, {} 不符 failed", worked.len() - failed.len(), failed.len())?;
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
