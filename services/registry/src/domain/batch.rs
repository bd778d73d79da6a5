//! A collection batch and what became of it.

use chrono::NaiveDate;
use prost::Message;
use uuid::Uuid;

/// A batch that is accepted as such.
#[derive(Clone, Debug)]
pub struct Batch {
    pub import_id: Uuid,
    pub batch_no: String,
    /// Twelve digits.
    pub county: String,
    pub as_of: NaiveDate,
    pub row_count: i32,
}

/// What became of one slice; kept as its stored answer.
#[derive(Clone, PartialEq, Message)]
pub struct SliceOutcome {
    #[prost(int32, tag = "1")]
    pub sent: i32,
    #[prost(int32, tag = "2")]
    pub accepted: i32,
    #[prost(int32, tag = "3")]
    pub refused: i32,
    #[prost(int32, tag = "4")]
    pub changed: i32,
}
