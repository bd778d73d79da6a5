//! One test binary for everything that no single crate can see.
#![expect(clippy::unwrap_used, reason = "tests")]

mod architecture;
mod contract;
mod manifests;
mod mesh;
