//! Codes as the database and the events spell them.

use minqing_proto::minqing::types::v1::{AreaKind, AssistanceClass, Bureau};

/// `minimum_living` for the class; `None` for the unspecified one.
pub fn class_text(class: AssistanceClass) -> Option<String> {
    specified(class.as_str_name(), "ASSISTANCE_CLASS_")
}

/// The class of `minimum_living`; unspecified for any other text.
pub fn class_of(text: &str) -> AssistanceClass {
    AssistanceClass::from_str_name(&format!("ASSISTANCE_CLASS_{}", text.to_uppercase())).unwrap_or_default()
}

/// `education` for the bureau; `None` for the unspecified one.
pub fn bureau_text(bureau: Bureau) -> Option<String> {
    specified(bureau.as_str_name(), "BUREAU_")
}

/// The bureau of `education`; unspecified for any other text.
pub fn bureau_of(text: &str) -> Bureau {
    Bureau::from_str_name(&format!("BUREAU_{}", text.to_uppercase())).unwrap_or_default()
}

/// `urban` or `rural`; `None` for the unspecified one.
pub fn area_text(area: AreaKind) -> Option<&'static str> {
    match area {
        AreaKind::Urban => Some("urban"),
        AreaKind::Rural => Some("rural"),
        AreaKind::Unspecified => None,
    }
}

/// The area kind of `urban` or `rural`.
pub fn area_of(text: &str) -> AreaKind {
    match text {
        "urban" => AreaKind::Urban,
        "rural" => AreaKind::Rural,
        _ => AreaKind::Unspecified,
    }
}

fn specified(name: &str, prefix: &str) -> Option<String> {
    let text = name.strip_prefix(prefix)?.to_lowercase();
    (text != "unspecified").then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_and_a_bureau_read_back_from_their_text() {
        assert_eq!(class_text(AssistanceClass::MinimumLiving).as_deref(), Some("minimum_living"));
        assert_eq!(class_of("return_to_poverty"), AssistanceClass::ReturnToPoverty);
        assert_eq!(class_of("unspecified"), AssistanceClass::Unspecified);
        assert_eq!(class_text(AssistanceClass::Unspecified), None);
        assert_eq!(bureau_of("medical_insurance"), Bureau::MedicalInsurance);
        assert_eq!(bureau_text(Bureau::CivilAffairs).as_deref(), Some("civil_affairs"));
    }
}
