//! Policy packs: law as data, SQL as the rule language.
//!
//! A pack is a folder of YAML files. [`Pack::load`] reads it, refuses every expression that is not on the whitelist
//! or whose kinds do not fit, and generates three set-based statements that the database evaluates under the role
//! `minqing_policy`: [`Pack::screening_sql`], [`Pack::facts_told`] and [`Pack::assessment_sql`]. The crate is pure: it
//! opens no connection and reads no clock. Missing or stale data stay unknown (NULL) through every step.
//!
//! Statements must run with [`SESSION_SETTINGS`] in their transaction: the planner needs the real number of
//! households, and just-in-time compilation costs more than it saves. For at most [`FEW`] households planning takes
//! longer than evaluating: with [`FEW_SETTINGS`] a session plans a statement once and keeps the plan.

mod archive;
mod calendar;
pub mod catalogue;
mod check;
mod diff;
mod due;
mod error;
pub mod explain;
mod expression;
mod index;
mod kind;
mod known;
mod load;
mod model;
mod pack;
mod reference;
mod routing;
mod rules;
mod schema;
mod sign;
mod sql;
mod summary;
mod worked;

pub use calendar::{Calendar, CalendarError};
pub use diff::{Change, Difference, FieldChange};
pub use due::{Due, Reach, Search, Turn};
pub use error::{PackError, PackErrors};
pub use kind::Kind;
pub use known::{Known, Reference};
pub use model::{
    AbsentSource, Area, Citation, Class, Code, CodeTable, Condition, Confidence, County, Document, Example, Expected,
    Fact, Head, Indicator, IndicatorClass, Level, Parameter, ParameterEntry, Process, Programme, Raised, Rule, Scalar,
    Severity, Stacking, StackingRule, Step, Subject, Title, assistance_class, bureau,
};
pub use pack::{Pack, ParameterUse};
pub use reference::Verdict;
pub use routing::{Desk, LevelLimits, ReferralRule, Route, When};
pub use rules::Owner;
pub use schema::schemas;
pub use sign::Sign;
pub use sql::{FactsStatement, ToldFact};
pub use summary::{Summary, Unconfirmed};
pub use worked::Worked;

/// Settings for the transaction that runs a generated statement.
/// Rows are wide, and spilling them to disk costs more than reading them. Pages out of order cost hardly more than in order,
/// in memory and on today's disks: told otherwise, the planner reads a city's tables whole for each thousand households.
pub const SESSION_SETTINGS: &str = "set local plan_cache_mode = force_custom_plan; set local jit = off; \
    set local work_mem = '64MB'; set local random_page_cost = 1.1";

/// Households up to which [`FEW_SETTINGS`] are the better ones.
pub const FEW: usize = 16;
/// Settings for a statement on at most [`FEW`] households. The plan is kept, so it must not depend on how large the
/// tables were when it was made: every table is reached by its index, and what is joined is small.
pub const FEW_SETTINGS: &str = "set local plan_cache_mode = force_generic_plan; set local jit = off; \
    set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off";
/// Ends either settings for the rest of the transaction.
pub const PLAIN_SETTINGS: &str = "set local plan_cache_mode to default; set local jit to default; \
    set local work_mem to default; set local random_page_cost to default; \
    set local enable_seqscan to default; set local enable_hashjoin to default; set local enable_mergejoin to default";
