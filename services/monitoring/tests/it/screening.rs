use minqing_proto::minqing::{
    monitoring::v1::{ListFeedsRequest, WarningRaised},
    types::v1::{BatchMode::Snapshot, Bureau},
};

use crate::{
    batches::monitored,
    town::{COUNTY, Town, household, row, with_car},
};

#[tokio::test(flavor = "multi_thread")]
async fn time_alone_raises_a_warning_on_its_day() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    town.deliver("rural.monitored_household", Snapshot, "2026-10-26", vec![row(1, 10, &monitored("2026-07-30"))]).await;
    town.screen().await;
    assert!(town.open().await.is_empty(), "88 days");
    town.service.clock.advance_days(2);
    town.screen().await;
    assert_eq!(town.open().await, ["A25 h1".to_owned()].into());
    assert_eq!(town.screen().await, 1, "a day is screened once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_larger_than_a_slice_is_screened_in_several_passes_that_can_be_resumed() {
    let town = Town::start().await;
    let aided = |n: u128| with_car(n, &[n + 10_000]);
    town.tell((1..=1_001).map(aided)).await;
    town.service.clock.advance_days(1);
    let first = town.service.running.reconcile_once("screening").await.unwrap();
    assert!(!first.caught_up);
    let second = town.service.running.reconcile_once("screening").await.unwrap();
    assert_eq!((second.did, second.caught_up), (1, true));
    let idle = town.service.running.reconcile_once("screening").await.unwrap();
    assert_eq!((idle.did, idle.caught_up), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_feed_raises_a_warning_and_its_delivery_clears_it() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    let all = ListFeedsRequest { page_size: 200, ..Default::default() };
    let feeds = town.client("operator/city").list_feeds(all).await.unwrap().into_inner().feeds;
    assert_eq!(feeds.len(), minqing_proto::contract::datasets().len());
    let deaths = feeds.iter().find(|f| f.dataset == "death_certificate").unwrap();
    assert_eq!((deaths.due_on.as_str(), deaths.as_of.as_str(), deaths.late), ("2026-10-27", "", false));

    town.service.clock.advance_days(1);
    town.screen().await;
    assert!(town.open_feeds().await.is_empty(), "due today is not late");
    // The other daily feeds tell every day that there is nothing.
    for feed in feeds.iter().filter(|f| f.due_on == "2026-10-27" && f.dataset != "death_certificate") {
        let bureau = feed.bureau().as_str_name().trim_start_matches("BUREAU_").to_lowercase();
        town.deliver_nothing(&format!("{bureau}.{}", feed.dataset), "2026-10-27").await;
    }
    town.service.clock.advance_days(1);
    town.screen().await;
    let late = ["P11", "Q01"].map(|indicator| format!("{indicator} health.death_certificate@{COUNTY}"));
    assert_eq!(town.open_feeds().await, late.into());
    let raised = town.events::<WarningRaised>().await;
    assert_eq!(raised.len(), 2);
    assert_eq!((raised[0].subject_bureau(), raised[0].division_code.as_str()), (Bureau::Health, COUNTY));
    assert!(raised[0].household.is_empty());

    town.deliver_nothing("health.death_certificate", "2026-10-28").await;
    assert!(town.open_feeds().await.is_empty());
    town.screen().await;
    assert!(town.open_feeds().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_pack_has_the_day_screened_again() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    town.screen().await;
    let mut connection = town.service.running.context.db.acquire().await.unwrap();
    sqlx::query("update monitoring.screening set pack = 'another'").execute(&mut *connection).await.unwrap();
    let again = town.service.running.reconcile_once("screening").await.unwrap();
    assert_eq!((again.did, again.caught_up), (1, true));
    let idle = town.service.running.reconcile_once("screening").await.unwrap();
    assert_eq!(idle.did, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_packs_statements_can_read_the_catalogue_and_nothing_else() {
    let town = Town::start().await;
    let mut connection = town.service.running.context.db.acquire().await.unwrap();
    sqlx::query("set role minqing_policy").execute(&mut *connection).await.unwrap();
    for readable in ["monitoring.household", "monitoring.feed", "monitoring.record_hr_insurance_payment"] {
        let statement = sqlx::AssertSqlSafe(format!("select count(*) from {readable}"));
        assert!(sqlx::query(statement).execute(&mut *connection).await.is_ok(), "{readable}");
    }
    for closed in [
        "select count(*) from monitoring.batch",
        "select facts from monitoring.warning",
        "select count(*) from monitoring.outbox",
        "delete from monitoring.household",
    ] {
        let refused = sqlx::query(closed).execute(&mut *connection).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{closed}: {refused}");
    }
    sqlx::query("reset role").execute(&mut *connection).await.unwrap();
}
