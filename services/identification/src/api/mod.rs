//! gRPC in and out: decode, call the use case, encode.

mod identification_rpc;
mod verification_rpc;

pub use identification_rpc::IdentificationRpc;
pub use verification_rpc::VerificationRpc;
