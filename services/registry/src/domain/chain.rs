//! What a bureau's decision is called in the chain of relief.

use minqing_proto::minqing::types::v1::FeedbackDecision;

/// The chain's word for a feedback record; `None` when the record says nothing.
pub fn kind_of(decision: FeedbackDecision) -> Option<&'static str> {
    match decision {
        FeedbackDecision::Granted => Some("aid"),
        FeedbackDecision::Refused => Some("refusal"),
        FeedbackDecision::AlreadyAided => Some("already_aided"),
        FeedbackDecision::Deferred => Some("deferred"),
        FeedbackDecision::CannotReach => Some("cannot_reach"),
        FeedbackDecision::NotMyDuty => Some("not_my_duty"),
        FeedbackDecision::Unspecified | FeedbackDecision::Withdrawn => None,
    }
}
