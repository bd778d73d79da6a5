//! What the bureau did: each record is checked by itself, the ID number becomes the person's key, and the good ones go
//! to the feedback service. ID numbers are not kept.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use minqing_kit::{Call, Error, db::Fingerprint, id, keys::IdNumber};
use minqing_proto::minqing::{
    bureau::v1::{FeedbackRecord, RecordResult, ReportFeedbackRequest, ReportFeedbackResponse},
    feedback::v1::{Feedback, RecordFeedbackRequest},
    types::v1::FeedbackDecision as Decision,
};
use prost::Message as _;
use uuid::Uuid;

use crate::{Result, core::Core, row::text, store};

/// Records in one call.
pub const MAX_RECORDS: usize = 500;
const MAX_RECORD_NO: usize = 64;
/// Hex digits of SHA-256 and SM3.
const DIGEST: usize = 64;
const MAX_CODE: usize = 40;
const MAX_BASIS: usize = 200;
/// Ten million yuan: more is a typing fault.
const MAX_FEN: i64 = 1_000_000_000;
const MAX_SERVICES: i32 = 100_000;

/// What is wrong with a record: field, English, Chinese. Never the value.
type Wrong = (&'static str, &'static str, &'static str);

impl Core {
    pub async fn report_feedback(&self, call: &Call, request: ReportFeedbackRequest) -> Result<ReportFeedbackResponse> {
        if request.records.is_empty() || request.records.len() > MAX_RECORDS {
            let (en, zh) = ("records must be 1 to 500", "records 应为 1 至 500 条");
            return Err(Error::invalid("INVALID_RECORDS", en, zh).field("records", en));
        }
        let fingerprint = Fingerprint::of(&call.method, &request);
        if let Some(done) = self.cx.db.outcome(call, &request.request_id, fingerprint).await? {
            return Ok(done);
        }
        let mut checked = self.check_records(&request.records);
        self.check_referrals(&request.records, &mut checked).await?;
        self.find_households(&mut checked).await?;
        let results = self.tell_feedback(call, &request, checked).await?;
        let answer = ReportFeedbackResponse { results };
        self.cx
            .db
            .mutate(call, &request, move |_| {
                let answer = answer.clone();
                Box::pin(async move { Ok(answer) })
            })
            .await
    }

    fn check_records(&self, records: &[FeedbackRecord]) -> Vec<Result<Feedback, Wrong>> {
        let today = self.cx.clock.today();
        let mut seen = HashSet::new();
        let check = |record: &FeedbackRecord| {
            let mut feedback = check(record, today)?;
            if !seen.insert(feedback.record_no.clone()) {
                return Err((
                    "record_no",
                    "stands twice in this request; give each record a number of its own",
                    "本次请求内编号重复",
                ));
            }
            if !record.id_number.is_empty() {
                let id = IdNumber::parse(&record.id_number).map_err(|_| {
                    (
                        "id_number",
                        "is no valid resident ID number; compare it with the ID card",
                        "不是有效的公民身份号码，请与证件核对",
                    )
                })?;
                feedback.person_key = self.cx.keys.person_key(&id).to_string();
            }
            Ok(feedback)
        };
        records.iter().map(check).collect()
    }

    /// A referral must be one that was issued to this bureau.
    async fn check_referrals(&self, records: &[FeedbackRecord], checked: &mut [Result<Feedback, Wrong>]) -> Result<()> {
        let ids: Vec<_> =
            records.iter().filter_map(|r| id::parse_name("referrals", r.referral.trim(), "referral").ok()).collect();
        let mut conn = self.cx.db.acquire().await?;
        let known: HashSet<_> = store::referrals(&mut conn, &ids).await?.into_iter().map(|r| r.name()).collect();
        for slot in checked {
            if slot.as_ref().is_ok_and(|f| !f.referral.is_empty() && !known.contains(&f.referral)) {
                *slot = Err((
                    "referral",
                    "was not issued to this bureau; use the name as it was handed out",
                    "未向本部门签发该转介，请使用下发的转介编号",
                ));
            }
        }
        Ok(())
    }

    /// Aid on the bureau's own motion belongs to the household the register knows the person in.
    async fn find_households(&self, checked: &mut [Result<Feedback, Wrong>]) -> Result<()> {
        let persons: Vec<_> = checked
            .iter()
            .flatten()
            .filter(|f| f.referral.is_empty())
            .filter_map(|f| Uuid::try_parse(&f.person_key).ok())
            .map(|person| (person, Uuid::nil()))
            .collect();
        if persons.is_empty() {
            return Ok(());
        }
        let matches = self.peers.match_persons(&persons).await?;
        let households: HashMap<_, _> = persons
            .iter()
            .zip(matches)
            .filter(|(_, m)| m.known)
            .map(|((p, _), m)| (p.to_string(), m.household))
            .collect();
        for slot in checked {
            let Ok(feedback) = slot else { continue };
            if !feedback.referral.is_empty() {
                continue;
            }
            match households.get(&feedback.person_key) {
                Some(household) => feedback.household.clone_from(household),
                None => {
                    *slot =
                        Err(("id_number", "is not in the register of low-income households", "不在低收入人口底册中"))
                }
            }
        }
        Ok(())
    }

    /// Sends the good records; every record gets an answer, in order.
    async fn tell_feedback(
        &self,
        call: &Call,
        request: &ReportFeedbackRequest,
        checked: Vec<Result<Feedback, Wrong>>,
    ) -> Result<Vec<RecordResult>> {
        let good: Vec<_> = checked.iter().flatten().cloned().collect();
        let mut told = Vec::new();
        if !good.is_empty() {
            let mut asked =
                RecordFeedbackRequest { request_id: String::new(), bureau: self.number as i32, feedback: good };
            // What is known of referrals and persons may change before a repeat: then it is another request, in
            // which feedback knows the records again by their numbers.
            let own = format!("minqing/feedback/{}/{}/{}", call.caller, call.method, request.request_id);
            let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, own.as_bytes());
            asked.request_id = Uuid::new_v5(&space, &asked.encode_to_vec()).to_string();
            told = self.peers.feedback(call, asked).await?.results;
        }
        let mut told = told.into_iter();
        let result = |(record, slot): (&FeedbackRecord, Result<Feedback, Wrong>)| match slot {
            Ok(feedback) => {
                let answer =
                    told.next().ok_or_else(|| Error::bug(anyhow::anyhow!("feedback answered too few records")))?;
                Ok(RecordResult {
                    record_no: feedback.record_no,
                    accepted: answer.accepted,
                    field: answer.field,
                    message: answer.message,
                    message_zh: answer.message_zh,
                })
            }
            Err(wrong) => Ok(refused(record, wrong)),
        };
        request.records.iter().zip(checked).map(result).collect()
    }
}

