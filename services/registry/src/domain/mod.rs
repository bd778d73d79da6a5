//! The register's rules, without database, network or clock.

pub mod batch;
pub mod chain;
pub mod class;
pub mod collect;
pub mod division;
pub mod error;
pub mod fault;
pub mod identity;
pub mod plan;
pub mod prepared;
pub mod relation;
pub mod scope;
pub mod timeline;
