//! Withdrawn batches: what they did is taken back, whatever came after them and whenever the process dies.

use minqing_proto::minqing::{
    bureau::emergency::v1::{DisasterLoss, DisasterRelief},
    monitoring::v1::{
        BatchRef, ClearReason, Feed, HouseholdFactsChanged, ListFeedsRequest, Record, WarningCleared,
        WithdrawBatchRequest, WithdrawBatchResponse,
    },
    types::v1::BatchMode::{self, Changes, Snapshot},
};
use minqing_test_kit::until;
use sqlx::Connection as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::{
    batches::monitored,
    records::{calm, loss},
    town::{COUNTY, Town, household, household_name, row},
    what_if::patient,
};

const LOSS: &str = "emergency.disaster_loss";
const MONITORED: &str = "rural.monitored_household";

/// Sends a whole batch, and lets what it made due be done.
pub async fn sent(town: &Town, dataset: &str, mode: BatchMode, as_of: &str, rows: Vec<Record>) -> BatchRef {
    let batch = town.batch(dataset, mode, as_of);
    let count = i32::try_from(rows.len()).unwrap();
    town.submit(&town.part(&batch, 1, rows)).await.unwrap();
    town.close(&batch, 1, count).await.unwrap();
    town.work_off().await;
    batch
}

/// Withdraws a batch under a request of its own.
pub async fn withdraw_as(town: &Town, batch: &str, caller: &str, n: u128) -> Result<WithdrawBatchResponse, Status> {
    let request = WithdrawBatchRequest { request_id: Uuid::from_u128(n).to_string(), batch_id: batch.to_owned() };
    Ok(town.client(caller).withdraw_batch(patient(request)).await?.into_inner())
}

async fn withdraw(town: &Town, batch: &BatchRef) -> WithdrawBatchResponse {
    let caller = batch.bureau().as_str_name().trim_start_matches("BUREAU_").to_lowercase();
    let n = Uuid::try_parse(&batch.batch_id).unwrap().as_u128() + (2 << 32);
    withdraw_as(town, &batch.batch_id, &format!("adapter/{caller}"), n).await.unwrap()
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

async fn feed(town: &Town, dataset: &str) -> Feed {
    let request = ListFeedsRequest { page_size: 500, division_code: COUNTY.into(), ..Default::default() };
    let feeds = town.client("operator/city").list_feeds(request).await.unwrap().into_inner().feeds;
    feeds.into_iter().find(|f| f.dataset == dataset.split_once('.').unwrap().1).unwrap()
}

/// Key, day, whether it has ended, of each row of a dataset in order of key.
async fn rows(town: &Town, table: &str) -> Vec<(u128, String, bool)> {
    let mut admin = town.service.db.admin().await.unwrap();
    let sql = format!(
        "select record_key, as_of::text, ended_on is not null from monitoring.record_{table} order by record_key"
    );
    let found: Vec<(Uuid, String, bool)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut admin).await.unwrap();
    found.into_iter().map(|(key, as_of, ended)| (key.as_u128(), as_of, ended)).collect()
}

async fn run(town: &Town, sql: &str) {
    let mut admin = town.service.db.admin().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.unwrap();
}

