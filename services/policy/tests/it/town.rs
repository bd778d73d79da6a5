//! A small town in a database of its own: tables as monitoring has them, rows by short words.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::{Days, NaiveDate};
use minqing_policy::{Pack, SESSION_SETTINGS, catalogue};
use minqing_test_kit::Postgres;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

pub const COUNTY: &str = "621226000000";

/// Business date of the tests, a Monday.
pub fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 26).unwrap()
}

pub fn days_ago(days: u64) -> NaiveDate {
    today().checked_sub_days(Days::new(days)).unwrap()
}

/// An id nobody has yet.
pub fn fresh() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(7, NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn pack_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policy/longnan"))
}

pub fn pack() -> Pack {
    Pack::load(pack_dir()).unwrap_or_else(|errors| panic!("{errors}"))
}

const REGISTER: &str = "
create schema monitoring;
create role minqing_policy nologin;
create table monitoring.household (household_id uuid primary key, division_code text not null, county_code text not null,
  area_kind text not null, declared_income_fen bigint, income_as_of date, financial_assets_fen bigint, house_count int,
  as_of date, sequence bigint, first_seen_on date default '2026-01-01');
create table monitoring.member (person_key uuid primary key, household_id uuid not null, birth_on date, sex int,
  relation text, joined_on date);
create index on monitoring.member (household_id);
create table monitoring.class_status (household_id uuid not null, person_key uuid, assistance_class text not null,
  valid_from date, amount_fen bigint);
create index on monitoring.class_status (household_id);
create table monitoring.vehicle (household_id uuid not null, kind text, vehicle_use text, registered_on date);
create index on monitoring.vehicle (household_id);
create table monitoring.referral (referral_id uuid primary key default gen_random_uuid(), household_id uuid, person_key uuid,
  bureau text, programme text, issued_on date, due_on date, signed_on date, settled_on date, decision text);
create index on monitoring.referral (household_id);
create view monitoring.referral_state as select * from monitoring.referral;
create table monitoring.visit (household_id uuid not null, visited_on date not null, met boolean not null, photo boolean not null,
  minutes int, group_ticked text, lives_alone boolean, carer text, verdict text);
create index on monitoring.visit (household_id);
create table monitoring.work_order_state (household_id uuid not null, opened_on date, closed_on date, severity text,
  verdict text, needs_true bigint, needs_handled bigint);
create index on monitoring.work_order_state (household_id);
create table monitoring.feedback_in_force (household_id uuid not null, person_key uuid, bureau text, programme text,
  decision text, reason_code text, evidence boolean, amount_fen bigint, handled_on date, paid_on date);
create index on monitoring.feedback_in_force (household_id);
create table monitoring.reconciliation_state (household_id uuid not null, difference int, month_ended_on date);
create index on monitoring.reconciliation_state (household_id);
create table monitoring.verdict (household_id uuid not null, indicator text, verdict text, decided_on date);
create index on monitoring.verdict (household_id);
create table monitoring.feed (bureau text not null, dataset text not null, county_code text not null, as_of date,
  fresh_until date, due_on date, primary key (bureau, dataset, county_code));
create table monitoring.quality (bureau text, dataset text, county_code text, rows_received bigint, mean_rows bigint,
  bad_id_rows bigint, two_names_rows bigint, name_variant_rows bigint, unknown_division_rows bigint, null_permille bigint,
  null_limit_permille bigint, bad_date_rows bigint, agreement_permille bigint);
create view monitoring.feed_health as
  select * from monitoring.feed left join monitoring.quality using (bureau, dataset, county_code);
";

/// An outcome of the screening.
#[derive(Debug)]
pub struct Outcome {
    pub verdict: Option<bool>,
    pub conditions: Value,
    pub facts: Value,
    pub parameters: Value,
}

pub struct Town {
    pub conn: PgConnection,
    pub pack: Pack,
    _server: Postgres,
}

