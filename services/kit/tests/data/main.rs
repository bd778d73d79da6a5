//! The data half of the kit against a real PostgreSQL and a real Redis.
#![expect(clippy::unwrap_used, reason = "tests")]

mod consumer;
mod delivery;
mod hints;
mod mutate;
mod operations;
mod relay;
mod schema;
mod support;
mod traces;