fn refused(record: &FeedbackRecord, (field, en, zh): Wrong) -> RecordResult {
    RecordResult {
        record_no: record.record_no.chars().filter(|c| !c.is_control()).take(MAX_RECORD_NO).collect(),
        accepted: false,
        field: field.to_owned(),
        message: format!("{field} {en}"),
        message_zh: format!("{field} {zh}"),
    }
}

fn plain(text: &str, field: &'static str, longest: usize) -> Result<String, Wrong> {
    let text = text::trim(text);
    if text.chars().count() > longest || text::has_unreadable(&text) {
        return Err((field, "is too long or cannot be read; shorten it", "过长或含无法识别的字符"));
    }
    Ok(text)
}

fn day(text: &str, field: &'static str) -> Result<Option<NaiveDate>, Wrong> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    text::date(text).map(Some).ok_or((
        field,
        "is no real date; write it as YYYY-MM-DD",
        "不是有效日期，请按 YYYY-MM-DD 填写",
    ))
}

fn past(date: Option<NaiveDate>, field: &'static str, today: NaiveDate) -> Result<Option<NaiveDate>, Wrong> {
    match date {
        Some(date) if date > today => Err((field, "lies in the future; correct it", "晚于今天，请更正")),
        other => Ok(other),
    }
}

fn said(date: Option<NaiveDate>) -> String {
    date.map(|d| d.to_string()).unwrap_or_default()
}

