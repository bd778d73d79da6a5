//! The statements for some of the indicators say of these what the statements for all of them say.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    agreement::{fill, households, rows},
    town::Town,
};

fn outcome(row: &PgRow) -> (String, Uuid, Option<Uuid>, Option<String>, Vec<Option<Value>>) {
    let explained = ["conditions", "facts", "parameters"].map(|column| row.try_get::<Value, _>(column).ok());
    let severity = row.try_get("severity").ok();
    (row.get("indicator"), row.get("household_id"), row.get("person_key"), severity, explained.to_vec())
}

/// Sorted by their words: jsonb has no order of its own.
fn outcomes(rows: &[PgRow], of: &BTreeSet<String>) -> Vec<String> {
    let meant = rows.iter().map(outcome).filter(|(indicator, ..)| of.contains(indicator));
    let mut list: Vec<String> = meant.map(|one| format!("{one:?}")).collect();
    list.sort();
    list
}

#[tokio::test]
async fn a_datasets_statements_say_of_its_indicators_what_all_indicators_statements_say() {
    let mut town = Town::new().await;
    fill(&mut town, households()).await;
    let ids: Vec<Uuid> =
        sqlx::query_scalar("select household_id from monitoring.household").fetch_all(&mut town.conn).await.unwrap();
    let pack = town.pack.clone();
    let all = [pack.hits_sql(), pack.refuted_sql()];
    let all = [rows(&mut town.conn, all[0], &ids).await, rows(&mut town.conn, all[1], &ids).await];
    let sets: BTreeSet<BTreeSet<String>> = pack.resting().into_values().collect();
    assert!(sets.len() > 40, "{}", sets.len());
    let mut compared = [0, 0];
    for set in sets {
        let (hits, refuted) = pack.screening_of(&set);
        for (at, (narrow, wide)) in [(hits, pack.hits_sql()), (refuted, pack.refuted_sql())].into_iter().enumerate() {
            let found = outcomes(&rows(&mut town.conn, &narrow, &ids).await, &set);
            assert_eq!(found, outcomes(&all[at], &set), "{set:?}");
            assert!(narrow.len() < wide.len(), "{set:?}");
            compared[at] += found.len();
        }
    }
    assert!(compared.iter().all(|many| *many > 1_000), "{compared:?}");
}
