//! Why a row was refused, kept small (a batch may hold hundreds of thousands) and put in words on demand. Words name
//! the column and the remedy, never the value.

use minqing_proto::minqing::{
    registry::v1::IdentityReviewKind,
    types::v1::{RowError, RowReason},
};
use uuid::Uuid;

use super::schema::{About, Schema};

/// One refused row. `row` counts from 1; `column` is a place in the schema, `None` for the row as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub row: u32,
    pub column: Option<u16>,
    pub reason: RowReason,
    /// The earlier row it clashes with, or the number of a field nobody knows; 0 for none.
    pub other: u32,
    /// Who may be meant, where somebody on file may.
    pub review: Option<Review>,
}

/// A review in which a person decides who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    pub id: Uuid,
    pub kind: IdentityReviewKind,
    /// Persons on file who may be meant.
    pub persons: u32,
}

impl Fault {
    pub fn new(row: u32, column: Option<usize>, reason: RowReason) -> Fault {
        Fault { row, column: column.and_then(|c| u16::try_from(c).ok()), reason, other: 0, review: None }
    }

    /// The same as the contract's message, with its texts.
    pub fn explain(&self, schema: &Schema) -> RowError {
        let column = self.column.and_then(|c| schema.columns.get(usize::from(c)));
        let (header, field) = column.map_or(("", ""), |c| (c.header.as_str(), c.field.name()));
        let (mut message, mut message_zh) = match self.reason {
            RowReason::DivisionLevel => words_of_level(schema.about, header),
            _ => words(self, header, column),
        };
        if let Some(review) = self.review {
            let (remedy, remedy_zh) = words_of_review(review);
            message.push_str(&remedy);
            message_zh.push_str(&remedy_zh);
        }
        RowError {
            row: i32::try_from(self.row).unwrap_or(i32::MAX),
            field: field.to_owned(),
            header: header.to_owned(),
            reason: self.reason as i32,
            message,
            message_zh,
        }
    }
}

fn words(fault: &Fault, header: &str, column: Option<&super::schema::Column>) -> (String, String) {
    let (min, max) = column.map_or((None, None), |c| (c.min, c.max));
    let longest = column.map_or(0, |c| c.max_length);
    let other = fault.other;
    match fault.reason {
        RowReason::RequiredValueMissing => {
            (format!("{header} is empty; fill it in"), format!("“{header}”不能为空，请补填"))
        }
        RowReason::DivisionUnknown => (
            format!("{header} is no known division; use a code of 6, 9 or 12 digits from the division list"),
            format!("“{header}”不在行政区划代码表中，请填写表内 6、9 或 12 位代码"),
        ),
        RowReason::DateInFuture => {
            (format!("{header} lies in the future; correct the date"), format!("“{header}”晚于今天，请更正"))
        }
        RowReason::DateMalformed => (
            format!("{header} is no real date; write it as YYYY-MM-DD, a month as YYYY-MM"),
            format!("“{header}”不是有效日期，请按 YYYY-MM-DD（月份按 YYYY-MM）填写"),
        ),
        RowReason::CodeUnknown => (
            format!("{header} holds a code that is not in its code table; use one of the table"),
            format!("“{header}”的取值不在代码表内，请按代码表填写"),
        ),
        RowReason::NumberMalformed => (
            format!(
                "{header} is no number of the form the column needs; fen are whole, yuan have at most two decimals"
            ),
            format!("“{header}”数字格式不正确：分为整数，元最多两位小数"),
        ),
        RowReason::OutOfRange => (format!("{header} lies outside {}", range(min, max)), {
            format!("“{header}”超出允许范围 {}", range(min, max))
        }),
        RowReason::TextTooLong => (
            format!("{header} is longer than {longest} characters; shorten it"),
            format!("“{header}”超过 {longest} 个字符，请缩短"),
        ),
        RowReason::DuplicateRow => (
            format!("the batch holds the same key already in row {other}; keep one of them"),
            format!("与第 {other} 行主键重复，请保留其一"),
        ),
        RowReason::NumericIdCell => (
            format!("{header} was kept as a number and has lost digits; set the column to text and type it again"),
            format!("“{header}”按数字保存，已丢失位数，请将该列设为文本后重新填写"),
        ),
        RowReason::Inconsistent => (
            format!("{header} contradicts another value of the row or the batch; correct one of them"),
            format!("“{header}”与本行其他栏目或批次信息矛盾，请更正"),
        ),
        RowReason::IdNumberCheckDigit
        | RowReason::IdNumberMalformed
        | RowReason::IdNameConflict
        | RowReason::NameVariant
        | RowReason::AgeImplausible => words_of_identity(fault, header),
        RowReason::UnknownColumn if other > 0 => (
            format!(
                "the row has a field {other}, which the dataset does not have; send it without, or have the adapter \
                 brought to the newer contract first"
            ),
            format!("该行含字段 {other}，数据集没有该列，请去掉后重新报送，或先升级适配器接口版本"),
        ),
        RowReason::UnknownColumn => ("the dataset has no such column".to_owned(), "数据集没有该列".to_owned()),
        RowReason::RowUnreadable if !header.is_empty() => (
            format!("{header} holds characters that cannot be read; type it again"),
            format!("“{header}”含无法识别的字符，请重新录入"),
        ),
        RowReason::RowUnreadable | RowReason::DivisionLevel | RowReason::Unspecified => (
            "the row cannot be read as one of this dataset; send it again as the contract says".to_owned(),
            "该行无法按数据集格式解析，请按接口规范重新报送".to_owned(),
        ),
    }
}

