//! Why identification refuses.

use minqing_kit::{Explain, Kind};

/// A refusal of a case's own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the case is decided already")]
    DecidedAlready,
    #[error("there is no such case")]
    CaseNotFound,
    #[error("a decision needs a written reason")]
    ReasonMissing,
    #[error("a class may be ended only after the household has been heard")]
    NotHeard,
    #[error("a granted amount is at least 0 fen")]
    AmountNegative,
    #[error("the class is missing or unknown")]
    ClassMissing,
    #[error("the first day is missing or no date")]
    ValidFromMissing,
    #[error("a recognition case is granted or refused; keep and end belong to a re-check")]
    WrongKindOfDecision,
}

impl Refusal {
    /// The request's field at fault.
    fn field(self) -> Option<&'static str> {
        match self {
            Refusal::DecidedAlready | Refusal::CaseNotFound => None,
            Refusal::ReasonMissing => Some("reason"),
            Refusal::NotHeard => Some("household_heard"),
            Refusal::AmountNegative => Some("amount_fen"),
            Refusal::ClassMissing => Some("assistance_class"),
            Refusal::ValidFromMissing => Some("valid_from"),
            Refusal::WrongKindOfDecision => Some("decision"),
        }
    }
}

impl Explain for Refusal {
    fn kind(&self) -> Kind {
        match self {
            Refusal::DecidedAlready | Refusal::NotHeard => Kind::FailedState,
            Refusal::CaseNotFound => Kind::NotFound,
            _ => Kind::Invalid,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Refusal::DecidedAlready => "CASE_DECIDED_ALREADY",
            Refusal::CaseNotFound => "CASE_NOT_FOUND",
            Refusal::ReasonMissing => "REASON_MISSING",
            Refusal::NotHeard => "HOUSEHOLD_NOT_HEARD",
            Refusal::AmountNegative => "AMOUNT_NEGATIVE",
            Refusal::ClassMissing => "CLASS_MISSING",
            Refusal::ValidFromMissing => "VALID_FROM_MISSING",
            Refusal::WrongKindOfDecision => "WRONG_KIND_OF_DECISION",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn message_zh(&self) -> String {
        match self {
            Refusal::DecidedAlready => "该案件已作出决定",
            Refusal::CaseNotFound => "没有该案件",
            Refusal::ReasonMissing => "决定须附书面理由",
            Refusal::NotHeard => "终止救助前须听取当事人意见（社会救助法第四十八条）",
            Refusal::AmountNegative => "金额不得小于 0",
            Refusal::ClassMissing => "对象类别缺失或未知",
            Refusal::ValidFromMissing => "起始日期缺失或不是日期",
            Refusal::WrongKindOfDecision => "认定案件只能作出确认或不予确认；保持、终止属于复核案件",
        }
        .to_owned()
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.field().map(|field| (field.to_owned(), self.to_string())).into_iter().collect()
    }
}
