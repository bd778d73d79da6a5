//! Rows about a county or a township: every household there has them, and only those.

use minqing_proto::minqing::{
    bureau::outside::v1::{CivilPayment, CivilReserveFund, StatisticsPriceIndex},
    monitoring::v1::{BatchRef, ClearReason, Record, WarningCleared},
    registry::v1::HouseholdChanged,
    types::v1::BatchMode::{Changes, Snapshot},
};
use prost::Message;
use tonic::Code;
use uuid::Uuid;

use crate::{
    town::{COUNTY, Town, household, minimum_living, row},
    withdraw::{sent, withdraw_as},
};

const PRICES: &str = "outside.statistics_price_index";
const FUND: &str = "outside.civil_reserve_fund";
/// The township of the town's village, and the next.
const TOWNSHIP: &str = "621202103000";
const NEXT: &str = "621202104000";

fn about(key: u128, division: &str, body: &impl Message) -> Record {
    Record {
        record_key: Uuid::from_u128(key).to_string(),
        person_key: String::new(),
        division_code: division.into(),
        body: body.encode_to_vec(),
    }
}

fn prices(month: i32, cpi: i32, food: i32) -> Record {
    let body = StatisticsPriceIndex {
        division_code: COUNTY.into(),
        price_month: month,
        cpi_permille: cpi,
        food_cpi_permille: food,
    };
    about(u128::from(month.unsigned_abs()), COUNTY, &body)
}

/// A fund of a month's mean of 1,000 yuan.
fn fund(key: u128, township: &str, balance_fen: i64, cases: i32) -> Record {
    let body = CivilReserveFund {
        division_code: township.into(),
        fund_month: 202_609,
        balance_fen,
        mean_month_fen: 100_000,
        cases_half_year: cases,
    };
    about(key, township, &body)
}

fn in_division(division: &str, household: HouseholdChanged) -> HouseholdChanged {
    HouseholdChanged { division_code: division.into(), classes: vec![minimum_living()], ..household }
}

/// Two aided households in one township, one in the next, one in another county, and one without aid.
async fn town() -> Town {
    let town = Town::start().await;
    town.tell([
        in_division("621202103201", household(1, &[10])),
        in_division("621202103202", household(2, &[20])),
        in_division("621202104201", household(3, &[30])),
        in_division("621221103201", household(4, &[40])),
        household(5, &[50]),
    ])
    .await;
    town.deliver_nothing("outside.civil_payment", "2026-10-20").await;
    town
}

/// Households with an open warning of the indicator.
async fn open(town: &Town, indicator: &str) -> Vec<String> {
    let all = town.open().await;
    all.iter().filter_map(|w| w.strip_prefix(indicator).map(|rest| rest.trim().to_owned())).collect()
}

async fn withdraw(town: &Town, batch: &BatchRef) {
    let n = Uuid::try_parse(&batch.batch_id).unwrap().as_u128() + (2 << 32);
    withdraw_as(town, &batch.batch_id, "adapter/outside", n).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_of_a_county_concern_its_aided_households_until_the_allowance_is_paid() {
    let town = town().await;
    let (first, _) = town.deliver(PRICES, Snapshot, "2026-10-20", vec![prices(202_608, 34, 59)]).await;
    assert_eq!((first.accepted, first.changed), (1, 1));
    assert!(open(&town, "P07").await.is_empty(), "a thousandth below both lines");

    town.deliver(PRICES, Changes, "2026-10-21", vec![prices(202_608, 35, 59)]).await;
    assert_eq!(open(&town, "P07").await, ["h1", "h2", "h3"]);

    let paid = CivilPayment {
        programme: "P-JB-09".into(),
        paid_month: 202_608,
        amount_fen: 3_000,
        paid_on: "2026-10-22".into(),
        ..Default::default()
    };
    town.deliver("outside.civil_payment", Changes, "2026-10-22", vec![row(7, 20, &paid)]).await;
    assert_eq!(open(&town, "P07").await, ["h1", "h3"]);

    town.deliver(PRICES, Changes, "2026-10-23", vec![prices(202_608, 34, 59)]).await;
    assert!(open(&town, "P07").await.is_empty(), "the month is corrected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_townships_fund_concerns_its_households_and_one_left_out_none() {
    let town = town().await;
    let funds = vec![fund(1, TOWNSHIP, 199_999, 3), fund(2, NEXT, 200_000, 1)];
    town.deliver(FUND, Snapshot, "2026-10-20", funds).await;
    assert_eq!(open(&town, "P09").await, ["h1", "h2", "h5"]);

    town.deliver(FUND, Changes, "2026-10-21", vec![fund(2, NEXT, 200_000, 0)]).await;
    assert_eq!(open(&town, "P09").await, ["h1", "h2", "h3", "h5"], "unused for half a year");

    let (_, closed) = town.deliver(FUND, Snapshot, "2026-10-22", vec![fund(2, NEXT, 200_000, 0)]).await;
    assert_eq!(closed.ended, 1);
    assert_eq!(open(&town, "P09").await, ["h3"]);

    // Whoever moves to a township comes under its fund.
    town.tell([in_division("621202104201", household(1, &[10]))]).await;
    assert_eq!(open(&town, "P09").await, ["h1", "h3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_batch_leaves_the_county_as_if_it_had_never_come() {
    let town = town().await;
    let first =
        sent(&town, PRICES, Snapshot, "2026-10-20", vec![prices(202_608, 35, 0), prices(202_607, 10, 60)]).await;
    let second = sent(&town, PRICES, Snapshot, "2026-10-21", vec![prices(202_607, 10, 59)]).await;
    assert!(open(&town, "P07").await.is_empty(), "one month is changed and the other ended");

    withdraw(&town, &second).await;
    assert_eq!(open(&town, "P07").await, ["h1", "h2", "h3"]);
    withdraw(&town, &first).await;
    assert!(open(&town, "P07").await.is_empty());
    let cleared = town.events::<WarningCleared>().await;
    assert_eq!(cleared.iter().filter(|c| c.reason() == ClearReason::DataWithdrawn).count(), 3);
    let mut admin = town.service.db.admin().await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from monitoring.record_outside_statistics_price_index")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_about_a_division_names_nobody_and_any_other_somebody() {
    let town = town().await;
    let with_person = Record { person_key: Uuid::from_u128(10).to_string(), ..prices(202_608, 35, 0) };
    let batch = town.batch(PRICES, Changes, "2026-10-20");
    let refused = town.submit(&town.part(&batch, 1, vec![with_person])).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("person_key"), "{}", refused.message());

    let batch = town.batch("outside.civil_payment", Changes, "2026-10-21");
    let nobody = about(9, TOWNSHIP, &CivilPayment::default());
    let refused = town.submit(&town.part(&batch, 1, vec![nobody])).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
