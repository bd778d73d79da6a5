//! Parts of many rows: written in another way than small ones, to the same end, and evaluated together.

use minqing_proto::minqing::{
    mesh::v1::{GetBacklogRequest, operations_service_client::OperationsServiceClient},
    monitoring::v1::{Record, WarningRaised},
    types::v1::BatchMode::{Changes, Snapshot},
};
use uuid::Uuid;

use crate::{
    batches::monitored,
    records::calm,
    town::{Town, household, row},
};

const MONITORED: &str = "rural.monitored_household";
/// More than a part may hold whose households are evaluated with it.
const MANY: u128 = 150;

fn rows(entered_on: &str) -> Vec<Record> {
    (0..MANY).map(|n| row(1 + n, 10 + n, &monitored(entered_on))).collect()
}

/// Key, person, division, contents, whether it has ended, of each row.
async fn stands(town: &Town) -> Vec<(Uuid, Option<Uuid>, String, String, bool)> {
    let mut admin = town.service.db.admin().await.unwrap();
    sqlx::query_as(
        "select record_key, person_key, division_code, \
                concat_ws('|', kind, entered_on, risk_state, income_fen, encode(content_hash, 'hex'), county_code, as_of, \
                          first_on, changed_on), ended_on is not null \
         from monitoring.record_rural_monitored_household order by record_key",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_part_leaves_what_small_ones_leave() {
    let mut left = Vec::new();
    for size in [40, 150] {
        let town = Town::start().await;
        let mut changes = Vec::new();
        // Made, confirmed but for some that changed, confirmed but for some left out, and back.
        let second = rows("2026-03-02").into_iter().take(30).chain(rows("2026-01-01").into_iter().skip(30)).collect();
        let third = rows("2026-01-01").into_iter().skip(60).collect();
        for (day, sent) in [(10, rows("2026-01-01")), (11, second), (12, third), (13, rows("2026-01-01"))] {
            let batch = town.batch(MONITORED, Snapshot, &format!("2026-10-{day}"));
            let (mut parts, mut changed) = (0, 0);
            for part in sent.chunks(size) {
                parts += 1;
                changed += town.submit(&town.part(&batch, parts, part.to_vec())).await.unwrap().changed;
            }
            let closed = town.close(&batch, parts, i32::try_from(sent.len()).unwrap()).await.unwrap();
            changes.push((changed, closed.changed, closed.ended));
            town.work_off().await;
        }
        assert_eq!(changes, [(150, 150, 0), (30, 30, 0), (0, 0, 60), (60, 60, 0)]);
        left.push(stands(&town).await);
    }
    assert_eq!(left[0].len(), 150);
    assert_eq!(left[0], left[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn households_of_large_parts_are_evaluated_together_soon_after() {
    let town = calm().await;
    town.tell((2..=151).map(|n| household(n, &[n + 1_000]))).await;
    town.work_off().await;
    town.deliver_nothing(MONITORED, "2026-10-25").await;
    let before = town.open().await;
    let batch = town.batch(MONITORED, Changes, "2026-10-26");
    let part = |first: u128| (first..first + 75).map(|n| row(n, n + 1_000, &monitored("2026-01-01")));
    let others = |first: u128| (first..first + 75).map(|n| row(n + 10_000, n + 10_000, &monitored("2026-01-01")));
    for (number, first) in [(1, 2), (2, 77)] {
        let records = part(first).chain(others(first)).collect();
        let done = town.submit(&town.part(&batch, number, records)).await.unwrap();
        assert_eq!((done.changed, done.warnings_raised), (150, 0));
    }
    town.close(&batch, 2, 300).await.unwrap();
    assert_eq!(town.open().await, before, "they are only due");
    let mut operations = OperationsServiceClient::new(town.service.as_caller("operator/admin").unwrap());
    let backlog = operations.get_backlog(GetBacklogRequest {}).await.unwrap().into_inner();
    assert!(backlog.reconcilers.iter().any(|r| r.name == "records" && !r.caught_up), "who waits for quiet is told");

    let pass = town.service.running.reconcile_once("records").await.unwrap();
    assert_eq!(pass.did, 150, "once for both parts");
    let open = town.open().await;
    assert!((2..=151).all(|n| open.contains(&format!("A25 h{n}"))), "{open:?}");
    let raised = town.events::<WarningRaised>().await;
    let mut of_records = raised.iter().filter(|w| w.indicator == "A25");
    assert!(of_records.all(|w| !w.record_accepted_time.is_empty()), "records raised them, not time");
    assert!(town.service.running.reconcile_once("records").await.unwrap().caught_up);
}

/// Rows of the roster's households that were read without an index so far; sessions tell it when they end.
async fn scanned(town: &Town) -> i64 {
    let mut admin = town.service.db.admin().await.unwrap();
    let end = "select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity where pid <> pg_backend_pid() \
               and datname = current_database() and application_name <> ''";
    sqlx::query(end).execute(&mut admin).await.unwrap();
    let read = "select seq_tup_read from pg_stat_user_tables where schemaname = 'monitoring' and relname = 'household'";
    sqlx::query_scalar(read).fetch_one(&mut admin).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluating_some_households_does_not_read_the_whole_register() {
    let town = calm().await;
    let others = "insert into monitoring.household (household_id, division_code, county_code, area_kind, \
          declared_income_fen, financial_assets_fen, house_count, sequence, first_seen_on) \
        select gen_random_uuid(), '621202103201', '621202000000', 'rural', 0, 0, 1, 1, '2026-10-26' \
        from generate_series(1, 100000); analyze monitoring.household";
    let mut admin = town.service.db.admin().await.unwrap();
    sqlx::raw_sql(others).execute(&mut admin).await.unwrap();
    town.tell((2..=151).map(|n| household(n, &[n + 1_000]))).await;
    let before = scanned(&town).await;

    assert_eq!(town.service.running.reconcile_once("records").await.unwrap().did, 150);

    assert_eq!(scanned(&town).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_part_that_meets_a_row_just_made_begins_anew() {
    let town = calm().await;
    town.deliver_nothing(MONITORED, "2026-10-20").await;
    let mut other = town.service.db.admin().await.unwrap();
    sqlx::raw_sql(
        "begin; insert into monitoring.record_rural_monitored_household (record_key, person_key, division_code, \
           county_code, as_of, content_hash, batch_id, first_on, changed_on) \
         values ('00000000-0000-0000-0000-000000000005', '00000000-0000-0000-0000-00000000000e', '621202103201', \
           '621202000000', '2026-10-21', '', gen_random_uuid(), '2026-10-21', '2026-10-21')",
    )
    .execute(&mut other)
    .await
    .unwrap();
    let batch = town.batch(MONITORED, Changes, "2026-10-26");
    let part = town.part(&batch, 1, rows("2026-01-01"));
    let (done, ()) = tokio::join!(town.submit(&part), async {
        town.service.db.somebody_waits().await.unwrap();
        sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    });
    assert_eq!(done.unwrap().changed, 150);
    let kept = "select count(*) from monitoring.record_before where before is not null";
    let mut admin = town.service.db.admin().await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(kept).fetch_one(&mut admin).await.unwrap(), 1, "what stood before is kept");
    assert_eq!(stands(&town).await.len(), 150);
}