impl Town {
    /// Tables, fresh feeds, nobody.
    pub async fn new() -> Self {
        let server = tokio::task::spawn_blocking(Postgres::start).await.unwrap().unwrap();
        let mut conn = PgConnection::connect(&server.admin_url("postgres")).await.unwrap();
        sqlx::raw_sql(REGISTER).execute(&mut conn).await.unwrap();
        let mut town = Self { conn, pack: pack(), _server: server };
        // Twice: bringing an existing table up to the contract must do no harm.
        for _ in 0..2 {
            for statement in catalogue::record_sets().iter().flat_map(catalogue::record_table_ddl) {
                town.run(&statement).await;
            }
        }
        let tables = catalogue::readable_tables().join(", ");
        town.run(&format!(
            "grant usage on schema monitoring to minqing_policy; grant select on {tables} to minqing_policy"
        ))
        .await;
        for set in catalogue::record_sets() {
            town.run(&format!(
                "insert into monitoring.feed values ('{}', '{}', '{COUNTY}', '{}', '{}', '2026-11-30')",
                set.bureau,
                set.dataset,
                days_ago(3),
                today(),
            ))
            .await;
        }
        town
    }

    pub async fn run(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.conn)
            .await
            .unwrap_or_else(|e| panic!("{e}\n{sql}"));
    }

    /// A rural household of one with this yearly income in fen.
    pub async fn household(&mut self, income: i64) -> (Uuid, Uuid) {
        let (household, person) = (fresh(), fresh());
        self.run(&format!(
            "insert into monitoring.household values ('{household}', '621226100001', '{COUNTY}', 'rural', {income}, '2026-09-01', \
             0, 1, '2026-10-01', 1, '2026-01-01')"
        ))
        .await;
        self.member(household, person, "1980-05-01").await;
        (household, person)
    }

    pub async fn member(&mut self, household: Uuid, person: Uuid, birth: &str) {
        self.run(&format!(
            "insert into monitoring.member values ('{person}', '{household}', '{birth}', 1, 'head', '2020-01-01')"
        ))
        .await;
    }

    pub async fn class(&mut self, household: Uuid, person: Option<Uuid>, class: &str) {
        let person = person.map_or("null".to_owned(), |p| format!("'{p}'"));
        self.run(&format!(
            "insert into monitoring.class_status values ('{household}', {person}, '{class}', '2025-01-01', 30000)"
        ))
        .await;
    }

    /// A record; `values` are SQL by the dataset's field names.
    pub async fn record(&mut self, set: (&str, &str), person: Uuid, values: &[(&str, &str)]) {
        let set = catalogue::record_set(set.0, set.1).unwrap();
        let column = |field: &str| {
            set.columns.iter().find(|c| c.field == field).unwrap_or_else(|| panic!("{field}")).column.clone()
        };
        let names: Vec<String> = values.iter().map(|(field, _)| column(field)).collect();
        let texts: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
        self.run(&format!(
            "insert into monitoring.{} (record_key, person_key, division_code, county_code, as_of, content_hash, batch_id, \
             first_on, changed_on, {}) values (gen_random_uuid(), '{person}', '{COUNTY}', '{COUNTY}', '2026-10-20', '', \
             gen_random_uuid(), '2026-10-20', '2026-10-20', {})",
            set.table,
            names.join(", "),
            texts.join(", "),
        ))
        .await;
    }

    /// The feed has not come for too long.
    pub async fn stale(&mut self, bureau: &str, dataset: &str) {
        self.run(&format!(
            "update monitoring.feed set fresh_until = '{}' where bureau = '{bureau}' and dataset = '{dataset}'",
            days_ago(1)
        ))
        .await;
    }

    /// Evaluates one indicator on the household, as the policy role does it.
    pub async fn screen(&mut self, household: Uuid, person: Option<Uuid>, indicator: &str) -> Outcome {
        let sql = format!(
            "select s.verdict, s.conditions, s.facts, s.parameters from ({}) s where s.indicator = $3 and s.person_key is not \
             distinct from $4",
            self.pack.screening_sql()
        );
        let mut tx = self.conn.begin().await.unwrap();
        sqlx::raw_sql(SESSION_SETTINGS).execute(&mut *tx).await.unwrap();
        sqlx::raw_sql("set local role minqing_policy").execute(&mut *tx).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(vec![household])
            .bind(today())
            .bind(indicator)
            .bind(person)
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(rows.len(), 1, "{indicator} has one row per household or member");
        let row = &rows[0];
        Outcome { verdict: row.get(0), conditions: row.get(1), facts: row.get(2), parameters: row.get(3) }
    }

    pub async fn verdict(&mut self, household: Uuid, person: Option<Uuid>, indicator: &str) -> Option<bool> {
        self.screen(household, person, indicator).await.verdict
    }
}
