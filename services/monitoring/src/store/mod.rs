//! SQL, one file per table or two. Every function takes a connection inside the caller's transaction.

pub mod batch;
mod bulk;
pub mod catalogue;
pub mod day;
pub mod deed;
pub mod due;
pub mod evaluation;
pub mod fact;
pub mod feed;
pub mod judge;
pub mod lock;
pub mod policy;
pub mod quality;
pub mod quiet;
pub mod reconciliation;
pub mod record;
pub mod referral;
pub mod reversal;
pub mod roster;
pub mod screening;
pub mod verdict;
pub mod warning;
pub mod withdrawal;
