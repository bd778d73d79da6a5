//! Use cases: assess, open, decide.

pub mod assess;
pub mod decide;
pub mod open;
pub mod scope;
