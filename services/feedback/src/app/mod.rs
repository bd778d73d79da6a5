//! Use cases: one a file.

pub mod books;
pub mod bureau_ledger;
pub mod calendar;
pub mod compare;
pub mod follow;
pub mod ledger;
pub mod reconciled;
pub mod record;
pub mod scope;
pub mod sign;
pub mod view;
