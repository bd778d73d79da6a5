//! The adapter from outside: through gRPC, the watched folder and tables of a bureau's own database, on real databases,
//! beside a register, monitoring, feedback and identification that keep to the contract and record what they were asked.
#![expect(clippy::unwrap_used, reason = "tests")]

mod archives;
mod batch;
mod bureau_db;
mod bureaus;
mod checks;
mod decode;
mod division;
mod files;
mod identities;
mod ledger;
mod mesh;
mod outbox;
mod peers;
mod proposals;
mod quality;
mod raw;
mod receipts;
mod referral;
mod rows;
mod same;
mod tables;
mod tables_hostile;
mod tables_killed;
mod tables_out;
mod tables_reach;
mod verification;
mod withdraw;
