//! Contract ↔ domain and rows.

use chrono::NaiveDate;
use minqing_kit::id::{self, parse_name};
use minqing_proto::minqing::{
    feedback::v1 as pb,
    types::v1::{Bureau, FeedbackDecision},
};
use uuid::Uuid;

use crate::{
    domain::{decision::Decision, record::Reported, refusal::Refusal},
    store::record::RecordRow,
};

/// Resource names.
pub const REFERRALS: &str = "referrals";
pub const HOUSEHOLDS: &str = "households";
pub const FEEDBACK: &str = "feedback";

/// A record as reported, decoded; a name, key or date that cannot be read is refused by field.
pub fn reported(record: &pb::Feedback) -> Result<Reported, Refusal> {
    Ok(Reported {
        record_no: record.record_no.clone(),
        referral: name(REFERRALS, &record.referral, "referral")?,
        household: name(HOUSEHOLDS, &record.household, "household")?,
        person: key(&record.person_key)?,
        programme: record.programme.clone(),
        decision: decision(record.decision)?,
        reason_code: record.reason_code.clone(),
        legal_basis: record.legal_basis.clone(),
        amount_fen: record.amount_fen,
        service_count: record.service_count,
        period_from: date(&record.period_from, "period_from")?,
        period_to: date(&record.period_to, "period_to")?,
        paid_on: date(&record.paid_on, "paid_on")?,
        deferred_to: date(&record.deferred_to, "deferred_to")?,
        handled_on: date(&record.handled_on, "handled_on")?,
        supersedes: record.supersedes.clone(),
        evidence_digest: record.evidence_digest.to_ascii_lowercase(),
    })
}

/// A record as stored.
pub fn feedback(row: &RecordRow) -> pb::Feedback {
    let day = |day: Option<NaiveDate>| day.map_or_else(String::new, |d| d.to_string());
    let decision = Decision::parse(&row.decision).map_or(FeedbackDecision::Unspecified, decision_told);
    pb::Feedback {
        name: id::name(FEEDBACK, row.feedback_id),
        record_no: row.record_no.clone(),
        bureau: bureau(&row.bureau) as i32,
        referral: row.referral_id.map_or_else(String::new, |r| id::name(REFERRALS, r)),
        household: row.household_id.map_or_else(String::new, |h| id::name(HOUSEHOLDS, h)),
        person_key: row.person_key.map_or_else(String::new, |p| p.to_string()),
        programme: row.programme.clone(),
        decision: decision as i32,
        reason_code: row.reason_code.clone(),
        legal_basis: row.legal_basis.clone(),
        amount_fen: row.amount_fen,
        service_count: row.service_count,
        period_from: day(row.period_from),
        period_to: day(row.period_to),
        paid_on: day(row.paid_on),
        deferred_to: day(row.deferred_to),
        handled_on: row.handled_on.to_string(),
        supersedes: row.supersedes.clone(),
        evidence_digest: row.evidence_digest.clone(),
    }
}

/// The text of a bureau, `medical_insurance`; `None` when unspecified.
pub fn bureau_text(bureau: Bureau) -> Option<String> {
    let text = bureau.as_str_name().strip_prefix("BUREAU_")?.to_lowercase();
    (bureau != Bureau::Unspecified).then_some(text)
}

/// A bureau by its stored text.
pub fn bureau(text: &str) -> Bureau {
    minqing_policy::bureau(text).unwrap_or(Bureau::Unspecified)
}

/// A bureau's decision of the contract; `None` when unspecified, or when no bureau has decided.
pub fn decision_of(decision: FeedbackDecision) -> Option<Decision> {
    match decision {
        FeedbackDecision::Unspecified | FeedbackDecision::Withdrawn => None,
        FeedbackDecision::Granted => Some(Decision::Granted),
        FeedbackDecision::Refused => Some(Decision::Refused),
        FeedbackDecision::AlreadyAided => Some(Decision::AlreadyAided),
        FeedbackDecision::Deferred => Some(Decision::Deferred),
        FeedbackDecision::CannotReach => Some(Decision::CannotReach),
        FeedbackDecision::NotMyDuty => Some(Decision::NotMyDuty),
    }
}

/// A decision as the contract says it.
pub fn decision_told(decision: Decision) -> FeedbackDecision {
    match decision {
        Decision::Granted => FeedbackDecision::Granted,
        Decision::Refused => FeedbackDecision::Refused,
        Decision::AlreadyAided => FeedbackDecision::AlreadyAided,
        Decision::Deferred => FeedbackDecision::Deferred,
        Decision::CannotReach => FeedbackDecision::CannotReach,
        Decision::NotMyDuty => FeedbackDecision::NotMyDuty,
    }
}

fn decision(value: i32) -> Result<Option<Decision>, Refusal> {
    FeedbackDecision::try_from(value).map(decision_of).map_err(|_| {
        Refusal::new("decision", "CODE_UNKNOWN", "decision is not in the code table", "decision 不在代码表中")
    })
}

fn name(collection: &str, text: &str, field: &'static str) -> Result<Option<Uuid>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_name(collection, text, field).map(Some).map_err(|_| Refusal {
        field,
        reason: "NAME_MALFORMED",
        message: format!("{field} is not of the form {collection}/{{uuid}}"),
        message_zh: format!("{field} 的格式应为 {collection}/{{uuid}}"),
    })
}

fn key(text: &str) -> Result<Option<Uuid>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    Uuid::parse_str(text)
        .map(Some)
        .map_err(|_| Refusal::new("person_key", "KEY_MALFORMED", "person_key is not a uuid", "person_key 应为 UUID"))
}

fn date(text: &str, field: &'static str) -> Result<Option<NaiveDate>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    // Ten characters: chrono would also take years of other lengths, which PostgreSQL may not.
    text.parse().ok().filter(|_| text.len() == 10).map(Some).ok_or_else(|| Refusal::date(field))
}
