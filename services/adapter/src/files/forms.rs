//! Receipt, feedback, withdrawal, ledger and verification files: a small fixed form each, the same for every bureau. Lines
//! become the requests of the exchange service and pass its checks.

use std::collections::HashMap;

use minqing_proto::minqing::{
    bureau::v1::{FeedbackRecord, VerificationAnswer},
    types::v1::{FeedbackDecision, VerificationOutcome},
};

use super::{Refusal, read::Sink, refusal};
use crate::{
    codes::{DECISION, OUTCOME},
    row::{
        Cell,
        schema::code_key,
        text::{self, Scale},
    },
};

/// A column of a form: field, headers understood, whether the file must have it.
pub type Column = (&'static str, &'static [&'static str], bool);

pub const RECEIPT: &[Column] =
    &[("referral", &["转介编号", "referral"], true), ("operator", &["签收人", "operator"], true)];

pub const FEEDBACK: &[Column] = &[
    ("record_no", &["记录编号", "record_no"], true),
    ("referral", &["转介编号", "referral"], false),
    ("id_number", &["身份证号", "公民身份号码", "id_number"], false),
    ("programme", &["项目代码", "programme"], true),
    ("decision", &["处理结果", "decision"], true),
    ("reason_code", &["原因代码", "reason_code"], false),
    ("legal_basis", &["法律依据", "legal_basis"], false),
    ("amount_fen", &["救助金额分", "救助金额(分)", "amount_fen"], false),
    ("amount_yuan", &["救助金额元", "救助金额(元)"], false),
    ("service_count", &["服务次数", "service_count"], false),
    ("period_from", &["救助起始日期", "period_from"], false),
    ("period_to", &["救助截止日期", "period_to"], false),
    ("paid_on", &["发放日期", "paid_on"], false),
    ("deferred_to", &["延期至", "deferred_to"], false),
    ("handled_on", &["办理日期", "handled_on"], true),
    ("supersedes", &["更正记录编号", "supersedes"], false),
    ("evidence_digest", &["依据材料摘要", "evidence_digest"], false),
];

pub const WITHDRAWAL: &[Column] = &[
    ("batch", &["批次号", "batch_no", "batch"], true),
    ("reason", &["撤回原因", "reason"], true),
    ("operator", &["经办人", "operator"], true),
];

pub const LEDGER: &[Column] = &[
    ("month", &["月份", "month"], true),
    ("programme", &["项目代码", "programme"], true),
    ("record_no", &["记录编号", "record_no"], true),
    ("decision", &["处理结果", "decision"], true),
    ("amount_fen", &["救助金额分", "救助金额(分)", "amount_fen"], false),
    ("amount_yuan", &["救助金额元", "救助金额(元)"], false),
];

pub const VERIFICATION: &[Column] = &[
    ("verification", &["核对编号", "verification"], true),
    ("id_number", &["身份证号", "公民身份号码", "id_number"], true),
    ("dataset", &["数据集", "dataset"], true),
    ("outcome", &["核对结果", "outcome"], true),
    ("batch_no", &["批次号", "batch_no"], false),
    ("reason_code", &["原因代码", "reason_code"], false),
];

/// Which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Receipt,
    Feedback,
    Withdrawal,
    Ledger,
    Verification,
}

impl Form {
    pub const ALL: [Form; 5] = [Form::Receipt, Form::Feedback, Form::Withdrawal, Form::Ledger, Form::Verification];

    /// The form an exchange table's control row names.
    pub fn named(word: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.word() == word)
    }

    /// As own tables write it.
    pub fn word(self) -> &'static str {
        match self {
            Form::Receipt => "receipt",
            Form::Feedback => "feedback",
            Form::Withdrawal => "withdrawal",
            Form::Ledger => "ledger",
            Form::Verification => "verification_answer",
        }
    }

    pub fn columns(self) -> &'static [Column] {
        match self {
            Form::Receipt => RECEIPT,
            Form::Feedback => FEEDBACK,
            Form::Withdrawal => WITHDRAWAL,
            Form::Ledger => LEDGER,
            Form::Verification => VERIFICATION,
        }
    }
}

/// Most lines of a form; each is a decision somebody made.
const MAX_LINES: usize = 20_000;

