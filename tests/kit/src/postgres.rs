//! A private PostgreSQL cluster per test process and a fresh database per test.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, ensure};
use minqing_kit::{
    clock::SharedClock,
    db::{Db, ServiceAccount, provision},
    id::{IdSource as _, SystemIds},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator};
use tempfile::TempDir;

use crate::{
    held::{self, Held},
    template, until,
};

/// Tries to start with another port when somebody took the one found free.
const TRIES: u32 = 5;
/// Where distributions put the server's programs, newest first by name.
const INSTALLED: &str = "/usr/lib/postgresql";
const PASSWORD: &str = "test";

/// A running cluster.
pub struct Postgres {
    port: u16,
    _held: Held,
    _folder: TempDir,
}

impl Postgres {
    /// The cluster of this process, started when first asked for.
    pub fn shared() -> anyhow::Result<&'static Postgres> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Postgres::start().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// A cluster of its own; stopped and removed when dropped.
    pub fn start() -> anyhow::Result<Postgres> {
        let programs = programs()?;
        let owner = Owner::choose()?;
        let mut tries = 1;
        loop {
            match Postgres::start_in(&programs, &owner) {
                Err(error) if tries >= TRIES => return Err(error),
                Err(_) => tries += 1,
                started => return started,
            }
        }
    }

    fn start_in(programs: &Path, owner: &Owner) -> anyhow::Result<Postgres> {
        let folder = tempfile::Builder::new().prefix("minqing-postgres-").tempdir()?;
        owner.give(folder.path())?;
        let data = folder.path().join("data").display().to_string();
        let initdb = programs.join("initdb");
        let mut init = vec![initdb.display().to_string()];
        init.extend(
            ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"].map(str::to_owned),
        );
        let init = owner.command(init);
        template::installed(&initdb, Path::new(&data), || {
            let output = Command::new(&init[0]).args(&init[1..]).current_dir(folder.path()).output()?;
            ensure!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
            Ok(())
        })?;

        let port = held::free_port()?;
        let mut serve = vec![
            programs.join("postgres").display().to_string(),
            "-D".to_owned(),
            data,
            "-p".to_owned(),
            port.to_string(),
        ];
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
            "max_connections=300",
            "shared_buffers=64MB",
            "max_wal_size=1GB",
            "autovacuum_naptime=10s",
        ] {
            serve.extend(["-c".to_owned(), setting.to_owned()]);
        }
        let mut held = Held::start("QUIT", folder.path(), &owner.command(serve))?;
        let isready = programs.join("pg_isready");
        held.wait_until(folder.path(), || {
            let probe = Command::new(&isready).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
            probe.is_ok_and(|status| status.success())
        })?;
        Ok(Postgres { port, _held: held, _folder: folder })
    }

    /// URL of a database for its owner.
    pub fn admin_url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }
}

/// Who runs a server: PostgreSQL refuses to be run by root, and MariaDB has no need to be.
pub(crate) struct Owner {
    user: Option<&'static str>,
}

impl Owner {
    pub fn choose() -> anyhow::Result<Owner> {
        use std::os::unix::fs::MetadataExt as _;
        let me = std::fs::metadata("/proc/self").context("/proc is not mounted")?.uid();
        if me != 0 {
            return Ok(Owner { user: None });
        }
        let exists = |user: &&str| Command::new("id").arg(user).output().is_ok_and(|o| o.status.success());
        let user =
            ["postgres", "nobody"].into_iter().find(exists).context("there is neither a user postgres nor nobody")?;
        Ok(Owner { user: Some(user) })
    }

    pub fn give(&self, folder: &Path) -> anyhow::Result<()> {
        if let Some(user) = self.user {
            let status = Command::new("chown").arg(user).arg(folder).status()?;
            ensure!(status.success(), "chown failed");
        }
        Ok(())
    }

