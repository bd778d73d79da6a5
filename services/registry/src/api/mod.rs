//! gRPC in and out: decode, call the use case, encode.

mod books_rpc;
mod identity_rpc;
mod registry_rpc;

pub use books_rpc::BooksRpc;
pub use identity_rpc::IdentityRpc;
pub use registry_rpc::RegistryRpc;
