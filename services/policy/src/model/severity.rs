//! How urgent a warning is.

use minqing_proto::minqing::types::v1::WarningLevel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Urgency of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Severity {
    /// Red.
    L1,
    /// Orange.
    L2,
    /// Yellow.
    L3,
    /// Blue.
    L4,
    /// Green.
    L5,
}

impl Severity {
    /// As packs write it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::L1 => "L1",
            Severity::L2 => "L2",
            Severity::L3 => "L3",
            Severity::L4 => "L4",
            Severity::L5 => "L5",
        }
    }

    /// From the name; `None` when there is no such severity.
    pub fn of_name(name: &str) -> Option<Self> {
        use Severity::{L1, L2, L3, L4, L5};
        [L1, L2, L3, L4, L5].into_iter().find(|severity| severity.name() == name)
    }

    /// The contract's value.
    pub fn warning_level(self) -> WarningLevel {
        match self {
            Severity::L1 => WarningLevel::Red,
            Severity::L2 => WarningLevel::Orange,
            Severity::L3 => WarningLevel::Yellow,
            Severity::L4 => WarningLevel::Blue,
            Severity::L5 => WarningLevel::Green,
        }
    }

    /// From the contract's value; `None` when unspecified.
    pub fn of(level: WarningLevel) -> Option<Self> {
        match level {
            WarningLevel::Unspecified => None,
            WarningLevel::Red => Some(Severity::L1),
            WarningLevel::Orange => Some(Severity::L2),
            WarningLevel::Yellow => Some(Severity::L3),
            WarningLevel::Blue => Some(Severity::L4),
            WarningLevel::Green => Some(Severity::L5),
        }
    }
}
