//! Class assessments: worked examples and what must hold for any household.

use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    agreement::{facts, rows},
    town::{COUNTY, Town, fresh, today},
};

#[derive(Debug, sqlx::FromRow)]
struct Assessed {
    class: String,
    route: String,
    person_key: Option<Uuid>,
    eligible: Option<bool>,
    amount_fen: Option<i64>,
    conditions: Value,
    parameters: Value,
}

/// Facts as the facts statement computes them for a household in the database.
async fn stored(town: &mut Town, household: Uuid) -> (Value, Value) {
    let pack = town.pack.clone();
    let statement = pack.facts_told();
    let rows = rows(&mut town.conn, statement.sql(), &[household]).await;
    let plain = |row: &PgRow| -> Value {
        facts(row, statement).into_iter().map(|(name, value, _)| (name, json!(value))).collect()
    };
    let (persons, whole): (Vec<&PgRow>, Vec<&PgRow>) =
        rows.iter().partition(|row| row.get::<Option<Uuid>, _>("person_key").is_some());
    let persons =
        persons.iter().map(|row| json!({"person_key": row.get::<Uuid, _>("person_key"), "facts": plain(row)}));
    (plain(whole[0]), persons.collect())
}

async fn assess(conn: &mut PgConnection, sql: &str, (household, persons): (&Value, &Value)) -> Vec<Assessed> {
    sqlx::query_as(AssertSqlSafe(sql.to_owned()))
        .bind(household)
        .bind(persons)
        .bind(COUNTY)
        .bind("rural")
        .bind(today())
        .fetch_all(conn)
        .await
        .unwrap()
}

fn of<'a>(rows: &'a [Assessed], route: &str) -> &'a Assessed {
    rows.iter().find(|row| row.route == route).unwrap()
}

#[tokio::test]
async fn worked_examples_of_every_class() {
    let mut town = Town::new().await;
    let sql = town.pack.assessment_sql().to_owned();
    // Three persons, 12,345.67 yuan a year: 585 × 3 − 1,234,567 / 12 fen = 726.1942 yuan, up to whole yuan.
    let (home, person) = town.household(1_234_567).await;
    for _ in 0..2 {
        town.member(home, fresh(), "1990-01-01").await;
    }
    let (household, persons) = stored(&mut town, home).await;
    assert_eq!(household["members"], "3");
    let rows = assess(&mut town.conn, &sql, (&household, &persons)).await;
    let whole = of(&rows, "DB-01");
    assert_eq!((whole.class.as_str(), whole.person_key), ("minimum_living", None));
    assert_eq!((whole.eligible, whole.amount_fen), (Some(true), Some(72_700)));
    assert_eq!(whole.conditions["property"], true);
    assert_eq!(whole.parameters["minimum_living_standard"], "58500");
    assert_eq!(of(&rows, "BY-01").eligible, Some(false), "who meets minimum living is not edge");
    assert_eq!(of(&rows, "GX-01").eligible, Some(false));
    assert_eq!(of(&rows, "FP-01").eligible, Some(false));
    assert_eq!(rows.iter().filter(|row| row.route == "DB-03").count(), 3, "one row per member");

    // At the standard to the fen: no minimum living, but edge; a severely disabled member applies alone.
    town.run(&format!(
        "update monitoring.household set declared_income_fen = {} where household_id = '{home}'",
        58_500 * 36
    ))
    .await;
    let fields = [
        ("certificate_suffix", "'61'"),
        ("category", "'mental'"),
        ("grade", "1"),
        ("issued_on", "'2019-01-01'"),
        ("valid_to", "'2030-01-01'"),
        ("state", "'valid'"),
    ];
    town.record(("disabled", "disability_certificate"), person, &fields).await;
    let (household, persons) = stored(&mut town, home).await;
    let rows = assess(&mut town.conn, &sql, (&household, &persons)).await;
    assert_eq!((of(&rows, "DB-01").eligible, of(&rows, "DB-01").amount_fen), (Some(false), None));
    assert_eq!(of(&rows, "BY-01").eligible, Some(true));
    for route in ["DB-03", "DB-04", "QT-01"] {
        let mine = rows.iter().find(|row| row.route == route && row.person_key == Some(person)).unwrap();
        assert_eq!(mine.eligible, Some(true), "{route}");
        let others = rows.iter().filter(|row| row.route == route && row.person_key != Some(person));
        assert!(others.clone().count() == 2 && others.clone().all(|row| row.eligible == Some(false)), "{route}");
    }
    assert_eq!(of(&rows, "DB-04").amount_fen.or(Some(58_500)), Some(58_500));

    // Rigid expenditure: above the edge line, below the average, half the income gone.
    let income = 58_500 * 62;
    let with = |own: &str| {
        json!({
            "declared_income": income.to_string(), "members": "3", "meets_minimum_living": "false", "meets_edge_line": "false",
            "any_aided": "false", "household_edge": "false", "property_within_rigid": "true", "rigid_expenditure": own,
        })
    };
    let none = json!([]);
    let rows = assess(&mut town.conn, &sql, (&with(&(income / 2 + 1).to_string()), &none)).await;
    assert_eq!(of(&rows, "GX-01").eligible, Some(true), "{:?}", of(&rows, "GX-01"));
    let rows = assess(&mut town.conn, &sql, (&with(&(income / 2).to_string()), &none)).await;
    assert_eq!(of(&rows, "GX-01").eligible, Some(false), "exactly half does not exceed it");
}

