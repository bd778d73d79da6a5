//! Use cases: one a file. They lock whole work orders, let the domain decide, save, and tell others.

pub mod answer;
pub mod check;
pub mod deadlines;
pub mod falls;
pub mod merge;
pub mod orders;
pub mod overlaps;
pub mod rules;
pub mod scope;
pub mod score;
pub mod tell;
pub mod view;
pub mod visit;
pub mod yields;
