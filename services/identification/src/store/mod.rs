//! Statements of identification.

pub mod assessment;
pub mod case;
pub mod known;
