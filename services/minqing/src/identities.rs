//! `minqing identities`: the review queue of the register, for the person who decides whom a faulty number or name means,
//! and who takes a decision back.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use minqing_kit::{
    client::Peer,
    id::{IdSource as _, SystemIds},
};
use minqing_proto::minqing::registry::v1::{
    DecideIdentityReviewRequest, IdentityDecision, IdentityProof, IdentityReview, IdentityReviewKind,
    IdentityReviewState, ListIdentityReviewsRequest, ListIdentityReviewsResponse, UndoIdentityLinkRequest,
    identity_service_client::IdentityServiceClient,
};

use crate::policy::{
    mesh::{MeshOptions, print_json, refused},
    table::Table,
};

const LEGEND: &str = "\
一行一条：一个号码加姓名（来件）与底册中一人是否同一人。One line a number under a name beside one person on file.

  类别 kind      号码差一处 number one slip away, 异体字 variant or unwritable character, 同户他人号码 another member's number,
                 一号两名 two names under one number (never linked), 一人两号 a member came back under a new number
  依据 proofs    what speaks for it: 姓名 name, 异体 variant, 缺字 fits but for missing characters, 唯一 nobody else, 出生 birth,
                 性别 sex, 县区 county, 同户 household, 号码 number; 分 score 0-100 is an order for the eye, no probability
  ✓              nothing is missing. A person decides all the same
  来件, 底册     as it came, as on file; masked unless --full (then it is case work and audited as such). What came is deleted some
                 months after the decision (registry: MINQING_REVIEW_TEXT_DAYS)

What a decision does: same links this number under this name to the person, and from then on such rows are taken, with a note.
Rows that came before: replay the batch (ReplayBatch). undo takes the link back; rows taken under it go by withdrawing their batch.

Examples: minqing identities list --mesh /tmp/mesh/mesh.json --identity operator/county/621202
          minqing identities decide identityReviews/… same --reason 与户口簿一致 --mesh … --identity … --operator zhao.yun
          minqing identities undo identityLinks/… --reason 核对有误 --mesh … --identity … --operator zhao.yun";

#[derive(Subcommand)]
pub enum Command {
    /// Show reviews, best proofs first (查看身份复核).
    List(ListOptions),
    /// Decide one: the same person, different persons, or leave it (作出结论).
    Decide(DecideOptions),
    /// Take a link back (撤销身份关联).
    Undo(UndoOptions),
}

#[derive(Args)]
#[command(after_help = LEGEND)]
pub struct ListOptions {
    #[command(flatten)]
    mesh: MeshOptions,
    /// Only below this division, 4 to 12 digits.
    #[arg(long, default_value = "")]
    division: String,
    /// Those that were decided, too.
    #[arg(long)]
    decided: bool,
    /// Names and numbers in full.
    #[arg(long)]
    full: bool,
    /// JSON with everything known of each instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Decision {
    Same,
    Different,
    Leave,
}

#[derive(Args)]
pub struct DecideOptions {
    /// The review, identityReviews/….
    review: String,
    decision: Decision,
    /// Why; no name and no number.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    mesh: MeshOptions,
}

#[derive(Args)]
pub struct UndoOptions {
    /// The link, identityLinks/….
    link: String,
    /// Why; no name and no number.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    mesh: MeshOptions,
}

/// Asks the register.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => list(options).await?,
        Command::Decide(options) => decide(options).await?,
        Command::Undo(options) => undo(options).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn client(mesh: &MeshOptions) -> anyhow::Result<IdentityServiceClient<Peer>> {
    Ok(IdentityServiceClient::new(mesh.peer("registry")?))
}

async fn list(options: ListOptions) -> anyhow::Result<()> {
    let mut client = client(&options.mesh)?;
    let state = if options.decided { IdentityReviewState::Unspecified } else { IdentityReviewState::Open };
    let purpose = if options.full { "case_work" } else { "audit" };
    let mut found = ListIdentityReviewsResponse::default();
    loop {
        let asked = ListIdentityReviewsRequest {
            division_code: options.division.clone(),
            state: state.into(),
            page_size: 200,
            page_token: found.next_page_token,
            ..ListIdentityReviewsRequest::default()
        };
        let asked = options.mesh.request(Some(purpose), asked)?;
        let page = client.list_identity_reviews(asked).await.map_err(refused)?.into_inner();
        found.reviews.extend(page.reviews);
        found.next_page_token = page.next_page_token;
        if found.next_page_token.is_empty() {
            break;
        }
    }
    found.reviews.sort_by_key(|review| std::cmp::Reverse(review.score));
    if options.json {
        return print_json(&found);
    }
    let mut table = Table::new(&[
        "复核 review",
        "类别 kind",
        "来件 came",
        "底册 on file",
        "依据 proofs",
        "分 score",
        "来源 source",
        "末次 last seen",
        "结论 decision",
    ]);
    found.reviews.iter().for_each(|review| table.row(row(review)));
    let mut out = std::io::stdout().lock();
    if !table.is_empty() {
        table.write(&mut out, 9)?;
    }
    let open = found.reviews.iter().filter(|review| review.state() == IdentityReviewState::Open).count();
    writeln!(out, "待复核 open {open}")?;
    Ok(())
}

