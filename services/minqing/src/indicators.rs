//! `minqing indicators`: what came of each indicator's warnings, and what merging and suppression saved, for the person who
//! answers for a rule and for whoever plans field work.

mod overlaps;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::Args;
use minqing_proto::minqing::dispatch::v1::{
    FieldTime, IndicatorYield, ListIndicatorYieldsRequest, ListIndicatorYieldsResponse, VisitsSaved, YieldTotals,
    dispatch_service_client::DispatchServiceClient,
};

use crate::policy::{
    mesh::{MeshOptions, print_json, refused},
    table::Table,
};

const LEGEND: &str = "\
一行一条指标：这段时间产生的预警，到现在为止的结果。One line an indicator: what has come so far of the warnings raised in the range.

  常并 often with     the indicator with which it most often shares a work order, and how often
  命中 hits           warnings raised; each is suppressed, cleared, checked, or still waits
  并入 merged         of them merged into a work order that already stood
  抑制 suppressed     kept quiet after a checked \"not true\"
  自消 cleared        cleared by the data before anybody checked
  已核 checked        with a verdict; 属实 true: found true, at least in part
  核实率 yield        true by checked; — nothing was checked yet, which is not 0. ↓ below the pack's floor now
  实报 told           hours told by visits; a visit is shared equally among the indicators of its work order
  估算 estimated      hours of visits that told none, at the pack's hours per check. Never in the told ones

  节省走访 visits saved, against one work order and one visit for each warning. Their hours were never measured: by told is at the
  mean of the visits that told their minutes, by pack at the pack's figure. Either is the whole; do not add them.

Examples: minqing indicators --mesh /tmp/mesh/mesh.json
          minqing indicators --mesh /tmp/mesh/mesh.json --county 621202 --from 2026-10-01 --to 2026-10-31 --json
          minqing indicators --mesh /tmp/mesh/mesh.json --overlaps

  --overlaps 指标重叠: a line a pair that shares work orders. 同单 shared: of both; 占小者 of smaller: shared by the work orders of
  the one that has fewer; 同核 checked: both with a verdict; 同真 both true, 一真 one true. * the pack says they may be one rule.
Where a rule is changed and tried: minqing policy back-test, minqing policy simulate.";

#[derive(Args)]
#[command(after_help = LEGEND)]
pub struct IndicatorsOptions {
    #[command(flatten)]
    mesh: MeshOptions,
    /// Only this county's, 6 or 12 digits.
    #[arg(long)]
    county: Option<String>,
    /// First day on which the warnings were raised, YYYY-MM-DD; the 89th before the last when not given.
    #[arg(long)]
    from: Option<String>,
    /// Last day, YYYY-MM-DD; today when not given. At most 366 days with the first.
    #[arg(long)]
    to: Option<String>,
    /// Pairs of indicators that hit the same households, instead of what came of each.
    #[arg(long)]
    overlaps: bool,
    /// JSON with every count instead of a table.
    #[arg(long)]
    json: bool,
}

/// What was asked for; empty where nothing was said.
struct Range {
    county: String,
    from: String,
    to: String,
}

impl IndicatorsOptions {
    fn range(&self) -> anyhow::Result<Range> {
        let day = |option: &str, given: &Option<String>| given.as_deref().map(|text| date(option, text)).transpose();
        Ok(Range {
            from: day("--from", &self.from)?.unwrap_or_default(),
            to: day("--to", &self.to)?.unwrap_or_default(),
            county: self.county.as_deref().map(county).transpose()?.unwrap_or_default(),
        })
    }
}

