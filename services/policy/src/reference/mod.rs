//! A second, slow meaning of the expression language: it evaluates a parsed expression by itself, so that the generated
//! SQL can be checked against it and a "what if" needs no database. It shares the parser with `expression` and nothing
//! else; it takes for granted that the check let the expression pass, and answers a fault where that is not so.
//!
//! Equal to PostgreSQL but for these:
//! - Numbers are exact fractions. PostgreSQL keeps a quotient to some sixteen digits; the check refuses to multiply one, or
//!   to compare it for equality, before it is rounded.
//! - Texts are ordered by their bytes: collation `C`, which every database of the product has. Under a language's
//!   collation `<`, `min`, `greatest` and `newest` of texts may differ; equality never does.
//! - A fraction has one text, without trailing zeros: `1.5` where PostgreSQL may keep `1.50`.
//! - Numbers beyond some 37 digits and dates outside the years 1 to 9999 are faults. A sum of two `bigint` beyond
//!   `bigint` fails in the database at once, here when it is kept.
//! - `full_years` counts calendar days. PostgreSQL counts from midnight in the session's time zone, which must not be one
//!   where the clock has skipped a midnight: in `Asia/Shanghai` who was born on 1 June 1940 is a year too young on each
//!   birthday. The services' sessions are in UTC.

mod aggregate;
mod book;
mod expression;
mod function;
mod judge;
mod logic;
mod nearest;
mod number;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use aggregate::Aggregation;
pub(crate) use book::{Book, Values};
pub(crate) use expression::{Names, evaluate};
pub(crate) use judge::Household;
pub use judge::Verdict;
pub(crate) use nearest::turn;
pub(crate) use value::Value;
