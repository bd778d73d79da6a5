//! `minqing policy diff`: two packs, entry by entry.

use std::{io::Write as _, path::Path, process::ExitCode};

use minqing_policy::{Change, Difference};

pub fn run(before: &Path, after: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let (before, after) = (super::load(before)?, super::load(after)?);
    let differences = before.differences(&after);
    let mut out = std::io::stdout().lock();
    if as_json {
        serde_json::to_writer_pretty(&mut out, &differences)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{} → {}: {} 处不同 differences", before.version_tag(), after.version_tag(), differences.len())?;
    for difference in &differences {
        line(&mut out, difference)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(out: &mut impl std::io::Write, difference: &Difference) -> std::io::Result<()> {
    let mark = match difference.change {
        Change::Added => "+",
        Change::Removed => "-",
        Change::Changed => "~",
    };
    writeln!(out, "{mark} {} {}", difference.kind, difference.name)?;
    for field in &difference.fields {
        writeln!(out, "    {}: {} → {}", field.field, shown(&field.before), shown(&field.after))?;
    }
    Ok(())
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "∅" } else { value }
}