fn words_of_level(about: About, header: &str) -> (String, String) {
    match about {
        About::Township => (
            format!("{header} is no township; give the code of the township the row is about, of 9 digits"),
            format!("“{header}”不是乡镇（街道）级代码，本数据集按乡镇报送，请填写 9 位乡镇代码"),
        ),
        About::County | About::Person { .. } => (
            format!("{header} is no county; give the code of the county the row is about, of 6 digits"),
            format!("“{header}”不是县区级代码，本数据集按县区报送，请填写 6 位县区代码"),
        ),
    }
}

fn words_of_identity(fault: &Fault, header: &str) -> (String, String) {
    let other = fault.other;
    match fault.reason {
        RowReason::IdNumberCheckDigit => (
            format!("check digit of {header} is wrong; compare it with the ID card"),
            format!("“{header}”校验位错误，请与证件核对"),
        ),
        RowReason::IdNumberMalformed => (
            format!(
                "{header} is no resident ID number (length, characters or birth date); compare it with the ID card"
            ),
            format!("“{header}”不是有效的公民身份号码（位数、字符或出生日期有误），请与证件核对"),
        ),
        RowReason::AgeImplausible => (
            format!("by {header} its holder is not born yet or older than 120; compare it with the ID card"),
            format!("“{header}”所示出生日期在未来或年龄超过 120 岁，请与证件核对"),
        ),
        RowReason::NameVariant if other > 0 => (
            format!(
                "row {other} spells this person's name with another variant of a character; write it as on the ID card"
            ),
            format!("与第 {other} 行同一身份证号的姓名用字不同（异体字、繁体字），请按证件用字统一"),
        ),
        RowReason::NameVariant => (
            "this person is on file under another variant of a character of the name; write it as on the ID card"
                .to_owned(),
            "该身份证号在底册中的姓名用字不同（异体字、繁体字），请按证件用字统一".to_owned(),
        ),
        RowReason::IdNameConflict if other > 0 => (
            format!("the ID number stands under another name in row {other}; compare both with the ID card"),
            format!("该身份证号在第 {other} 行对应另一姓名，请与证件核对"),
        ),
        _ => (
            "the ID number is on file under another name; compare both with the ID card".to_owned(),
            "该身份证号在底册中对应另一姓名，请与证件核对".to_owned(),
        ),
    }
}

/// What a county's operator may do about it; names the review, never the person.
fn words_of_review(review: Review) -> (String, String) {
    let name = minqing_kit::id::name("identityReviews", review.id);
    let (en, zh) = match (review.kind, review.persons) {
        (IdentityReviewKind::NumberFault, 1) => (
            "one person on file under this name has a number that differs in one place",
            "底册中有一名同名人员的号码与此仅差一处",
        ),
        (IdentityReviewKind::NumberFault, _) => (
            "several persons on file under this name have a number that differs in one place",
            "底册中有多名同名人员的号码与此仅差一处",
        ),
        (IdentityReviewKind::NameVariant, _) => {
            ("the county can confirm that it is the same person", "可由县区确认是否同一人")
        }
        (IdentityReviewKind::OthersNumber, _) => (
            "a member of the same household is on file under this name with another number",
            "同户有一名成员以此姓名登记、号码不同",
        ),
        _ => ("two names under one number are never taken for one person", "同一号码下的两个姓名不会被当作同一人"),
    };
    (format!("; {en}: see review {name}"), format!("；{zh}，见身份复核 {name}"))
}

fn range(min: Option<i64>, max: Option<i64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min}–{max}"),
        (Some(min), None) => format!("≥ {min}"),
        (None, Some(max)) => format!("≤ {max}"),
        (None, None) => "int".to_owned(),
    }
}
