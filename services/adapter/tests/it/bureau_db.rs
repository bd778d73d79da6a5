//! A bureau's own database on either server: set up by the DDL that is given to its DBA, written by an account that may
//! do everything, read and written by the adapter with the account and the privileges of the DDL.

use minqing_adapter::{
    Bureau,
    row::schema::Schema,
    tables::Dialect,
    template::{Way, ddl, exchange_ddl},
};
use minqing_kit::id::{IdSource as _, SystemIds};
use minqing_test_kit::{MariaDb, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, PgConnection, Row as _};

/// Both servers a bureau may have.
pub const SERVERS: [Dialect; 2] = [Dialect::Postgres, Dialect::MySql];

pub struct BureauDb {
    pub dialect: Dialect,
    admin: String,
    /// For the adapter.
    pub url: String,
}

/// A connection of the bureau's own.
pub enum Session {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Session {
    pub async fn run(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Session::Postgres(conn) => drop(sql.execute(conn).await.unwrap()),
            Session::MySql(conn) => drop(sql.execute(conn).await.unwrap()),
        }
    }
}

impl BureauDb {
    /// With the tables of the exchange and of the bureau's datasets.
    pub async fn start(dialect: Dialect, bureau: Bureau, way: Way) -> BureauDb {
        let db = BureauDb::empty(dialect).await;
        db.run(exchange_ddl(dialect)).await;
        for schema in Schema::all(bureau).unwrap() {
            db.run(&ddl(&schema, dialect, way)).await;
        }
        db
    }

    pub async fn empty(dialect: Dialect) -> BureauDb {
        match dialect {
            Dialect::Postgres => {
                let server = tokio::task::spawn_blocking(Postgres::shared).await.unwrap().unwrap();
                let name = format!("bureau_{}", SystemIds.uuid().simple());
                let mut conn = PgConnection::connect(&server.admin_url("postgres")).await.unwrap();
                let account = "do $$ begin create role minqing_exchange login password 'test'; \
                               exception when duplicate_object then null; end $$";
                conn.execute(account).await.unwrap();
                conn.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
                conn.close().await.unwrap();
                let admin = format!("{}?options=-csearch_path%3Dexchange", server.admin_url(&name));
                let url = admin.replace("postgres@", "minqing_exchange:test@");
                let db = BureauDb { dialect, admin, url };
                db.run("create schema exchange; grant usage on schema exchange to minqing_exchange").await;
                db
            }
            Dialect::MySql => {
                let server = tokio::task::spawn_blocking(MariaDb::shared).await.unwrap().unwrap();
                let admin = server.database().await.unwrap();
                let url = server.as_account(&admin, "minqing_exchange");
                BureauDb { dialect, admin, url }
            }
        }
    }

    pub async fn session(&self) -> Session {
        match self.dialect {
            Dialect::Postgres => Session::Postgres(PgConnection::connect(&self.admin).await.unwrap()),
            Dialect::MySql => Session::MySql(MySqlConnection::connect(&self.admin).await.unwrap()),
        }
    }

    /// Runs statements of the bureau's.
    pub async fn run(&self, sql: &str) {
        self.session().await.run(sql).await;
    }

    /// What a statement selects, as texts; an absent value is "∅".
    pub async fn texts(&self, columns: &[&str], rest: &str) -> Vec<Vec<String>> {
        let kind = if self.dialect == Dialect::Postgres { "text" } else { "char" };
        let columns: Vec<_> = columns.iter().map(|c| format!("coalesce(cast({c} as {kind}), '∅')")).collect();
        let sql = AssertSqlSafe(format!("select {} {rest}", columns.join(", ")));
        let width = columns.len();
        match self.session().await {
            Session::Postgres(mut conn) => {
                let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
                rows.iter().map(|row| (0..width).map(|at| row.get(at)).collect()).collect()
            }
            Session::MySql(mut conn) => {
                let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
                let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
                rows.iter().map(|row| (0..width).map(|at| text(row.get_unchecked(at))).collect()).collect()
            }
        }
    }

    pub fn quoted(&self, name: &str) -> String {
        if self.dialect == Dialect::Postgres { format!("\"{name}\"") } else { format!("`{name}`") }
    }