    pub fn command(&self, command: Vec<String>) -> Vec<String> {
        let Some(user) = self.user else { return command };
        let mut whole =
            vec!["setpriv".to_owned(), format!("--reuid={user}"), "--clear-groups".to_owned(), "--".to_owned()];
        whole.extend(command);
        whole
    }
}

/// The folder of the server's programs: PG_BIN, MINQING_PG_BIN, an installed version, or the PATH.
#[expect(
    clippy::disallowed_methods,
    reason = "where the server is installed is the machine's matter, not a service's setting"
)]
fn programs() -> anyhow::Result<PathBuf> {
    let named = ["PG_BIN", "MINQING_PG_BIN"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let mut installed: Vec<PathBuf> =
        std::fs::read_dir(INSTALLED).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    named
        .chain(installed.into_iter().rev())
        .chain(on_path)
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .context("PostgreSQL is not installed; set PG_BIN to the folder of initdb and postgres")
}

/// A fresh database with the roles and schemas of some services.
pub struct TestDb {
    cluster: &'static Postgres,
    name: String,
    schema: String,
}

impl TestDb {
    /// A database for one service, named by its schema.
    pub async fn new(schema: &str) -> anyhow::Result<TestDb> {
        TestDb::with(&[schema]).await
    }

    /// A database for several services.
    pub async fn with(schemas: &[&str]) -> anyhow::Result<TestDb> {
        let first = schemas.first().context("no schema was named")?;
        let cluster = tokio::task::spawn_blocking(Postgres::shared).await??;
        let name = format!("test_{}", SystemIds.uuid().simple());
        let mut admin = PgConnection::connect(&cluster.admin_url("postgres")).await?;
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await?;
        admin.close().await?;
        let accounts: Vec<ServiceAccount> = schemas
            .iter()
            .map(|schema| ServiceAccount {
                schema: (*schema).to_owned(),
                role: role(schema),
                password: PASSWORD.to_owned(),
            })
            .collect();
        let db = TestDb { cluster, name, schema: (*first).to_owned() };
        provision(&db.admin_url(), &accounts).await?;
        Ok(db)
    }

    /// URL for the first service's own role.
    pub fn url(&self) -> String {
        self.url_of(&self.schema)
    }

    /// URL for the role of the service with this schema.
    pub fn url_of(&self, schema: &str) -> String {
        self.cluster.url(&role(schema), &self.name)
    }

    /// URL for the database's owner.
    pub fn admin_url(&self) -> String {
        self.cluster.admin_url(&self.name)
    }

    /// The first service's database, migrated.
    pub async fn open(&self, migrations: &'static Migrator, clock: SharedClock) -> anyhow::Result<Db> {
        self.open_as(&self.schema, migrations, clock).await
    }

    /// The database of the service with this schema, migrated.
    pub async fn open_as(&self, schema: &str, migrations: &'static Migrator, clock: SharedClock) -> anyhow::Result<Db> {
        Db::open(&self.url_of(schema), schema, migrations, clock, Arc::new(SystemIds)).await
    }

    /// A session of the database's owner, to look and to break things.
    pub async fn admin(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect(&self.admin_url()).await?)
    }

    /// Returns once a session waits for a lock.
    pub async fn somebody_waits(&self) -> anyhow::Result<()> {
        self.who_waits("count(*)").await
    }

    /// Ends the first sessions that wait for a lock.
    pub async fn kill_who_waits(&self) -> anyhow::Result<()> {
        self.who_waits("count(pg_terminate_backend(pid))").await
    }

    async fn who_waits(&self, counted: &str) -> anyhow::Result<()> {
        let mut admin = self.admin().await?;
        let waiting = format!(
            "select {counted} from pg_stat_activity \
             where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()"
        );
        until("a session to wait", async || {
            let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(waiting.clone())).fetch_one(&mut admin).await;
            count.map(|count| (count > 0).then_some(())).transpose()
        })
        .await?;
        Ok(())
    }
}

fn role(schema: &str) -> String {
    format!("minqing_{schema}")
}
