//! `minqing books`: where feedback's books differ from the register's chain or from a bureau's own ledger, for the person
//! who has to find out which side is right.

use std::{io::Write as _, process::ExitCode};

use clap::Args;
use minqing_proto::minqing::{
    feedback::v1::{
        BookDifference, Counterpart, DifferenceKind, DifferenceState, ListDifferencesRequest, ListDifferencesResponse,
        feedback_books_service_client::FeedbackBooksServiceClient,
    },
    types::v1::{Bureau, FeedbackDecision},
};

use crate::{
    feeds,
    policy::{
        mesh::{MeshOptions, print_json, refused},
        table::Table,
    },
};

const LEGEND: &str = "\
一行一条不符的记录：系统的账与底册救助链、或与部门台账对不上。One line a record in which two books differ.

  部门 bureau, 项目 programme, 月份 month, 记录编号 record number
  对方 counterpart      救助链 the register's chain (compared every night), 部门台账 the bureau's own ledger (when it sends one)
  差异 difference       对方缺 the counterpart lacks it, 本方缺 feedback lacks it, 内容不同 amount or decision differ
  本方, 对方 ours, theirs   金额（元）与处理结果 yuan and decision as each has it; — has none
  首次发现 first seen   when a comparison first found it, Chinese time

What to do: 对方缺 on the chain mends itself within minutes, else `minqing status` shows what is stuck. With a bureau: it sends the
record again, corrects it (更正记录编号), or mends its ledger and compares again.

Example: minqing books --mesh /tmp/mesh/mesh.json --bureau hr --month 2026-10";

#[derive(Args)]
#[command(after_help = LEGEND)]
pub struct BooksOptions {
    #[command(flatten)]
    mesh: MeshOptions,
    /// Only this bureau's: education, hr, housing, health, medical_insurance, emergency, rural, disabled, women.
    #[arg(long)]
    bureau: Option<String>,
    /// Only this month, YYYY-MM.
    #[arg(long)]
    month: Option<String>,
    /// Those that were settled since, too.
    #[arg(long)]
    resolved: bool,
    /// JSON with everything known of each instead of a table.
    #[arg(long)]
    json: bool,
}

/// Asks feedback for the differences and prints them.
pub async fn run(options: BooksOptions) -> anyhow::Result<ExitCode> {
    let found = fetch(&options).await?;
    if options.json {
        print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&[
        "部门 bureau",
        "项目 programme",
        "月份 month",
        "记录编号 record",
        "对方 counterpart",
        "差异 difference",
        "本方 ours",
        "对方账 theirs",
        "首次发现 first seen",
        "已消除 resolved",
    ]);
    for difference in &found.differences {
        table.row(row(difference));
    }
    let mut out = std::io::stdout().lock();
    if !table.is_empty() {
        table.write(&mut out, 10)?;
    }
    let open = found.differences.iter().filter(|d| d.resolved_time.is_empty()).count();
    let compared = match found.compared_on.as_str() {
        "" => {
            "尚有月份未与救助链对账，没有差异不等于相符 some months were never compared: no difference is no agreement"
                .to_owned()
        }
        on => format!("与救助链对账至 {on} compared with the chain on {on}"),
    };
    writeln!(out, "未消除差异 open differences {open}；{compared}")?;
    Ok(ExitCode::SUCCESS)
}

async fn fetch(options: &BooksOptions) -> anyhow::Result<ListDifferencesResponse> {
    let bureau = options.bureau.as_deref().map(feeds::bureau).transpose()?.unwrap_or(Bureau::Unspecified);
    let state = if options.resolved { DifferenceState::Unspecified } else { DifferenceState::Open };
    let mut client = FeedbackBooksServiceClient::new(options.mesh.peer("feedback")?);
    let mut found = ListDifferencesResponse::default();
    loop {
        let asked = ListDifferencesRequest {
            bureau: bureau.into(),
            month: options.month.clone().unwrap_or_default(),
            state: state.into(),
            page_size: 500,
            page_token: found.next_page_token,
            ..ListDifferencesRequest::default()
        };
        let page = client.list_differences(options.mesh.request(None, asked)?).await.map_err(refused)?.into_inner();
        found.differences.extend(page.differences);
        (found.next_page_token, found.compared_on) = (page.next_page_token, page.compared_on);
        if found.next_page_token.is_empty() {
            return Ok(found);
        }
    }
}

fn row(d: &BookDifference) -> [String; 10] {
    let counterpart = match d.counterpart() {
        Counterpart::Registry => "救助链",
        Counterpart::Bureau => "部门台账",
        Counterpart::Unspecified => "—",
    };
    let kind = match d.kind() {
        DifferenceKind::MissingAtCounterpart => "对方缺",
        DifferenceKind::MissingInFeedback => "本方缺",
        DifferenceKind::ContentDiffers => "内容不同",
        DifferenceKind::Unspecified => "—",
    };
    [
        d.bureau().as_str_name().trim_start_matches("BUREAU_").to_ascii_lowercase(),
        d.programme.clone(),
        d.month.clone(),
        d.record_no.clone(),
        counterpart.to_owned(),
        kind.to_owned(),
        entry(d.feedback_amount_fen, d.feedback_decision()),
        entry(d.other_amount_fen, d.other_decision()),
        minutes(&d.first_seen_time),
        minutes(&d.resolved_time),
    ]
}

/// `1500.00 granted`; a side without the record shows a dash.
fn entry(fen: i64, decision: FeedbackDecision) -> String {
    if decision == FeedbackDecision::Unspecified {
        return "—".to_owned();
    }
    let word = decision.as_str_name().trim_start_matches("FEEDBACK_DECISION_").to_ascii_lowercase();
    format!("{}.{:02} {word}", fen / 100, fen % 100)
}

/// An RFC 3339 time by the Chinese clock, to the minute.
fn minutes(time: &str) -> String {
    let china = chrono::FixedOffset::east_opt(8 * 3_600);
    let read = chrono::DateTime::parse_from_rfc3339(time).ok().zip(china);
    read.map_or_else(|| "—".to_owned(), |(at, china)| at.with_timezone(&china).format("%Y-%m-%d %H:%M").to_string())
}
