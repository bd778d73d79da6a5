//! The rules of a case: pure, no I/O.

pub mod case;
pub mod error;
