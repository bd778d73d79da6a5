//! Every refusal of the register with its stable reason and both texts.

use minqing_kit::{Explain, Kind};

/// Why the register refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("household not found")]
    HouseholdNotFound,
    #[error("person not found")]
    PersonNotFound,
    #[error("import not found")]
    ImportNotFound,
    #[error("a bureau may look up households for the purpose relief_query only")]
    PurposeNotForBureau,
    #[error("the call needs a case reference referrals/{{id}}")]
    ReferralMissing,
    #[error("the call needs a case reference verifications/{{id}}")]
    VerificationMissing,
    #[error("each person of a verification needs an authorisation: person_keys and authorisations must agree")]
    AuthorisationMissing,
    #[error("id_number is not a resident ID number")]
    IdNumberMalformed,
    #[error("a person key is not a UUID")]
    KeyMalformed,
    #[error("too many entries in one call")]
    TooMany,
    #[error("the first part of the stream must be the header, and there is one header only")]
    HeaderMisplaced,
    #[error("batch_no must be 1 to 64 printable characters")]
    BatchNoMalformed,
    #[error("division_code is not a county of the caller")]
    CountyNotCallers,
    #[error("as_of must be a date not in the future, YYYY-MM-DD")]
    AsOfMalformed,
    #[error("row_count must be 0 to 200000")]
    RowCountOutOfRange,
    #[error("a part holds at most 500 rows")]
    PartTooLarge,
    #[error("the stream holds another number of rows than row_count, so the batch was cut; nothing was stored")]
    RowCountDiffers,
    #[error("division_code is 4 to 12 digits or empty")]
    DivisionMalformed,
    #[error("month must be YYYY-MM")]
    MonthMalformed,
    #[error("bureau must be one of the contract's values")]
    BureauMissing,
    #[error("division_code is no county")]
    CountyUnknown,
    #[error("a doubt says whether its number or its name is at fault")]
    DoubtKindMissing,
    #[error("a sealed text does not open for its number_key: the caller has other keys")]
    SealedUnreadable,
    #[error("identity review not found")]
    ReviewNotFound,
    #[error("identity link not found")]
    LinkNotFound,
    #[error("decision must be same person, different persons or leave")]
    DecisionMissing,
    #[error("reason must be 1 to 200 printable characters, without names and numbers")]
    ReasonMalformed,
    #[error("two names under one number are two persons and are never linked; have the number or the name corrected")]
    NeverMerged,
    #[error("a link is in force; undo it before deciding otherwise")]
    LinkInForce,
    #[error("this number under this name is linked to another person already; undo that link first")]
    AliasLinked,
    #[error("the link was undone already")]
    LinkUndone,
}