/// A line of a form: its number and its texts by field; `None` for one that cannot be read.
pub type Line = (u32, Option<HashMap<&'static str, String>>);

/// Takes a form's lines.
pub struct FormSink {
    columns: &'static [Column],
    places: Vec<&'static str>,
    pub lines: Vec<Line>,
}

impl FormSink {
    pub fn new(columns: &'static [Column]) -> FormSink {
        FormSink { columns, places: Vec::new(), lines: Vec::new() }
    }
}

impl Sink for FormSink {
    fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
        for (at, name) in header.iter().enumerate() {
            let key = text::narrow(&text::trim(name)).to_lowercase();
            let found = self.columns.iter().find(|(_, headers, _)| headers.contains(&key.as_str()));
            let Some((field, ..)) = found else {
                let (en, zh) = ("the form has no such column; remove it", "表单没有该列，请删除");
                return Err(refusal("UNKNOWN_COLUMN", en, zh).of_column(&format!(
                    "第{}列 (column {})",
                    at + 1,
                    at + 1
                )));
            };
            self.places.push(field);
        }
        let missing = self.columns.iter().find(|(field, _, required)| *required && !self.places.contains(field));
        match missing {
            None => Ok(()),
            Some((_, headers, _)) => {
                let (en, zh) = ("a required column is missing; add it", "缺少必填列，请补充");
                Err(refusal("REQUIRED_VALUE_MISSING", en, zh).of_column(headers[0]))
            }
        }
    }

    fn line(&mut self, row: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal> {
        if self.lines.len() == MAX_LINES {
            return Err(refusal(
                "FILE_TOO_LARGE",
                "the form holds more than 20,000 lines; split it",
                "表单超过 2 万行，请拆分",
            ));
        }
        let fields = cells.and_then(|cells| {
            let texts: Option<Vec<_>> = cells.into_iter().map(text_of).collect();
            Some(self.places.iter().copied().zip(texts?).collect())
        });
        self.lines.push((row, fields));
        Ok(())
    }
}

/// `None` for a cell whose digits a spreadsheet may have lost, and for one that is no text.
fn text_of(cell: Cell) -> Option<String> {
    match cell {
        Cell::Empty => Some(String::new()),
        Cell::Text(text) if text::has_unreadable(&text) || text::is_scientific(&text) => None,
        Cell::Text(text) => Some(text::trim(&text)),
        Cell::Date(date) => Some(date.to_string()),
        Cell::Truth(truth) => Some(u8::from(truth).to_string()),
        Cell::Whole(whole) => Some(whole.to_string()),
        Cell::Number(number) if number.is_finite() && number.abs() < 1e15 => Some(number.to_string()),
        Cell::Number(_) | Cell::Unreadable => None,
    }
}

/// A feedback line as the exchange's record: what cannot be read there is left so that its check names the field.
pub fn record(line: &HashMap<&'static str, String>) -> FeedbackRecord {
    let get = |field: &str| line.get(field).cloned().unwrap_or_default();
    let services = get("service_count");
    let services = if services.is_empty() { Some(0) } else { text::number(&services, Scale::One) };
    FeedbackRecord {
        record_no: get("record_no"),
        referral: get("referral"),
        id_number: get("id_number"),
        programme: get("programme"),
        decision: decision(line) as i32,
        reason_code: get("reason_code"),
        legal_basis: get("legal_basis"),
        amount_fen: amount(line).unwrap_or(-1),
        service_count: services.and_then(|n| i32::try_from(n).ok()).unwrap_or(-1),
        period_from: get("period_from"),
        period_to: get("period_to"),
        paid_on: get("paid_on"),
        deferred_to: get("deferred_to"),
        handled_on: get("handled_on"),
        supersedes: get("supersedes"),
        evidence_digest: get("evidence_digest"),
    }
}

/// A line's decision; unspecified when it is none of the codes.
pub fn decision(line: &HashMap<&'static str, String>) -> FeedbackDecision {
    let given = code_key(line.get("decision").map_or("", String::as_str));
    let known = DECISION.entries.iter().find(|(_, local)| local.contains(&given.as_str()));
    known.and_then(|(standard, _)| FeedbackDecision::from_str_name(standard)).unwrap_or_default()
}

/// A line's money in fen, 0 when it tells none; `None` when it cannot be read or stands in both columns.
pub fn amount(line: &HashMap<&'static str, String>) -> Option<i64> {
    let get = |field: &str| line.get(field).map_or("", String::as_str);
    match (get("amount_fen"), get("amount_yuan")) {
        ("", "") => Some(0),
        ("", yuan) => text::number(yuan, Scale::Yuan),
        (fen, "") => text::number(fen, Scale::One),
        _ => None,
    }
}

/// A line of a verification form as the exchange's answer: what cannot be read there is left so that its check names the
/// field.
pub fn verification_answer(line: &HashMap<&'static str, String>) -> VerificationAnswer {
    let get = |field: &str| line.get(field).cloned().unwrap_or_default();
    let outcome = code_key(&get("outcome"));
    let outcome =
        OUTCOME.entries.iter().find(|(_, local)| local.contains(&outcome.as_str())).map(|(standard, _)| *standard);
    VerificationAnswer {
        verification: get("verification"),
        id_number: get("id_number"),
        dataset: get("dataset"),
        outcome: outcome.and_then(VerificationOutcome::from_str_name).unwrap_or_default() as i32,
        batch_no: get("batch_no"),
        reason_code: get("reason_code"),
    }
}

/// Chinese header of a form's field.
pub fn header_of(columns: &[Column], field: &str) -> String {
    columns.iter().find(|(f, ..)| *f == field).map_or_else(|| field.to_owned(), |(_, headers, _)| headers[0].to_owned())
}
