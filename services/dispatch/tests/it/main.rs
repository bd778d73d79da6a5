//! Dispatch through its gRPC interface, on a real database, with monitoring and feedback played by the test.

#![expect(clippy::unwrap_used, reason = "tests")]

mod deadlines;
mod desk;
mod falls;
mod indicators;
mod listing;
mod merging;
mod overlaps;
mod scores;
mod verdict;
mod visits;
mod withdrawn;
