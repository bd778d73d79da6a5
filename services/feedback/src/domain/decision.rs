//! What a bureau decided.

/// A bureau's decision on a referral or on aid of its own motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Granted,
    Refused,
    AlreadyAided,
    Deferred,
    CannotReach,
    NotMyDuty,
}

impl Decision {
    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Granted => "granted",
            Decision::Refused => "refused",
            Decision::AlreadyAided => "already_aided",
            Decision::Deferred => "deferred",
            Decision::CannotReach => "cannot_reach",
            Decision::NotMyDuty => "not_my_duty",
        }
    }

    /// The decision stored under a name.
    pub fn parse(text: &str) -> Option<Decision> {
        use Decision::{AlreadyAided, CannotReach, Deferred, Granted, NotMyDuty, Refused};
        let all = [Granted, Refused, AlreadyAided, Deferred, CannotReach, NotMyDuty];
        all.into_iter().find(|d| d.as_str() == text)
    }

    /// Only an answer to a referral can say it.
    pub fn needs_referral(self) -> bool {
        matches!(self, Decision::Deferred | Decision::NotMyDuty)
    }
}
