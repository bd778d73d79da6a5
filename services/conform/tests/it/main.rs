//! The kit against our own adapters among their real peers, and against adapters that are wrong in one thing each.
#![expect(clippy::unwrap_used, reason = "tests")]

mod mesh;
mod right;
mod wrong;
