//! gRPC in and out: decode, call the use case, encode.

mod registry_rpc;

pub use registry_rpc::RegistryRpc;
