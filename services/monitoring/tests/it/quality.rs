//! Indicators about feeds, Q02 to Q09: each fault raises its own warning and no other, and just below it nothing.

use std::collections::BTreeSet;

use minqing_proto::minqing::{
    monitoring::v1::{
        BatchQuality, CloseBatchRequest, EmptyColumn, Feed, GetWarningRequest, ListFeedsRequest, Record, RefusedRows,
    },
    types::v1::{
        BatchMode::{self, Changes, Snapshot},
        Bureau, RowReason,
    },
};
use tonic::Code;
use uuid::Uuid;

use crate::{
    batches::monitored,
    town::{COUNTY, Town, household, row},
    what_if::patient,
};

const FEED: &str = "rural.monitored_household";

/// A batch of a feed: what an adapter found of it.
struct Sent {
    mode: BatchMode,
    as_of: String,
    good: i32,
    refused: Vec<(RowReason, i32)>,
    empty: Vec<(&'static str, i32)>,
    /// Persons compared and agreeing.
    persons: (i32, i32),
    linked: Option<i32>,
}

fn sent(as_of: &str, good: i32) -> Sent {
    Sent {
        mode: Changes,
        as_of: as_of.into(),
        good,
        refused: vec![],
        empty: vec![],
        persons: (good, good),
        linked: None,
    }
}

impl Sent {
    fn refusing(mut self, reason: RowReason, rows: i32) -> Sent {
        self.refused.push((reason, rows));
        self
    }
}

fn rows(count: i32) -> Vec<Record> {
    (0..u128::try_from(count).unwrap()).map(|n| row(1_000 + n, 1_000 + n, &monitored("2026-10-01"))).collect()
}

/// Sends it and says which warnings on the feed are open then.
async fn send(town: &Town, sent: Sent) -> BTreeSet<String> {
    let batch = town.batch(FEED, sent.mode, &sent.as_of);
    let parts = i32::from(sent.good > 0);
    if sent.good > 0 {
        town.submit(&town.part(&batch, 1, rows(sent.good))).await.unwrap();
    }
    let quality = BatchQuality {
        refused: sent.refused.iter().map(|(r, rows)| RefusedRows { reason: (*r).into(), rows: *rows }).collect(),
        empty: sent.empty.iter().map(|(f, rows)| EmptyColumn { field: (*f).into(), rows: *rows }).collect(),
        persons_compared: sent.persons.0,
        persons_agreeing: sent.persons.1,
        linked: sent.linked,
    };
    let request = CloseBatchRequest {
        request_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, batch.batch_id.as_bytes()).to_string(),
        batch: Some(batch),
        parts,
        accepted: sent.good,
        refused: sent.refused.iter().map(|r| r.1).sum(),
        quality: Some(quality),
    };
    town.client("adapter/rural").close_batch(patient(request)).await.unwrap();
    open(town).await
}

async fn open(town: &Town) -> BTreeSet<String> {
    let suffix = format!(" {FEED}@{COUNTY}");
    town.open_feeds().await.iter().filter_map(|word| word.strip_suffix(&suffix)).map(str::to_owned).collect()
}

fn only(indicator: &str) -> BTreeSet<String> {
    [indicator.to_owned()].into()
}

async fn town() -> Town {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    town
}

