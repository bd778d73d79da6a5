//! Facts of a household that are its county's or its township's.

use super::{
    hostile::{copy, replace},
    town::{COUNTY, Town},
};

/// The township of the town's households.
const TOWNSHIP: &str = "621226100000";
const OTHER: &str = "621226101000";

async fn prices(town: &mut Town, month: i32, cpi: i32, food: i32) {
    let values = format!("{month}, {cpi}, {food}");
    row(town, "statistics_price_index", COUNTY, ("price_month, cpi_permille, food_cpi_permille", &values)).await;
}

async fn fund(town: &mut Town, township: &str, month: i32, balance: i64, cases: i32) {
    let values = format!("{month}, {balance}, 100000, {cases}");
    let columns = "fund_month, balance_fen, mean_month_fen, cases_half_year";
    row(town, "civil_reserve_fund", township, (columns, &values)).await;
}

async fn row(town: &mut Town, dataset: &str, division: &str, (columns, values): (&str, &str)) {
    town.run(&format!(
        "insert into monitoring.record_outside_{dataset} (record_key, division_code, county_code, as_of, content_hash, \
         batch_id, first_on, changed_on, {columns}) values (gen_random_uuid(), '{division}', '{COUNTY}', '2026-10-20', '', \
         gen_random_uuid(), '2026-10-20', '2026-10-20', {values})"
    ))
    .await;
}

#[tokio::test]
async fn p07_goes_by_the_countys_prices_and_what_the_household_was_paid() {
    let mut town = Town::new().await;
    let (home, person) = town.household(500_000).await;
    town.class(home, None, "minimum_living").await;
    assert_eq!(town.verdict(home, None, "P07").await, Some(false), "no month is told of");
    prices(&mut town, 202_607, 34, 59).await;
    assert_eq!(town.verdict(home, None, "P07").await, Some(false), "a thousandth below both lines");
    prices(&mut town, 202_608, 34, 60).await;
    let outcome = town.screen(home, None, "P07").await;
    assert_eq!(outcome.verdict, Some(true));
    assert_eq!(outcome.facts["price_triggered_month"], "202608");
    town.record(
        ("outside", "civil_payment"),
        person,
        &[("programme", "'P-JB-09'"), ("paid_month", "202607"), ("paid_on", "'2026-08-20'")],
    )
    .await;
    assert_eq!(town.verdict(home, None, "P07").await, Some(true), "the month before was paid");
    town.run("update monitoring.record_outside_civil_payment set paid_month = 202608").await;
    assert_eq!(town.verdict(home, None, "P07").await, Some(false), "and now that month");
    town.run("delete from monitoring.record_outside_civil_payment").await;

    let (elsewhere, _) = town.household(500_000).await;
    town.class(elsewhere, None, "minimum_living").await;
    town.run(&format!("update monitoring.household set county_code = '621227000000', division_code = '621227100001' where household_id = '{elsewhere}'"))
        .await;
    assert_eq!(town.verdict(elsewhere, None, "P07").await, None, "its county has told nothing");
    let (unaided, _) = town.household(500_000).await;
    assert_eq!(town.verdict(unaided, None, "P07").await, Some(false));
    town.stale("outside", "statistics_price_index").await;
    assert_eq!(town.verdict(home, None, "P07").await, None, "prices that are old are unknown");
}

#[tokio::test]
async fn p09_goes_by_the_newest_month_of_the_townships_fund() {
    let mut town = Town::new().await;
    let (home, _) = town.household(500_000).await;
    assert_eq!(town.verdict(home, None, "P09").await, Some(false), "a fund that is not told of is not low");
    fund(&mut town, OTHER, 202_609, 0, 0).await;
    assert_eq!(town.verdict(home, None, "P09").await, Some(false), "another township's");
    fund(&mut town, TOWNSHIP, 202_608, 0, 0).await;
    assert_eq!(town.verdict(home, None, "P09").await, Some(true));
    fund(&mut town, TOWNSHIP, 202_609, 200_000, 1).await;
    assert_eq!(town.verdict(home, None, "P09").await, Some(false), "filled up since");
    town.run("update monitoring.record_outside_civil_reserve_fund set balance_fen = balance_fen - 1").await;
    assert_eq!(town.verdict(home, None, "P09").await, Some(true), "a fen short");
    town.stale("outside", "civil_reserve_fund").await;
    assert_eq!(town.verdict(home, None, "P09").await, None);
}

#[tokio::test]
async fn facts_that_rest_on_a_division_are_known_of_it_alone() {
    let mut town = Town::new().await;
    let mut verdicts = Vec::new();
    fund(&mut town, TOWNSHIP, 202_609, 0, 3).await;
    for division in ["621226100001", "621226100999", "621226101001", "621226000000"] {
        let (home, _) = town.household(500_000).await;
        town.run(&format!(
            "update monitoring.household set division_code = '{division}' where household_id = '{home}'"
        ))
        .await;
        verdicts.push(town.verdict(home, None, "P09").await);
    }
    assert_eq!(verdicts, [Some(true), Some(true), Some(false), Some(false)]);
}

#[test]
fn a_member_has_no_facts_of_a_division() {
    let folder = copy();
    replace(folder.path(), "facts/base.yaml", ("source: hr.unemployment", "source: outside.statistics_price_index"));
    let errors = minqing_policy::Pack::load(folder.path()).unwrap_err().to_string();
    assert!(errors.contains("are about a county or township"), "{errors}");
}
