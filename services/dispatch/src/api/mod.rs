//! The contract: decode, call a use case, encode.

mod dispatch_rpc;
mod field_work;
mod indicators;

pub use dispatch_rpc::DispatchRpc;