    /// A table of texts instead of the DDL's: columns by Chinese header, as a bureau's view might have them.
    pub async fn of_texts(&self, dataset: &str, header: &[String]) {
        let columns: Vec<_> = header.iter().map(|h| format!("{} text", self.quoted(h))).collect();
        self.run(&format!(
            "drop table mq_{dataset}; create table mq_{dataset} (mq_seq bigint not null, mq_batch_no varchar(64), \
             mq_county varchar(12), {}); create index mq_{dataset}_no on mq_{dataset} (mq_batch_no, mq_seq); \
             grant select on mq_{dataset} to minqing_exchange",
            columns.join(", ")
        ))
        .await;
    }

    /// Inserts rows, their numbers counted up from `first` by threes; an empty text is an absent value every other time.
    pub async fn insert(&self, dataset: &str, owner: (&str, &str), first: i64, lines: &[Vec<String>]) {
        let columns: Vec<_> = lines[0].iter().map(|h| self.quoted(h)).collect();
        let text = |(at, text): (usize, &String)| {
            if text.is_empty() && at % 2 == 0 { "null".to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
        };
        let row = |(at, line): (usize, &Vec<String>)| {
            let values: Vec<_> = line.iter().enumerate().map(text).collect();
            let seq = first + 3 * i64::try_from(at).unwrap();
            format!("({seq}, '{}', {})", owner.1, values.join(", "))
        };
        let rows: Vec<_> = lines[1..].iter().enumerate().map(row).collect();
        let (own, columns) = (owner.0, columns.join(", "));
        for some in rows.chunks(500) {
            self.run(&format!("insert into mq_{dataset} (mq_seq, {own}, {columns}) values {}", some.join(", "))).await;
        }
    }

    /// A control row; `as_of` and county as everywhere in these tests.
    pub async fn announce(&self, no: &str, dataset: &str, mode: &str, rows: usize) {
        let head =
            if mode.is_empty() { "null, null, null".to_owned() } else { format!("'621202', '2026-10-26', '{mode}'") };
        self.run(&format!(
            "insert into mq_batch (batch_no, dataset, county, as_of, mode, row_count, ready_at) \
             values ('{no}', '{dataset}', {head}, {rows}, '2026-10-26 08:00:00')"
        ))
        .await;
    }

    /// Sends a batch as a careful bureau does.
    pub async fn send(&self, no: &str, dataset: &str, lines: &[Vec<String>]) {
        self.insert(dataset, ("mq_batch_no", no), 10, lines).await;
        self.announce(no, dataset, "changes", lines.len() - 1).await;
    }

    /// Outcome, reason and column of a batch; none while there is no result.
    pub async fn result(&self, no: &str) -> Option<[String; 3]> {
        let rest = format!("from mq_batch_result where batch_no = '{no}'");
        let mut found = self.texts(&["outcome", "reason", "column_name"], &rest).await;
        assert!(found.len() < 2);
        found.pop().map(|row| row.try_into().unwrap())
    }

    /// Sent, accepted, refused, changed.
    pub async fn counts(&self, no: &str) -> Vec<String> {
        let columns = ["sent", "accepted", "refused", "changed"];
        self.texts(&columns, &format!("from mq_batch_result where batch_no = '{no}'")).await.pop().unwrap_or_default()
    }

    /// Refused rows: number, mq_seq, column, reason, both messages.
    pub async fn refused(&self, no: &str) -> Vec<Vec<String>> {
        let columns = ["row_no", "mq_seq", "column_name", "reason", "message_zh", "message"];
        self.texts(&columns, &format!("from mq_row_result where batch_no = '{no}' order by row_no")).await
    }

    /// Signed receipts of a batch.
    pub async fn receipts(&self, no: &str) -> Vec<minqing_proto::minqing::bureau::v1::Receipt> {
        let rest = format!("from mq_signed_receipt where batch_no = '{no}' order by subject");
        let found = self.texts(&["receipt"], &rest).await;
        found.iter().flat_map(|row| minqing_adapter::receipt::verify::read(&row[0]).unwrap()).collect()
    }
}
