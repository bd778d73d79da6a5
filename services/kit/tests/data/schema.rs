//! Roles, schemas and migrations.

use minqing_kit::db::{POLICY_ROLE, ServiceAccount, provision};
use minqing_test_kit::TestDb;
use sqlx::{Connection as _, PgConnection};

use crate::support::*;

#[tokio::test]
async fn opening_again_and_at_once_changes_nothing() {
    let test = TestDb::new("ledgers").await.unwrap();
    let (one, two, three) = tokio::join!(
        test.open(&MIGRATIONS, system_clock()),
        test.open(&MIGRATIONS, system_clock()),
        test.open(&MIGRATIONS, system_clock()),
    );
    let db = one.unwrap();
    two.unwrap();
    three.unwrap();
    assert_eq!(count(&db, "select count(*) from _kit_migrations").await, 1);
    assert_eq!(count(&db, "select count(*) from _sqlx_migrations").await, 1);
    let elsewhere =
        "select count(*) from pg_tables where schemaname not in ('ledgers', 'pg_catalog', 'information_schema')";
    assert_eq!(count(&db, elsewhere).await, 0);
}

#[tokio::test]
async fn a_service_can_do_nothing_in_anothers_schema() {
    let (test, _producer, _consumer) = pair().await;
    let mut other = PgConnection::connect(&test.url_of("consumer")).await.unwrap();
    for sql in ["select 1 from producer.outbox", "create table producer.x (y int)", "create table public.x (y int)"] {
        let error = sqlx::query(sql).execute(&mut other).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{sql}");
    }
}

#[tokio::test]
async fn provisioning_again_changes_nothing_and_only_monitoring_may_become_the_policy_role() {
    let test = TestDb::with(&["monitoring", "registry"]).await.unwrap();
    let account = |schema: &str| ServiceAccount {
        schema: schema.to_owned(),
        role: format!("minqing_{schema}"),
        password: "it's \\new".to_owned(),
    };
    provision(&test.admin_url(), &[account("monitoring"), account("registry")]).await.unwrap();
    let set_role = || sqlx::AssertSqlSafe(format!("set role {POLICY_ROLE}"));
    let mut monitoring = PgConnection::connect(&test.url_of("monitoring")).await.unwrap();
    sqlx::query(set_role()).execute(&mut monitoring).await.unwrap();
    let mut registry = PgConnection::connect(&test.url_of("registry")).await.unwrap();
    assert!(sqlx::query(set_role()).execute(&mut registry).await.is_err());

    let bad = ServiceAccount { schema: "a; drop table x".into(), ..account("registry") };
    assert!(provision(&test.admin_url(), &[bad]).await.is_err());
    assert!(!format!("{:?}", account("registry")).contains("new"));
}
