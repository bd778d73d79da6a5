//! Shows cases. Values of facts are shown for case work only; any other purpose sees which conditions hold and why,
//! without the values behind them. Every look at an assessment leaves an audit row.

use chrono::NaiveDate;
use futures::FutureExt as _;
use minqing_kit::{Call, Error, Result, db::Work, id::name, page};
use minqing_proto::minqing::identification::v1::{
    Assessment, Case, CaseDecision, CaseKind, CaseState, Explanation, ListCasesRequest,
};
use minqing_proto::minqing::types::v1::FactValue;
use prost::Message as _;
use uuid::Uuid;

use super::{Identification, scope, verifications};
use crate::{
    domain::{
        case::{Kind, State, Verdict},
        code::{class_of, parse_date},
        error::CaseError,
    },
    store::{
        self,
        case::{CaseFilter, CaseRow},
    },
};

const MAX_PAGE: i32 = 500;

/// Whether the caller's purpose shows the values of facts.
pub fn shows_values(call: &Call) -> bool {
    call.purpose.as_deref() == Some("case_work")
}

/// What the audit row says was seen.
pub fn fields(whole: bool) -> &'static [&'static str] {
    if whole { &["assessment"] } else { &["assessment:masked"] }
}

/// The assessment, without the values of facts unless they may be seen.
pub fn shown(mut assessment: Assessment, whole: bool) -> Assessment {
    if !whole {
        for class in assessment.classes.iter_mut().chain(&mut assessment.exits) {
            hide(&mut class.facts, class.explanation.as_mut());
        }
        for programme in &mut assessment.programmes {
            hide(&mut programme.facts, programme.explanation.as_mut());
        }
    }
    assessment
}

fn hide(facts: &mut [FactValue], explanation: Option<&mut Explanation>) {
    facts.iter_mut().for_each(|fact| fact.value.clear());
    if let Some(explanation) = explanation {
        explanation.text.clear();
        explanation.text_en.clear();
        explanation.nearest_change = None;
    }
}

impl Identification {
    /// A case with its assessment.
    pub async fn case(&self, call: &Call, case_id: Uuid) -> Result<Case> {
        let (scope, whole) = (scope(call), shows_values(call));
        let read = self.db.read(call, move |work| {
            let scope = scope.clone();
            async move {
                let row = store::case::one(work.conn(), case_id).await?;
                row.filter(|r| scope.sees(&r.division_code)).ok_or(CaseError::CaseNotFound)?;
                case(work, case_id, whole).await
            }
            .boxed()
        });
        read.await
    }

    /// Cases newest first, without assessments, and the token of the next page.
    pub async fn cases(&self, call: &Call, request: &ListCasesRequest) -> Result<(Vec<Case>, String)> {
        check_division(&request.division_code)?;
        let Some(prefix) = scope(call).narrow(&request.division_code) else { return Ok((Vec::new(), String::new())) };
        let state = match request.state() {
            CaseState::Unspecified => None,
            CaseState::Open => Some(State::Open),
            CaseState::Decided => Some(State::Decided),
        };
        let canonical = format!("cases|{prefix}|{}", state.map_or("", State::as_str));
        let page = page::page(request.page_size, &request.page_token, &canonical, MAX_PAGE)?;
        let before = page.after.as_deref().map(position).transpose()?;
        let mut conn = self.db.acquire().await?;
        let filter = CaseFilter { prefix: &prefix, state, before, size: page.size + 1 };
        let mut rows = store::case::page(&mut conn, &filter).await?;
        let size = usize::try_from(page.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more).map(|r| format!("{}|{}", r.opened_on, r.case_id));
        let token = last.map(|key| page::next_token(&key, &canonical)).unwrap_or_default();
        Ok((rows.into_iter().map(told).collect(), token))
    }
}

/// The case as it stands in this transaction, with its assessment and an audit row.
pub async fn case(work: &mut Work, case_id: Uuid, whole: bool) -> Result<Case> {
    let row = store::case::one(work.conn(), case_id).await?.ok_or(CaseError::CaseNotFound)?;
    work.audit(&name("households", row.household_id), fields(whole));
    let body = store::assessment::body(work.conn(), case_id).await?;
    let assessment = body.map(|b| Assessment::decode(b.as_slice())).transpose().map_err(Error::bug)?;
    let today = work.today();
    let rows = store::verification::of_case(work.conn(), case_id).await?;
    let verifications = rows.into_iter().map(|row| verifications::told(row, today)).collect();
    Ok(Case { assessment: assessment.map(|a| shown(a, whole)), verifications, ..told(row) })
}

/// A division to filter by.
pub fn check_division(code: &str) -> std::result::Result<(), CaseError> {
    let digits = code.bytes().all(|b| b.is_ascii_digit());
    let good = code.is_empty() || (digits && (4..=12).contains(&code.len()));
    if good { Ok(()) } else { Err(CaseError::DivisionMalformed) }
}

pub fn position(text: &str) -> Result<(NaiveDate, Uuid)> {
    let parts = text.split_once('|').and_then(|(day, id)| Some((parse_date(day)?, Uuid::try_parse(id).ok()?)));
    Ok(parts.ok_or(CaseError::TokenMalformed)?)
}

fn told(row: CaseRow) -> Case {
    let decision = match row.decision.as_deref().and_then(Verdict::of) {
        None => CaseDecision::Unspecified,
        Some(Verdict::Grant) => CaseDecision::Grant,
        Some(Verdict::Refuse) => CaseDecision::Refuse,
        Some(Verdict::Keep) => CaseDecision::Keep,
        Some(Verdict::End) => CaseDecision::End,
    };
    let kind = match row.kind() {
        Kind::Recognition => CaseKind::Recognition,
        Kind::Recheck => CaseKind::Recheck,
    };
    let state = match row.state() {
        State::Open => CaseState::Open,
        State::Decided => CaseState::Decided,
    };
    let classes = |texts: &[String]| texts.iter().map(|t| class_of(t).into()).collect();
    Case {
        name: name("cases", row.case_id),
        household: name("households", row.household_id),
        kind: kind.into(),
        state: state.into(),
        opened_on: row.opened_on.to_string(),
        decided_on: row.decided_on.map(|day| day.to_string()).unwrap_or_default(),
        decision: decision.into(),
        assistance_class: row.assistance_class.as_deref().map(class_of).unwrap_or_default().into(),
        reason: row.reason.unwrap_or_default(),
        etag: row.version.to_string(),
        candidate_classes: classes(&row.candidate_classes),
        unmet_classes: classes(&row.unmet_classes),
        division_code: row.division_code,
        work_order: row.work_order,
        assessment: None,
        verifications: Vec::new(),
    }
}