/// Asks dispatch for the indicators and prints them.
pub async fn run(options: IndicatorsOptions) -> anyhow::Result<ExitCode> {
    if options.overlaps {
        return overlaps::run(&options).await;
    }
    let found = fetch(&options).await?;
    if options.json {
        print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&[
        "指标 indicator",
        "常并 often with",
        "命中 hits",
        "并入 merged",
        "抑制 suppressed",
        "自消 cleared",
        "已核 checked",
        "属实 true",
        "核实率 yield",
        "实报工时 told",
        "估算工时 estimated",
    ]);
    for indicator in &found.indicator_yields {
        table.row(row(indicator));
    }
    let mut out = std::io::stdout().lock();
    if !table.is_empty() {
        table.write(&mut out, 2)?;
    }
    for line in falls(&found).into_iter().chain(summary(&found)) {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn fetch(options: &IndicatorsOptions) -> anyhow::Result<ListIndicatorYieldsResponse> {
    let Range { county, from, to } = options.range()?;
    let mut client = DispatchServiceClient::new(options.mesh.peer("dispatch")?);
    let mut found =
        ListIndicatorYieldsResponse { raised_from: from, raised_to: to, ..ListIndicatorYieldsResponse::default() };
    loop {
        // The range of the first answer, so that every page is about the same days.
        let asked = ListIndicatorYieldsRequest {
            division_code: county.clone(),
            raised_from: found.raised_from,
            raised_to: found.raised_to,
            page_size: 500,
            page_token: found.next_page_token,
        };
        let mut page =
            client.list_indicator_yields(options.mesh.request(None, asked)?).await.map_err(refused)?.into_inner();
        found.indicator_yields.append(&mut page.indicator_yields);
        found = ListIndicatorYieldsResponse { indicator_yields: found.indicator_yields, ..page };
        if found.next_page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn date(option: &str, text: &str) -> anyhow::Result<String> {
    let read = text.parse::<NaiveDate>().ok().map(|day| day.to_string());
    read.with_context(|| format!("{option}: “{text}”不是 YYYY-MM-DD 格式的日期 `{text}` is no date, write YYYY-MM-DD"))
}

fn county(code: &str) -> anyhow::Result<String> {
    let fits = matches!(code.len(), 6 | 12) && code.bytes().all(|b| b.is_ascii_digit());
    let padded = fits.then(|| format!("{code:0<12}"));
    padded.with_context(|| format!("--county: 县区代码应为 6 或 12 位数字 `{code}` is no code of 6 or 12 digits"))
}

fn row(one: &IndicatorYield) -> [String; 11] {
    let overlap = one.overlap.as_ref().map(|o| format!("{} ×{}", o.indicator, o.work_orders));
    let fallen = if one.falls.iter().any(|fall| fall.recovered_on.is_empty()) { " ↓" } else { "" };
    let field = one.field_time.unwrap_or_default();
    [
        format!("{} {}", one.indicator, one.title),
        overlap.unwrap_or_default(),
        one.hits.to_string(),
        one.merged.to_string(),
        one.suppressed.to_string(),
        one.cleared_unchecked.to_string(),
        one.checked.to_string(),
        one.found_true.to_string(),
        format!("{}{fallen}", percent(one.yield_permille)),
        hours(field.minutes_told),
        hours(field.minutes_estimated),
    ]
}

/// One line a fall, those that stand and those that recovered within the range.
fn falls(found: &ListIndicatorYieldsResponse) -> Vec<String> {
    let all = found.indicator_yields.iter().flat_map(|one| one.falls.iter().map(move |fall| (one, fall)));
    all.map(|(one, fall)| {
        let ended = match fall.recovered_on.as_str() {
            "" => String::new(),
            on => format!("，{on} 恢复 recovered"),
        };
        format!(
            "核实率下降 yield fell: {} {} {}，{} 至 {} 核查 checked {}，属实 true {}，下限 floor {}{ended}",
            one.indicator,
            fall.division_code,
            fall.fell_on,
            fall.verdicts_from,
            fall.verdicts_to,
            fall.checked,
            fall.found_true,
            percent(Some(fall.floor_permille)),
        )
    })
    .collect()
}

fn summary(found: &ListIndicatorYieldsResponse) -> Vec<String> {
    let totals = found.totals.unwrap_or_default();
    let YieldTotals { warnings, work_orders, merged, suppressed, .. } = totals;
    let FieldTime { visits_told, visits_untold, minutes_told, minutes_estimated } =
        totals.field_time.unwrap_or_default();
    vec![
        format!(
            "{} 至 {}：预警 warnings {warnings}，工单 work orders {work_orders}（一预警一单则为 one each would be {warnings}；\
             并入 merged {merged}，抑制 suppressed {suppressed}）",
            found.raised_from, found.raised_to
        ),
        format!(
            "走访 visits {}：实报工时 told {} h（{visits_told} 次），估算 estimated {} h（{visits_untold} 次）",
            visits_told + visits_untold,
            hours(minutes_told),
            hours(minutes_estimated)
        ),
        saved("合并节省走访 visits saved by merging", totals.saved_by_merging.unwrap_or_default()),
        saved("抑制节省走访 visits saved by suppression", totals.saved_by_suppression.unwrap_or_default()),
    ]
}

fn saved(what: &str, saved: VisitsSaved) -> String {
    let told = saved.minutes_by_told.map_or_else(unknown, |minutes| format!("{} h", hours(minutes)));
    format!("{what} {}：按实报均值 by told {told}，按政策包 by pack {} h", saved.visits, hours(saved.minutes_by_pack))
}

/// Minutes as hours, `1.5`.
fn hours(minutes: i64) -> String {
    let tenths = (minutes + 3) / 6;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn percent(permille: Option<i32>) -> String {
    permille.map_or_else(unknown, |permille| format!("{}.{} %", permille / 10, permille % 10))
}

/// Not known is not nought.
fn unknown() -> String {
    "—".to_owned()
}
