//! Records an operator's decision; its event changes the class status in the register.

use futures::FutureExt as _;
use minqing_kit::{Call, Result, db::Work, id::name, id::parse_name};
use minqing_proto::minqing::{
    identification::v1::{CaseDecision, ClassEnded, ClassGranted, RecordDecisionRequest, RecordDecisionResponse},
    types::v1::AssistanceClass,
};
use uuid::Uuid;

use super::{AUDIENCE, Identification, look, scope};
use crate::{
    domain::{
        case::{Case, Decided, Effect, Proposal, Verdict, decide},
        code::{class_of, class_text, parse_date},
        error::CaseError,
    },
    store::{
        self,
        case::{CaseRow, NewDecision},
    },
};

const FIELDS: &[&str] = &["decision"];

impl Identification {
    /// Decides the case once; a repeat gets the first answer.
    pub async fn record_decision(&self, call: &Call, request: RecordDecisionRequest) -> Result<RecordDecisionResponse> {
        let case_id = parse_name("cases", &request.name, "name")?;
        let proposal = proposal(call, &request)?;
        let (scope, whole) = (scope(call), look::shows_values(call));
        let change = self.db.mutate(call, &request, move |work| {
            let (scope, proposal) = (scope.clone(), proposal.clone());
            async move {
                let row = store::case::locked(work.conn(), case_id).await?;
                let row = row.filter(|r| scope.sees(&r.division_code)).ok_or(CaseError::CaseNotFound)?;
                decided(work, &row, &proposal).await?;
                let case = look::case(work, case_id, whole).await?;
                Ok(RecordDecisionResponse { case: Some(case) })
            }
            .boxed()
        });
        change.await
    }
}

fn proposal(call: &Call, request: &RecordDecisionRequest) -> Result<Proposal> {
    let verdict = match request.decision() {
        CaseDecision::Unspecified => None,
        CaseDecision::Grant => Some(Verdict::Grant),
        CaseDecision::Refuse => Some(Verdict::Refuse),
        CaseDecision::Keep => Some(Verdict::Keep),
        CaseDecision::End => Some(Verdict::End),
    };
    let person_key = match request.person_key.as_str() {
        "" => None,
        text => Some(Uuid::try_parse(text).map_err(|_| CaseError::KeyMalformed)?),
    };
    Ok(Proposal {
        verdict,
        class: class_text(AssistanceClass::try_from(request.assistance_class).unwrap_or_default()),
        person_key,
        amount_fen: request.amount_fen,
        valid_from: parse_date(&request.valid_from),
        reason: request.reason.trim().to_owned(),
        household_heard: request.household_heard,
        decider: call.caller.as_str().to_owned(),
    })
}

async fn decided(work: &mut Work, row: &CaseRow, proposal: &Proposal) -> Result<()> {
    let roster = store::known::roster(work.conn(), &[row.household_id]).await?.pop();
    let case = Case {
        kind: row.kind(),
        state: row.state(),
        held: roster.as_ref().map(|r| r.classes.0.clone()).unwrap_or_default(),
        members: roster.map(|r| r.members),
    };
    let today = work.today();
    let decided = decide(&case, proposal, today)?;
    let decision_id = work.new_id();
    let new = NewDecision {
        decision_id,
        case_id: row.case_id,
        proposal,
        verdict: decided.verdict,
        effect: &decided.effect,
        decided_on: today,
        operator: work.call().operator.clone(),
    };
    store::case::decide(work.conn(), &new).await?;
    work.audit(&name("households", row.household_id), FIELDS);
    tell(work, row.household_id, decision_id, (proposal, decided));
    Ok(())
}

/// Events about a household's class go by the household's own counter.
fn tell(work: &mut Work, household_id: Uuid, decision_id: Uuid, (proposal, decided): (&Proposal, Decided)) {
    let household = name("households", household_id);
    let decision = name("decisions", decision_id);
    let person_key = proposal.person_key.map(|key| key.to_string()).unwrap_or_default();
    match decided.effect {
        Effect::Granted { class, amount_fen, from } => {
            let event = ClassGranted {
                decision,
                household: household.clone(),
                person_key,
                assistance_class: class_of(&class).into(),
                amount_fen,
                valid_from: from.to_string(),
            };
            work.emit(&household, &event, AUDIENCE);
        }
        Effect::Ended { class, last_day } => {
            let event = ClassEnded {
                decision,
                household: household.clone(),
                person_key,
                assistance_class: class_of(&class).into(),
                valid_to: last_day.to_string(),
                reason: proposal.reason.clone(),
            };
            work.emit(&household, &event, AUDIENCE);
        }
        Effect::Nothing => {}
    }
}
