//! Statements of identification.

pub mod assessment;
pub mod case;
pub mod history;
pub mod known;
pub mod pack;
pub mod verification;
