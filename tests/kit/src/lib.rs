//! Private servers for tests: a PostgreSQL cluster, a MariaDB and a Redis per test process, in temporary folders, gone with the
//! process however it ends.

mod held;
pub mod mariadb;
pub mod postgres;
pub mod redis;
pub mod service;
mod template;
mod until;

pub use mariadb::MariaDb;
pub use postgres::{Postgres, TestDb};
pub use redis::Redis;
pub use service::{TestService, TestServiceBuilder};
pub use until::until;
