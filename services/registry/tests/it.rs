//! The register through gRPC, on a real database.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "it/books.rs"]
mod books;
#[path = "it/chain.rs"]
mod chain;
#[path = "it/classes.rs"]
mod classes;
#[path = "it/collection.rs"]
mod collection;
#[path = "it/identities.rs"]
mod identities;
#[path = "it/import.rs"]
mod import;
#[path = "it/looks.rs"]
mod looks;
#[path = "it/reviews.rs"]
mod reviews;