impl Explain for RegistryError {
    fn kind(&self) -> Kind {
        match self {
            Self::HouseholdNotFound
            | Self::PersonNotFound
            | Self::ImportNotFound
            | Self::ReviewNotFound
            | Self::LinkNotFound => Kind::NotFound,
            Self::NeverMerged | Self::LinkInForce | Self::AliasLinked | Self::LinkUndone => Kind::FailedState,
            Self::PurposeNotForBureau | Self::CountyNotCallers => Kind::Forbidden,
            _ => Kind::Invalid,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::HouseholdNotFound => "HOUSEHOLD_NOT_FOUND",
            Self::PersonNotFound => "PERSON_NOT_FOUND",
            Self::ImportNotFound => "IMPORT_NOT_FOUND",
            Self::PurposeNotForBureau => "PURPOSE_NOT_FOR_BUREAU",
            Self::ReferralMissing | Self::VerificationMissing => "CASE_REFERENCE_REQUIRED",
            Self::AuthorisationMissing => "AUTHORISATION_MISSING",
            Self::IdNumberMalformed => "ID_NUMBER_MALFORMED",
            Self::KeyMalformed => "KEY_MALFORMED",
            Self::TooMany => "TOO_MANY_ENTRIES",
            Self::HeaderMisplaced => "HEADER_MISPLACED",
            Self::BatchNoMalformed => "BATCH_NO_MALFORMED",
            Self::CountyNotCallers => "COUNTY_NOT_CALLERS",
            Self::AsOfMalformed => "AS_OF_MALFORMED",
            Self::RowCountOutOfRange => "ROW_COUNT_OUT_OF_RANGE",
            Self::PartTooLarge => "PART_TOO_LARGE",
            Self::RowCountDiffers => "ROW_COUNT_DIFFERS",
            Self::DivisionMalformed => "DIVISION_MALFORMED",
            Self::MonthMalformed => "INVALID_MONTH",
            Self::BureauMissing => "UNKNOWN_BUREAU",
            Self::CountyUnknown => "UNKNOWN_COUNTY",
            Self::DoubtKindMissing => "DOUBT_KIND_MISSING",
            Self::SealedUnreadable => "SEALED_UNREADABLE",
            Self::ReviewNotFound => "IDENTITY_REVIEW_NOT_FOUND",
            Self::LinkNotFound => "IDENTITY_LINK_NOT_FOUND",
            Self::DecisionMissing => "DECISION_MISSING",
            Self::ReasonMalformed => "INVALID_REASON",
            Self::NeverMerged => "IDENTITY_NEVER_MERGED",
            Self::LinkInForce => "IDENTITY_LINK_IN_FORCE",
            Self::AliasLinked => "IDENTITY_ALREADY_LINKED",
            Self::LinkUndone => "IDENTITY_LINK_UNDONE",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn message_zh(&self) -> String {
        match self {
            Self::HouseholdNotFound => "未找到该家庭档案",
            Self::PersonNotFound => "未找到该人员",
            Self::ImportNotFound => "未找到该采集批次",
            Self::PurposeNotForBureau => "部门只能以救助查询（relief_query）为目的查询家庭",
            Self::ReferralMissing => "调用须注明转办单 referrals/{id}",
            Self::VerificationMissing => "调用须注明核对 verifications/{id}",
            Self::AuthorisationMissing => "核对须逐人注明授权书编号，人员与授权须一一对应",
            Self::IdNumberMalformed => "身份证号码格式不正确",
            Self::KeyMalformed => "人员标识不是 UUID",
            Self::TooMany => "一次调用的条目过多",
            Self::HeaderMisplaced => "数据流的第一部分必须是批次头，且只能有一个",
            Self::BatchNoMalformed => "批次号须为 1 至 64 个可见字符",
            Self::CountyNotCallers => "区划不是调用方所属的县区",
            Self::AsOfMalformed => "采集日期须为不晚于今天的日期，格式 YYYY-MM-DD",
            Self::RowCountOutOfRange => "行数须在 0 至 200000 之间",
            Self::PartTooLarge => "每部分最多 500 行",
            Self::RowCountDiffers => "实际行数与批次头不符，批次可能被截断，未保存任何数据",
            Self::DivisionMalformed => "区划代码须为 4 至 12 位数字或为空",
            Self::MonthMalformed => "月份应为 YYYY-MM",
            Self::BureauMissing => "bureau 未填写或取值未知",
            Self::CountyUnknown => "区划不是县区",
            Self::DoubtKindMissing => "须注明是号码有误还是姓名不符",
            Self::SealedUnreadable => "密封内容无法用本系统密钥打开，调用方密钥不一致",
            Self::ReviewNotFound => "未找到该身份复核",
            Self::LinkNotFound => "未找到该身份关联",
            Self::DecisionMissing => "结论须为同一人、不同人或暂不处理",
            Self::ReasonMalformed => "理由须为 1 至 200 个可见字符，不得含姓名和号码",
            Self::NeverMerged => "同一号码下的两个姓名是两个人，不得关联，请更正号码或姓名",
            Self::LinkInForce => "已有生效的身份关联，请先撤销再改结论",
            Self::AliasLinked => "该号码与姓名已关联到其他人员，请先撤销原关联",
            Self::LinkUndone => "该身份关联已被撤销",
        }
        .to_owned()
    }

    fn fields(&self) -> Vec<(String, String)> {
        let field = match self {
            Self::BatchNoMalformed => "header.batch_no",
            Self::CountyNotCallers => "header.division_code",
            Self::AsOfMalformed => "header.as_of",
            Self::RowCountOutOfRange | Self::RowCountDiffers => "header.row_count",
            Self::PartTooLarge => "rows",
            Self::IdNumberMalformed => "id_number",
            Self::DivisionMalformed => "division_code",
            Self::MonthMalformed => "month",
            Self::BureauMissing => "bureau",
            Self::CountyUnknown => "division_code",
            Self::DoubtKindMissing => "doubts.kind",
            Self::SealedUnreadable => "doubts",
            Self::DecisionMissing => "decision",
            Self::ReasonMalformed => "reason",
            _ => return Vec::new(),
        };
        vec![(field.to_owned(), self.to_string())]
    }
}
