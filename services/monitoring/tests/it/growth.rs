//! The keys by which tables can be split, in databases that were made before.

use minqing_test_kit::TestDb;
use sqlx::{Connection as _, PgConnection, migrate::Migrator};

#[tokio::test]
async fn an_older_databases_records_and_deeds_get_keys_by_which_they_can_be_split() {
    let db = TestDb::new("monitoring").await.unwrap();
    let all = minqing_monitoring::service().migrations;
    let before = all.iter().filter(|m| m.version < 18).cloned().collect();
    minqing_kit::db::migrate(&db.url(), "monitoring", &Migrator::with_migrations(before)).await.unwrap();
    let mut owner = PgConnection::connect(&db.url()).await.unwrap();
    for table in ["hr_insurance_payment", "medical_insurance_settlement", "outside_civil_reserve_fund"] {
        let person = if table.starts_with("outside") { "check (person_key is null)" } else { "not null" };
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "create table monitoring.record_{table} (record_key uuid not null, person_key uuid {person}, \
               content_hash bytea not null, constraint record_{table}_pkey primary key (record_key))"
        )))
        .execute(&mut owner)
        .await
        .unwrap();
    }
    sqlx::raw_sql(
        "insert into monitoring.record_hr_insurance_payment \
           select gen_random_uuid(), gen_random_uuid(), '' from generate_series(1, 3); \
         insert into monitoring.visit (visit_id, household_id, visited_on, met, photo) \
           values (gen_random_uuid(), gen_random_uuid(), '2026-11-01', true, true)",
    )
    .execute(&mut owner)
    .await
    .unwrap();

    minqing_kit::db::migrate(&db.url(), "monitoring", all).await.unwrap();
    let keys: Vec<(String, String)> = sqlx::query_as(
        "select conname::text, pg_get_constraintdef(oid) from pg_constraint where contype = 'p' and conname = any($1) order by 1",
    )
    .bind(vec![
        "record_hr_insurance_payment_pkey",
        "record_medical_insurance_settlement_pkey",
        "record_outside_civil_reserve_fund_pkey",
        "visit_pk",
    ])
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let keys: Vec<(&str, &str)> = keys.iter().map(|(name, key)| (name.as_str(), key.as_str())).collect();
    assert_eq!(
        keys,
        [
            ("record_hr_insurance_payment_pkey", "PRIMARY KEY (record_key, person_key)"),
            ("record_medical_insurance_settlement_pkey", "PRIMARY KEY (record_key)"),
            ("record_outside_civil_reserve_fund_pkey", "PRIMARY KEY (record_key)"),
            ("visit_pk", "PRIMARY KEY (visit_id, household_id)"),
        ]
    );
    let rows: i64 = sqlx::query_scalar(
        "select (select count(*) from monitoring.record_hr_insurance_payment) + (select count(*) from monitoring.visit)",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert_eq!(rows, 4);
}
