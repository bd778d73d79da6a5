//! `minqing policy back-test`: what a pack's indicators would have found, and what came of their warnings.

use std::{
    collections::BTreeMap,
    io::{StdoutLock, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use minqing_proto::minqing::monitoring::v1::{BackTest, BackTestPolicyRequest, IndicatorHits, IndicatorYield};

use super::{
    mesh::{self, MeshOptions, Meter, cancellable},
    simulate::named,
    table::Table,
};

#[derive(Args)]
pub struct BackTestOptions {
    /// The pack's folder, or `in-use` for the pack the mesh works with.
    pack: PathBuf,
    /// One day, YYYY-MM-DD; today when no range is given either.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    as_of: Option<String>,
    /// Begin of a range whose month ends are judged.
    #[arg(long)]
    from: Option<String>,
    /// End of the range; today when not given.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// Only this county, six digits.
    #[arg(long)]
    county: Option<String>,
    /// Every indicator, also those that find nothing.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    mesh: MeshOptions,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Runs it; progress goes to the error output, Ctrl-C ends it.
pub async fn run(options: BackTestOptions) -> anyhow::Result<ExitCode> {
    let request = BackTestPolicyRequest {
        pack: mesh::files(&options.pack)?,
        as_of: options.as_of.clone().unwrap_or_default(),
        range_from: options.from.clone().unwrap_or_default(),
        range_to: options.to.clone().unwrap_or_default(),
        division_code: options.county.clone().unwrap_or_default(),
    };
    let tested = cancellable(ask(&options, request)).await?;
    if options.json {
        mesh::print_json(&tested)?;
    } else {
        tables(&tested, options.all)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn ask(options: &BackTestOptions, request: BackTestPolicyRequest) -> anyhow::Result<BackTest> {
    let request = options.mesh.request(None, request)?;
    let answer = options.mesh.policies()?.back_test_policy(request).await.map_err(mesh::refused)?;
    let (mut messages, mut meter) = (answer.into_inner(), Meter::default());
    while let Some(message) = messages.message().await.map_err(mesh::refused)? {
        if let Some(tested) = message.back_test {
            return Ok(tested);
        }
        meter.show(message.progress.unwrap_or_default())?;
    }
    anyhow::bail!("the service ended without a result")
}

fn tables(of: &BackTest, all: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}，{} 户 households", named(of.identity.as_ref()), of.households)?;
    writeln!(out, "各日均按 {} 的数据计算 every day is judged by the data of this date", of.data_on)?;
    hits(&mut out, of, all)?;
    overlaps(&mut out, of)?;
    let mut days = Table::new(&["日期 day", "命中户 households", "多项 several", "入户 visits", "小时 hours"]);
    for day in &of.days {
        let counts = [day.households_hit, day.households_hit_again, day.visits, day.hours];
        days.row([day.judged_on.clone()].into_iter().chain(counts.map(|count| count.to_string())));
    }
    writeln!(out, "\n逐日 by day")?;
    days.write(&mut out, 1)?;
    Ok(())
}

const HEADS: [&str; 10] = [
    "指标 indicator",
    "",
    "命中 hits",
    "户 households",
    "独有 alone",
    "未知 unknown",
    "逐日 by day",
    "已核 checked",
    "属实 true",
    "产出 yield",
];

/// Hits of the last day by indicator, and over the days, with the yield of its warnings so far.
fn hits(out: &mut StdoutLock<'_>, of: &BackTest, all: bool) -> anyhow::Result<()> {
    let yields: BTreeMap<&str, &IndicatorYield> = of.yields.iter().map(|y| (y.indicator.as_str(), y)).collect();
    let Some(last) = of.days.last() else { return Ok(()) };
    let mut table = Table::new(&HEADS);
    for found in &last.indicators {
        let checked = yields.get(found.indicator.as_str()).copied();
        let over_days = of.days.iter().map(|day| {
            let same = day.indicators.iter().find(|other| other.indicator == found.indicator);
            same.map_or(0, |other| other.hits)
        });
        let over_days: Vec<i64> = over_days.collect();
        if all || checked.is_some() || over_days.iter().any(|hits| *hits > 0) {
            table.row(indicator(found, &over_days, checked));
        }
    }
    writeln!(out, "\n指标 indicators ({})", last.judged_on)?;
    table.write(out, 2)?;
    let from = if of.verdicts_from.is_empty() { "…" } else { &of.verdicts_from };
    writeln!(out, "核查结论 verdicts: {from} – {}", of.verdicts_to)?;
    Ok(())
}

fn indicator(found: &IndicatorHits, over_days: &[i64], checked: Option<&IndicatorYield>) -> Vec<String> {
    let mut cells = vec![found.indicator.clone(), found.title.clone()];
    cells.extend([found.hits, found.households, found.alone, found.unknown].map(|count| count.to_string()));
    cells.push(over_days.iter().map(i64::to_string).collect::<Vec<_>>().join(" "));
    match checked {
        Some(y) => {
            let percent = format!("{} %", y.found_true * 100 / y.checked.max(1));
            cells.extend([y.checked.to_string(), y.found_true.to_string(), percent]);
        }
        None => cells.extend(["-", "-", "-"].map(str::to_owned)),
    }
    cells
}

fn overlaps(out: &mut StdoutLock<'_>, of: &BackTest) -> anyhow::Result<()> {
    let Some(last) = of.days.last().filter(|day| !day.overlaps.is_empty()) else { return Ok(()) };
    let mut table = Table::new(&["同户命中 same household", "", "户 households"]);
    for overlap in &last.overlaps {
        table.row([overlap.first.clone(), overlap.second.clone(), overlap.households.to_string()]);
    }
    writeln!(out, "\n重叠 overlaps ({})", last.judged_on)?;
    table.write(out, 2)?;
    Ok(())
}
