//! Rules of identification, without database, network or clock.

pub mod case;
pub mod code;
pub mod error;
pub mod exit;
pub mod facts;
pub mod scope;
