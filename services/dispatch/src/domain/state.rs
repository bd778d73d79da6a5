//! States of a work order and why one is closed, with the names they are stored under.

/// Life of a work order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Assigned,
    Accepted,
    Verified,
    FeedbackComplete,
    Closed,
}

impl State {
    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Assigned => "assigned",
            State::Accepted => "accepted",
            State::Verified => "verified",
            State::FeedbackComplete => "feedback_complete",
            State::Closed => "closed",
        }
    }

    /// The state stored under a name.
    pub fn parse(text: &str) -> Option<State> {
        use State::{Accepted, Assigned, Closed, FeedbackComplete, Verified};
        [Assigned, Accepted, Verified, FeedbackComplete, Closed].into_iter().find(|s| s.as_str() == text)
    }
}

/// Why a work order was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Every warning was cleared before the township signed.
    AllCleared,
    /// The field check found no need.
    Verdict,
    /// Every referral is settled.
    FeedbackComplete,
}

impl CloseReason {
    /// The name it is stored under.
    pub fn as_str(self) -> &'static str {
        match self {
            CloseReason::AllCleared => "all_cleared",
            CloseReason::Verdict => "verdict",
            CloseReason::FeedbackComplete => "feedback_complete",
        }
    }

    /// The reason stored under a name.
    pub fn parse(text: &str) -> Option<CloseReason> {
        use CloseReason::{AllCleared, FeedbackComplete, Verdict};
        [AllCleared, Verdict, FeedbackComplete].into_iter().find(|r| r.as_str() == text)
    }
}
