//! A county's worth of households in one statement.

use std::time::{Duration, Instant};

use minqing_policy::SESSION_SETTINGS;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use super::town::{COUNTY, Town, today};

const HOUSEHOLDS: usize = 5_000;
/// Generous: the figure itself is printed with `--no-capture`; this only catches a plan gone quadratic.
const LIMIT: Duration = Duration::from_secs(20);

async fn fill(town: &mut Town) {
    town.run(&format!(
        "insert into monitoring.household select gen_random_uuid(), '621226100001', '{COUNTY}', case when i % 5 = 0 then 'urban' \
         else 'rural' end, (i % 90) * 40000, '2026-09-01', (i % 50) * 10000, 1, '2026-10-01', 1 from generate_series(1, {HOUSEHOLDS}) i"
    ))
    .await;
    town.run(
        "insert into monitoring.member select gen_random_uuid(), h.household_id, date '1940-01-01' + (random() * 30000)::int, 1, \
         'child', '2020-01-01' from monitoring.household h cross join generate_series(1, 3)",
    )
    .await;
    town.run(
        "insert into monitoring.class_status select household_id, null, 'minimum_living', '2025-01-01', 20000 from \
         monitoring.household where random() < 0.2",
    )
    .await;
    let head =
        "(record_key, person_key, division_code, county_code, as_of, content_hash, batch_id, first_on, changed_on,";
    let keys = format!(
        "select gen_random_uuid(), m.person_key, '{COUNTY}', '{COUNTY}', '2026-10-20', '', gen_random_uuid(), '2026-10-20', \
         '2026-10-20',"
    );
    for (table, columns, values, share) in [
        ("hr_insurance_payment", "kind, base_fen, paid_month", "'employee', 250000, '2026-0' || (1 + g % 9)", "0.3"),
        (
            "medical_insurance_settlement",
            "visit_kind, settled_on, own_paid_fen",
            "'inpatient', '2026-05-05', 200000 * g",
            "0.4",
        ),
        (
            "disabled_disability_certificate",
            "category, grade, issued_on, valid_to, state",
            "'physical', g, '2020-01-01', '2030-01-01', 'valid'",
            "0.05",
        ),
        (
            "rural_monitored_household",
            "kind, entered_on, risk_state, income_fen",
            "'edge', '2026-05-05', 'open', 700000",
            "0.02",
        ),
    ] {
        town.run(&format!(
            "insert into monitoring.record_{table} {head} {columns}) {keys} {values} from monitoring.member m cross join \
             generate_series(1, 4) g where random() < {share}"
        ))
        .await;
    }
    town.run("analyze").await;
}

#[tokio::test]
async fn five_thousand_households_are_screened_in_seconds() {
    let mut town = Town::new().await;
    fill(&mut town).await;
    let ids: Vec<Uuid> =
        sqlx::query_scalar("select household_id from monitoring.household").fetch_all(&mut town.conn).await.unwrap();
    let hits = town.pack.hits_sql().to_owned();
    let refuted = format!("select count(*) from ({}) s", town.pack.refuted_sql());
    let entitled = format!("select count(*) from ({}) s", town.pack.entitled_sql());
    let facts = format!("select count(told) from ({}) s", town.pack.facts_told().sql());
    let mut tx = town.conn.begin().await.unwrap();
    sqlx::raw_sql(SESSION_SETTINGS).execute(&mut *tx).await.unwrap();

    let start = Instant::now();
    let found = sqlx::query(AssertSqlSafe(hits.clone())).bind(&ids).bind(today()).fetch_all(&mut *tx).await.unwrap();
    let explained = start.elapsed();
    let mut timed = Vec::new();
    for sql in [refuted, entitled, facts] {
        let start = Instant::now();
        let count: i64 =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(&ids).bind(today()).fetch_one(&mut *tx).await.unwrap();
        timed.push((count, start.elapsed()));
    }
    let start = Instant::now();
    sqlx::query(AssertSqlSafe(hits)).bind(&ids[..1]).bind(today()).fetch_all(&mut *tx).await.unwrap();
    let one = start.elapsed();

    let report = format!(
        "{HOUSEHOLDS} households, {} indicators: {} hits with explanations in {explained:?}, refuted {:?}, entitled {:?}, facts \
         {:?}; one household, planned anew, {one:?}",
        town.pack.indicators().len(),
        found.len(),
        timed[0],
        timed[1],
        timed[2]
    );
    assert!(!found.is_empty() && timed.iter().all(|(count, _)| *count > 0), "{report}");
    assert!(explained < LIMIT && timed.iter().all(|(_, time)| *time < LIMIT), "{report}");
    use std::io::Write as _;
    writeln!(std::io::stderr(), "{report}").unwrap();
}
