//! The bureau's own database: how to reach it, one connection at a time, and what its failures mean. A connection on
//! which anything went wrong is not used again, so that whatever transaction was open on it ends with it.
//!
//! Texts of the server's errors may quote values, so only their codes are kept.

use std::{str::FromStr as _, sync::atomic::AtomicI64, time::Duration};

use minqing_kit::{Error, Kind, metrics::Metrics};
use prometheus_client::metrics::gauge::Gauge;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, MySqlConnection, PgConnection, Row as _,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow},
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
};
use tokio::sync::{Mutex, MutexGuard};

use super::sql::{Dialect, Sql, Value};
use crate::{Result, row::Cell};

const CONNECT: Duration = Duration::from_secs(10);
/// Longest run of one statement, by the server's clock and, should it not answer at all, by ours.
const STATEMENT_SECONDS: u32 = 30;
const ANSWER: Duration = Duration::from_secs(45);

/// Reason of every failure after which the whole database, not one batch, is waited for.
pub const AWAY: &str = "BUREAU_DATABASE_UNAVAILABLE";

/// How to reach the bureau's database.
pub struct Database {
    options: Options,
    /// A connection that nothing went wrong on.
    rested: Mutex<Option<Link>>,
    up: Gauge<i64, AtomicI64>,
}

#[derive(Clone)]
enum Options {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

impl Database {
    /// Nothing is connected yet. The URL is never repeated in an error.
    pub fn new(url: &str, metrics: &Metrics) -> anyhow::Result<Database> {
        let wrong = |_| anyhow::anyhow!("MINQING_EXCHANGE_DATABASE_URL cannot be read as a URL of a database");
        let options = if url.starts_with("postgres") {
            let options = PgConnectOptions::from_str(url).map_err(wrong)?.disable_statement_logging();
            Options::Postgres(Box::new(options.application_name("minqing")))
        } else {
            let options = MySqlConnectOptions::from_str(url).map_err(wrong)?.disable_statement_logging();
            Options::MySql(Box::new(options.timezone("+08:00".to_owned())))
        };
        let up = Gauge::default();
        let help = "Whether the last connection to the bureau's own database could be made";
        metrics.register("bureau_database_up", help, up.clone());
        Ok(Database { options, rested: Mutex::new(None), up })
    }

    /// The same database by a connection of its own, so that neither user waits for the other.
    pub fn beside(&self) -> Database {
        Database { options: self.options.clone(), rested: Mutex::new(None), up: self.up.clone() }
    }

    /// A connection, for one user at a time.
    pub async fn open(&self) -> Result<InUse<'_>> {
        let mut rested = self.rested.lock().await;
        if let Some(mut link) = rested.take()
            && link.ask(Sql::new(link.dialect(), "select 1")).await.is_ok()
        {
            return Ok(InUse { rested, link });
        }
        let link = self.connect().await;
        self.up.set(i64::from(link.is_ok()));
        Ok(InUse { rested, link: link? })
    }

    async fn connect(&self) -> Result<Link> {
        let connecting = async {
            Ok::<_, sqlx::Error>(match &self.options {
                Options::Postgres(options) => {
                    let mut conn = PgConnection::connect_with(options).await?;
                    conn.execute(AssertSqlSafe(session())).await?;
                    Link::Postgres(Box::new(conn))
                }
                Options::MySql(options) => {
                    let mut conn = MySqlConnection::connect_with(options).await?;
                    let limit = limit_of(&mut conn).await?;
                    conn.execute(AssertSqlSafe(limit)).await?;
                    Link::MySql(Box::new(conn))
                }
            })
        };
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(Ok(link)) => Ok(link),
            // Whatever the reason, a person at the bureau has to let us in again; meanwhile it is away.
            Ok(Err(error)) => Err(away(&code_of(&error))),
            Err(_) => Err(away("no answer")),
        }
    }
}

