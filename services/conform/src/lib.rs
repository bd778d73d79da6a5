//! What a conformance kit for adapters sends: synthetic people and rows of any dataset, made from nothing but the
//! contract's descriptors and column options. The cases that send them are not here yet.

pub mod person;
pub mod rows;
