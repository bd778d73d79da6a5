//! What a field check finds, and what that means for the work order.

use chrono::NaiveDate;

/// What the field check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    VerifiedTrue,
    VerifiedPartly,
    NotTrue,
    AlreadyAided,
    CannotFind,
    MovedAway,
    RefusesHelp,
    Died,
}

/// Every verdict.
pub const ALL: [Verdict; 8] = [
    Verdict::VerifiedTrue,
    Verdict::VerifiedPartly,
    Verdict::NotTrue,
    Verdict::AlreadyAided,
    Verdict::CannotFind,
    Verdict::MovedAway,
    Verdict::RefusesHelp,
    Verdict::Died,
];

impl Verdict {
    /// The need is real, at least in part: referrals follow.
    pub fn is_true(self) -> bool {
        matches!(self, Verdict::VerifiedTrue | Verdict::VerifiedPartly)
    }

    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::VerifiedTrue => "verified_true",
            Verdict::VerifiedPartly => "verified_partly",
            Verdict::NotTrue => "not_true",
            Verdict::AlreadyAided => "already_aided",
            Verdict::CannotFind => "cannot_find",
            Verdict::MovedAway => "moved_away",
            Verdict::RefusesHelp => "refuses_help",
            Verdict::Died => "died",
        }
    }

    /// The verdict stored under a name.
    pub fn parse(text: &str) -> Option<Verdict> {
        ALL.into_iter().find(|v| v.as_str() == text)
    }
}

/// A field check as it was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub verdict: Verdict,
    /// Day of the visit.
    pub checked_on: NaiveDate,
    /// Operator's user id.
    pub checker: String,
    /// The person was seen or spoken to.
    pub person_seen: bool,
    /// Digest of photo or recording, hex; may be empty.
    pub evidence_digest: String,
}
