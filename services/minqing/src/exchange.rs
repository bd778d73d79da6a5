//! `minqing exchange tables`: what the DBA of a bureau's own database runs for the table exchange, as text on stdout.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use minqing_adapter::{
    row::schema::Schema,
    template::{Dialect, Way, ddl, exchange_ddl},
};

use crate::services;

/// What can be done for the exchange.
#[derive(Subcommand)]
pub enum Command {
    /// Print the tables and grants of the table exchange for a bureau's DBA (输出库表交换建表语句).
    Tables(Tables),
}

/// Options of `minqing exchange tables`.
#[derive(Args)]
pub struct Tables {
    /// The bureau: education, hr, housing, health, medical_insurance, emergency, rural, disabled, women.
    #[arg(long)]
    bureau: String,
    /// Its database.
    #[arg(long)]
    database: Server,
    /// Tables of change rows with a mark (mq_feed) instead of numbered batches.
    #[arg(long)]
    feed: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Server {
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    let Command::Tables(asked) = command;
    let bureau = minqing_bureaus::by_name(&asked.bureau)
        .with_context(|| format!("unknown bureau `{}`; there are {}", asked.bureau, services::bureaus().join(", ")))?;
    let schemas = Schema::all(bureau).map_err(|faults| anyhow::anyhow!("{}", faults.join("; ")))?;
    let dialect = match asked.database {
        Server::Postgres => Dialect::Postgres,
        Server::Mysql => Dialect::MySql,
    };
    let way = if asked.feed { Way::Feed } else { Way::Numbered };
    let mut out = io::stdout().lock();
    write!(out, "{}", exchange_ddl(dialect))?;
    for schema in &schemas {
        write!(out, "\n{}", ddl(schema, dialect, way))?;
    }
    Ok(())
}
