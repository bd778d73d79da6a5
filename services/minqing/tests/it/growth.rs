//! `minqing growth`: the list of keys against the tables as the migrations leave them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use minqing_policy::catalogue;
use minqing_test_kit::TestDb;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A table as `minqing growth keys` prints it.
#[derive(Debug, Deserialize)]
struct Listed {
    schema: String,
    table: String,
    way: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    column: String,
    #[serde(default)]
    held: BTreeMap<String, String>,
    #[serde(default)]
    because: String,
}

impl Listed {
    fn is_split(&self) -> bool {
        self.way == "split" && self.held.is_empty()
    }
}

fn growth(what: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_minqing")).args(["growth", what]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn listed() -> BTreeMap<String, Listed> {
    let all: Vec<Listed> = serde_json::from_str(&growth("keys")).unwrap();
    let count = all.len();
    let all: BTreeMap<String, Listed> = all.into_iter().map(|t| (format!("{}.{}", t.schema, t.table), t)).collect();
    assert_eq!(all.len(), count, "a table is listed twice");
    all
}

/// Every service's tables, one bureau's for all.
async fn migrated() -> (TestDb, PgConnection) {
    let services = [
        minqing_registry::service(),
        minqing_identification::service(),
        minqing_monitoring::service(),
        minqing_dispatch::service(),
        minqing_feedback::service(),
        minqing_adapter::service(minqing_bureaus::by_name("education").unwrap()),
    ];
    let schemas: Vec<&str> = services.iter().map(|s| s.schema.as_str()).collect();
    let db = TestDb::with(&schemas).await.unwrap();
    for service in &services {
        minqing_kit::db::migrate(&db.url_of(&service.schema), &service.schema, service.migrations).await.unwrap();
    }
    let mut monitoring = PgConnection::connect(&db.url_of("monitoring")).await.unwrap();
    let records: Vec<String> = catalogue::record_sets().iter().flat_map(catalogue::record_table_ddl).collect();
    sqlx::raw_sql(AssertSqlSafe(records.join(";\n"))).execute(&mut monitoring).await.unwrap();
    let admin = db.admin().await.unwrap();
    (db, admin)
}

/// A unique key or a foreign key, with the columns of its own table in their order.
#[derive(sqlx::FromRow)]
struct Constraint {
    on_table: String,
    name: String,
    columns: Vec<String>,
    /// Of a foreign key: the table it names rows of, and their columns.
    target: Option<String>,
    target_columns: Option<Vec<String>>,
}

const CONSTRAINTS: &str = "\
    select i.indrelid::regclass::text as on_table, c.relname::text as name, \
           array(select coalesce(a.attname::text, '(expression)') from unnest(i.indkey::int2[]) with ordinality k (n, place) \
                 left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.n order by place) as columns, \
           null::text as target, null::text[] as target_columns \
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid \
    where i.indisunique and not t.relispartition and t.relnamespace = any($1::text[]::regnamespace[]) \
    union all \
    select f.conrelid::regclass::text, f.conname::text, \
           array(select a.attname::text from unnest(f.conkey) with ordinality k (n, place) \
                 join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.n order by place), \
           f.confrelid::regclass::text, \
           array(select a.attname::text from unnest(f.confkey) with ordinality k (n, place) \
                 join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.n order by place) \
    from pg_constraint f where f.contype = 'f' and f.connamespace = any($1::text[]::regnamespace[])";

/// Whether the constraint can be kept part by part.
fn holds(constraint: &Constraint, all: &BTreeMap<String, Listed>) -> bool {
    let own = &all[&constraint.on_table];
    let Some(place) = constraint.columns.iter().position(|c| *c == own.column) else {
        return constraint.target.as_ref().is_some_and(|target| all[target].way == "reference");
    };
    let Some(target) = constraint.target.as_ref().map(|t| &all[t]) else { return true };
    let same = constraint.target_columns.as_ref().is_some_and(|columns| columns[place] == target.column);
    target.way == "reference" || (target.is_split() && target.group == own.group && same)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_has_a_key_that_its_constraints_contain() {
    let all = listed();
    let (_db, mut admin) = migrated().await;
    let schemas = ["registry", "identification", "monitoring", "dispatch", "feedback", "adapter_education"];
    let there: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c where c.relnamespace = any($1::text[]::regnamespace[]) \
           and c.relkind in ('r', 'p') and not c.relispartition and c.relname not in ('_kit_migrations', '_sqlx_migrations')",
    )
    .bind(&schemas[..])
    .fetch_all(&mut admin)
    .await
    .unwrap();
    let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    let meant: BTreeSet<&str> =
        all.iter().filter(|(_, t)| schemas.contains(&t.schema.as_str())).map(|(name, _)| name.as_str()).collect();
    assert_eq!(there.difference(&meant).collect::<Vec<_>>(), Vec::<&&str>::new(), "not in distribution.yaml");
    assert_eq!(
        meant.difference(&there).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "in distribution.yaml and nowhere else"
    );

    for (name, table) in all.iter().filter(|(name, table)| table.way == "split" && there.contains(name.as_str())) {
        let column: Option<bool> = sqlx::query_scalar(
            "select attnotnull from pg_attribute where attrelid = $1::regclass and attname = $2 and not attisdropped",
        )
        .bind(name)
        .bind(&table.column)
        .fetch_optional(&mut admin)
        .await
        .unwrap();
        assert_eq!(column, Some(true), "{name}.{} is missing or may be null", table.column);
    }
    let constraints: Vec<Constraint> =
        sqlx::query_as(CONSTRAINTS).bind(&schemas[..]).fetch_all(&mut admin).await.unwrap();
    let mut broken: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for constraint in &constraints {
        let split = all.get(&constraint.on_table).is_some_and(|table| table.way == "split");
        if split && !holds(constraint, &all) {
            broken.entry(&constraint.on_table).or_default().insert(&constraint.name);
        }
    }
    let held: BTreeMap<&str, BTreeSet<&str>> = all
        .iter()
        .filter(|(name, table)| there.contains(name.as_str()) && !table.held.is_empty())
        .map(|(name, table)| (name.as_str(), table.held.keys().map(String::as_str).collect()))
        .collect();
    assert_eq!(broken, held, "left: constraints without the key; right: those distribution.yaml tells of");
}

#[test]
fn a_cluster_gets_statements_for_every_table_that_can_be_split() {
    let all = listed();
    let text = growth("citus");
    let distributed = text.matches("select create_distributed_table(").count();
    let copied = text.matches("select create_reference_table(").count();
    assert_eq!(distributed, all.values().filter(|t| t.is_split()).count());
    assert_eq!(copied, all.values().filter(|t| t.way == "reference").count());
    let beside = "select create_distributed_table('monitoring.record_hr_insurance_payment', 'person_key', \
                  colocate_with => 'monitoring.member');";
    assert!(text.contains(beside), "{text}");
    assert!(text.find("create_reference_table('monitoring.county')") < text.find("create_distributed_table("));
    assert!(text.contains("-- dispatch.deadline_pass stays whole: one row"));
    // Every one that stays says why.
    assert!(all.values().all(|t| t.way != "local" || !t.because.is_empty()));
}
