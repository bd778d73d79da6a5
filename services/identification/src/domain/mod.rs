//! Rules of identification, without database, network or clock.

pub mod authorisation;
pub mod case;
pub mod code;
pub mod error;
pub mod exit;
pub mod facts;
pub mod scope;
pub mod verification;
pub mod verification_error;
