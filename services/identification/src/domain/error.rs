//! Every refusal of identification with its stable reason and both texts.

use minqing_kit::{Explain, Kind};

/// Why identification refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    #[error("household not found, or nothing is known of it yet")]
    HouseholdNotFound,
    #[error("case not found")]
    CaseNotFound,
    #[error("only an operator of the county decides a case")]
    OperatorNeeded,
    #[error("the case is decided already")]
    AlreadyDecided,
    #[error("decision must be grant, refuse, keep or end")]
    DecisionMissing,
    #[error("a recognition is granted or refused, a re-check is kept, granted anew or ended")]
    DecisionNotOfKind,
    #[error("the written reason is missing")]
    ReasonMissing,
    #[error("the written reason is longer than 1000 characters or not readable")]
    ReasonTooLong,
    #[error("assistance_class is missing")]
    ClassMissing,
    #[error("amount_fen must be at least 0")]
    AmountOutOfRange,
    #[error("person_key is not a member of the household")]
    NotAMember,
    #[error("valid_from must be a date, YYYY-MM-DD")]
    ValidFromMissing,
    #[error("valid_from lies more than a year from today")]
    ValidFromOutOfRange,
    #[error("the household must be heard before a class is ended (Social Assistance Law, Art. 48)")]
    HouseholdNotHeard,
    #[error("the household or the member does not hold this class")]
    ClassNotHeld,
    #[error("person_key is not a UUID")]
    KeyMalformed,
    #[error("division_code is 4 to 12 digits or empty")]
    DivisionMalformed,
    #[error("page_token does not belong to this request")]
    TokenMalformed,
    #[error("as_of must be a date, YYYY-MM-DD, or empty")]
    AsOfMalformed,
    #[error("as_of lies in the future")]
    AsOfInFuture,
    #[error("nothing was known of the household on that day yet")]
    NothingKnownOnDay,
    #[error("no policy pack was in force on that day")]
    NoPackOnDay,
    #[error("this release cannot read the policy pack of that day")]
    PackUnreadable,
}

impl Explain for CaseError {
    fn kind(&self) -> Kind {
        match self {
            Self::HouseholdNotFound | Self::CaseNotFound | Self::NothingKnownOnDay => Kind::NotFound,
            Self::OperatorNeeded => Kind::Forbidden,
            Self::AlreadyDecided
            | Self::DecisionNotOfKind
            | Self::HouseholdNotHeard
            | Self::ClassNotHeld
            | Self::NoPackOnDay
            | Self::PackUnreadable => Kind::FailedState,
            _ => Kind::Invalid,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::HouseholdNotFound => "HOUSEHOLD_NOT_FOUND",
            Self::CaseNotFound => "CASE_NOT_FOUND",
            Self::OperatorNeeded => "OPERATOR_NEEDED",
            Self::AlreadyDecided => "CASE_ALREADY_DECIDED",
            Self::DecisionMissing => "DECISION_MISSING",
            Self::DecisionNotOfKind => "DECISION_NOT_OF_KIND",
            Self::ReasonMissing => "REASON_MISSING",
            Self::ReasonTooLong => "REASON_TOO_LONG",
            Self::ClassMissing => "CLASS_MISSING",
            Self::AmountOutOfRange => "AMOUNT_OUT_OF_RANGE",
            Self::NotAMember => "PERSON_NOT_A_MEMBER",
            Self::ValidFromMissing => "VALID_FROM_MISSING",
            Self::ValidFromOutOfRange => "VALID_FROM_OUT_OF_RANGE",
            Self::HouseholdNotHeard => "HOUSEHOLD_NOT_HEARD",
            Self::ClassNotHeld => "CLASS_NOT_HELD",
            Self::KeyMalformed => "KEY_MALFORMED",
            Self::DivisionMalformed => "DIVISION_MALFORMED",
            Self::TokenMalformed => "INVALID_PAGE_TOKEN",
            Self::AsOfMalformed => "AS_OF_MALFORMED",
            Self::AsOfInFuture => "AS_OF_IN_FUTURE",
            Self::NothingKnownOnDay => "NOTHING_KNOWN_ON_DAY",
            Self::NoPackOnDay => "NO_PACK_ON_DAY",
            Self::PackUnreadable => "PACK_UNREADABLE",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn message_zh(&self) -> String {
        match self {
            Self::HouseholdNotFound => "未找到该家庭，或尚无其资料",
            Self::CaseNotFound => "未找到该认定事项",
            Self::OperatorNeeded => "只有县级经办人员可以作出认定决定",
            Self::AlreadyDecided => "该事项已作出决定",
            Self::DecisionMissing => "决定须为认定、不予认定、保留或终止",
            Self::DecisionNotOfKind => "认定事项只能认定或不予认定；复核事项只能保留、重新核定或终止",
            Self::ReasonMissing => "须填写书面理由",
            Self::ReasonTooLong => "书面理由超过 1000 字或无法读取",
            Self::ClassMissing => "未填写救助类别",
            Self::AmountOutOfRange => "月救助金额不能为负",
            Self::NotAMember => "该人员不是家庭成员",
            Self::ValidFromMissing => "生效日期须为 YYYY-MM-DD",
            Self::ValidFromOutOfRange => "生效日期距今天超过一年",
            Self::HouseholdNotHeard => "终止救助前须听取家庭意见（社会救助法第四十八条）",
            Self::ClassNotHeld => "该家庭或成员不享受该类救助",
            Self::KeyMalformed => "人员标识不是 UUID",
            Self::DivisionMalformed => "区划代码须为 4 至 12 位数字或为空",
            Self::TokenMalformed => "page_token 与本次请求不符",
            Self::AsOfMalformed => "as_of 须为 YYYY-MM-DD 格式的日期或为空",
            Self::AsOfInFuture => "as_of 不能晚于今天",
            Self::NothingKnownOnDay => "该日尚无此家庭的资料",
            Self::NoPackOnDay => "该日没有生效的政策包",
            Self::PackUnreadable => "当前版本无法读取该日的政策包",
        }
        .to_owned()
    }

    fn fields(&self) -> Vec<(String, String)> {
        let field = match self {
            Self::DecisionMissing | Self::DecisionNotOfKind => "decision",
            Self::ReasonMissing | Self::ReasonTooLong => "reason",
            Self::ClassMissing | Self::ClassNotHeld => "assistance_class",
            Self::AmountOutOfRange => "amount_fen",
            Self::NotAMember | Self::KeyMalformed => "person_key",
            Self::ValidFromMissing | Self::ValidFromOutOfRange => "valid_from",
            Self::HouseholdNotHeard => "household_heard",
            Self::DivisionMalformed => "division_code",
            Self::TokenMalformed => "page_token",
            Self::AsOfMalformed | Self::AsOfInFuture | Self::NothingKnownOnDay | Self::NoPackOnDay => "as_of",
            _ => return Vec::new(),
        };
        vec![(field.to_owned(), self.to_string())]
    }
}
