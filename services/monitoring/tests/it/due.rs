//! What is evaluated after the batch that made it due.

use minqing_proto::minqing::{
    mesh::v1::{GetBacklogRequest, operations_service_client::OperationsServiceClient},
    monitoring::v1::{HouseholdFactsChanged, WarningRaised},
    types::v1::BatchMode::{Changes, Snapshot},
};

use crate::{
    batches::monitored,
    roster::certificate,
    town::{Town, car, household, minimum_living, row},
};

/// A snapshot in one part, and nothing of what it made due.
async fn send(town: &Town, dataset: &str, records: Vec<minqing_proto::minqing::monitoring::v1::Record>) {
    let batch = town.batch(dataset, Snapshot, "2026-10-26");
    let rows = i32::try_from(records.len()).unwrap();
    town.submit(&town.part(&batch, 1, records)).await.unwrap();
    town.close(&batch, 1, rows).await.unwrap();
}

async fn pass(town: &Town, worker: &str) -> u64 {
    town.service.running.reconcile_once(worker).await.unwrap().did
}

/// Whether a warning on household 1 is open; lists end after 500.
async fn first_has(town: &Town, indicator: &str) -> bool {
    let mut connection = town.service.db.admin().await.unwrap();
    sqlx::query_scalar(
        "select exists (select from monitoring.warning \
           where indicator = $1 and household_id = $2 and cleared_on is null)",
    )
    .bind(indicator)
    .bind(uuid::Uuid::from_u128(1))
    .fetch_one(&mut connection)
    .await
    .unwrap()
}

async fn count(town: &Town, table: &str) -> i64 {
    let mut connection = town.service.db.admin().await.unwrap();
    let statement = sqlx::AssertSqlSafe(format!("select count(*) from monitoring.{table}"));
    sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_that_become_known_in_a_burst_cost_their_county_one_evaluation() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20])]).await;
    send(&town, "rural.monitored_household", vec![row(1, 10, &monitored("2026-01-01"))]).await;
    send(&town, "disabled.disability_certificate", vec![row(2, 20, &certificate("2026-10-10"))]).await;
    send(&town, "disabled.disability_subsidy", vec![]).await;
    assert!(town.open().await.is_empty(), "the county is only due");
    assert_eq!(pass(&town, "counties").await, 2, "both households, once for three datasets");
    let open = town.open().await;
    assert!(open.contains("A25 h1") && open.contains("A17 h2 p20"), "{open:?}");
    assert_eq!(pass(&town, "counties").await, 0);
    let raised = town.events::<WarningRaised>().await;
    assert!(raised.iter().all(|w| !w.record_accepted_time.is_empty()), "records raised them, not time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_while_its_county_is_being_evaluated_is_evaluated_again() {
    let town = Town::start().await;
    town.tell((1..=1_001).map(|n| household(n, &[n + 10_000]))).await;
    send(&town, "disabled.disability_certificate", vec![row(2, 10_001, &certificate("2026-10-10"))]).await;
    assert_eq!(pass(&town, "counties").await, 1_000);
    // Household 1 lies behind the pass; a snapshot of the next dataset tells of it now.
    send(&town, "rural.monitored_household", vec![row(1, 10_001, &monitored("2026-03-02"))]).await;
    assert_eq!(pass(&town, "counties").await, 1);
    assert!(!first_has(&town, "A25").await, "the first pass ended without it");
    assert_eq!(count(&town, "county_due").await, 1);
    town.work_off().await;
    assert!(first_has(&town, "A25").await);
    assert_eq!((count(&town, "county_due").await, count(&town, "county_pass").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_an_unknown_feed_are_not_forgotten_when_it_becomes_known_before_they_are_whole() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    let batch = town.batch("rural.monitored_household", Snapshot, "2026-10-26");
    let part = town.part(&batch, 1, vec![row(1, 10, &monitored("2026-03-02"))]);
    assert_eq!(town.submit(&part).await.unwrap().warnings_raised, 0);
    town.deliver("rural.monitored_household", Changes, "2026-10-25", vec![]).await;
    let mut connection = town.service.db.admin().await.unwrap();
    // As if the county's evaluation had come just before the part was committed.
    sqlx::query("delete from monitoring.warning").execute(&mut connection).await.unwrap();
    town.close(&batch, 1, 1).await.unwrap();
    town.work_off().await;
    assert!(town.open().await.contains("A25 h1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_told_once_for_all_the_batches_that_changed_them() {
    let town = Town::start().await;
    let mut aided = household(1, &[10]);
    aided.classes.push(minimum_living());
    aided.vehicles.push(car());
    town.tell([aided, household(2, &[20])]).await;
    assert_eq!(pass(&town, "facts").await, 1, "nobody follows household 2");
    send(&town, "rural.monitored_household", vec![row(1, 10, &monitored("2026-03-02"))]).await;
    send(&town, "disabled.disability_certificate", vec![row(2, 10, &certificate("2026-10-10"))]).await;
    assert_eq!(pass(&town, "facts").await, 0, "the county comes first");
    let told = town.events::<HouseholdFactsChanged>().await;
    let first = told.iter().filter(|of| of.household == crate::town::household_name(1));
    assert_eq!(first.count(), 2, "once for the roster, once for both batches");
    assert_eq!(count(&town, "fact_due").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_tells_of_what_is_due_before_any_worker_has_looked() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    town.work_off().await;
    let mut client = OperationsServiceClient::new(town.service.as_caller("operator/admin").unwrap());
    let mut undone = async || {
        let backlog = client.get_backlog(GetBacklogRequest {}).await.unwrap().into_inner();
        let undone = backlog.reconcilers.into_iter().filter(|r| !r.caught_up && r.name == "counties");
        undone.count()
    };
    assert_eq!(undone().await, 0);
    send(&town, "rural.monitored_household", vec![row(1, 10, &monitored("2026-03-02"))]).await;
    assert_eq!(undone().await, 1);
    town.work_off().await;
    assert_eq!(undone().await, 0);
}
