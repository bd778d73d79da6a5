//! Feedback through its gRPC interface, on a real database, with dispatch played by the test.

#![expect(clippy::unwrap_used, reason = "tests")]

mod books;
mod differences;
mod ledger;
mod nights;
mod office;
mod receipts;
mod reconciled;
mod records;
mod two_books;
