//! `minqing policy activate`: one person proposes a pack, another approves the very same contents.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use minqing_kit::id::{IdSource as _, SystemIds};
use minqing_proto::minqing::monitoring::v1::{
    ApprovePolicyRequest, ListPoliciesRequest, Policy, PolicyState, ProposePolicyRequest,
};

use super::{
    mesh::{self, MeshOptions},
    simulate::named,
};

#[derive(Args)]
pub struct ActivateOptions {
    /// The pack's folder. The approver names a copy of the own, so that what was read is what comes into use.
    pack: PathBuf,
    #[command(flatten)]
    mesh: MeshOptions,
    #[command(flatten)]
    step: Step,
    /// Why; needed to propose.
    #[arg(long, required_if_eq("propose", "true"))]
    reason: Option<String>,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Step {
    /// First step, by one person.
    #[arg(long)]
    propose: bool,
    /// Second step, by another person with another certificate.
    #[arg(long)]
    approve: bool,
}

/// Proposes or approves, and shows the policy.
pub async fn run(options: ActivateOptions) -> anyhow::Result<ExitCode> {
    let policy = if options.step.propose { propose(&options).await? } else { approve(&options).await? };
    if options.json {
        mesh::print_json(&policy)?;
    } else {
        show(&policy)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn propose(options: &ActivateOptions) -> anyhow::Result<Policy> {
    let request = ProposePolicyRequest {
        request_id: SystemIds.uuid().to_string(),
        pack: mesh::files(&options.pack)?,
        reason: options.reason.clone().unwrap_or_default(),
    };
    let request = options.mesh.request(None, request)?;
    let answer = options.mesh.policies()?.propose_policy(request).await.map_err(mesh::refused)?;
    answer.into_inner().policy.context("the service sent no policy")
}

async fn approve(options: &ActivateOptions) -> anyhow::Result<Policy> {
    let content_hash = super::load(&options.pack)?.content_hash().to_owned();
    let mut client = options.mesh.policies()?;
    let waiting = ListPoliciesRequest {
        state: PolicyState::Proposed.into(),
        content_hash: content_hash.clone(),
        ..Default::default()
    };
    let found = client.list_policies(options.mesh.request(None, waiting)?).await.map_err(mesh::refused)?.into_inner();
    let proposed = found.policies.first();
    let proposed = proposed.context("没有内容相同的待批准政策 nothing with these contents waits for approval")?;
    let request =
        ApprovePolicyRequest { request_id: SystemIds.uuid().to_string(), name: proposed.name.clone(), content_hash };
    let answer = client.approve_policy(options.mesh.request(None, request)?).await.map_err(mesh::refused)?;
    answer.into_inner().policy.context("the service sent no policy")
}

fn show(policy: &Policy) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let person = |identity: &str, operator: &str| match operator {
        "" => identity.to_owned(),
        operator => format!("{identity} ({operator})"),
    };
    writeln!(out, "{}  {}", policy.name, named(policy.identity.as_ref()))?;
    writeln!(out, "  生效 valid from {}，理由 reason: {}", policy.valid_from, policy.reason)?;
    let proposer = person(&policy.proposed_by, &policy.proposed_by_operator);
    writeln!(out, "  提交 proposed {} {proposer}", policy.proposed_on)?;
    if policy.state() == PolicyState::Approved {
        let approver = person(&policy.approved_by, &policy.approved_by_operator);
        writeln!(out, "  批准 approved {} {approver}", policy.approved_on)?;
        writeln!(out, "  请以该政策包部署各服务 deploy the services with this pack (MINQING_POLICY_DIR)")?;
    } else {
        writeln!(out, "  待另一人批准 waits for another person's approval")?;
    }
    Ok(())
}
