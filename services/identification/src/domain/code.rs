//! Codes as the database and the events spell them.

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::{AreaKind, AssistanceClass, Bureau, VerificationType};

/// `minimum_living` for the class; `None` for the unspecified one.
pub fn class_text(class: AssistanceClass) -> Option<String> {
    let text = class.as_str_name().strip_prefix("ASSISTANCE_CLASS_")?.to_lowercase();
    (text != "unspecified").then_some(text)
}

/// The class of `minimum_living`; unspecified for any other text.
pub fn class_of(text: &str) -> AssistanceClass {
    AssistanceClass::from_str_name(&format!("ASSISTANCE_CLASS_{}", text.to_uppercase())).unwrap_or_default()
}

/// `minimum_living` for the type; `None` for the unspecified one.
pub fn kind_text(kind: VerificationType) -> Option<String> {
    let text = kind.as_str_name().strip_prefix("VERIFICATION_TYPE_")?.to_lowercase();
    (text != "unspecified").then_some(text)
}

/// The type of `minimum_living`; unspecified for any other text.
pub fn kind_of(text: &str) -> VerificationType {
    VerificationType::from_str_name(&format!("VERIFICATION_TYPE_{}", text.to_uppercase())).unwrap_or_default()
}

/// `medical_insurance` for the bureau, as in its adapter's identity.
pub fn bureau_text(bureau: Bureau) -> String {
    bureau.as_str_name().trim_start_matches("BUREAU_").to_lowercase()
}

/// The bureau of `medical_insurance`; unspecified for any other text.
pub fn bureau_of(text: &str) -> Bureau {
    Bureau::from_str_name(&format!("BUREAU_{}", text.to_uppercase())).unwrap_or_default()
}

/// `urban`, `rural` or `unspecified`.
pub fn area_text(area: AreaKind) -> &'static str {
    match area {
        AreaKind::Urban => "urban",
        AreaKind::Rural => "rural",
        AreaKind::Unspecified => "unspecified",
    }
}

/// The twelve digits of the county a place lies in.
pub fn county_of(division_code: &str) -> String {
    format!("{:0<12}", division_code.get(..6).unwrap_or(division_code))
}

/// The digits all divisions below `code` start with: trailing zeros fill up the levels it does not name.
pub fn prefix(code: &str) -> &str {
    let whole = code.len() == 12;
    match code {
        _ if whole && code.ends_with("00000000") => &code[..4],
        _ if whole && code.ends_with("000000") => &code[..6],
        _ if whole && code.ends_with("000") => &code[..9],
        _ => code,
    }
}

/// A real date written YYYY-MM-DD and in no other way.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10 && date.to_string() == text).then_some(date)
}
