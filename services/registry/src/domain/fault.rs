//! What is wrong with a row, which field, and the texts that tell how to mend it. Never the value.

use minqing_proto::minqing::types::v1::{RowError, RowReason};

/// One fault of one field of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path within the row, such as `members[2].id_number`.
    pub field: String,
    pub reason: RowReason,
}

impl Fault {
    pub fn new(field: impl Into<String>, reason: RowReason) -> Fault {
        Fault { field: field.into(), reason }
    }
}

/// A fault as the caller gets it.
pub fn row_error(row: i32, field: &str, reason: RowReason) -> RowError {
    let (message, message_zh) = texts(reason);
    RowError {
        row,
        field: field.to_owned(),
        header: header(field).to_owned(),
        reason: reason.into(),
        message: message.to_owned(),
        message_zh: message_zh.to_owned(),
    }
}

fn texts(reason: RowReason) -> (&'static str, &'static str) {
    match reason {
        RowReason::RequiredValueMissing => ("a required value is empty, fill it in", "必填项为空，请补填"),
        RowReason::IdNumberCheckDigit => {
            ("the ID number's check digit is wrong, compare it with the document", "身份证号码校验位错误，请与证件核对")
        }
        RowReason::IdNumberMalformed => {
            ("the ID number has a wrong length, character or birth date", "身份证号码的长度、字符或出生日期有误")
        }
        RowReason::IdNameConflict => {
            ("the ID number is on file under another name, check both", "该身份证号码已登记为其他姓名，请核对")
        }
        RowReason::DivisionUnknown => {
            ("the division is not a township or village of the batch's county", "区划代码不是本批次县区的乡镇或村")
        }
        RowReason::DivisionLevel => ("the division is of another level than is due here", "区划代码的级别不符"),
        RowReason::DateInFuture => ("the date lies in the future", "日期晚于今天"),
        RowReason::DateMalformed => ("not a real date of the form YYYY-MM-DD", "日期不存在或格式不是 YYYY-MM-DD"),
        RowReason::CodeUnknown => ("the code is not in the code table", "代码不在代码表中"),
        RowReason::NumberMalformed => ("digits are expected", "此处应为数字"),
        RowReason::OutOfRange => ("the number lies outside the range allowed", "数值超出允许范围"),
        RowReason::TextTooLong => ("the text is longer than allowed", "文字超过允许长度"),
        RowReason::DuplicateRow => {
            ("the batch holds this household or person already, keep one", "本批次中该户或该人重复，请保留一条")
        }
        RowReason::UnknownColumn => ("the dataset does not have this column", "数据集中没有该列"),
        RowReason::RowUnreadable => ("the value holds characters that cannot be stored", "含有无法保存的字符"),
        RowReason::NumericIdCell => (
            "the ID number was kept as a number and lost digits, set the column to text",
            "身份证号码被存为数值而丢失位数，请将该列设为文本",
        ),
        RowReason::Inconsistent => {
            ("two values contradict each other, or newer data are on file", "数据相互矛盾，或已登记更新的数据")
        }
        RowReason::NameVariant => (
            "the ID number is on file under the same name in variant characters, use those of the document",
            "该身份证号码登记的姓名用字不同（异体字），请以证件为准",
        ),
        RowReason::AgeImplausible => (
            "the ID number says that its holder is not born yet or older than 120, compare it with the document",
            "身份证号码显示持证人尚未出生或超过120岁，请与证件核对",
        ),
        RowReason::Unspecified => ("the row was refused", "该行被拒绝"),
    }
}

/// The collection form's header of a field.
fn header(field: &str) -> &'static str {
    match field.rsplit('.').next().unwrap_or(field) {
        "household_no" => "户编号",
        "division_code" => "行政区划代码",
        "area_kind" => "城乡类别",
        "address" => "住址",
        "declared_income_fen" => "家庭年收入",
        "financial_assets_fen" => "金融资产",
        "house_count" => "住房套数",
        "id_number" => "身份证号码",
        "name" => "姓名",
        "sex" => "性别",
        "relation" => "与户主关系",
        "phone" => "联系电话",
        "bank_account" => "银行账号",
        "joined_on" => "入户日期",
        "plate_hash" => "车牌",
        "kind" => "车辆种类",
        "vehicle_use" => "车辆用途",
        "registered_on" => "登记日期",
        "assistance_class" => "救助类别",
        "member_id_number" => "救助对象身份证号码",
        "valid_from" => "起始日期",
        "amount_fen" => "月救助金额",
        "members" => "家庭成员",
        "vehicles" => "车辆",
        "classes" => "救助情况",
        _ => "",
    }
}
