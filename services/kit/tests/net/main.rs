//! The server and the client of the mesh, over real sockets and certificates.
#![expect(clippy::unwrap_used, reason = "tests")]

mod admin;
mod client;
mod fixture;
mod hostile;
mod server;
mod trace;