/// A record's own checks. Whether the decision fits the referral's state is the feedback service's to say.
fn check(record: &FeedbackRecord, today: NaiveDate) -> Result<Feedback, Wrong> {
    let record_no = plain(&record.record_no, "record_no", MAX_RECORD_NO)?;
    if record_no.is_empty() {
        return Err(("record_no", "is empty; give the record your own number", "不能为空，请填写本部门记录编号"));
    }
    let referral = record.referral.trim();
    if referral.is_empty() && record.id_number.trim().is_empty() {
        return Err(("id_number", "is needed when there is no referral", "无转介编号时必须填写身份证号"));
    }
    if !referral.is_empty() && id::parse_name("referrals", referral, "referral").is_err() {
        return Err((
            "referral",
            "is no referral's name; use it as it was handed out",
            "格式不正确，请使用下发的转介编号",
        ));
    }
    let handled = past(day(&record.handled_on, "handled_on")?, "handled_on", today)?;
    let handled =
        handled.ok_or(("handled_on", "is empty; give the day of the decision", "不能为空，请填写办理日期"))?;
    let (from, to) = (day(&record.period_from, "period_from")?, day(&record.period_to, "period_to")?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(("period_to", "lies before period_from; correct one of them", "早于起始日期，请更正"));
    }
    let deferred = day(&record.deferred_to, "deferred_to")?;
    let paid = past(day(&record.paid_on, "paid_on")?, "paid_on", today)?;
    let feedback = Feedback {
        name: String::new(),
        record_no,
        bureau: 0,
        referral: referral.to_owned(),
        household: String::new(),
        person_key: String::new(),
        programme: plain(&record.programme, "programme", MAX_CODE)?,
        decision: record.decision,
        reason_code: plain(&record.reason_code, "reason_code", MAX_CODE)?,
        legal_basis: plain(&record.legal_basis, "legal_basis", MAX_BASIS)?,
        amount_fen: record.amount_fen,
        service_count: record.service_count,
        period_from: said(from),
        period_to: said(to),
        paid_on: said(paid),
        deferred_to: said(deferred),
        handled_on: handled.to_string(),
        supersedes: plain(&record.supersedes, "supersedes", MAX_RECORD_NO)?,
        evidence_digest: digest(&record.evidence_digest)?,
    };
    check_amounts(&feedback)?;
    check_decision(&feedback, record.decision(), deferred.is_some_and(|d| d > handled))?;
    Ok(feedback)
}

/// Hex digest of the papers a decision rests on; a bureau may have none.
fn digest(text: &str) -> Result<String, Wrong> {
    let text = text.trim();
    if text.is_empty() || text.len() == DIGEST && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err((
        "evidence_digest",
        "is no hex digest of 64 digits; give SHA-256 or SM3 of the papers",
        "应为依据材料的64位十六进制摘要（SHA-256 或 SM3）",
    ))
}

fn check_amounts(feedback: &Feedback) -> Result<(), Wrong> {
    if !(0..=MAX_FEN).contains(&feedback.amount_fen) {
        return Err(("amount_fen", "lies outside 0–1000000000 fen", "超出允许范围（分）"));
    }
    if !(0..=MAX_SERVICES).contains(&feedback.service_count) {
        return Err(("service_count", "lies outside 0–100000", "超出允许范围"));
    }
    if feedback.programme.is_empty() {
        return Err(("programme", "is empty; give the programme's code", "不能为空，请填写项目代码"));
    }
    Ok(())
}

