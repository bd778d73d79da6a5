//! A field check found a warning not true: it stays as it is until its facts change, until it is more urgent, or until the
//! quiet days are over. Then another takes its place, and dispatch is told that something is new.

use minqing_proto::minqing::{
    bureau::disabled::v1::DisabilityCertificate,
    dispatch::v1::WarningQuieted,
    monitoring::v1::{ClearReason, WarningCleared, WarningRaised},
    types::v1::{BatchMode::Changes, WarningLevel},
};

use crate::{
    deeds::{hear, next_day, open, tell},
    records::{calm, loss},
    roster::certificate,
    town::{Town, household, row},
};

/// Dispatch tells that a check of today found the warning not true.
async fn quieted(town: &Town, warning: &WarningRaised, until: &str) {
    let event = WarningQuieted {
        warning: warning.warning.clone(),
        household: warning.household.clone(),
        indicator: warning.indicator.clone(),
        checked_on: town.today().to_string(),
        quiet_until: until.into(),
    };
    tell(town, "dispatch", "workOrders/00000000-0000-0000-0000-000000000001", &event);
    hear(town).await;
}

async fn raised(town: &Town, indicator: &str) -> Vec<WarningRaised> {
    town.events::<WarningRaised>().await.into_iter().filter(|w| w.indicator == indicator).collect()
}

async fn struck(town: &Town, key: u128, ended_on: &str) {
    let as_of = town.today().to_string();
    town.deliver("emergency.disaster_loss", Changes, &as_of, vec![row(key, 10, &loss(ended_on))]).await;
}

