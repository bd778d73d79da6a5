//! How the bureau's own database is reached: away and back, with TLS and without.

use std::sync::{Arc, atomic::Ordering};

use minqing_adapter::{
    core::Core,
    tables::{Database, Dialect, Watcher},
};
use minqing_kit::{
    metrics::Metrics,
    tls::dev::{self, Ca},
};
use minqing_test_kit::{MariaDb, until};

use crate::{
    bureau_db::SERVERS,
    mesh::Mesh,
    tables::{begin, students, until_caught_up},
};

const SET: &str = "student_enrolment";

#[tokio::test]
async fn a_database_that_is_away_loses_nothing_and_is_told_of_when_it_is_back() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        db.send("B-1", SET, &students(1..4)).await;
        let (close, open) = match dialect {
            Dialect::Postgres => (
                "alter role minqing_exchange nologin; \
                 select pg_terminate_backend(pid) from pg_stat_activity where usename = 'minqing_exchange'",
                "alter role minqing_exchange login",
            ),
            Dialect::MySql => (
                "alter user minqing_exchange account lock; kill user minqing_exchange",
                "alter user minqing_exchange account unlock",
            ),
        };
        // Away before the rows are read, then after they were taken and before the bureau is told.
        db.run(close).await;
        let away = mesh.adapter.running.reconcile_once("tables").await.unwrap_err();
        assert_eq!(away.reason(), "BUREAU_DATABASE_UNAVAILABLE", "{dialect:?}");
        db.run(open).await;
        mesh.monitor.away_from.store(1, Ordering::SeqCst);
        assert!(!mesh.adapter.running.reconcile_once("tables").await.unwrap().caught_up);
        assert_eq!(db.result("B-1").await, None, "{dialect:?}");
        mesh.monitor.away_from.store(0, Ordering::SeqCst);
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("B-1").await, ["3", "3", "0", "3"]);
        assert_eq!(mesh.monitor.closes.lock().unwrap().len(), 1);
        db.run(close).await;
        assert!(mesh.adapter.running.reconcile_once("tables").await.is_err());
        db.run(open).await;
        db.send("B-2", SET, &students(4..6)).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("B-2").await, ["2", "2", "0", "2"]);
    }
}

/// What comes of looking for ready batches by a URL.
async fn reached(mesh: &Mesh, url: &str) -> Result<usize, String> {
    let core = Core::new(mesh.bureau, mesh.adapter.running.context.clone()).unwrap();
    let database = Database::new(url, &Metrics::new()).unwrap();
    let watcher = Watcher::new(Arc::new(core), Arc::new(database));
    watcher.ready().await.map(|ready| ready.len()).map_err(|e| e.reason().to_owned())
}

#[tokio::test]
async fn mariadb_is_reached_over_tls_that_is_checked_and_without() {
    let (db, mesh) = begin(Dialect::MySql).await;
    let authority = MariaDb::shared().unwrap().authority();
    let url = db.url.replace("127.0.0.1", "localhost");
    let checked = format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", authority.display());
    assert_eq!(reached(&mesh, &checked).await, Ok(0));
    assert_eq!(reached(&mesh, &format!("{url}?ssl-mode=DISABLED")).await, Ok(0));
    let away = Err("BUREAU_DATABASE_UNAVAILABLE".to_owned());
    let other = tempfile::tempdir().unwrap();
    dev::write(&Ca::new("other").unwrap().issue("x/y", &["x"]).unwrap(), other.path()).unwrap();
    let other = format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", other.path().join("ca.pem").display());
    assert_eq!(reached(&mesh, &other).await, away, "signed by somebody else");
    db.run("alter user minqing_exchange require ssl").await;
    assert_eq!(reached(&mesh, &format!("{url}?ssl-mode=DISABLED")).await, away);
    assert_eq!(reached(&mesh, &checked).await, Ok(0));
}

#[tokio::test]
async fn postgresql_is_reached_over_tls_that_is_checked_and_without() {
    let (db, mesh) = begin(Dialect::Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    dev::write(&Ca::new("bureau").unwrap().issue("bureau/database", &["database"]).unwrap(), folder.path()).unwrap();
    let pem = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    // The server itself writes its files, so that they are its own.
    for name in ["cert.pem", "key.pem"] {
        db.run(&format!(
            "copy (select unnest(string_to_array('{}', chr(10)))) to program 'umask 077; cat > {name}'",
            pem(name)
        ))
        .await;
    }
    for set in ["ssl_cert_file = 'cert.pem'", "ssl_key_file = 'key.pem'", "ssl = on"] {
        db.run(&format!("alter system set {set}")).await;
    }
    db.run("select pg_reload_conf()").await;
    let url = db.url.replace("127.0.0.1", "localhost");
    let checked = format!("{url}&sslmode=verify-full&sslrootcert={}", folder.path().join("ca.pem").display());
    until("the server's certificate to be in use", async || reached(&mesh, &checked).await.ok()).await;
    assert_eq!(reached(&mesh, &format!("{url}&sslmode=disable")).await, Ok(0));
    let other = tempfile::tempdir().unwrap();
    dev::write(&Ca::new("other").unwrap().issue("x/y", &["x"]).unwrap(), other.path()).unwrap();
    let other = format!("{url}&sslmode=verify-full&sslrootcert={}", other.path().join("ca.pem").display());
    assert_eq!(reached(&mesh, &other).await, Err("BUREAU_DATABASE_UNAVAILABLE".to_owned()));
}
