//! The commands as a person or a script meets them: the built program, its output, its exit code.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "it/adapter.rs"]
mod adapter;
#[path = "it/exchange.rs"]
mod exchange;
#[path = "it/growth.rs"]
mod growth;
#[path = "it/identities.rs"]
mod identities;
#[path = "it/indicators.rs"]
mod indicators;
#[path = "it/policy.rs"]
mod policy;
#[path = "it/upgrades/mod.rs"]
mod upgrades;
