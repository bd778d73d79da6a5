//! The rules of feedback records, pure: no database, no clock, no wire.

pub mod books;
pub mod decision;
pub mod record;
pub mod refusal;
