//! The contracts of the mesh as Rust types: generated from `proto/` at build time, nothing by hand but the
//! descriptor pool with our options and the traits that follow from it.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

include!(concat!(env!("OUT_DIR"), "/_all.rs"));
include!(concat!(env!("OUT_DIR"), "/mutations.rs"));

/// Encoded descriptor set of every contract, options included.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// Descriptors of every contract, for generic work: labels, access rules, datasets, canonical JSON.
pub static DESCRIPTOR_POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTOR_SET).expect("the descriptor set was encoded by this crate's build script")
});

/// A request that changes state: it carries the id under which a repeat is recognised.
pub trait Mutation {
    /// UUID made by the caller.
    fn request_id(&self) -> &str;
}

pub mod contract;
