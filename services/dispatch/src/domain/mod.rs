//! The rules of work orders and referrals, pure: no database, no clock, no wire.

pub mod division;
pub mod error;
pub mod quiet;
pub mod referral;
pub mod score;
pub mod state;
pub mod timetable;
pub mod verdict;
pub mod visit;
pub mod work_order;
pub mod yields;

#[cfg(test)]
mod properties;
