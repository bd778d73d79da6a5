//! gRPC in and out: decode, call the use case, encode.

mod identification_rpc;

pub use identification_rpc::IdentificationRpc;
