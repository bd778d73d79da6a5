//! The daily pass: late, county, city.

use minqing_proto::minqing::dispatch::v1::{Verdict, WorkOrderEscalated};

use crate::desk::{Desk, TOWNSHIP, warning};

#[tokio::test]
async fn what_is_not_checked_in_time_goes_to_the_county_and_then_to_the_city() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0)]).await;
    // Two working days from Monday: Wednesday. The county has it one working day later, the city after three.
    let stands = async |day: &str| {
        desk.day(day).await;
        let order = desk.order().await;
        (order.late, order.escalation)
    };
    assert_eq!(stands("2026-10-28").await, (false, 0));
    assert_eq!(stands("2026-10-29").await, (true, 1));
    assert_eq!(stands("2026-11-01").await, (true, 1), "a weekend is no working day");
    assert_eq!(stands("2026-11-02").await, (true, 2));
    assert_eq!(stands("2026-11-30").await, (true, 2));
    let told: Vec<_> = desk.told::<WorkOrderEscalated>("WorkOrderEscalated").await;
    let told: Vec<_> = told.iter().map(|e| (e.escalation, e.escalated_on.as_str())).collect();
    assert_eq!(told, [(1, "2026-10-29"), (2, "2026-11-02")]);
}

#[tokio::test]
async fn days_that_nobody_ran_are_made_up_for_in_order() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0)]).await;
    desk.day("2026-11-20").await;
    let told: Vec<_> = desk.told::<WorkOrderEscalated>("WorkOrderEscalated").await;
    let told: Vec<_> = told.iter().map(|e| (e.escalation, e.escalated_on.as_str())).collect();
    assert_eq!(told, [(1, "2026-10-29"), (2, "2026-11-02")]);
    let again = desk.service.running.reconcile_once("deadlines").await.unwrap();
    assert_eq!((again.did, again.caught_up), (0, true));
    assert_eq!(desk.events("WorkOrderEscalated").await.len(), 2);
}

#[tokio::test]
async fn a_verdict_given_before_the_pass_is_as_late_as_one_given_after_it() {
    for pass_first in [true, false] {
        let desk = Desk::open().await;
        desk.raise(&[warning(1, "A15", 1, 0)]).await;
        desk.day("2026-10-28").await;
        desk.service.clock.advance_days(1);
        let report = desk.report(1, &desk.order().await, Verdict::VerifiedTrue);
        if pass_first {
            desk.day("2026-10-29").await;
        }
        desk.record(TOWNSHIP, report).await.unwrap();
        desk.day("2026-10-29").await;
        let order = desk.order().await;
        assert_eq!((order.late, order.escalation), (true, 1));
    }
}

#[tokio::test]
async fn a_checked_work_order_is_late_when_its_chain_is() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A20", 1, 0)]).await;
    desk.record(TOWNSHIP, desk.report(1, &desk.order().await, Verdict::VerifiedTrue)).await.unwrap();
    desk.day("2026-11-16").await;
    assert!(!desk.order().await.late, "the fifteenth working day is in time");
    desk.day("2026-11-17").await;
    assert!(desk.order().await.late);
    desk.day("2026-12-01").await;
    assert_eq!(desk.order().await.escalation, 2, "more than ten working days late is supervised");
}

#[tokio::test]
async fn the_pass_is_behind_until_it_has_seen_the_day() {
    let desk = Desk::open().await;
    desk.day("2026-10-26").await;
    desk.raise(&(1..=450).map(|n| warning(n, "A15", n, 0)).collect::<Vec<_>>()).await;
    desk.service.clock.advance_days(5);
    let pass = desk.service.running.reconcile_once("deadlines").await.unwrap();
    assert_eq!((pass.did, pass.caught_up), (450, true));
    assert_eq!(desk.events("WorkOrderEscalated").await.len(), 450);
}
