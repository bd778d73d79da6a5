//! What monitoring knows without a database: batches and their quality, rows of datasets, feed rhythm, the roster, its errors; and of
//! policy packs what they would do, and how one comes into use.

pub mod batch;
pub mod deed;
pub mod division;
pub mod effect;
pub mod error;
pub mod feed;
pub mod hits;
pub mod policy;
pub mod quality;
pub mod quiet;
pub mod record;
pub mod refusal;
pub mod roster;
pub mod span;
pub mod verdict;
pub mod words;
