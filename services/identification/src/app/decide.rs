//! Records a person's decision on a case and tells the register.

use minqing_kit::{Error, Result, db::Work, id::name};
use minqing_policy::assistance_class;
use minqing_proto::minqing::identification::v1::{ClassEnded, ClassGranted};
use uuid::Uuid;

use crate::{
    domain::{
        case::{self, CaseKind, Decision, Effect, Ruling},
        error::Refusal,
    },
    store::case_file::{self, CaseRow, Decided},
};

/// Decides a case within the caller's scope and returns it as it stands then.
pub async fn decide(work: &mut Work, case_id: Uuid, scope: &str, ruling: &Ruling) -> Result<CaseRow> {
    let found = case_file::find(work.conn(), case_id, scope, true).await?.ok_or(Refusal::CaseNotFound)?;
    let kind = if found.kind == "recheck" { CaseKind::Recheck } else { CaseKind::Recognition };
    let effect = case::decide(kind, found.state == "decided", ruling)?;
    let decision_id = work.new_id();
    let decided = Decided {
        case_id,
        decision_id,
        decision: decision_text(ruling.decision),
        class: ruling.class.as_deref(),
        person_key: ruling.person,
        amount_fen: ruling.amount_fen,
        valid_from: ruling.valid_from,
        reason: &ruling.reason,
        decided_on: work.today(),
    };
    case_file::decide(work.conn(), &decided).await?;
    let household = name("households", found.household_id);
    work.audit(&household, &["decision"]);
    if let Some(effect) = effect {
        tell(work, &household, &name("decisions", decision_id), (effect, &ruling.reason))?;
    }
    case_file::find(work.conn(), case_id, scope, false).await?.ok_or_else(|| Refusal::CaseNotFound.into())
}

fn tell(work: &mut Work, household: &str, decision: &str, (effect, reason): (Effect, &str)) -> Result<()> {
    let key = |person: Option<Uuid>| person.map_or_else(String::new, |p| p.to_string());
    match effect {
        Effect::Granted { class, person, amount_fen, valid_from } => {
            let event = ClassGranted {
                decision: decision.to_owned(),
                household: household.to_owned(),
                person_key: key(person),
                assistance_class: known(&class)?,
                amount_fen,
                valid_from: valid_from.to_string(),
            };
            work.emit(household, &event, None);
        }
        Effect::Ended { class, person, valid_to } => {
            let event = ClassEnded {
                decision: decision.to_owned(),
                household: household.to_owned(),
                person_key: key(person),
                assistance_class: known(&class)?,
                valid_to: valid_to.to_string(),
                reason: reason.to_owned(),
            };
            work.emit(household, &event, None);
        }
    }
    Ok(())
}

fn known(class: &str) -> Result<i32> {
    assistance_class(class).map(|c| c as i32).ok_or_else(|| Error::from(Refusal::ClassMissing))
}

/// A decision's text in the table.
pub fn decision_text(decision: Decision) -> &'static str {
    match decision {
        Decision::Grant => "grant",
        Decision::Refuse => "refuse",
        Decision::Keep => "keep",
        Decision::End => "end",
    }
}