/// How a session with PostgreSQL is set, by statements: a pooler in between would refuse start-up options. Dates go by
/// the calendar of China, as a person there would type them. Pages are read along the index even from a table that was
/// filled a moment ago, of which the planner knows nothing yet and would sort the rest for every page.
fn session() -> String {
    format!(
        "set statement_timeout = '{STATEMENT_SECONDS}s'; set lock_timeout = '10s'; \
         set idle_in_transaction_session_timeout = '60s'; set enable_sort = off; set datestyle = 'iso, ymd'; set timezone = 'Asia/Shanghai'"
    )
}

/// MySQL and MariaDB bound a statement's time by variables of different names and units.
async fn limit_of(conn: &mut MySqlConnection) -> Result<String, sqlx::Error> {
    let version: String = sqlx::query("select version()").fetch_one(&mut *conn).await?.try_get_unchecked(0)?;
    let limit = if version.contains("MariaDB") {
        format!("max_statement_time = {STATEMENT_SECONDS}")
    } else {
        format!("max_execution_time = {}", STATEMENT_SECONDS * 1_000)
    };
    Ok(format!("set session {limit}, session innodb_lock_wait_timeout = 10"))
}

/// A connection in use; given back only by [`InUse::keep`].
pub struct InUse<'a> {
    rested: MutexGuard<'a, Option<Link>>,
    pub link: Link,
}

impl InUse<'_> {
    /// Nothing went wrong: the next user may have the connection.
    pub fn keep(mut self) {
        *self.rested = Some(self.link);
    }
}

/// A connection to either server.
pub enum Link {
    Postgres(Box<PgConnection>),
    MySql(Box<MySqlConnection>),
}

impl Link {
    pub fn dialect(&self) -> Dialect {
        match self {
            Link::Postgres(_) => Dialect::Postgres,
            Link::MySql(_) => Dialect::MySql,
        }
    }

    /// Begins to read what stays the same until [`Link::end`].
    pub async fn begin_reading(&mut self) -> Result<()> {
        let text = match self.dialect() {
            Dialect::Postgres => "begin isolation level repeatable read read only",
            Dialect::MySql => "start transaction with consistent snapshot, read only",
        };
        self.command(text).await
    }

    /// Begins a change.
    pub async fn begin(&mut self) -> Result<()> {
        self.command("start transaction").await
    }

    /// Ends a transaction; what it changed is there for all, or nothing of it.
    pub async fn end(&mut self) -> Result<()> {
        self.command("commit").await
    }

    async fn command(&mut self, text: &'static str) -> Result<()> {
        answered(async {
            match self {
                Link::Postgres(conn) => conn.execute(text).await.map(|_| ()),
                Link::MySql(conn) => conn.execute(text).await.map(|_| ()),
            }
        })
        .await
    }

    /// Rows of a statement that selects texts.
    pub async fn ask(&mut self, sql: Sql) -> Result<Vec<Vec<Cell>>> {
        answered(async {
            match self {
                Link::Postgres(conn) => {
                    let rows = postgres(sql).fetch_all(conn.as_mut()).await?;
                    Ok(rows.iter().map(of_postgres).collect())
                }
                Link::MySql(conn) => {
                    let rows = mysql(sql).fetch_all(conn.as_mut()).await?;
                    Ok(rows.iter().map(of_mysql).collect())
                }
            }
        })
        .await
    }

    pub async fn execute(&mut self, sql: Sql) -> Result<()> {
        answered(async {
            match self {
                Link::Postgres(conn) => postgres(sql).execute(conn.as_mut()).await.map(|_| ()),
                Link::MySql(conn) => mysql(sql).execute(conn.as_mut()).await.map(|_| ()),
            }
        })
        .await
    }
}

fn postgres(sql: Sql) -> Query<'static, sqlx::Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.text));
    sql.values.into_iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Whole(whole) => query.bind(whole),
    })
}

fn mysql(sql: Sql) -> Query<'static, sqlx::MySql, MySqlArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.text));
    sql.values.into_iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Whole(whole) => query.bind(whole),
    })
}

