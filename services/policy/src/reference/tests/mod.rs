#![expect(clippy::unwrap_used, reason = "tests")]

mod aggregates;
mod answers;
mod database;
mod grammar;
mod scalars;
