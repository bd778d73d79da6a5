//! The words under which enums and divisions are stored: the lower-case value names of the contracts.

use minqing_proto::minqing::{
    dispatch::v1::Verdict,
    monitoring::v1::ClearReason,
    types::v1::{AreaKind, AssistanceClass, Bureau, FeedbackDecision},
};

/// `education`, `medical_insurance` …; empty when not set.
pub fn bureau(value: Bureau) -> String {
    word(value.as_str_name(), "BUREAU_")
}

/// The bureau of a word.
pub fn bureau_of(word: &str) -> Bureau {
    Bureau::from_str_name(&format!("BUREAU_{}", word.to_ascii_uppercase())).unwrap_or(Bureau::Unspecified)
}

/// `minimum_living`, `edge` …; empty when not set.
pub fn class(value: AssistanceClass) -> String {
    word(value.as_str_name(), "ASSISTANCE_CLASS_")
}

/// `granted`, `refused` …; empty when not set.
pub fn decision(value: FeedbackDecision) -> String {
    word(value.as_str_name(), "FEEDBACK_DECISION_")
}

/// `verified_true`, `not_true` …; empty when not set.
pub fn verdict(value: Verdict) -> String {
    word(value.as_str_name(), "VERDICT_")
}

/// `urban` or `rural`; registry always sets it, and what is not set counts as rural.
pub fn area(value: AreaKind) -> &'static str {
    match value {
        AreaKind::Urban => "urban",
        AreaKind::Rural | AreaKind::Unspecified => "rural",
    }
}

/// The area kind of a word.
pub fn area_of(word: &str) -> AreaKind {
    match word {
        "urban" => AreaKind::Urban,
        "rural" => AreaKind::Rural,
        _ => AreaKind::Unspecified,
    }
}

/// The county of a division code of 6 to 12 digits.
pub fn county(division_code: &str) -> String {
    let head: String = division_code.chars().take(6).collect();
    format!("{head:0<12}")
}

/// A value name without its enum's, in lower case; empty when not set.
pub fn word(name: &str, prefix: &str) -> String {
    match name.strip_prefix(prefix) {
        Some("UNSPECIFIED") | None => String::new(),
        Some(rest) => rest.to_ascii_lowercase(),
    }
}

/// As a warning's row says why it was cleared.
pub fn clear_reason(reason: ClearReason) -> Option<&'static str> {
    match reason {
        ClearReason::Unspecified => None,
        ClearReason::Refuted => Some("refuted"),
        ClearReason::DataWithdrawn => Some("data_withdrawn"),
        ClearReason::Superseded => Some("superseded"),
    }
}

/// The reason a row says.
pub fn clear_reason_of(word: Option<&str>) -> ClearReason {
    match word {
        Some("refuted") => ClearReason::Refuted,
        Some("data_withdrawn") => ClearReason::DataWithdrawn,
        Some("superseded") => ClearReason::Superseded,
        _ => ClearReason::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bureau_and_its_word_lead_to_each_other() {
        for value in [Bureau::Education, Bureau::MedicalInsurance, Bureau::Women, Bureau::CivilAffairs] {
            assert_eq!(bureau_of(&bureau(value)), value);
        }
        assert_eq!(bureau(Bureau::MedicalInsurance), "medical_insurance");
        assert_eq!(bureau(Bureau::Unspecified), "");
        assert_eq!(bureau_of("nobody"), Bureau::Unspecified);
    }

    #[test]
    fn a_village_belongs_to_the_county_of_its_first_six_digits() {
        assert_eq!(county("621202103201"), "621202000000");
        assert_eq!(county("621202"), "621202000000");
    }
}
