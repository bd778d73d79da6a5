//! What monitoring knows without a database: batches, rows of datasets, feed rhythm, the roster, its errors.

pub mod batch;
pub mod error;
pub mod feed;
pub mod record;
pub mod roster;
pub mod words;
