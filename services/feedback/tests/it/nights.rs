//! When both books are compared: once a day, not before an event has had its time, again after whatever broke it off.

use std::{future::Future as _, task::Poll};

use minqing_proto::minqing::feedback::v1::{DifferenceKind, DifferenceState, Feedback, ListDifferencesRequest};
use minqing_test_kit::{TestService, until};

use crate::{
    office::{Office, grant},
    two_books::TwoBooks,
};

fn missing(numbers: &[&str]) -> Vec<(String, DifferenceKind)> {
    numbers.iter().map(|no| ((*no).to_owned(), DifferenceKind::MissingAtCounterpart)).collect()
}

#[tokio::test]
async fn what_may_still_be_on_its_way_makes_no_difference() {
    let both = TwoBooks::open().await;
    both.report(1, &[grant("JY-1", 1)]).await;
    both.arrive(&["JY-1"]).await;
    both.office.at("2026-10-26T23:30:00");
    let correction = Feedback { amount_fen: 70_000, supersedes: "JY-1".to_owned(), ..grant("JY-2", 1) };
    both.report(2, &[correction, grant("JY-3", 2)]).await;
    both.office.at("2026-10-27T00:00:05");
    assert_eq!(both.compare().await, 13);
    assert!(both.open_ones().await.is_empty(), "half an hour is not too late");

    both.office.at("2026-10-28T00:00:05");
    both.compare().await;
    let mut expected = missing(&["JY-1", "JY-2", "JY-3"]);
    expected[0].1 = DifferenceKind::MissingInFeedback;
    assert_eq!(both.open_ones().await, expected, "the register still counts what was corrected a day ago");

    both.arrive(&["JY-2", "JY-3"]).await;
    both.office.at("2026-10-29T00:00:05");
    both.compare().await;
    assert!(both.open_ones().await.is_empty());
    assert_eq!(both.differences(DifferenceState::Resolved).await.len(), 3);
}

#[tokio::test]
async fn each_month_is_compared_once_a_day() {
    let both = TwoBooks::open().await;
    assert_eq!(both.page("operator/city", ListDifferencesRequest::default()).await.compared_on, "");
    let first = both.office.service.running.reconcile_once("books").await.unwrap();
    assert_eq!((first.did, first.caught_up), (1, false));
    let october = ListDifferencesRequest { month: "2026-10".to_owned(), ..ListDifferencesRequest::default() };
    assert_eq!(both.page("operator/city", october).await.compared_on, "2026-10-26");
    assert_eq!(
        both.page("operator/city", ListDifferencesRequest::default()).await.compared_on,
        "",
        "no difference in one month says nothing of the others"
    );
    assert_eq!(both.compare().await, 12);
    assert_eq!(both.page("operator/city", ListDifferencesRequest::default()).await.compared_on, "2026-10-26");
    let idle = both.office.service.running.reconcile_once("books").await.unwrap();
    assert_eq!((idle.did, idle.caught_up), (0, true));
    assert_eq!(idle.detail, "through 2026-10-26, 0 differences open");
}

#[tokio::test]
async fn a_month_with_open_differences_is_compared_until_they_are_resolved() {
    let both = TwoBooks::open().await;
    let old = |no: &str, day: &str| Feedback { handled_on: day.to_owned(), ..grant(no, 1) };
    both.report(1, &[old("JY-1", "2025-10-10"), old("JY-2", "2025-09-30")]).await;
    both.office.day("2026-10-27");
    assert_eq!(both.compare().await, 13);
    assert_eq!(both.open_ones().await, missing(&["JY-1"]), "the other lies before the months compared");

    both.office.day("2026-11-02");
    assert_eq!(both.compare().await, 14);
    assert_eq!(both.open_ones().await, missing(&["JY-1"]));
    both.arrive(&["JY-1"]).await;
    both.office.day("2026-11-03");
    assert_eq!(both.compare().await, 14);
    assert!(both.open_ones().await.is_empty());
    both.office.day("2026-11-04");
    assert_eq!(both.compare().await, 13);
}

#[tokio::test]
async fn a_comparison_broken_off_anywhere_leaves_the_right_result_to_the_next() {
    let both = TwoBooks::open().await;
    let programme = |no: &str, programme: &str| Feedback { programme: programme.to_owned(), ..grant(no, 1) };
    both.report(1, &[grant("JY-1", 1), grant("JY-2", 1), programme("JY-3", "P-JY-05")]).await;
    both.office.day("2026-10-27");
    let running = &both.office.service.running;
    for polls in 1..40 {
        let mut pass = Box::pin(running.reconcile_once("books"));
        let mut left = polls;
        // The future is dropped at whatever it was waiting for then.
        std::future::poll_fn(|cx| {
            left -= 1;
            let ended = pass.as_mut().poll(cx).is_ready();
            if ended || left == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        drop(pass);
        let stray = async || (running.context.db.changes_running() == 0).then_some(());
        until("the change under way", stray).await;
        let open = both.open_ones().await;
        assert!(open.is_empty() || open.iter().all(|o| missing(&["JY-1", "JY-2", "JY-3"]).contains(o)), "{open:?}");
        assert!(both.differences(DifferenceState::Resolved).await.is_empty());
    }
    both.compare().await;
    assert_eq!(both.open_ones().await, missing(&["JY-1", "JY-2", "JY-3"]));
    both.arrive(&["JY-1", "JY-2", "JY-3"]).await;
    both.office.day("2026-10-28");
    both.compare().await;
    assert!(both.open_ones().await.is_empty());
    assert_eq!(both.differences(DifferenceState::Resolved).await.len(), 3);
}

#[tokio::test]
async fn without_the_register_nothing_is_found_and_nothing_is_taken_for_compared() {
    let office = Office::open().await;
    let failed = office.service.running.reconcile_once("books").await.unwrap_err();
    assert_eq!(failed.kind(), minqing_kit::Kind::Unavailable);
    let registry = TestService::start(minqing_registry::service()).await.unwrap();
    let both = TwoBooks { registry, office };
    assert_eq!(both.page("operator/city", ListDifferencesRequest::default()).await.compared_on, "");
    assert!(both.differences(DifferenceState::Unspecified).await.is_empty());
}