/// Days of the checks since which each warning of A15 says that something is new.
async fn news(town: &Town) -> Vec<String> {
    raised(town, "A15").await.into_iter().map(|w| w.changed_since).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_found_not_true_stands_until_what_it_rests_on_changes() {
    let town = calm().await;
    struck(&town, 1, "2026-10-20").await;
    let first = raised(&town, "A15").await.remove(0);
    assert_eq!(first.changed_since, "", "nobody has checked anything");
    quieted(&town, &first, "2026-11-25").await;
    next_day(&town, "2026-10-28").await;
    struck(&town, 1, "2026-10-20").await;
    // An older loss than the one looked at.
    struck(&town, 2, "2026-10-10").await;
    assert_eq!(news(&town).await, [""], "the facts stand");

    struck(&town, 3, "2026-10-25").await;
    let all = raised(&town, "A15").await;
    assert_eq!(all.iter().map(|w| w.changed_since.as_str()).collect::<Vec<_>>(), ["", "2026-10-26"]);
    let cleared = town.events::<WarningCleared>().await;
    let said: Vec<_> = cleared.iter().map(|c| (c.warning.as_str(), c.reason(), c.cleared_on.as_str())).collect();
    assert_eq!(said, [(first.warning.as_str(), ClearReason::Superseded, "2026-10-28")]);
    let standing: Vec<_> = town.warnings(true).await.into_iter().filter(|w| w.indicator == "A15").collect();
    assert_eq!(standing.iter().map(|w| &w.name).collect::<Vec<_>>(), [&all[1].warning]);
    let shown = town.warnings(false).await.into_iter().find(|w| w.name == first.warning).unwrap();
    assert_eq!(shown.clear_reason(), ClearReason::Superseded);

    struck(&town, 4, "2026-10-26").await;
    next_day(&town, "2026-10-29").await;
    assert_eq!(news(&town).await.len(), 2, "nobody has checked the second one yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_come_and_go_are_nothing_new() {
    let town = calm().await;
    struck(&town, 1, "2026-10-20").await;
    quieted(&town, &raised(&town, "A15").await[0], "2026-11-25").await;
    next_day(&town, "2026-10-27").await;
    let harmless =
        minqing_proto::minqing::bureau::emergency::v1::DisasterLoss { crop_loss_percent: 0, ..loss("2026-10-20") };
    town.deliver("emergency.disaster_loss", Changes, "2026-10-27", vec![row(1, 10, &harmless)]).await;
    assert!(open(&town, &["A15"]).await.is_empty());
    next_day(&town, "2026-10-28").await;
    struck(&town, 1, "2026-10-20").await;
    assert_eq!(news(&town).await, ["", ""], "the same loss as before: dispatch keeps it quiet");

    // The second one is open, and quiet; a new loss comes to light all the same.
    struck(&town, 2, "2026-10-27").await;
    assert_eq!(news(&town).await, ["", "", "2026-10-26"]);
    assert_eq!(open(&town, &["A15"]).await, ["A15 h1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_up_again_when_the_quiet_days_are_over() {
    let town = calm().await;
    struck(&town, 1, "2026-10-20").await;
    quieted(&town, &raised(&town, "A15").await[0], "2026-10-28").await;
    next_day(&town, "2026-10-28").await;
    assert_eq!(news(&town).await, [""], "the last quiet day");
    next_day(&town, "2026-10-29").await;
    assert_eq!(news(&town).await, ["", "2026-10-26"]);
    town.screen().await;
    next_day(&town, "2026-10-30").await;
    assert_eq!(news(&town).await.len(), 2, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_up_again_when_it_is_more_urgent_even_on_the_day_of_the_check() {
    let town = Town::start().await;
    town.tell([household(1, &[10, 11])]).await;
    let mild = DisabilityCertificate { grade: 4, ..certificate("2025-01-01") };
    let rows = vec![row(1, 10, &mild), row(2, 11, &mild)];
    town.deliver("disabled.disability_certificate", Changes, "2026-10-26", rows).await;
    let first = raised(&town, "A01").await.remove(0);
    assert_eq!(first.level(), WarningLevel::Yellow);
    quieted(&town, &first, "2027-04-24").await;
    let worse = DisabilityCertificate { grade: 2, ..mild };
    town.deliver("disabled.disability_certificate", Changes, "2026-10-26", vec![row(2, 11, &worse)]).await;
    let all = raised(&town, "A01").await;
    let said: Vec<_> = all.iter().map(|w| (w.level(), w.changed_since.as_str())).collect();
    assert_eq!(said, [(WarningLevel::Yellow, ""), (WarningLevel::Orange, "2026-10-26")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_unknown_changes_nothing_and_neither_does_its_coming_back() {
    let town = Town::start().await;
    town.tell([household(1, &[10, 11])]).await;
    let rows = || vec![row(1, 10, &certificate("2025-01-01")), row(2, 11, &certificate("2025-01-01"))];
    town.deliver("disabled.disability_certificate", Changes, "2026-10-26", rows()).await;
    quieted(&town, &raised(&town, "A01").await[0], "2027-12-31").await;
    next_day(&town, "2026-12-29").await;
    let feeds = town.warnings(true).await;
    assert!(feeds.iter().any(|w| w.subject.starts_with("disabled.disability_certificate")), "the feed is stale");
    town.deliver("disabled.disability_certificate", Changes, "2026-12-29", rows()).await;
    next_day(&town, "2026-12-30").await;
    let all = raised(&town, "A01").await;
    assert_eq!(all.iter().map(|w| w.changed_since.as_str()).collect::<Vec<_>>(), [""]);
    assert_eq!(open(&town, &["A01"]).await, ["A01 h1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_one_days_data_and_verdict_does_not_matter_and_a_repeat_says_nothing_new() {
    for check_first in [true, false] {
        let town = calm().await;
        struck(&town, 1, "2026-10-20").await;
        let first = raised(&town, "A15").await.remove(0);
        next_day(&town, "2026-10-27").await;
        if !check_first {
            struck(&town, 2, "2026-10-26").await;
        }
        quieted(&town, &first, "2026-11-26").await;
        if check_first {
            struck(&town, 2, "2026-10-26").await;
        }
        quieted(&town, &first, "2026-11-26").await;
        next_day(&town, "2026-10-28").await;
        assert_eq!(news(&town).await, [""], "seen on the day of the check, first {check_first}");
        struck(&town, 3, "2026-10-27").await;
        assert_eq!(news(&town).await, ["", "2026-10-27"], "first {check_first}");
        assert_eq!(open(&town, &["A15"]).await, ["A15 h1"]);
    }
}
