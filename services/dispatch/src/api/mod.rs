//! The contract: decode, call a use case, encode.

mod dispatch_rpc;

pub use dispatch_rpc::DispatchRpc;
