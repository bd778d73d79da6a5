//! `minqing policy check`: faults with their places, or what the pack holds.

use std::{
    collections::BTreeMap,
    io::{StdoutLock, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use minqing_policy::{Pack, PackErrors, Summary};
use serde_json::json;

pub fn run(folder: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match Pack::load(folder) {
        Ok(pack) if as_json => {
            serde_json::to_writer_pretty(&mut out, &pack.summary())?;
            writeln!(out)?;
        }
        Ok(pack) => table(&mut out, &pack.summary())?,
        Err(errors) => {
            faults(&mut out, &errors, as_json)?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn faults(out: &mut StdoutLock<'_>, errors: &PackErrors, as_json: bool) -> anyhow::Result<()> {
    if !as_json {
        writeln!(out, "{errors}")?;
        return Ok(());
    }
    let list = errors.0.iter().map(|e| {
        json!({ "file": e.file, "line": e.line, "rule": e.rule, "problem": e.problem, "problem_zh": e.problem_zh, "hint": e.hint })
    });
    serde_json::to_writer_pretty(&mut *out, &json!({ "faults": list.collect::<Vec<_>>() }))?;
    writeln!(out)?;
    Ok(())
}

fn table(out: &mut StdoutLock<'_>, summary: &Summary) -> anyhow::Result<()> {
    writeln!(out, "政策包 pack {} ({})", summary.pack, &summary.content_hash[..12])?;
    let rows = [
        ("类别 classes", summary.classes),
        ("认定路径 ways in", summary.routes),
        ("退出规则 ways out", summary.exits),
        ("救助项目 programmes", summary.programmes),
        ("项目规则 entitlements", summary.programme_rules),
        ("预警指标 indicators", summary.indicators),
        ("事实 facts", summary.facts),
        ("参数 parameters", summary.parameters),
        ("文件 documents", summary.documents),
        ("待接入数据 datasets not supplied yet", summary.absent_sources),
        ("办理程序 procedures", summary.processes),
        ("代码表 code tables", summary.code_tables),
        ("实例 worked examples", summary.examples),
        ("无依据规则 rules without citation", summary.without_citation),
        ("待确认 unconfirmed", summary.unconfirmed.len()),
    ];
    for (title, count) in rows {
        writeln!(out, "  {count:>5}  {title}")?;
    }
    let mut groups: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for one in &summary.unconfirmed {
        let value = if one.value.is_empty() { String::new() } else { format!("={}", one.value) };
        groups.entry((one.confidence, one.kind)).or_default().push(format!("{}{value}", one.name));
    }
    for ((confidence, kind), names) in groups {
        writeln!(out, "\n{confidence} · {kind} ({})\n  {}", names.len(), names.join(", "))?;
    }
    Ok(())
}

pub fn write_schemas(folder: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, schema) in minqing_policy::schemas() {
        let path = folder.join(name);
        let text = format!("{}\n", serde_json::to_string_pretty(&schema)?);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
