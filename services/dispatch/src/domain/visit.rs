//! A visit to a household: by itself, or behind the verdict on a work order. What was not told is unknown, not no.

use chrono::NaiveDate;
use uuid::Uuid;

use super::verdict::Verdict;

/// What was seen; words are the contract's value names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub minutes: Option<i32>,
    pub group_ticked: Option<String>,
    pub lives_alone: Option<bool>,
    pub carer: Option<String>,
}

/// Why somebody went there, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Nobody asked for it; what was found.
    Own { finding: String },
    /// The check of a work order.
    Check { work_order: Uuid, verdict: Verdict },
}

/// A visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub household: Uuid,
    pub division: String,
    pub on: NaiveDate,
    pub visitor: String,
    /// Somebody of the household was seen or spoken to.
    pub met: bool,
    pub seen: Seen,
    /// Digest of photo or recording, hex; may be empty.
    pub photo_digest: String,
    pub occasion: Occasion,
}
