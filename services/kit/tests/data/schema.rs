//! Roles, schemas and migrations.

use minqing_kit::db::{POLICY_ROLE, ServiceAccount, kit_migrations, provision};
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
    assert_eq!(count(&db, "select count(*) from _kit_migrations").await, 3);
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

#[tokio::test]
async fn audit_rows_of_before_join_the_month_under_way_and_months_ahead_are_made() {
    let test = TestDb::new("ledgers").await.unwrap();
    let mut owner = PgConnection::connect(&test.url()).await.unwrap();
    let mut kit = kit_migrations();
    let first = kit.iter().filter(|m| m.version == 1).cloned().collect();
    kit.migrations = std::borrow::Cow::Owned(first);
    sqlx::raw_sql("set search_path = ledgers").execute(&mut owner).await.unwrap();
    kit.run_direct(None, &mut owner, false).await.unwrap();
    sqlx::raw_sql(
        "insert into audit (id, at, business_at, caller, method, subject, fields, outcome) \
         select gen_random_uuid(), now() - n * interval '40 days', now(), 'c', 'm', 's', '{}', 'ok' from generate_series(0, 2) n",
    )
    .execute(&mut owner)
    .await
    .unwrap();

    let db = test.open(&MIGRATIONS, system_clock()).await.unwrap();
    assert_eq!(count(&db, "select count(*) from audit").await, 3);
    let months = "select count(*) from pg_inherits where inhparent = 'audit'::regclass";
    assert_eq!(count(&db, months).await, 4);
    let enter = db.change(call(), |work| {
        Box::pin(async move {
            work.audit("ledgers/a", &["what"]);
            Ok(())
        })
    });
    enter.await.unwrap();
    assert_eq!(count(&db, "select count(*) from audit").await, 4);

    // As if a month's end had passed: the one that is then missing is made by whoever removes old answers.
    let mut admin = test.admin().await.unwrap();
    let last: String = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'ledgers.audit'::regclass order by 1 desc limit 1",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("drop table {last}"))).execute(&mut admin).await.unwrap();
    assert!(!db.prune().await.unwrap());
    assert_eq!(count(&db, months).await, 4);

    // No month can be changed by its own name either.
    let tables: Vec<String> = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'ledgers.audit'::regclass",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    for table in tables {
        for sql in ["update {} set caller = 'x'", "delete from {}", "truncate {}"] {
            let sql = sql.replace("{}", &table);
            assert!(sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone())).execute(&mut admin).await.is_err(), "{sql}");
        }
    }
}
