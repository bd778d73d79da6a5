//! How well the mesh finds who is meant: a real register and a real adapter are given people and then rows about them with
//! one slip each, as record-linkage sets such as FEBRL's have it, beside rows about strangers. What they propose is held
//! against the truth, and what goes on to monitoring must be nobody's but the clean rows'.

pub mod dirt;
pub mod monitor;
pub mod people;
pub mod run;
pub mod score;
