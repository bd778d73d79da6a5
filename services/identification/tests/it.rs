//! Identification through gRPC, on a real database and the city's own policy pack.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "it/cases.rs"]
mod cases;
#[path = "it/days.rs"]
mod days;
#[path = "it/decisions.rs"]
mod decisions;
#[path = "it/looks.rs"]
mod looks;
#[path = "it/packs.rs"]
mod packs;
#[path = "it/story.rs"]
mod story;
#[path = "it/three.rs"]
mod three;
#[path = "it/verifications.rs"]
mod verifications;
