//! Work orders, referrals and the daily pass in PostgreSQL. Reads and writes are set-based: a batch of events costs a
//! handful of statements, however many households it touches.

pub mod list;
pub mod overlaps;
pub mod pass;
pub mod row;
pub mod score;
pub mod suppression;
pub mod visit;
pub mod work_order;
pub mod yield_fall;
pub mod yields;
