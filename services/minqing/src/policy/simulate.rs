//! `minqing policy simulate`: what another pack would do, on the whole register.

use std::{
    io::{StdoutLock, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use minqing_proto::minqing::monitoring::v1::{
    ClassEffect, Count, FieldEffect, PackIdentity, SimulatePoliciesRequest, Simulation,
};

use super::{
    mesh::{self, MeshOptions, Meter, cancellable},
    table::{Table, signed, yuan},
};

#[derive(Args)]
pub struct SimulateOptions {
    /// The pack's folder now, or `in-use` for the pack the mesh works with.
    before: PathBuf,
    /// The other pack's folder, or `in-use`.
    after: PathBuf,
    /// Day to judge by, YYYY-MM-DD; today when not given.
    #[arg(long)]
    as_of: Option<String>,
    /// Only this county, six digits.
    #[arg(long)]
    county: Option<String>,
    /// Why small numbers may be shown: case_work or audit.
    #[arg(long)]
    purpose: Option<String>,
    /// Every township, not only counties.
    #[arg(long)]
    townships: bool,
    #[command(flatten)]
    mesh: MeshOptions,
    /// JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Runs it; progress goes to the error output, Ctrl-C ends it.
pub async fn run(options: SimulateOptions) -> anyhow::Result<ExitCode> {
    let request = SimulatePoliciesRequest {
        before: mesh::files(&options.before)?,
        after: mesh::files(&options.after)?,
        as_of: options.as_of.clone().unwrap_or_default(),
        division_code: options.county.clone().unwrap_or_default(),
    };
    let simulation = cancellable(ask(&options, request)).await?;
    if options.json {
        mesh::print_json(&simulation)?;
    } else {
        tables(&simulation, options.townships)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn ask(options: &SimulateOptions, request: SimulatePoliciesRequest) -> anyhow::Result<Simulation> {
    let request = options.mesh.request(options.purpose.as_deref(), request)?;
    let answer = options.mesh.policies()?.simulate_policies(request).await.map_err(mesh::refused)?;
    let (mut messages, mut meter) = (answer.into_inner(), Meter::default());
    while let Some(message) = messages.message().await.map_err(mesh::refused)? {
        if let Some(simulation) = message.simulation {
            return Ok(simulation);
        }
        meter.show(message.progress.unwrap_or_default())?;
    }
    anyhow::bail!("the service ended without a result")
}

fn tables(of: &Simulation, townships: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let (before, after) = (named(of.before.as_ref()), named(of.after.as_ref()));
    writeln!(out, "{before} → {after}")?;
    writeln!(out, "按 as of {}，数据 data of {}，{} 户 households", of.as_of, of.data_on, of.households)?;
    classes(&mut out, of, townships)?;
    indicators(&mut out, of)?;
    field_work(&mut out, of, townships)?;
    Ok(())
}

fn classes(out: &mut StdoutLock<'_>, of: &Simulation, townships: bool) -> anyhow::Result<()> {
    let heads = [
        "类别 class",
        "区划 division",
        "进入 enter",
        "退出 leave",
        "提高 higher",
        "降低 lower",
        "不变 same",
        "待定 undecided",
        "年支出 yearly yuan",
        "改后 after",
        "增减 change",
    ];
    let mut table = Table::new(&heads);
    for effect in of.classes.iter().filter(|effect| is_shown(&effect.division_code, townships)) {
        table.row(class(effect));
    }
    writeln!(out, "\n类别变化 classes (户 households)")?;
    table.write(out, 2)?;
    Ok(())
}

fn class(of: &ClassEffect) -> Vec<String> {
    let name = of.assistance_class().as_str_name().trim_start_matches("ASSISTANCE_CLASS_").to_lowercase();
    let same = [of.unchanged, of.amount_unknown];
    let undecided = [of.undecided_before, of.undecided_after];
    let mut cells = vec![name, division(&of.division_code)];
    cells.extend([of.enters, of.leaves, of.amount_higher, of.amount_lower].map(|count| shown(&[count])));
    cells.extend([shown(&same), shown(&undecided)]);
    if of.cost_withheld {
        cells.extend(["*", "*", "*"].map(str::to_owned));
    } else {
        let change = of.yearly_after_fen.saturating_sub(of.yearly_before_fen);
        let sign = if change > 0 { "+" } else { "" };
        cells.extend([yuan(of.yearly_before_fen), yuan(of.yearly_after_fen), format!("{sign}{}", yuan(change))]);
    }
    cells
}

fn indicators(out: &mut StdoutLock<'_>, of: &Simulation) -> anyhow::Result<()> {
    let mut table =
        Table::new(&["指标 indicator", "", "预警 warnings", "改后 after", "增减 change", "入户 field check"]);
    for effect in of.indicators.iter().filter(|effect| effect.warnings_before != effect.warnings_after) {
        table.row([
            effect.indicator.clone(),
            effect.title.clone(),
            effect.warnings_before.to_string(),
            effect.warnings_after.to_string(),
            signed(effect.warnings_after - effect.warnings_before),
            if effect.field_check_after { "是 yes" } else { "否 no" }.to_owned(),
        ]);
    }
    writeln!(out, "\n预警变化 warnings that differ")?;
    if table.is_empty() {
        writeln!(out, "  没有 none")?;
        return Ok(());
    }
    table.write(out, 2)?;
    Ok(())
}

fn field_work(out: &mut StdoutLock<'_>, of: &Simulation, townships: bool) -> anyhow::Result<()> {
    let mut table =
        Table::new(&["区划 division", "入户 visits", "改后 after", "小时 hours", "改后 after", "增减 change"]);
    for effect in of.field_work.iter().filter(|effect| is_shown(&effect.division_code, townships)) {
        table.row(visits(effect));
    }
    writeln!(out, "\n入户核查 field work (一户一次 one visit a household)")?;
    table.write(out, 1)?;
    if of.classes.iter().any(|c| c.cost_withheld) || of.field_work.iter().any(|f| f.hours_withheld) {
        writeln!(out, "\n<3：小于三；*：可由此推算小数字，不显示。确有需要时用 --purpose audit")?;
        writeln!(out, "<3: below three; *: withheld, since it would tell a small number. See --purpose")?;
    }
    Ok(())
}

fn visits(of: &FieldEffect) -> Vec<String> {
    let mut cells = vec![division(&of.division_code), shown(&[of.visits_before]), shown(&[of.visits_after])];
    if of.hours_withheld {
        cells.extend(["*", "*", "*"].map(str::to_owned));
    } else {
        let change = signed(of.hours_after - of.hours_before);
        cells.extend([of.hours_before.to_string(), of.hours_after.to_string(), change]);
    }
    cells
}

/// A pack with the begin of its hash.
pub fn named(of: Option<&PackIdentity>) -> String {
    of.map_or_else(String::new, |id| format!("{} ({})", id.pack, id.content_hash.get(..12).unwrap_or_default()))
}

fn is_shown(division: &str, townships: bool) -> bool {
    townships || division.is_empty() || division.ends_with("000000")
}

fn division(code: &str) -> String {
    if code.is_empty() { "合计 all".to_owned() } else { code.to_owned() }
}

/// Counts together; where one is withheld, so is the sum.
fn shown(counts: &[Option<Count>]) -> String {
    let counts = counts.iter().map(|count| count.unwrap_or_default());
    let counts: Vec<Count> = counts.filter(|count| count.withheld || count.value > 0).collect();
    if let [Count { below_three: true, .. }] = counts.as_slice() {
        return "<3".to_owned();
    }
    if counts.iter().any(|count| count.withheld) {
        return "*".to_owned();
    }
    counts.iter().map(|count| count.value).sum::<i64>().to_string()
}
