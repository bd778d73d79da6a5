//! Every refusal of a verification with its stable reason and both texts.

use minqing_kit::{Explain, Kind};

/// Why a verification is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationError {
    NotFound,
    SubjectMissing,
    CaseDecided,
    TypeMissing,
    PersonsOutOfRange,
    /// The person's place in the request, from 0.
    Person(usize, PersonFault),
    DatasetsOutOfRange,
    /// The dataset's place in the request, from 0.
    DatasetUnknown(usize),
    DatasetTwice(usize),
    ReplyLimitMissing,
    CancelReasonMissing,
    Complete,
    Cancelled,
    AnswersOutOfRange,
    OtherBureau,
}

/// Why a person may not be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonFault {
    KeyMalformed,
    Twice,
    NotAMember,
    ObligorIsMember,
    ObligorNotOnFile,
    AuthorisationMissing,
    ReferenceMalformed,
    SignerMissing,
    SignedOnMalformed,
    ValidUntilMalformed,
    NotYetSigned,
    Expired,
    GuardianNeeded,
    OwnConsentNeeded,
}

/// Kind, reason, English, Chinese.
type Words = (Kind, &'static str, &'static str, &'static str);

impl VerificationError {
    fn words(&self) -> Words {
        use Kind::{FailedState, Forbidden, Invalid, NotFound};
        match self {
            Self::NotFound => (NotFound, "VERIFICATION_NOT_FOUND", "verification not found", "未找到该核对"),
            Self::SubjectMissing => {
                (Invalid, "SUBJECT_MISSING", "name either a case or a household", "须填写认定事项或家庭之一")
            }
            Self::CaseDecided => (
                FailedState,
                "CASE_ALREADY_DECIDED",
                "the case is decided already; request the verification for the household",
                "该事项已作出决定；可按家庭发起核对",
            ),
            Self::TypeMissing => (Invalid, "VERIFICATION_TYPE_MISSING", "type is missing", "未填写核对类型"),
            Self::PersonsOutOfRange => {
                (Invalid, "PERSONS_OUT_OF_RANGE", "persons must be 1 to 30", "核对人员应为 1 至 30 人")
            }
            Self::Person(_, fault) => fault.words(),
            Self::DatasetsOutOfRange => {
                (Invalid, "DATASETS_OUT_OF_RANGE", "datasets must be 1 to 60", "数据集应为 1 至 60 个")
            }
            Self::DatasetUnknown(_) => (
                Invalid,
                "DATASET_UNKNOWN",
                "no bureau's contract has this dataset about persons or households",
                "部门接口中没有该数据集，或其内容不涉及人员和家庭",
            ),
            Self::DatasetTwice(_) => (Invalid, "DATASET_TWICE", "the dataset stands twice", "数据集重复"),
            Self::ReplyLimitMissing => (
                FailedState,
                "REPLY_LIMIT_MISSING",
                "the policy pack has no verification_reply_days for this place and day; enter it in parameters",
                "政策包缺少该地该日的核对答复期限 verification_reply_days，请录入参数",
            ),
            Self::CancelReasonMissing => (
                Invalid,
                "REASON_MISSING",
                "the written reason must be 1 to 200 characters",
                "须填写 1 至 200 字的书面理由",
            ),
            Self::Complete => (
                FailedState,
                "VERIFICATION_COMPLETE",
                "every item is answered already; nothing is left to call off",
                "各项均已答复，无需撤销",
            ),
            Self::Cancelled => {
                (FailedState, "VERIFICATION_CANCELLED", "the verification was called off already", "该核对已撤销")
            }
            Self::AnswersOutOfRange => {
                (Invalid, "ANSWERS_OUT_OF_RANGE", "answers must be 1 to 500", "答复应为 1 至 500 条")
            }
            Self::OtherBureau => {
                (Forbidden, "OTHER_BUREAU", "an adapter acts for its own bureau only", "适配器只能代表本部门")
            }
        }
    }

    fn field(&self) -> Option<String> {
        let field = match self {
            Self::Person(at, _) => return Some(format!("persons[{at}]")),
            Self::DatasetUnknown(at) | Self::DatasetTwice(at) => return Some(format!("datasets[{at}]")),
            Self::SubjectMissing | Self::CaseDecided => "case",
            Self::TypeMissing => "type",
            Self::PersonsOutOfRange => "persons",
            Self::DatasetsOutOfRange => "datasets",
            Self::CancelReasonMissing => "reason",
            Self::AnswersOutOfRange => "answers",
            Self::OtherBureau => "bureau",
            Self::NotFound | Self::ReplyLimitMissing | Self::Complete | Self::Cancelled => return None,
        };
        Some(field.to_owned())
    }
}

impl PersonFault {
    fn words(self) -> Words {
        use Kind::{FailedState, Invalid};
        match self {
            Self::KeyMalformed => (Invalid, "KEY_MALFORMED", "person_key is not a UUID", "人员标识不是 UUID"),
            Self::Twice => (Invalid, "PERSON_TWICE", "the person stands twice", "人员重复"),
            Self::NotAMember => (
                FailedState,
                "PERSON_NOT_A_MEMBER",
                "the person is no member of the household; mark an obligor outside it as obligor",
                "该人员不是家庭成员；家庭之外的赡养、抚养、扶养义务人请标明 obligor",
            ),
            Self::ObligorIsMember => (
                FailedState,
                "OBLIGOR_IS_MEMBER",
                "the person is a member of the household; leave obligor out",
                "该人员是家庭成员，请勿标明 obligor",
            ),
            Self::ObligorNotOnFile => (
                FailedState,
                "OBLIGOR_NOT_ON_FILE",
                "the register does not know the person; collect the person's household first",
                "底册中没有该人员，请先采集其家庭",
            ),
            Self::AuthorisationMissing => (
                FailedState,
                "AUTHORISATION_MISSING",
                "the person has given no authorisation; have it signed and give its number (Social Assistance Law, Art. 40)",
                "该人员没有授权；请先签署授权书并填写编号（社会救助法第四十条）",
            ),
            Self::ReferenceMalformed => (
                Invalid,
                "AUTHORISATION_REFERENCE_MALFORMED",
                "the authorisation's number must be 1 to 64 letters, digits and signs, and no ID number",
                "授权书编号应为 1 至 64 个字母、汉字、数字或符号，且不得是身份证号",
            ),
            Self::SignerMissing => (
                Invalid,
                "SIGNER_MISSING",
                "say who signed: self, guardian or heir",
                "须说明签署人：本人、监护人或继承人",
            ),
            Self::SignedOnMalformed => {
                (Invalid, "SIGNED_ON_MALFORMED", "signed_on must be a date, YYYY-MM-DD", "签署日期须为 YYYY-MM-DD")
            }
            Self::ValidUntilMalformed => (
                Invalid,
                "VALID_UNTIL_MALFORMED",
                "valid_until must be a date, YYYY-MM-DD",
                "授权截止日期须为 YYYY-MM-DD",
            ),
            Self::NotYetSigned => (
                FailedState,
                "AUTHORISATION_NOT_YET_SIGNED",
                "the authorisation is signed on a day to come",
                "授权书签署日期晚于今天",
            ),
            Self::Expired => (
                FailedState,
                "AUTHORISATION_EXPIRED",
                "the authorisation has run out; have a new one signed",
                "授权已过期，请重新签署",
            ),
            Self::GuardianNeeded => (
                FailedState,
                "GUARDIAN_NEEDED",
                "the person is under 18; the guardian has to sign",
                "该人员未满十八周岁，须由监护人签署",
            ),
            Self::OwnConsentNeeded => (
                FailedState,
                "OWN_CONSENT_NEEDED",
                "who is outside the household consents in person (Social Assistance Law, Art. 41)",
                "家庭之外的人员须由本人同意（社会救助法第四十一条）",
            ),
        }
    }
}

impl Explain for VerificationError {
    fn kind(&self) -> Kind {
        self.words().0
    }

    fn reason(&self) -> &'static str {
        self.words().1
    }

    fn message(&self) -> String {
        let en = self.words().2;
        if let Self::Person(at, _) = self { format!("persons[{at}]: {en}") } else { en.to_owned() }
    }

    fn message_zh(&self) -> String {
        let zh = self.words().3;
        if let Self::Person(at, _) = self { format!("第{}名人员：{zh}", at + 1) } else { zh.to_owned() }
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.field().map(|field| vec![(field, self.words().2.to_owned())]).unwrap_or_default()
    }
}