async fn kept(town: &Town) -> i64 {
    let mut admin = town.service.db.admin().await.unwrap();
    sqlx::query_scalar(
        "select (select count(*) from monitoring.record_before) \
           + (select coalesce(sum(cardinality(record_keys)), 0) from monitoring.record_made)",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_that_rested_on_a_withdrawn_batch_clears_and_says_why() {
    let town = calm().await;
    let batch = sent(&town, LOSS, Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());
    assert_eq!(feed(&town, LOSS).await.as_of, "2026-10-26");

    let done = withdraw(&town, &batch).await;
    assert_eq!((done.withdrawn_on.as_str(), done.records, done.overridden), ("2026-10-26", 1, 0));
    assert!(town.open().await.is_empty());
    assert!(rows(&town, "emergency_disaster_loss").await.is_empty());
    assert_eq!(feed(&town, LOSS).await.as_of, "2026-10-25");
    let cleared = town.events::<WarningCleared>().await;
    assert_eq!(cleared.iter().map(|c| c.reason()).collect::<Vec<_>>(), [ClearReason::DataWithdrawn]);
    let shown = town.warnings(false).await.into_iter().find(|w| w.indicator == "A15").unwrap();
    assert_eq!(shown.clear_reason(), ClearReason::DataWithdrawn);

    // What is right comes as a new batch.
    sent(&town, LOSS, Changes, "2026-10-26", vec![row(1, 11, &loss("2026-10-20"))]).await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_only_batch_of_a_feed_everything_is_unknown_again() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20])]).await;
    let before = feed(&town, MONITORED).await;
    let batch = sent(&town, MONITORED, Snapshot, "2026-10-20", vec![row(1, 10, &monitored("2026-01-01"))]).await;
    // A32: so poor and not monitored, told of a household without any row.
    assert_eq!(town.open().await, ["A25 h1".to_owned(), "A32 h2".to_owned()].into());

    withdraw(&town, &batch).await;
    assert!(town.open().await.is_empty());
    assert_eq!(feed(&town, MONITORED).await, before);
    let told = town.events::<HouseholdFactsChanged>().await;
    let told: Vec<_> = told.iter().filter(|f| f.household == household_name(1)).collect();
    let known = |at: &HouseholdFactsChanged| at.facts.iter().filter(|f| f.known).count();
    assert!(known(told.last().unwrap()) < known(told[0]), "facts are told as unknown");
    assert!(town.events::<WarningCleared>().await.iter().all(|c| c.reason() == ClearReason::DataWithdrawn));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_that_a_withdrawn_batch_cleared_is_open_again_even_when_nobody_knows_now() {
    let town = calm().await;
    sent(&town, LOSS, Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    let given = DisasterRelief {
        event_code: "F1".into(),
        kind: "cash".into(),
        amount_fen: 100_000,
        given_on: "2026-10-22".into(),
        ..Default::default()
    };
    let relief = sent(&town, "emergency.disaster_relief", Changes, "2026-10-26", vec![row(7, 10, &given)]).await;
    assert!(town.open().await.is_empty());
    withdraw(&town, &relief).await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into(), "true again");

    // The feed goes stale, speaks, and takes that back.
    town.service.clock.advance_days(62);
    town.screen().await;
    let today = town.today().to_string();
    let harmless = DisasterLoss { house_damage: "slight".into(), crop_loss_percent: 0, ..loss("2026-10-20") };
    let spoke = sent(&town, LOSS, Changes, &today, vec![row(1, 10, &harmless)]).await;
    assert!(town.open().await.is_empty());
    withdraw(&town, &spoke).await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into(), "unknown again, and still open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_snapshot_ended_comes_back_and_what_a_later_batch_changed_or_confirmed_stays() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20]), household(3, &[30])]).await;
    let all = |who: &[u128]| who.iter().map(|n| row(*n, n * 10, &monitored("2026-01-01"))).collect::<Vec<_>>();
    sent(&town, MONITORED, Snapshot, "2026-10-20", all(&[1, 2])).await;
    let wrong = sent(&town, MONITORED, Snapshot, "2026-10-22", all(&[1, 3])).await;
    assert_eq!(town.open().await, ["A25 h1".to_owned(), "A25 h3".to_owned(), "A32 h2".to_owned()].into());
    let later = sent(&town, MONITORED, Snapshot, "2026-10-24", all(&[3, 2])).await;

    // h3 came with the withdrawn batch and was confirmed; h2 was brought back and h1 ended by the later one.
    let table = "rural_monitored_household";
    withdraw(&town, &wrong).await;
    let day = |d: &str| format!("2026-10-{d}");
    assert_eq!(rows(&town, table).await, [(1, day("24"), true), (2, day("24"), false), (3, day("24"), false)]);
    assert_eq!(feed(&town, MONITORED).await.as_of, "2026-10-24");
    withdraw(&town, &later).await;
    assert_eq!(rows(&town, table).await, [(1, day("20"), false), (2, day("20"), false)]);
    assert_eq!(town.open().await, ["A25 h1".to_owned(), "A25 h2".to_owned(), "A32 h3".to_owned()].into());
    assert_eq!(kept(&town).await, 2, "versions of withdrawn batches are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_batch_that_the_withdrawn_one_overrode_does_not_count_until_it_is_sent_again() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    town.deliver_nothing("emergency.disaster_relief", "2026-10-25").await;
    let at = |damage: i32| vec![row(1, 10, &DisasterLoss { crop_loss_percent: damage, ..loss("2026-10-20") })];
    sent(&town, LOSS, Changes, "2026-10-23", at(10)).await;
    let wrong = sent(&town, LOSS, Changes, "2026-10-26", at(5)).await;
    sent(&town, LOSS, Changes, "2026-10-24", at(80)).await;
    assert!(town.open().await.is_empty());

    let done = withdraw(&town, &wrong).await;
    assert_eq!(done.overridden, 1);
    assert_eq!(feed(&town, LOSS).await.as_of, "2026-10-23", "of the 24th not everything is known");
    sent(&town, LOSS, Changes, "2026-10-24", at(80)).await;
    assert_eq!(feed(&town, LOSS).await.as_of, "2026-10-24");
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawing_twice_answers_the_same_and_a_withdrawn_batch_takes_nothing_more() {
    let town = calm().await;
    let batch = sent(&town, LOSS, Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    let first = withdraw(&town, &batch).await;
    town.service.clock.advance_days(1);
    assert_eq!(withdraw(&town, &batch).await, first);
    let again = withdraw_as(&town, &batch.batch_id, "adapter/emergency", 77).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(town.events::<WarningCleared>().await.len(), 1);
    let more = town.submit(&town.part(&batch, 2, vec![row(2, 20, &loss("2026-10-20"))])).await.unwrap_err();
    assert_eq!((more.code(), reason(&more).as_str()), (Code::FailedPrecondition, "BATCH_WITHDRAWN"));
    assert_eq!(reason(&town.close(&batch, 9, 9).await.unwrap_err()), "BATCH_WITHDRAWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_half_sent_can_be_withdrawn() {
    let town = calm().await;
    let batch = town.batch(LOSS, Snapshot, "2026-10-26");
    town.submit(&town.part(&batch, 1, vec![row(1, 10, &loss("2026-10-20"))])).await.unwrap();
    withdraw(&town, &batch).await;
    assert!(town.open().await.is_empty());
    // Nor is an older one past because of it.
    sent(&town, LOSS, Snapshot, "2026-10-25", vec![row(1, 10, &loss("2026-10-20"))]).await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_foreign_unversioned_and_old_batches_are_refused() {
    let town = calm().await;
    let batch = sent(&town, LOSS, Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    let refused = async |batch: &str, caller: &str, n: u128| {
        let status = withdraw_as(&town, batch, caller, n).await.unwrap_err();
        (status.code(), status.get_details_error_info().map(|i| i.reason).unwrap_or_default())
    };
    let is = |code: Code, reason: &str| (code, reason.to_owned());
    let stranger = Uuid::from_u128(5).to_string();
    assert_eq!(refused(&stranger, "adapter/emergency", 11).await, is(Code::NotFound, "BATCH_NOT_FOUND"));
    assert_eq!(refused(&batch.batch_id, "adapter/hr", 12).await, is(Code::NotFound, "BATCH_NOT_FOUND"));
    assert_eq!(refused("B1", "adapter/emergency", 13).await.0, Code::InvalidArgument);
    assert_eq!(refused(&batch.batch_id, "operator/city", 14).await.0, Code::PermissionDenied);

    // As those begun before versions were kept.
    let id = &batch.batch_id;
    run(&town, &format!("update monitoring.batch set begun_on = null, versioned = false where batch_id = '{id}'"))
        .await;
    assert_eq!(refused(id, "adapter/emergency", 15).await, is(Code::FailedPrecondition, "BATCH_UNVERSIONED"));
    run(
        &town,
        &format!("update monitoring.batch set begun_on = '2026-10-26', versioned = true where batch_id = '{id}'"),
    )
    .await;

    town.service.clock.advance_days(36);
    assert_eq!(refused(id, "adapter/emergency", 16).await, is(Code::FailedPrecondition, "BATCH_TOO_OLD"));
    assert_eq!(kept(&town).await, 1);
    town.service.clock.advance_days(1);
    until("versions to be forgotten", async || {
        let pass = town.service.running.reconcile_once("versions").await.unwrap();
        assert!(pass.caught_up || pass.did > 0, "a pass that does nothing and leaves something rests for ten minutes");
        pass.caught_up.then_some(())
    })
    .await;
    assert_eq!(kept(&town).await, 0);
    assert_eq!(refused(id, "adapter/emergency", 17).await, is(Code::FailedPrecondition, "BATCH_TOO_OLD"));
    assert_eq!(rows(&town, "emergency_disaster_loss").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_whose_process_dies_goes_on_and_its_feed_waits_until_then() {
    let town = calm().await;
    let two = vec![row(1, 10, &loss("2026-10-20")), row(2, 20, &loss("2026-10-20"))];
    let batch = sent(&town, LOSS, Changes, "2026-10-26", two).await;
    let mut holder = town.service.db.admin().await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::query("select from monitoring.record_emergency_disaster_loss for update").execute(&mut *held).await.unwrap();

    // The answer comes although the records cannot be taken back yet: the session that waits for them is killed.
    let (done, killed) = tokio::join!(withdraw(&town, &batch), town.service.db.kill_who_waits());
    killed.unwrap();
    assert_eq!(done.records, 2);
    assert_eq!(feed(&town, LOSS).await.as_of, "2026-10-25", "the feed is back already");
    let next = town.batch(LOSS, Changes, "2026-10-26");
    let refused = town.submit(&town.part(&next, 1, vec![row(1, 10, &loss("2026-10-20"))])).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unavailable, "WITHDRAWAL_UNDER_WAY"));
    assert_eq!(rows(&town, "emergency_disaster_loss").await.len(), 2);

    held.rollback().await.unwrap();
    until("the batch to be taken back", async || {
        town.service.running.reconcile_once("withdrawals").await.unwrap().caught_up.then_some(())
    })
    .await;
    assert!(rows(&town, "emergency_disaster_loss").await.is_empty());
    assert!(town.open().await.is_empty());
    assert_eq!(town.events::<WarningCleared>().await.len(), 2);
    town.submit(&town.part(&next, 1, vec![row(1, 10, &loss("2026-10-20"))])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_batches_that_make_one_record_at_once_the_second_knows_the_first() {
    let town = calm().await;
    let first = sent(&town, LOSS, Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    // Another session makes the same record and has not committed yet.
    let mut holder = town.service.db.admin().await.unwrap();
    let mut held = holder.begin().await.unwrap();
    let copy = "insert into monitoring.record_emergency_disaster_loss (record_key, person_key, division_code, county_code, \
                as_of, content_hash, batch_id, first_on, changed_on) \
                select $1, $2, division_code, county_code, as_of, '\\x00', batch_id, first_on, changed_on \
                from monitoring.record_emergency_disaster_loss";
    let (record, person) = (Uuid::from_u128(2), Uuid::from_u128(20));
    sqlx::query(copy).bind(record).bind(person).execute(&mut *held).await.unwrap();
    let second = town.batch(LOSS, Changes, "2026-10-26");
    let part = town.part(&second, 1, vec![row(2, 20, &loss("2026-10-20"))]);
    let (taken, ()) = tokio::join!(town.submit(&part), async {
        town.service.db.somebody_waits().await.unwrap();
        held.commit().await.unwrap();
    });
    assert_eq!(taken.unwrap().changed, 1);
    let mut admin = town.service.db.admin().await.unwrap();
    let before: Vec<(Uuid, Option<Uuid>)> =
        sqlx::query_as("select record_key, before_batch from monitoring.record_before where batch_id = $1")
            .bind(Uuid::try_parse(&second.batch_id).unwrap())
            .fetch_all(&mut admin)
            .await
            .unwrap();
    assert_eq!(before, [(Uuid::from_u128(2), Uuid::try_parse(&first.batch_id).ok())]);
}
