use minqing_proto::minqing::{
    bureau::rural::v1::MonitoredHousehold,
    types::v1::BatchMode::{Changes, Snapshot},
};
use sqlx::Connection as _;
use tonic::Code;
use uuid::Uuid;

use crate::{
    records::{calm, loss},
    town::{Town, household, row},
};

pub fn monitored(entered_on: &str) -> MonitoredHousehold {
    MonitoredHousehold {
        kind: "sudden".into(),
        entered_on: entered_on.into(),
        risk_state: "open".into(),
        income_fen: 300_000,
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_unknown_is_evaluated_when_the_first_batch_ends() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    let batch = town.batch("rural.monitored_household", Snapshot, "2026-10-26");
    let taken = town.submit(&town.part(&batch, 1, vec![row(1, 10, &monitored("2026-01-01"))])).await.unwrap();
    assert_eq!((taken.changed, taken.warnings_raised), (1, 0));
    assert!(town.open().await.is_empty());
    town.close(&batch, 1, 1).await.unwrap();
    town.work_off().await;
    assert_eq!(town.open().await, ["A25 h1".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_a_snapshot_leaves_out_have_ended_and_their_warnings_clear() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20])]).await;
    let both = vec![row(1, 10, &monitored("2026-01-01")), row(2, 20, &monitored("2026-01-01"))];
    town.deliver("rural.monitored_household", Snapshot, "2026-10-20", both.clone()).await;
    assert_eq!(town.open().await, ["A25 h1".to_owned(), "A25 h2".to_owned()].into());

    let (_, closed) = town.deliver("rural.monitored_household", Snapshot, "2026-10-26", both[..1].to_vec()).await;
    assert_eq!((closed.changed, closed.ended), (0, 1));
    // A32: so poor and no longer monitored.
    let without = ["A25 h1".to_owned(), "A32 h2".to_owned()].into();
    assert_eq!(town.open().await, without);

    // A snapshot of a day between, come late, says nothing about today.
    let (late, closed) = town.deliver("rural.monitored_household", Snapshot, "2026-10-24", both.clone()).await;
    assert_eq!((late.accepted, late.changed, closed.ended), (2, 0, 0));
    assert_eq!(town.open().await, without);

    let (back, _) = town.deliver("rural.monitored_household", Changes, "2026-10-26", both[1..].to_vec()).await;
    assert_eq!((back.changed, back.warnings_raised), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_parts_missing_is_not_closed_and_ends_nothing() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20])]).await;
    let both = vec![row(1, 10, &monitored("2026-01-01")), row(2, 20, &monitored("2026-01-01"))];
    town.deliver("rural.monitored_household", Snapshot, "2026-10-20", both.clone()).await;

    let batch = town.batch("rural.monitored_household", Snapshot, "2026-10-26");
    town.submit(&town.part(&batch, 1, both[..1].to_vec())).await.unwrap();
    assert_eq!(town.close(&batch, 2, 2).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(town.open().await.len(), 2);
    town.submit(&town.part(&batch, 2, both[1..].to_vec())).await.unwrap();
    let closed = town.close(&batch, 2, 2).await.unwrap();
    assert_eq!((closed.changed, closed.ended), (0, 0));

    let mut other = town.part(&batch, 3, Vec::new());
    other.batch.as_mut().unwrap().as_of = "2026-10-25".into();
    assert_eq!(town.submit(&other).await.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_waits_for_a_household_holds_up_no_other_part_of_its_batch() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20])]).await;
    let batch = town.batch("rural.monitored_household", Changes, "2026-10-26");
    let part = |no: i32, n: u128| town.part(&batch, no, vec![row(n, n * 10, &monitored("2026-01-01"))]);
    town.submit(&part(1, 3)).await.unwrap();
    let mut holder = town.service.db.admin().await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::query("select from monitoring.household where household_id = $1 for update")
        .bind(Uuid::from_u128(1))
        .execute(&mut *held)
        .await
        .unwrap();

    let first = part(2, 1);
    let beside = async {
        town.service.db.somebody_waits().await.unwrap();
        assert_eq!(town.submit(&part(3, 2)).await.unwrap().changed, 1);
        held.rollback().await.unwrap();
    };
    let (waited, ()) = tokio::join!(town.submit(&first), beside);

    assert_eq!(waited.unwrap().changed, 1);
    assert_eq!(town.close(&batch, 3, 3).await.unwrap().changed, 3);
    town.work_off().await;
    assert_eq!(town.open().await, ["A25 h1".to_owned(), "A25 h2".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_data_leave_a_warning_open_until_the_bureau_speaks_again() {
    let town = calm().await;
    town.deliver("emergency.disaster_loss", Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());

    // After 62 days the disaster is long past, but nobody has said so: the feed is stale, the fact unknown.
    town.service.clock.advance_days(62);
    town.screen().await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());
    let today = town.today().to_string();
    town.deliver_nothing("emergency.disaster_loss", &today).await;
    assert!(town.open().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_data_let_time_clear_a_warning() {
    let town = calm().await;
    town.deliver("emergency.disaster_loss", Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    town.service.clock.advance_days(24);
    town.screen().await;
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());
    town.service.clock.advance_days(1);
    town.screen().await;
    assert!(town.open().await.is_empty());
}