async fn feed(town: &Town) -> Feed {
    let request = ListFeedsRequest { page_size: 500, ..Default::default() };
    let feeds = town.client("operator/city").list_feeds(request).await.unwrap().into_inner().feeds;
    feeds.into_iter().find(|f| f.dataset == "monitored_household").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn q02_compares_a_batch_with_the_mean_of_the_three_before_it() {
    let town = town().await;
    for (day, count) in [(1, 120), (2, 120), (3, 120)] {
        assert!(send(&town, sent(&format!("2026-10-0{day}"), count)).await.is_empty(), "no three before it");
    }
    assert!(send(&town, sent("2026-10-04", 84)).await.is_empty(), "30 % fewer than 120");
    // The mean is 108 now.
    assert_eq!(send(&town, sent("2026-10-05", 75)).await, only("Q02"), "33 of 108");
    assert_eq!(feed(&town).await.quality.unwrap().rows_before, [84, 120, 120]);
    assert!(send(&town, sent("2026-10-06", 93)).await.is_empty(), "the mean of 75, 84, 120 is 93");
}

#[tokio::test(flavor = "multi_thread")]
async fn q02_leaves_small_feeds_and_the_other_mode_alone_and_late_batches_change_nothing() {
    let town = town().await;
    for day in 1..=3 {
        send(&town, sent(&format!("2026-10-0{day}"), 99)).await;
    }
    assert!(send(&town, sent("2026-10-04", 20)).await.is_empty(), "99 rows are too few to compare");
    let snapshot = Sent { mode: Snapshot, ..sent("2026-10-05", 300) };
    assert!(send(&town, snapshot).await.is_empty(), "no three snapshots before it");
    assert_eq!(send(&town, sent("2026-10-06", 250)).await, only("Q02"), "250 against 73");
    assert_eq!(send(&town, sent("2026-10-05", 73)).await, only("Q02"), "a batch of an older day is not the newest");
    assert_eq!(feed(&town).await.quality.unwrap().as_of, "2026-10-06");
}

#[tokio::test(flavor = "multi_thread")]
async fn q03_to_q06_and_q08_are_raised_by_their_reason_alone_and_cleared_by_a_clean_batch() {
    let town = town().await;
    let reasons = [
        (RowReason::IdNumberCheckDigit, "Q03"),
        (RowReason::IdNumberMalformed, "Q03"),
        (RowReason::IdNameConflict, "Q04"),
        (RowReason::NameVariant, "Q05"),
        (RowReason::DivisionUnknown, "Q06"),
        (RowReason::DateInFuture, "Q08"),
        (RowReason::AgeImplausible, "Q08"),
    ];
    for (at, (reason, indicator)) in reasons.into_iter().enumerate() {
        let day = |n: usize| format!("2026-10-{:02}", 1 + 2 * at + n);
        let raised = send(&town, sent(&day(0), 40).refusing(reason, 1)).await;
        assert_eq!(raised, only(indicator), "{reason:?}");
        assert!(send(&town, sent(&day(1), 40)).await.is_empty(), "{indicator} is cleared");
    }
    // Other reasons are no indicator's.
    let others = sent("2026-10-20", 40).refusing(RowReason::CodeUnknown, 3).refusing(RowReason::DuplicateRow, 2);
    assert!(send(&town, others.refusing(RowReason::NumericIdCell, 1)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn q07_is_raised_above_the_limit_of_the_field_and_not_at_it() {
    let town = town().await;
    let at = |as_of: &str, missing: i32| {
        let mut batch = sent(as_of, 100 - missing).refusing(RowReason::RequiredValueMissing, missing);
        batch.empty = vec![("name", missing), ("income_fen", 1)];
        batch
    };
    assert!(send(&town, at("2026-10-01", 5)).await.is_empty(), "50 of 1000 names");
    assert_eq!(send(&town, at("2026-10-02", 6)).await, only("Q07"));
    let quality = feed(&town).await.quality.unwrap();
    assert_eq!((quality.null_header.as_str(), quality.null_permille), ("户主姓名", Some(60)));
    assert_eq!(quality.null_limit_permille, Some(50));
}

#[tokio::test(flavor = "multi_thread")]
async fn q09_is_raised_below_the_agreement_the_pack_asks_for_and_unknown_without_anybody_to_compare() {
    let town = town().await;
    let at = |as_of: &str, persons| Sent { persons, ..sent(as_of, 100) };
    assert!(send(&town, at("2026-10-01", (100, 97))).await.is_empty());
    assert_eq!(send(&town, at("2026-10-02", (100, 96))).await, only("Q09"));
    assert_eq!(send(&town, at("2026-10-03", (0, 0))).await, only("Q09"), "unknown is not no: it stays");
    assert_eq!(feed(&town).await.quality.unwrap().agreement_permille, None);
    assert!(send(&town, at("2026-10-04", (100, 100))).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_which_nothing_was_told_leaves_every_quality_unknown() {
    let town = town().await;
    let raised = send(&town, sent("2026-10-01", 40).refusing(RowReason::DivisionUnknown, 1)).await;
    assert_eq!(raised, only("Q06"));
    town.deliver(FEED, Changes, "2026-10-02", rows(3)).await;
    assert_eq!(open(&town).await, only("Q06"));
    let quality = feed(&town).await.quality.unwrap();
    assert_eq!((quality.rows, quality.unknown_division_rows, quality.null_permille), (3, None, None));
    assert_eq!(quality.linked_rows, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_taken_by_a_decision_are_counted_with_their_batch_and_unknown_where_they_were_not_told() {
    let town = town().await;
    for (day, linked) in [(1, Some(2)), (2, Some(0)), (3, None)] {
        assert!(send(&town, Sent { linked, ..sent(&format!("2026-10-0{day}"), 40) }).await.is_empty());
        assert_eq!(feed(&town).await.quality.unwrap().linked_rows, linked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_batch_raises_its_warning_and_does_not_count_as_delivered() {
    let town = town().await;
    let raised = send(&town, sent("2026-10-20", 0).refusing(RowReason::DivisionUnknown, 50)).await;
    assert_eq!(raised, only("Q06"));
    let feed = feed(&town).await;
    assert_eq!((feed.as_of.as_str(), feed.fresh_until.as_str()), ("", ""));
    let quality = feed.quality.unwrap();
    assert_eq!((quality.rows, quality.refused, quality.as_of.as_str()), (50, 50, "2026-10-20"));
    assert_eq!(quality.refused_by_reason[0].reason(), RowReason::DivisionUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_on_a_feed_shows_the_counts_it_rests_on() {
    let town = town().await;
    send(&town, sent("2026-10-20", 40).refusing(RowReason::IdNumberCheckDigit, 2)).await;
    let warning = town.warnings(true).await.into_iter().find(|w| w.indicator == "Q03").unwrap();
    let mut request = tonic::Request::new(GetWarningRequest { name: warning.name });
    request.metadata_mut().insert("minqing-purpose", "audit".parse().unwrap());
    let warning = town.client("operator/city").get_warning(request).await.unwrap().into_inner().warning.unwrap();
    let value = |name: &str| warning.facts.iter().find(|f| f.name == name).map(|f| f.value.clone());
    assert_eq!(value("bad_id_rows").as_deref(), Some("2"));
    assert_eq!(value("rows_received").as_deref(), Some("42"));
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_listed_by_bureau_county_and_health() {
    let town = town().await;
    send(&town, sent("2026-10-20", 40).refusing(RowReason::IdNumberCheckDigit, 2)).await;
    let list = async |identity: &str, request: ListFeedsRequest| {
        town.client(identity).list_feeds(request).await.map(|answer| answer.into_inner().feeds)
    };
    let unhealthy = ListFeedsRequest { only_unhealthy: true, ..Default::default() };
    let feeds = list("operator/city", unhealthy.clone()).await.unwrap();
    assert_eq!(feeds.len(), 1);
    assert_eq!(
        (feeds[0].open_indicators.as_slice(), feeds[0].title.as_str()),
        (&["Q03".to_owned()][..], "防止返贫监测对象")
    );
    let of_bureau = ListFeedsRequest { bureau: Bureau::Rural.into(), ..Default::default() };
    assert!(list("operator/city", of_bureau).await.unwrap().iter().all(|f| f.bureau() == Bureau::Rural));
    let elsewhere = ListFeedsRequest { division_code: "621221000000".into(), ..unhealthy };
    assert!(list("operator/city", elsewhere.clone()).await.unwrap().is_empty());
    let refused = list("operator/county/621202", elsewhere).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let nonsense = ListFeedsRequest { division_code: "武都".into(), ..Default::default() };
    assert_eq!(list("operator/city", nonsense).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_that_do_not_add_up_are_refused() {
    let town = town().await;
    let batch = town.batch(FEED, Changes, "2026-10-20");
    let request = CloseBatchRequest {
        request_id: Uuid::from_u128(5).to_string(),
        batch: Some(batch),
        refused: 2,
        quality: Some(BatchQuality::default()),
        ..CloseBatchRequest::default()
    };
    let refused = town.client("adapter/rural").close_batch(patient(request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
