//! One feedback record: what it must hold for its decision, and what stands in its way. A record that corrects
//! another supersedes it; nothing is ever deleted.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{decision::Decision, refusal::Refusal};

/// Most times a bureau may put a referral off.
pub const MOST_DEFERRALS: usize = 2;
/// Longest record number, code and legal basis.
const LONGEST_NO: usize = 64;
const LONGEST_CODE: usize = 64;
const LONGEST_BASIS: usize = 500;
/// Hex digits of SHA-256 and SM3.
const DIGEST: usize = 64;

/// A record as the bureau reports it, decoded but not judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    pub record_no: String,
    pub referral: Option<Uuid>,
    pub household: Option<Uuid>,
    pub person: Option<Uuid>,
    pub programme: String,
    pub decision: Option<Decision>,
    pub reason_code: String,
    pub legal_basis: String,
    pub amount_fen: i64,
    pub service_count: i32,
    pub period_from: Option<NaiveDate>,
    pub period_to: Option<NaiveDate>,
    pub paid_on: Option<NaiveDate>,
    pub deferred_to: Option<NaiveDate>,
    pub handled_on: Option<NaiveDate>,
    pub supersedes: String,
    /// Digest of the papers it rests on, hex; may be empty.
    pub evidence_digest: String,
}

/// A record that holds what its decision needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    pub decision: Decision,
    pub handled_on: NaiveDate,
    pub body: Reported,
}

impl Reported {
    /// Checks everything that needs no other record; `today` is the business date.
    pub fn check(self, today: NaiveDate) -> Result<Sound, Refusal> {
        self.texts()?;
        let decision =
            self.decision.ok_or_else(|| Refusal::required("decision", "give the decision", "请填写处理决定"))?;
        let handled_on = self
            .handled_on
            .ok_or_else(|| Refusal::required("handled_on", "give the day of the decision", "请填写决定日期"))?;
        if handled_on > today {
            return Err(Refusal::new(
                "handled_on",
                "DATE_IN_FUTURE",
                "handled_on lies in the future; give the day of the decision",
                "handled_on 晚于今天，请填写实际决定日期",
            ));
        }
        self.evidence()?;
        self.about(decision)?;
        self.money()?;
        self.period()?;
        self.needed_by(decision, handled_on)?;
        Ok(Sound { decision, handled_on, body: self })
    }

    fn texts(&self) -> Result<(), Refusal> {
        if self.record_no.trim().is_empty() {
            return Err(Refusal::required("record_no", "give the bureau's own number", "请填写部门业务编号"));
        }
        let texts = [
            ("record_no", &self.record_no, LONGEST_NO),
            ("programme", &self.programme, LONGEST_CODE),
            ("reason_code", &self.reason_code, LONGEST_CODE),
            ("legal_basis", &self.legal_basis, LONGEST_BASIS),
            ("supersedes", &self.supersedes, LONGEST_NO),
        ];
        let unfit = |text: &str, longest| text.chars().count() > longest || text.chars().any(char::is_control);
        match texts.into_iter().find(|(_, text, longest)| unfit(text, *longest)) {
            Some((field, _, longest)) => Err(Refusal::text(field, longest)),
            None => Ok(()),
        }
    }

