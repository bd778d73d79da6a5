//! `minqing feeds`: how each bureau's data stand, county by county, for the person who has to ask for better ones.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use minqing_proto::minqing::{
    monitoring::v1::{
        Feed, FeedQuality, ListFeedsRequest, ListFeedsResponse, monitoring_service_client::MonitoringServiceClient,
    },
    options::v1::Rhythm,
    types::v1::Bureau,
};

use crate::policy::{
    mesh::{MeshOptions, print_json, refused},
    table::Table,
};

/// What the columns mean, and the marks of open warnings.
const LEGEND: &str = "\
一行一个数据源：一个部门的一个数据集在一个县区。One line a feed: a dataset of a bureau for a county.

  周期 rhythm      how often it is due: 每日 daily, 每旬 ten days, 每月 monthly, 随时 on event
  数据日期 as of    day on which the newest data stood; — never delivered
  应报 due         day by which the next batch is due; ! it has passed
  有效至 fresh      last day on which the data count; afterwards every rule on them answers unknown
  行数 rows        rows of the newest batch; 前三批均值 mean: of the three batches before it
  拒收 refused     share of its rows that were refused
  空值 empty       the column furthest above its limit of empty values, its share and the limit
  关联 linked      rows taken although number or name is at fault, as a person's by an operator's decision: to be corrected at the source
  一致 agrees      share of its persons whom the register knows under the same name

  未结预警 open warnings:
  Q01 数据缺报 missing            Q02 数据量波动 volume swings      Q03 身份证号错误 bad ID numbers
  Q04 一号多名 one ID, two names  Q05 姓名用字不一 name variants     Q06 未知区划 unknown divisions
  Q07 空值超限 too many empty     Q08 日期不合理 impossible dates    Q09 与底册不一致 disagrees with the register
  Q10 数据过期 out of date        P11 迟报 late

Example: minqing feeds --mesh /tmp/mesh/mesh.json --county 621202 --only-unhealthy
Why a warning stands: its conditions and counts are in GetWarning; which rows were refused: ListRowErrors of the adapter,
or the result file beside the bureau's own.";

#[derive(Args)]
#[command(after_help = LEGEND)]
pub struct FeedsOptions {
    #[command(flatten)]
    mesh: MeshOptions,
    /// Only this bureau's: education, hr, housing, health, medical_insurance, emergency, rural, disabled, women, outside.
    #[arg(long)]
    bureau: Option<String>,
    /// Only this county's, 6 or 12 digits.
    #[arg(long)]
    county: Option<String>,
    /// Only feeds with an open warning.
    #[arg(long)]
    only_unhealthy: bool,
    /// JSON with every count instead of a table.
    #[arg(long)]
    json: bool,
}

/// Asks monitoring for the feeds and prints them.
pub async fn run(options: FeedsOptions) -> anyhow::Result<ExitCode> {
    let feeds = fetch(&options).await?;
    if options.json {
        print_json(&ListFeedsResponse { feeds, next_page_token: String::new() })?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&[
        "部门 bureau",
        "数据集 dataset",
        "县区 county",
        "周期 rhythm",
        "数据日期 as of",
        "应报 due",
        "有效至 fresh",
        "未结预警 open",
        "空值 empty",
        "行数 rows",
        "前三批均值 mean",
        "拒收 refused",
        "关联 linked",
        "一致 agrees",
    ]);
    for feed in &feeds {
        table.row(row(feed));
    }
    let mut out = std::io::stdout().lock();
    if !table.is_empty() {
        table.write(&mut out, 9)?;
    }
    let count = |wanted: fn(&Feed) -> bool| feeds.iter().filter(|feed| wanted(feed)).count();
    writeln!(
        out,
        "数据源 feeds {}，未结预警 with open warnings {}，迟报 late {}，从未报送 never delivered {}",
        feeds.len(),
        count(|feed| !feed.open_indicators.is_empty()),
        count(|feed| feed.late),
        count(|feed| feed.as_of.is_empty()),
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn fetch(options: &FeedsOptions) -> anyhow::Result<Vec<Feed>> {
    let bureau = options.bureau.as_deref().map(bureau).transpose()?.unwrap_or(Bureau::Unspecified);
    let county = options.county.clone().unwrap_or_default();
    let division_code = if county.is_empty() { county } else { format!("{county:0<12}") };
    let mut client = MonitoringServiceClient::new(options.mesh.peer("monitoring")?);
    let (mut feeds, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = ListFeedsRequest {
            page_size: 500,
            page_token,
            bureau: bureau.into(),
            division_code: division_code.clone(),
            only_unhealthy: options.only_unhealthy,
        };
        let page = client.list_feeds(options.mesh.request(None, asked)?).await.map_err(refused)?.into_inner();
        feeds.extend(page.feeds);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(feeds);
        }
    }
}

/// A bureau by its word on the command line.
pub fn bureau(word: &str) -> anyhow::Result<Bureau> {
    Bureau::from_str_name(&format!("BUREAU_{}", word.to_ascii_uppercase()))
        .filter(|bureau| *bureau != Bureau::Unspecified)
        .with_context(|| format!("--bureau: 没有部门 {word}，见 --help there is no bureau {word}, see --help"))
}

fn row(feed: &Feed) -> [String; 14] {
    let word = feed.bureau().as_str_name().trim_start_matches("BUREAU_").to_ascii_lowercase();
    let quality = feed.quality.as_ref();
    let due = if feed.late { format!("{} !", feed.due_on) } else { said(&feed.due_on) };
    [
        word,
        format!("{} {}", feed.title, feed.dataset),
        feed.division_code.chars().take(6).collect(),
        rhythm(feed.rhythm()).to_owned(),
        said(&feed.as_of),
        due,
        said(&feed.fresh_until),
        feed.open_indicators.join(" "),
        quality.map(empty).unwrap_or_default(),
        quality.map_or_else(unknown, |q| q.rows.to_string()),
        quality.and_then(|q| q.mean_rows).map_or_else(unknown, |mean| mean.to_string()),
        quality.filter(|q| q.rows > 0).map_or_else(unknown, |q| share(i64::from(q.refused) * 1000 / i64::from(q.rows))),
        quality.and_then(|q| q.linked_rows).map_or_else(unknown, |rows| rows.to_string()),
        quality.and_then(|q| q.agreement_permille).map_or_else(unknown, |permille| share(permille.into())),
    ]
}

fn empty(quality: &FeedQuality) -> String {
    match (quality.null_permille, quality.null_limit_permille) {
        (Some(permille), Some(limit)) if permille > 0 => {
            format!("{} {} / {}", quality.null_header, share(permille.into()), share(limit.into()))
        }
        (Some(_), Some(_)) => "0".to_owned(),
        _ => unknown(),
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { unknown() } else { text.to_owned() }
}

/// Not known is not nought.
fn unknown() -> String {
    "—".to_owned()
}

/// Permille as percent, `2.3 %`.
fn share(permille: i64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

fn rhythm(of: Rhythm) -> &'static str {
    match of {
        Rhythm::Daily => "每日",
        Rhythm::TenDays => "每旬",
        Rhythm::Monthly => "每月",
        Rhythm::OnEvent => "随时",
        Rhythm::Unspecified => "—",
    }
}
