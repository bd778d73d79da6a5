//! Why dispatch refuses.

use minqing_kit::{Explain, Kind};

/// A refusal of the work order's own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the work order is closed")]
    Closed,
    #[error("the work order is accepted already")]
    AcceptedAlready,
    #[error("the work order has its verdict already and no new reason waits for a check")]
    VerdictGiven,
}

impl Explain for Refusal {
    fn kind(&self) -> Kind {
        Kind::FailedState
    }

    fn reason(&self) -> &'static str {
        match self {
            Refusal::Closed => "WORK_ORDER_CLOSED",
            Refusal::AcceptedAlready => "WORK_ORDER_ACCEPTED_ALREADY",
            Refusal::VerdictGiven => "VERDICT_GIVEN",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn message_zh(&self) -> String {
        match self {
            Refusal::Closed => "工单已办结",
            Refusal::AcceptedAlready => "工单已签收",
            Refusal::VerdictGiven => "工单已有核查结论，且没有新的待核查预警",
        }
        .to_owned()
    }
}