#[tokio::test]
async fn what_only_a_visit_or_another_bureau_can_tell_stays_unknown() {
    let mut town = Town::new().await;
    let sql = town.pack.assessment_sql().to_owned();
    // Destitute: unknown until somebody has asked about supporters.
    let (home, person) = town.household(0).await;
    town.run(&format!("update monitoring.member set birth_on = '1950-01-01' where person_key = '{person}'")).await;
    let (household, mut persons) = stored(&mut town, home).await;
    let rows = assess(&mut town.conn, &sql, (&household, &persons)).await;
    assert_eq!((of(&rows, "TK-01").eligible, of(&rows, "TK-01").amount_fen), (None, None));
    persons[0]["facts"]["no_able_supporter"] = json!("true");
    let rows = assess(&mut town.conn, &sql, (&household, &persons)).await;
    assert_eq!(
        (of(&rows, "TK-01").eligible, of(&rows, "TK-01").amount_fen),
        (Some(true), Some(76_100)),
        "1.3 × 585, up to yuan"
    );

    // Monitored, told by rural revitalisation; unknown when its feed is stale.
    let fields = [("kind", "'sudden'"), ("entered_on", "'2026-10-01'"), ("risk_state", "'open'"), ("income_fen", "1")];
    town.record(("rural", "monitored_household"), person, &fields).await;
    let (household, persons) = stored(&mut town, home).await;
    assert_eq!(of(&assess(&mut town.conn, &sql, (&household, &persons)).await, "FP-01").eligible, Some(true));
    town.stale("rural", "monitored_household").await;
    let (household, persons) = stored(&mut town, home).await;
    assert_eq!(of(&assess(&mut town.conn, &sql, (&household, &persons)).await, "FP-01").eligible, None);
    town.stale("medical_insurance", "settlement").await;
    let (household, _) = stored(&mut town, home).await;
    assert_eq!(household["rigid_expenditure"], Value::Null, "one unknown member makes the sum unknown");
}

#[test]
fn more_income_never_creates_minimum_living_and_amounts_stay_within_their_cap() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let town = runtime.block_on(Town::new());
    let sql = town.pack.assessment_sql().to_owned();
    let town = std::cell::RefCell::new(town);
    let household = (0_i64..6_000_000, 0_i64..3_000_000, (1_u32..7, 0_i64..8_000_000, 0_u32..3), proptest::bool::ANY);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 96, ..ProptestConfig::default() });
    let result = runner.run(&household, |(income, more, (size, assets, houses), disabled)| {
        let mut town = town.borrow_mut();
        let poorer = runtime.block_on(evaluate(&mut town, &sql, (income, size, assets, houses, disabled)));
        let richer = runtime.block_on(evaluate(&mut town, &sql, (income + more, size, assets, houses, disabled)));
        let granted = |rows: &[Assessed]| rows.iter().any(|r| r.class == "minimum_living" && r.eligible == Some(true));
        prop_assert!(granted(&poorer) || !granted(&richer), "income created eligibility");
        for rows in [&poorer, &richer] {
            for row in rows.iter() {
                let cap = match row.route.as_str() {
                    "DB-01" => 58_500 * i64::from(size),
                    "TK-01" => 76_100,
                    _ => 58_500,
                };
                prop_assert!(row.amount_fen.is_none_or(|amount| (0..=cap).contains(&amount)), "{row:?}");
                prop_assert!(row.amount_fen.is_none() || row.eligible == Some(true));
            }
        }
        prop_assert!(of(&richer, "DB-01").amount_fen.unwrap_or(0) <= of(&poorer, "DB-01").amount_fen.unwrap_or(0));
        Ok(())
    });
    result.unwrap();
}

type Home = (i64, u32, i64, u32, bool);

async fn evaluate(town: &mut Town, sql: &str, (income, size, assets, houses, disabled): Home) -> Vec<Assessed> {
    town.run("delete from monitoring.household; delete from monitoring.member; delete from monitoring.record_disabled_disability_certificate")
        .await;
    let (home, person) = town.household(income).await;
    town.run(&format!("update monitoring.household set financial_assets_fen = {assets}, house_count = {houses}")).await;
    for _ in 1..size {
        town.member(home, fresh(), "1990-01-01").await;
    }
    if disabled {
        let fields = [("category", "'mental'"), ("grade", "2"), ("valid_to", "'2030-01-01'"), ("state", "'valid'")];
        town.record(("disabled", "disability_certificate"), person, &fields).await;
    }
    let (household, persons) = stored(town, home).await;
    assess(&mut town.conn, sql, (&household, &persons)).await
}
