//! The process frame of every service: settings, telemetry, lifecycle, the one server and the one client, the
//! database's unit of work, events, periodic work, deliveries, keys, errors and the clock. It knows no domain word.
//!
//! A service gives [`frame::ServiceDef`]; the frame does the rest and stops everything in order.

pub mod admin;
pub mod call;
pub mod client;
pub mod clock;
pub mod db;
pub mod delivery;
pub mod error;
pub mod events;
pub mod flat;
pub mod frame;
pub mod id;
pub mod keys;
pub mod lifecycle;
pub mod mask;
pub mod metrics;
pub mod operations;
pub mod page;
pub mod reconcile;
pub mod server;
pub mod settings;
pub mod telemetry;
pub mod tls;

pub use call::{Call, Caller};
pub use error::{Error, Explain, Kind, Result};
pub use frame::{Context, Overrides, Parts, Running, ServiceDef};
pub use lifecycle::Lifecycle;
pub use settings::Settings;
