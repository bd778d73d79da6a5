//! The mesh as processes.

mod books;
mod harness;
mod mesh_calls;
mod mesh_chaos;
mod mesh_clients;
mod mesh_hostile;
mod mesh_month;
mod mesh_power_cut;
mod mesh_receipt;
mod mesh_verification;
mod secrets;
mod spans;

pub use harness::setting;