fn of_postgres(row: &PgRow) -> Vec<Cell> {
    (0..row.len()).map(|at| cell(row.try_get_unchecked(at))).collect()
}

fn of_mysql(row: &MySqlRow) -> Vec<Cell> {
    (0..row.len()).map(|at| cell(row.try_get_unchecked(at))).collect()
}

fn cell(bytes: Result<Option<Vec<u8>>, sqlx::Error>) -> Cell {
    match bytes {
        Ok(None) => Cell::Empty,
        Ok(Some(bytes)) => String::from_utf8(bytes).map_or(Cell::Unreadable, Cell::Text),
        Err(_) => Cell::Unreadable,
    }
}

async fn answered<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(ANSWER, work).await {
        Ok(done) => done.map_err(|e| told(&e)),
        Err(_) => Err(away("no answer")),
    }
}

/// SQLSTATE of a server's refusal, or the kind of failure on the way.
fn code_of(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(db) => db.code().map_or_else(|| "no code".to_owned(), |code| code.into_owned()),
        sqlx::Error::Io(io) => io.kind().to_string(),
        sqlx::Error::Tls(_) => "TLS".to_owned(),
        _ => "protocol".to_owned(),
    }
}

fn away(code: &str) -> Error {
    Error::unavailable(
        AWAY,
        format!("the bureau's database cannot be reached ({code})"),
        format!("部门数据库暂时无法访问（{code}）"),
    )
}

fn told(error: &sqlx::Error) -> Error {
    let code = code_of(error);
    let sqlx::Error::Database(db) = error else { return away(&code) };
    if db.is_unique_violation() {
        let (en, zh) = ("the bureau's database holds the key already", "部门数据库中已有相同主键");
        return Error::conflict("BUREAU_DATABASE_KEY", en, zh);
    }
    let number = db.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |e| e.number());
    match (code.as_str(), number) {
        // Statement timeouts: PostgreSQL, MariaDB, MySQL.
        ("57014", _) | (_, 1969 | 3024) => Error::deadline(
            "BUREAU_DATABASE_SLOW",
            "the bureau's database took too long; an index on (mq_batch_no, mq_seq) is needed",
            "部门数据库处理超时，请检查 (mq_batch_no, mq_seq) 索引",
        ),
        ("42501", _) | (_, 1142 | 1143) => Error::forbidden(
            "BUREAU_DATABASE_PRIVILEGE",
            "the bureau's database refuses it; grant what the exchange needs",
            "部门数据库权限不足，请按说明授权",
        ),
        ("42P01" | "42S02" | "42703" | "42S22", _) => Error::new(
            Kind::Unimplemented,
            "EXCHANGE_TABLE_MISSING",
            format!("the bureau's database lacks a table or column of the exchange ({code})"),
            format!("部门数据库缺少交换表或列（{code}）"),
        ),
        ("40001" | "40P01" | "55P03", _) | (_, 1205 | 1213) => {
            Error::conflict("BUREAU_DATABASE_BUSY", "the bureau's database is busy", "部门数据库繁忙")
        }
        // A value that the view itself trips over, or a fault that it raises: the rows are at fault, not the server.
        (code, number) if ["22", "44", "45", "P0"].iter().any(|class| code.starts_with(class)) || number == 1356 => {
            Error::invalid(
                "EXCHANGE_VIEW_FAILS",
                format!("reading the table or view ends in an error of its own ({code}); mend it"),
                format!("读取表或视图时其自身报错（{code}），请修正"),
            )
        }
        (code, _) if code.starts_with("57P") || code.starts_with("53") || code.starts_with("08") => away(code),
        _ => Error::new(
            Kind::Unimplemented,
            "BUREAU_DATABASE_REFUSED",
            format!("the bureau's database refused a statement ({code})"),
            format!("部门数据库拒绝执行（{code}）"),
        ),
    }
}
