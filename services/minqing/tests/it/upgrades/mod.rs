//! Upgrades of databases that are in use: every service's migrations one by one, over tables that are full.

mod fill;
mod meant;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use meant::{Row, Rows};
use minqing_kit::{db::kit_migrations, frame::ServiceDef};
use minqing_policy::catalogue::{self, RecordSet};
use minqing_test_kit::TestDb;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, migrate::Migrator};

fn up_to(all: &Migrator, version: i64) -> Migrator {
    let mut some = Migrator::with_migrations(all.iter().filter(|m| m.version <= version).cloned().collect());
    some.set_locking(false);
    some
}

async fn owner(db: &TestDb, schema: &str) -> PgConnection {
    let mut owner = PgConnection::connect(&db.url_of(schema)).await.unwrap();
    let session = format!("set search_path = {schema}; set timezone = 'Asia/Shanghai'; select setseed(0.5)");
    sqlx::raw_sql(AssertSqlSafe(session)).execute(&mut owner).await.unwrap();
    owner
}

/// The kit's tables and the service's as they were at first.
async fn first_version(owner: &mut PgConnection, service: &ServiceDef) {
    let mut kit = kit_migrations();
    kit.migrations = Cow::Owned(kit.iter().filter(|m| m.version == 1).cloned().collect());
    kit.run_direct(None, &mut *owner, false).await.unwrap();
    up_to(service.migrations, 1).run_direct(None, &mut *owner, false).await.unwrap();
    if service.schema == "monitoring" {
        records(owner).await;
        for RecordSet { table, .. } in catalogue::record_sets() {
            let old_key = format!(
                "alter table monitoring.{table} drop constraint {table}_pkey, \
                 add constraint {table}_pkey primary key (record_key)"
            );
            sqlx::raw_sql(AssertSqlSafe(old_key)).execute(&mut *owner).await.unwrap();
        }
    }
}

/// As monitoring does whenever it starts.
async fn records(owner: &mut PgConnection) {
    let script: Vec<String> = catalogue::record_sets().iter().flat_map(catalogue::record_table_ddl).collect();
    sqlx::raw_sql(AssertSqlSafe(script.join(";\n"))).execute(owner).await.unwrap();
}

/// Every row of every table.
async fn rows(owner: &mut PgConnection, schema: &str) -> Rows {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c where c.relnamespace = $1::text::regnamespace and c.relkind in ('r', 'p') \
           and not c.relispartition and c.relname not in ('_kit_migrations', '_sqlx_migrations')",
    )
    .bind(schema)
    .fetch_all(&mut *owner)
    .await
    .unwrap();
    let whole = |table: &String| format!("select '{table}', coalesce(json_agg(t), '[]')::text from {schema}.{table} t");
    let all = tables.iter().map(whole).collect::<Vec<_>>().join(" union all ");
    let all: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(all)).fetch_all(owner).await.unwrap();
    all.into_iter().map(|(table, rows)| (table, serde_json::from_str(&rows).unwrap())).collect()
}

/// How often each row is there.
fn texts(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut texts = BTreeMap::new();
    for row in rows {
        let in_order: BTreeMap<&String, &Value> = row.iter().collect();
        *texts.entry(serde_json::to_string(&in_order).unwrap()).or_default() += 1;
    }
    texts
}

