//! The bureaus of this mesh: the one list from which the binary, the launcher and the tests take them.

use minqing_adapter::Bureau;

/// Every bureau with an adapter. A new one is one line here and one in this crate's manifest.
const BUREAUS: &[fn() -> Bureau] = &[
    minqing_adapter_education::bureau,
    minqing_adapter_hr::bureau,
    minqing_adapter_housing::bureau,
    minqing_adapter_health::bureau,
    minqing_adapter_medical_insurance::bureau,
    minqing_adapter_emergency::bureau,
    minqing_adapter_rural::bureau,
    minqing_adapter_disabled::bureau,
    minqing_adapter_women::bureau,
    minqing_adapter_outside::bureau,
];

/// Every bureau, in the order in which their adapters start.
pub fn all() -> impl Iterator<Item = Bureau> {
    BUREAUS.iter().map(|bureau| bureau())
}

/// A bureau by its name, `medical_insurance`.
pub fn by_name(name: &str) -> Option<Bureau> {
    all().find(|bureau| bureau.name == name)
}