    fn evidence(&self) -> Result<(), Refusal> {
        let digest = &self.evidence_digest;
        if digest.is_empty() || digest.len() == DIGEST && digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(());
        }
        Err(Refusal::new(
            "evidence_digest",
            "TEXT_UNFIT",
            "evidence_digest is no hex digest of 64 digits; give SHA-256 or SM3 of the papers, or leave it out",
            "evidence_digest 应为64位十六进制摘要（SHA-256 或 SM3），没有时请勿填写",
        ))
    }

    fn about(&self, decision: Decision) -> Result<(), Refusal> {
        if self.referral.is_some() {
            return Ok(());
        }
        if decision.needs_referral() {
            return Err(Refusal::required("referral", "this decision answers a referral", "该决定须对应转办单"));
        }
        if self.person.is_none() {
            return Err(Refusal::required(
                "person_key",
                "aid on one's own motion names a person",
                "主动救助须注明人员",
            ));
        }
        if self.programme.is_empty() {
            return Err(Refusal::required(
                "programme",
                "aid on one's own motion names its programme",
                "主动救助须注明救助项目",
            ));
        }
        Ok(())
    }

    fn money(&self) -> Result<(), Refusal> {
        let negative = |field| {
            Refusal::new(
                field,
                "OUT_OF_RANGE",
                &format!("{field} is negative; give what was granted"),
                &format!("{field} 不能为负数"),
            )
        };
        if self.amount_fen < 0 {
            return Err(negative("amount_fen"));
        }
        if self.service_count < 0 {
            return Err(negative("service_count"));
        }
        Ok(())
    }

    fn period(&self) -> Result<(), Refusal> {
        match (self.period_from, self.period_to) {
            (Some(from), Some(to)) if to < from => Err(Refusal::new(
                "period_to",
                "INCONSISTENT",
                "period_to lies before period_from",
                "period_to 早于 period_from",
            )),
            (None, Some(_)) => {
                Err(Refusal::required("period_from", "a period has a first day", "填写了截止日期须填写开始日期"))
            }
            _ => Ok(()),
        }
    }

    fn needed_by(&self, decision: Decision, handled_on: NaiveDate) -> Result<(), Refusal> {
        match decision {
            Decision::Granted if self.amount_fen == 0 && self.service_count == 0 => Err(Refusal::required(
                "amount_fen",
                "a grant has an amount or a count of services",
                "给予救助须填写金额或服务次数",
            )),
            Decision::Refused if self.reason_code.is_empty() => {
                Err(Refusal::required("reason_code", "a refusal has a reason", "不予救助须填写原因"))
            }
            Decision::Refused if self.legal_basis.is_empty() => {
                Err(Refusal::required("legal_basis", "a refusal names its law and article", "不予救助须注明法律依据"))
            }
            Decision::AlreadyAided if self.programme.is_empty() => Err(Refusal::required(
                "programme",
                "name the programme that reaches the person",
                "请注明已享受的救助项目",
            )),
            Decision::AlreadyAided if self.period_from.is_none() => {
                Err(Refusal::required("period_from", "give since when the aid runs", "请填写已享受救助的开始日期"))
            }
            Decision::NotMyDuty if self.reason_code.is_empty() => Err(Refusal::required(
                "reason_code",
                "say why another bureau is competent",
                "请填写不属本部门职责的原因",
            )),
            Decision::Deferred => match self.deferred_to {
                None => Err(Refusal::required("deferred_to", "give the new date", "请填写延期至何日")),
                Some(to) if to <= handled_on => Err(Refusal::new(
                    "deferred_to",
                    "INCONSISTENT",
                    "deferred_to is not later than handled_on",
                    "deferred_to 应晚于 handled_on",
                )),
                Some(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// What is on file that a new record must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnFile {
    pub id: Uuid,
    pub content_hash: [u8; 32],
    pub referral: Option<Uuid>,
    pub person: Option<Uuid>,
    pub superseded: bool,
}

/// A referral as a record must fit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub bureau: String,
    pub settled: bool,
    /// Deferrals in force.
    pub deferrals: usize,
}

impl Sound {
    /// Checks the record against its referral.
    pub fn fits(&self, bureau: &str, asked: Option<&Asked>) -> Result<(), Refusal> {
        let Some(asked) = asked else { return Ok(()) };
        if asked.bureau != bureau {
            // The same words as for one that does not exist: another bureau's referral is none of its business.
            return Err(Refusal::new(
                "referral",
                "REFERRAL_NOT_FOUND",
                "there is no such referral of this bureau",
                "本部门没有该转办单",
            ));
        }
        if self.decision == Decision::Deferred && asked.settled {
            return Err(Refusal::new(
                "decision",
                "REFERRAL_SETTLED",
                "the referral is settled and cannot be put off",
                "转办单已办结，不能延期",
            ));
        }
        let corrects = !self.body.supersedes.is_empty();
        if self.decision == Decision::Deferred && asked.deferrals >= MOST_DEFERRALS && !corrects {
            return Err(Refusal::new(
                "decision",
                "DEFERRED_TWICE",
                "the referral was put off twice already; decide it",
                "转办单已延期两次，请作出决定",
            ));
        }
        Ok(())
    }

    /// Checks the record against the one it corrects.
    pub fn may_supersede(&self, earlier: Option<&OnFile>) -> Result<(), Refusal> {
        let refuse = |reason, message, message_zh| Err(Refusal::new("supersedes", reason, message, message_zh));
        let Some(earlier) = earlier else {
            return refuse(
                "SUPERSEDED_NOT_FOUND",
                "there is no record of this bureau with that number",
                "本部门没有该编号的记录",
            );
        };
        if self.body.supersedes == self.body.record_no {
            return refuse(
                "INCONSISTENT",
                "a record cannot correct itself; use a new record_no",
                "记录不能更正自身，请使用新编号",
            );
        }
        if earlier.superseded {
            return refuse(
                "SUPERSEDED_ALREADY",
                "that record was corrected already; correct the newest one",
                "该记录已被更正，请更正最新记录",
            );
        }
        let same = match (earlier.referral, self.body.referral) {
            (Some(a), Some(b)) => a == b,
            (None, None) => earlier.person == self.body.person,
            _ => false,
        };
        if !same {
            return refuse(
                "INCONSISTENT",
                "that record is about another referral or person",
                "该记录对应的转办单或人员不同",
            );
        }
        Ok(())
    }
}

/// The number was used before for something else.
pub fn record_no_reused() -> Refusal {
    Refusal::new(
        "record_no",
        "RECORD_NO_REUSED",
        "record_no was used for a record with other contents; send a correction under a new number with supersedes",
        "该编号已用于内容不同的记录；如需更正，请用新编号并填写 supersedes",
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn granted() -> Reported {
        Reported {
            record_no: "JY-1".into(),
            referral: Some(Uuid::from_u128(1)),
            decision: Some(Decision::Granted),
            amount_fen: 100_000,
            handled_on: Some(day("2026-11-02")),
            ..Reported::default()
        }
    }

    fn fault(record: Reported) -> (&'static str, &'static str) {
        let refusal = record.check(day("2026-11-03")).unwrap_err();
        assert!(!refusal.message.ends_with('.') && !refusal.message_zh.is_empty());
        (refusal.field, refusal.reason)
    }

    #[test]
    fn each_decision_needs_what_makes_it_checkable() {
        granted().check(day("2026-11-03")).unwrap();
        let with = |decision, change: fn(&mut Reported)| {
            let mut record = Reported { decision: Some(decision), ..granted() };
            change(&mut record);
            record
        };
        let missing = "REQUIRED_VALUE_MISSING";
        assert_eq!(fault(with(Decision::Granted, |r| r.amount_fen = 0)), ("amount_fen", missing));
        assert_eq!(fault(with(Decision::Granted, |r| r.amount_fen = -1)), ("amount_fen", "OUT_OF_RANGE"));
        assert_eq!(fault(with(Decision::Refused, |_| ())), ("reason_code", missing));
        assert_eq!(fault(with(Decision::Refused, |r| r.reason_code = "R1".into())), ("legal_basis", missing));
        assert_eq!(fault(with(Decision::AlreadyAided, |_| ())), ("programme", missing));
        assert_eq!(fault(with(Decision::AlreadyAided, |r| r.programme = "P".into())), ("period_from", missing));
        assert_eq!(fault(with(Decision::Deferred, |_| ())), ("deferred_to", missing));
        assert_eq!(fault(with(Decision::Deferred, |r| r.deferred_to = r.handled_on)), ("deferred_to", "INCONSISTENT"));
        assert_eq!(fault(with(Decision::NotMyDuty, |_| ())), ("reason_code", missing));
        assert_eq!(fault(with(Decision::Granted, |r| r.handled_on = None)), ("handled_on", missing));
        assert_eq!(fault(with(Decision::Granted, |r| r.handled_on = Some(day("2026-11-04")))).1, "DATE_IN_FUTURE");
        assert_eq!(fault(with(Decision::Granted, |r| r.record_no = "a\nb".into())).1, "TEXT_UNFIT");
        let digest = |r: &mut Reported| r.evidence_digest = "sm3".into();
        assert_eq!(fault(with(Decision::Granted, digest)), ("evidence_digest", "TEXT_UNFIT"));
        assert_eq!(fault(with(Decision::Granted, |r| r.period_to = r.handled_on)), ("period_from", missing));
    }

    #[test]
    fn aid_on_its_own_motion_names_person_and_programme() {
        let own = Reported { referral: None, ..granted() };
        assert_eq!(fault(own.clone()).0, "person_key");
        let own = Reported { person: Some(Uuid::from_u128(7)), ..own };
        assert_eq!(fault(own.clone()).0, "programme");
        Reported { programme: "P-JY-04".into(), ..own.clone() }.check(day("2026-11-03")).unwrap();
        let bounce = Reported { decision: Some(Decision::NotMyDuty), reason_code: "X".into(), ..own };
        assert_eq!(fault(bounce).0, "referral");
    }

    #[test]
    fn a_referral_is_put_off_at_most_twice() {
        let record = Reported { decision: Some(Decision::Deferred), deferred_to: Some(day("2026-12-01")), ..granted() };
        let record = record.check(day("2026-11-03")).unwrap();
        let asked = |deferrals, settled| Asked { bureau: "education".into(), settled, deferrals };
        record.fits("education", Some(&asked(1, false))).unwrap();
        assert_eq!(record.fits("education", Some(&asked(2, false))).unwrap_err().reason, "DEFERRED_TWICE");
        assert_eq!(record.fits("education", Some(&asked(0, true))).unwrap_err().reason, "REFERRAL_SETTLED");
        assert_eq!(record.fits("hr", Some(&asked(0, false))).unwrap_err().reason, "REFERRAL_NOT_FOUND");
    }

    #[test]
    fn a_correction_corrects_the_newest_record_of_the_same_matter() {
        let correction = Reported { record_no: "JY-2".into(), supersedes: "JY-1".into(), ..granted() };
        let correction = correction.check(day("2026-11-03")).unwrap();
        let earlier = OnFile {
            id: Uuid::from_u128(9),
            content_hash: [0; 32],
            referral: Some(Uuid::from_u128(1)),
            person: None,
            superseded: false,
        };
        correction.may_supersede(Some(&earlier)).unwrap();
        assert_eq!(correction.may_supersede(None).unwrap_err().reason, "SUPERSEDED_NOT_FOUND");
        let gone = OnFile { superseded: true, ..earlier.clone() };
        assert_eq!(correction.may_supersede(Some(&gone)).unwrap_err().reason, "SUPERSEDED_ALREADY");
        let other = OnFile { referral: Some(Uuid::from_u128(2)), ..earlier };
        assert_eq!(correction.may_supersede(Some(&other)).unwrap_err().reason, "INCONSISTENT");
    }
}
