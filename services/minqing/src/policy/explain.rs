//! `minqing policy explain`: what the rules say of one household, and why, in words an applicant can be given.

use std::{
    io::{StdoutLock, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use minqing_proto::minqing::{
    identification::v1::{
        AssessHouseholdRequest, Assessment, ClassAssessment, Explanation, ProgrammeAssessment,
        identification_service_client::IdentificationServiceClient,
    },
    types::v1::{ConditionValue, Truth},
};

use super::mesh::{self, MeshOptions};

#[derive(Args)]
pub struct ExplainOptions {
    /// The household, its id or households/{id}.
    household: String,
    /// Day to judge by, YYYY-MM-DD; today when not given.
    #[arg(long)]
    as_of: Option<String>,
    /// English words instead of Chinese ones.
    #[arg(long)]
    en: bool,
    /// Every rule, not only those that are met or nearly so.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    mesh: MeshOptions,
    /// JSON instead of text, with every rule.
    #[arg(long)]
    json: bool,
}

/// Asks identification and prints what it says. The purpose is case work, which the audit keeps.
pub async fn run(options: ExplainOptions) -> anyhow::Result<ExitCode> {
    let id = options.household.trim_start_matches("households/");
    let request = AssessHouseholdRequest {
        household: format!("households/{id}"),
        as_of: options.as_of.clone().unwrap_or_default(),
        everything: true,
    };
    let mut client = IdentificationServiceClient::new(options.mesh.peer("identification")?);
    let request = options.mesh.request(Some("case_work"), request)?;
    let answer = client.assess_household(request).await.map_err(mesh::refused)?.into_inner();
    let assessment = answer.assessment.context("the service sent no assessment")?;
    if options.json {
        mesh::print_json(&assessment)?;
    } else {
        tell(&options, &assessment)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One rule's outcome, whatever it belongs to.
struct Outcome<'a> {
    rule: &'a str,
    person: &'a str,
    eligible: Truth,
    conditions: &'a [ConditionValue],
    explanation: Option<&'a Explanation>,
}

impl Outcome<'_> {
    /// Met, or short of one condition only that the data leave unknown or that a number or date would meet. What would
    /// need another kind of person is not near.
    fn is_near(&self) -> bool {
        let mut lacking = self.conditions.iter().map(ConditionValue::value).filter(|value| *value != Truth::True);
        match (self.eligible, lacking.next(), lacking.next()) {
            (Truth::True, ..) => true,
            (_, Some(Truth::Unknown), None) => true,
            (_, Some(_), None) => {
                let change = self.explanation.and_then(|words| words.nearest_change.as_ref());
                change.is_some_and(|change| !matches!(change.needed.as_str(), "true" | "false"))
            }
            _ => false,
        }
    }
}

fn tell(options: &ExplainOptions, of: &Assessment) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}  {}  {}", of.household, of.as_of, of.pack)?;
    section(&mut out, options, "类别 classes", of.classes.iter().map(class).collect())?;
    section(&mut out, options, "退出 ways out", of.exits.iter().map(class).collect())?;
    section(&mut out, options, "救助项目 programmes", of.programmes.iter().map(programme).collect())?;
    Ok(())
}

fn class(of: &ClassAssessment) -> Outcome<'_> {
    Outcome {
        rule: &of.route,
        person: &of.person_key,
        eligible: of.eligible(),
        conditions: &of.conditions,
        explanation: of.explanation.as_ref(),
    }
}

fn programme(of: &ProgrammeAssessment) -> Outcome<'_> {
    Outcome {
        rule: &of.rule,
        person: &of.person_key,
        eligible: of.eligible(),
        conditions: &of.conditions,
        explanation: of.explanation.as_ref(),
    }
}

fn section(
    out: &mut StdoutLock<'_>,
    options: &ExplainOptions,
    title: &str,
    outcomes: Vec<Outcome<'_>>,
) -> std::io::Result<()> {
    let shown: Vec<&Outcome<'_>> = outcomes.iter().filter(|outcome| options.all || outcome.is_near()).collect();
    let left_out = outcomes.len() - shown.len();
    writeln!(out, "\n── {title}: {} ({left_out} 未列 not shown)", shown.len())?;
    for outcome in shown {
        let mark = match outcome.eligible {
            Truth::True => "✓",
            Truth::False => "✗",
            Truth::Unknown | Truth::Unspecified => "?",
        };
        let person =
            if outcome.person.is_empty() { String::new() } else { format!("  成员 member {}", outcome.person) };
        writeln!(out, "{mark} {}{person}", outcome.rule)?;
        let text = outcome.explanation.map(|words| if options.en { &words.text_en } else { &words.text });
        for line in text.into_iter().flat_map(|text| text.lines()) {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}
