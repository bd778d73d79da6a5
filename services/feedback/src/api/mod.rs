//! The contract: decode, call a use case, encode.

mod feedback_rpc;

pub use feedback_rpc::FeedbackRpc;
