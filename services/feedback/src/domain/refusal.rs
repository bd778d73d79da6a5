//! Why a record is refused: which field, a stable reason, and what to do, in English and Chinese. Never the value.

/// A refusal of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub field: &'static str,
    pub reason: &'static str,
    pub message: String,
    pub message_zh: String,
}

impl Refusal {
    pub fn new(field: &'static str, reason: &'static str, message: &str, message_zh: &str) -> Refusal {
        Refusal { field, reason, message: message.to_owned(), message_zh: message_zh.to_owned() }
    }

    /// A value that is needed is empty.
    pub fn required(field: &'static str, why: &str, why_zh: &str) -> Refusal {
        Refusal {
            field,
            reason: "REQUIRED_VALUE_MISSING",
            message: format!("{field} is empty; {why}"),
            message_zh: format!("{field} 为空：{why_zh}"),
        }
    }

    /// A date that is none.
    pub fn date(field: &'static str) -> Refusal {
        Refusal {
            field,
            reason: "DATE_MALFORMED",
            message: format!("{field} is not a date; write it as YYYY-MM-DD"),
            message_zh: format!("{field} 不是有效日期，应写成 YYYY-MM-DD"),
        }
    }

    /// A text that is too long or holds control characters.
    pub fn text(field: &'static str, longest: usize) -> Refusal {
        Refusal {
            field,
            reason: "TEXT_UNFIT",
            message: format!("{field} is too long or holds control characters; use at most {longest} plain characters"),
            message_zh: format!("{field} 过长或含控制字符，最多 {longest} 个字符"),
        }
    }
}
