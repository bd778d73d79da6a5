//! The register's statements. Set-based: a slice of a batch costs the same few statements whatever its size.

pub mod books;
pub mod chain;
pub mod class_status;
pub mod division;
pub mod household;
pub mod identity;
pub mod import;
pub mod membership;
pub mod person;
pub mod roster;
pub mod vehicle;
