//! Opens cases and renews the assessments of open ones.

use chrono::NaiveDate;
use minqing_kit::{Result, db::Work, id::name};
use minqing_proto::minqing::identification::v1::{Assessment, CaseOpened};
use prost::Message as _;
use uuid::Uuid;

use super::assess::Assessor;
use crate::{
    domain::case::CaseKind,
    store::{
        case_file::{self, NewCase},
        household,
    },
};

/// What opens a case.
pub struct Opening {
    pub household: Uuid,
    pub work_order: Uuid,
    pub division: String,
    pub on: NaiveDate,
}

/// Opens a case of a kind unless the household has one open; the event may come twice.
pub async fn open(work: &mut Work, assessor: &Assessor, opening: &Opening, kind: CaseKind) -> Result<()> {
    let assessment = assess_now(work, assessor, opening.household).await?;
    let case_id = work.new_id();
    let case = NewCase {
        case_id,
        household_id: opening.household,
        division_code: &opening.division,
        kind: kind_text(kind),
        work_order_id: opening.work_order,
        opened_on: opening.on,
        assessment: assessment.map(|a| a.encode_to_vec()),
    };
    if case_file::insert(work.conn(), &case).await? {
        let event = CaseOpened {
            case: name("cases", case_id),
            household: name("households", opening.household),
            opened_on: opening.on.to_string(),
        };
        work.emit(&event.household.clone(), &event, None);
    }
    Ok(())
}

/// Assesses the open cases of households anew, since their facts are newer.
pub async fn renew(work: &mut Work, assessor: &Assessor, households: &[Uuid]) -> Result<()> {
    if households.is_empty() {
        return Ok(());
    }
    for (case, household) in case_file::open_of(work.conn(), households).await? {
        if let Some(assessment) = assess_now(work, assessor, household).await? {
            case_file::set_assessment(work.conn(), case, &assessment.encode_to_vec()).await?;
        }
    }
    Ok(())
}

/// The assessment on the facts there are; none when there are none yet.
pub async fn assess_now(work: &mut Work, assessor: &Assessor, household: Uuid) -> Result<Option<Assessment>> {
    let today = work.today();
    match household::facts(work.conn(), household).await? {
        Some(row) => Ok(Some(assessor.assess(work.conn(), &row, today).await?)),
        None => Ok(None),
    }
}

/// A kind's text in the table.
pub fn kind_text(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::Recognition => "recognition",
        CaseKind::Recheck => "recheck",
    }
}
