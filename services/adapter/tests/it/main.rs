//! The adapter from outside: through gRPC and through the watched folder, on a real database, beside a register, a
//! monitoring and a feedback service that keep to the contract and record what they were asked.
#![expect(clippy::unwrap_used, reason = "tests")]

mod batch;
mod bureaus;
mod decode;
mod files;
mod mesh;
mod outbox;
mod peers;
mod raw;
mod receipts;
mod referral;
mod rows;