/// Demands that a migration made of the rows what it is meant to, and left alone all else.
fn check(schema: &str, version: i64, before: &Rows, mut after: Rows) {
    for (table, old) in before {
        let at = format!("{schema} {version:04}: {table}");
        assert!(!old.is_empty(), "{at} had no rows");
        let mut new = after.remove(table).unwrap_or_else(|| panic!("{at} is gone"));
        if let Some(column) = meant::counted(schema, version, table) {
            let numbers: BTreeSet<i64> = new.iter_mut().map(|r| r.remove(column).unwrap().as_i64().unwrap()).collect();
            assert_eq!(numbers.len(), new.len(), "{at}.{column}");
        }
        let stays = |row: &&Row| meant::stays(schema, version, table, row, before);
        let mut expected: Vec<Row> = old.iter().filter(stays).cloned().collect();
        for row in &mut expected {
            meant::row(schema, version, table, row, before);
        }
        let (new, expected) = (texts(&new), texts(&expected));
        let differs = |one: &BTreeMap<String, usize>, other: &BTreeMap<String, usize>| {
            one.iter().find(|(text, times)| other.get(*text) != Some(times)).map(|(text, _)| text.clone())
        };
        assert_eq!(differs(&new, &expected), differs(&expected, &new), "{at}");
    }
    for (table, rows) in after {
        let expected = meant::made(schema, version, &table, before);
        assert_eq!(texts(&rows), texts(&expected), "{schema} {version:04}: {table}, which is new");
    }
}

/// Columns, constraints and indexes by their names.
async fn shape(owner: &mut PgConnection, schema: &str) -> BTreeMap<String, String> {
    let parts: Vec<(String, String)> = sqlx::query_as(
        "select a.attrelid::regclass || '.' || a.attname, \
                concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid)) \
         from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v') \
         left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum \
         where c.relnamespace = $1::text::regnamespace and a.attnum > 0 and not a.attisdropped \
         union all select conrelid::regclass || ': ' || conname, pg_get_constraintdef(oid) from pg_constraint \
         where connamespace = $1::text::regnamespace \
         union all select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index \
         where indrelid in (select oid from pg_class where relnamespace = $1::text::regnamespace) \
         union all select 'view ' || viewname, definition from pg_views where schemaname = $1",
    )
    .bind(schema)
    .fetch_all(owner)
    .await
    .unwrap();
    parts.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_city_has_on_file_outlives_every_migration() {
    let services = [
        minqing_registry::service(),
        minqing_identification::service(),
        minqing_monitoring::service(),
        minqing_dispatch::service(),
        minqing_feedback::service(),
        minqing_adapter::service(minqing_bureaus::by_name("education").unwrap()),
    ];
    let schemas: Vec<&str> = services.iter().map(|service| service.schema.as_str()).collect();
    let (old, new) = (TestDb::with(&schemas).await.unwrap(), TestDb::with(&schemas).await.unwrap());
    for service in &services {
        let schema = service.schema.as_str();
        let mut session = owner(&old, schema).await;
        let mut drawn = BTreeSet::new();
        first_version(&mut session, service).await;
        fill::fill(&mut session, schema, &mut drawn).await;

        let before = rows(&mut session, schema).await;
        minqing_kit::db::migrate(&old.url_of(schema), schema, &up_to(service.migrations, 1)).await.unwrap();
        check(schema, 1, &before, rows(&mut session, schema).await);
        for version in service.migrations.iter().map(|m| m.version).filter(|version| *version > 1) {
            fill::fill(&mut session, schema, &mut drawn).await;
            let before = rows(&mut session, schema).await;
            minqing_kit::db::migrate(&old.url_of(schema), schema, &up_to(service.migrations, version)).await.unwrap();
            let after = rows(&mut session, schema).await;
            if (schema, version) == ("dispatch", 6) {
                let with = after["reason"].iter().filter(|reason| !reason["verdict"].is_null()).count();
                assert!(with > 0 && with < after["reason"].len(), "{with} of {}", after["reason"].len());
            }
            check(schema, version, &before, after);
        }
        fill::fill(&mut session, schema, &mut drawn).await;

        minqing_kit::db::migrate(&new.url_of(schema), schema, service.migrations).await.unwrap();
        let mut fresh = owner(&new, schema).await;
        if schema == "monitoring" {
            records(&mut session).await;
            records(&mut fresh).await;
        }
        assert_eq!(shape(&mut session, schema).await, shape(&mut fresh, schema).await, "{schema}");
    }
}
