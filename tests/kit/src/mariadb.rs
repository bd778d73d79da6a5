//! A private MariaDB per test process and a fresh database per test, as a bureau's own server would be.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context as _, ensure};
use minqing_kit::{
    id::{IdSource as _, SystemIds},
    tls::dev::{self, Ca},
};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use tempfile::TempDir;

use crate::{
    held::{self, Held},
    postgres::Owner,
    template,
};

/// Tries to start with another port when somebody took the one found free.
const TRIES: u32 = 5;
const PASSWORD: &str = "test";

/// A running server.
pub struct MariaDb {
    port: u16,
    _held: Held,
    folder: TempDir,
}

impl MariaDb {
    /// The server of this process, started when first asked for.
    pub fn shared() -> anyhow::Result<&'static MariaDb> {
        static SHARED: OnceLock<Result<MariaDb, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| MariaDb::start().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// A server of its own; stopped and removed when dropped.
    pub fn start() -> anyhow::Result<MariaDb> {
        let server = program("MARIADBD", "mariadbd")?;
        let install = program("MARIADB_INSTALL_DB", "mariadb-install-db")?;
        let owner = Owner::choose()?;
        let mut tries = 1;
        loop {
            match MariaDb::start_in(&server, &install, &owner) {
                Err(error) if tries >= TRIES => return Err(error),
                Err(_) => tries += 1,
                started => return started,
            }
        }
    }

    fn start_in(server: &Path, install: &Path, owner: &Owner) -> anyhow::Result<MariaDb> {
        let folder = tempfile::Builder::new().prefix("minqing-mariadb-").tempdir()?;
        let users = folder.path().join("users.sql");
        std::fs::write(
            &users,
            format!(
                "create user 'admin'@'%' identified by '{PASSWORD}';\n\
                 grant all on *.* to 'admin'@'%' with grant option;\n\
                 create user minqing_exchange@'%' identified by '{PASSWORD}';\n"
            ),
        )?;
        let tls = folder.path().join("tls");
        dev::write(&Ca::new("bureau")?.issue("bureau/database", &["database"])?, &tls)?;
        for path in [folder.path(), &users, &tls, &tls.join("key.pem")] {
            owner.give(path)?;
        }
        let folder_of_data = folder.path().join("data");
        let data = format!("--datadir={}", folder_of_data.display());
        let mut init = vec![install.display().to_string(), "--no-defaults".to_owned(), data.clone()];
        init.extend(["--auth-root-authentication-method=normal", "--skip-test-db"].map(str::to_owned));
        let init = owner.command(init);
        template::installed(install, &folder_of_data, || {
            let output = Command::new(&init[0]).args(&init[1..]).current_dir(folder.path()).output()?;
            ensure!(output.status.success(), "mariadb-install-db failed: {}", String::from_utf8_lossy(&output.stderr));
            Ok(())
        })?;

        let port = held::free_port()?;
        let mut serve = vec![
            server.display().to_string(),
            "--no-defaults".to_owned(),
            data,
            format!("--port={port}"),
            format!("--socket={}", folder.path().join("socket").display()),
            format!("--pid-file={}", folder.path().join("pid").display()),
            format!("--init-file={}", users.display()),
            format!("--ssl-ca={}", tls.join("ca.pem").display()),
            format!("--ssl-cert={}", tls.join("cert.pem").display()),
            format!("--ssl-key={}", tls.join("key.pem").display()),
        ];
        serve.extend(
            [
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=32M",
                "--innodb-log-file-size=64M",
                "--max-allowed-packet=1G",
            ]
            .map(str::to_owned),
        );
        let mut held = Held::start("KILL", folder.path(), &owner.command(serve))?;
        held.wait_until(folder.path(), || held::answers(port))?;
        Ok(MariaDb { port, _held: held, folder })
    }

    /// Certificate of who signed the server's own, which is for localhost.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("tls/ca.pem")
    }

    /// A fresh database; the URL of who may do everything in it.
    pub async fn database(&self) -> anyhow::Result<String> {
        let name = format!("bureau_{}", SystemIds.uuid().simple());
        let mut conn = MySqlConnection::connect(&self.url("admin", "mysql")).await?;
        sqlx::query(AssertSqlSafe(format!("create database {name} character set utf8mb4"))).execute(&mut conn).await?;
        conn.close().await?;
        Ok(self.url("admin", &name))
    }

    /// The same database for another account, such as `minqing_exchange`.
    pub fn as_account(&self, url: &str, account: &str) -> String {
        self.url(account, url.rsplit('/').next().unwrap_or_default())
    }

    fn url(&self, account: &str, database: &str) -> String {
        format!("mysql://{account}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }
}

/// A program of the server: named by a variable, or where distributions put it.
#[expect(
    clippy::disallowed_methods,
    reason = "where the server is installed is the machine's matter, not a service's setting"
)]
fn program(variable: &str, name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    let named = std::env::var_os(variable).map(PathBuf::from);
    let found = std::env::split_paths(&path).chain(folders).map(|folder| folder.join(name));
    named.into_iter().chain(found).find(|path| path.is_file()).with_context(|| {
        format!("MariaDB is not installed; install mariadb-server, or set {variable} to the path of {name}")
    })
}