fn check_decision(feedback: &Feedback, decision: Decision, later: bool) -> Result<(), Wrong> {
    match decision {
        Decision::Unspecified | Decision::Withdrawn => {
            Err(("decision", "is not one of the decisions", "不是有效的处理结果"))
        }
        Decision::Granted if feedback.amount_fen == 0 && feedback.service_count == 0 => {
            Err(("amount_fen", "is needed when aid was granted without a service", "给予救助时须填写金额或服务次数"))
        }
        Decision::Refused | Decision::NotMyDuty if feedback.reason_code.is_empty() => {
            Err(("reason_code", "is needed when refused or not my duty", "不予救助或非本部门职责时须填写原因"))
        }
        Decision::Refused if feedback.legal_basis.is_empty() => {
            Err(("legal_basis", "is needed when refused: law and article", "不予救助时须填写法律依据"))
        }
        Decision::AlreadyAided if feedback.period_from.is_empty() => {
            Err(("period_from", "is needed when aid reaches the person already", "已享受救助时须填写享受起始日期"))
        }
        Decision::Deferred if !later => Err((
            "deferred_to",
            "is needed when deferred and lies after handled_on",
            "延期办理时须填写晚于办理日期的新日期",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn granted() -> FeedbackRecord {
        FeedbackRecord {
            record_no: "F-1".into(),
            id_number: "x".into(),
            programme: "P-JY-04".into(),
            decision: Decision::Granted as i32,
            amount_fen: 100,
            handled_on: "2026/10/26".into(),
            ..FeedbackRecord::default()
        }
    }

    fn fault(change: impl FnOnce(&mut FeedbackRecord)) -> &'static str {
        let mut record = granted();
        change(&mut record);
        check(&record, NaiveDate::from_ymd_opt(2026, 10, 26).unwrap()).map_or_else(|w| w.0, |_| "")
    }

    #[test]
    fn a_good_record_passes_in_the_contracts_spelling() {
        let feedback = check(&granted(), NaiveDate::from_ymd_opt(2026, 10, 26).unwrap()).unwrap();
        assert_eq!(feedback.handled_on, "2026-10-26");
    }

    #[test]
    fn every_rule_of_the_form_names_its_field() {
        assert_eq!(fault(|r| r.record_no.clear()), "record_no");
        assert_eq!(fault(|r| r.id_number.clear()), "id_number");
        assert_eq!(fault(|r| r.referral = "referrals/1".into()), "referral");
        assert_eq!(fault(|r| r.handled_on = "2026-10-27".into()), "handled_on");
        assert_eq!(fault(|r| r.handled_on.clear()), "handled_on");
        assert_eq!(fault(|r| r.paid_on = "2027-01-01".into()), "paid_on");
        assert_eq!(fault(|r| r.amount_fen = 0), "amount_fen");
        assert_eq!(fault(|r| r.amount_fen = -1), "amount_fen");
        assert_eq!(fault(|r| r.evidence_digest = "sm3".into()), "evidence_digest");
        assert_eq!(fault(|r| r.programme.clear()), "programme");
        assert_eq!(fault(|r| r.decision = 0), "decision");
        assert_eq!(fault(|r| r.decision = 99), "decision");
        assert_eq!(fault(|r| r.decision = Decision::Withdrawn as i32), "decision", "no bureau says this");
        assert_eq!(fault(|r| r.decision = Decision::Refused as i32), "reason_code");
        assert_eq!(
            fault(|r| {
                r.decision = Decision::Refused as i32;
                r.reason_code = "01".into();
            }),
            "legal_basis"
        );
        assert_eq!(fault(|r| r.decision = Decision::NotMyDuty as i32), "reason_code");
        assert_eq!(fault(|r| r.decision = Decision::AlreadyAided as i32), "period_from");
        assert_eq!(fault(|r| r.decision = Decision::Deferred as i32), "deferred_to");
        assert_eq!(
            fault(|r| {
                r.period_from = "2026-02-01".into();
                r.period_to = "2026-01-01".into();
            }),
            "period_to"
        );
    }
}
