//! Rows of identification.

pub mod case_file;
pub mod household;