async fn decide(options: DecideOptions) -> anyhow::Result<()> {
    let decision = match options.decision {
        Decision::Same => IdentityDecision::SamePerson,
        Decision::Different => IdentityDecision::DifferentPersons,
        Decision::Leave => IdentityDecision::Leave,
    };
    let request = DecideIdentityReviewRequest {
        request_id: SystemIds.uuid().to_string(),
        name: options.review,
        decision: decision.into(),
        reason: options.reason,
    };
    let request = options.mesh.request(Some("case_work"), request)?;
    let answer = client(&options.mesh)?.decide_identity_review(request).await.map_err(refused)?.into_inner();
    tell(&answer.review.context("the register answered without the review")?)
}

async fn undo(options: UndoOptions) -> anyhow::Result<()> {
    let request = UndoIdentityLinkRequest {
        request_id: SystemIds.uuid().to_string(),
        name: options.link,
        reason: options.reason,
    };
    let request = options.mesh.request(Some("case_work"), request)?;
    let answer = client(&options.mesh)?.undo_identity_link(request).await.map_err(refused)?.into_inner();
    tell(&answer.review.context("the register answered without the review")?)
}

fn tell(review: &IdentityReview) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} {}", review.name, state(review.state()))?;
    if let Some(link) = review.links.iter().find(|link| link.undone_time.is_empty()) {
        writeln!(out, "{} 已生效 in force", link.name)?;
    }
    Ok(())
}

fn row(review: &IdentityReview) -> [String; 9] {
    let bureau = review.bureau().as_str_name().trim_start_matches("BUREAU_").to_ascii_lowercase();
    let source = match bureau.as_str() {
        "unspecified" => format!("{} {} #{}", review.dataset, review.batch_no, review.row),
        bureau => format!("{bureau} {} {} #{}", review.dataset, review.batch_no, review.row),
    };
    let proofs: Vec<_> = review.proofs().map(proof).collect();
    let complete = if review.complete { " ✓" } else { "" };
    [
        review.name.clone(),
        kind(review.kind()).to_owned(),
        came(review),
        format!("{} {}", review.file_name, review.file_id_number),
        format!("{}{complete}", proofs.join(" ")),
        review.score.to_string(),
        source,
        review.last_seen_on.clone(),
        state(review.state()).to_owned(),
    ]
}

fn came(review: &IdentityReview) -> String {
    let deleted = match review.texts_deleted_on.as_str() {
        "" => String::new(),
        day => format!("已删除 deleted {day}"),
    };
    let told = [review.came_name.as_str(), &review.came_id_number, &deleted];
    told.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

fn kind(kind: IdentityReviewKind) -> &'static str {
    match kind {
        IdentityReviewKind::NumberFault => "号码差一处",
        IdentityReviewKind::NameVariant => "异体字",
        IdentityReviewKind::OthersNumber => "同户他人号码",
        IdentityReviewKind::TwoNamesOneNumber => "一号两名",
        IdentityReviewKind::TwoNumbersOnePerson => "一人两号",
        IdentityReviewKind::Unspecified => "—",
    }
}

fn proof(proof: IdentityProof) -> &'static str {
    match proof {
        IdentityProof::NameAgrees => "姓名",
        IdentityProof::VariantAgrees => "异体",
        IdentityProof::NameFits => "缺字",
        IdentityProof::OnlyCandidate => "唯一",
        IdentityProof::BirthAgrees => "出生",
        IdentityProof::SexAgrees => "性别",
        IdentityProof::CountyAgrees => "县区",
        IdentityProof::SameHousehold => "同户",
        IdentityProof::NumberAgrees => "号码",
        IdentityProof::Unspecified => "—",
    }
}

fn state(state: IdentityReviewState) -> &'static str {
    match state {
        IdentityReviewState::Open => "待复核 open",
        IdentityReviewState::Same => "同一人 same",
        IdentityReviewState::Different => "不同人 different",
        IdentityReviewState::Left => "暂不处理 left",
        IdentityReviewState::Unspecified => "—",
    }
}
