use std::collections::BTreeSet;

use minqing_proto::minqing::{
    dispatch::v1::{Verdict, WorkOrderClosed, WorkOrderVerified},
    monitoring::v1::{BackTest, BackTestPolicyRequest, IndicatorYield},
    registry::v1::HouseholdChanged,
    types::v1::BatchMode::Changes,
};
use tonic::Status;
use uuid::Uuid;

use crate::{
    packs::small,
    records::{calm, loss},
    roster::certificate,
    town::{Town, household, household_name, member, row},
    what_if::{patient, policies, reason},
};

async fn tested(town: &Town, identity: &str, request: BackTestPolicyRequest) -> Result<BackTest, Status> {
    let mut messages = policies(town, identity).back_test_policy(patient(request)).await?.into_inner();
    let mut last = 0;
    while let Some(message) = messages.message().await? {
        if let Some(result) = message.back_test {
            return Ok(result);
        }
        let progress = message.progress.unwrap();
        assert!(progress.households_done >= last && progress.households_done <= progress.households_of);
        last = progress.households_done;
    }
    panic!("no result")
}

/// Three persons of whom one turned 60 on this day, with hardly an income.
fn aging(id: u128, birth_on: &str) -> HouseholdChanged {
    let mut one =
        HouseholdChanged { declared_income_fen: 1_000, ..household(id, &[id * 100, id * 100 + 1, id * 100 + 2]) };
    one.members[0] = member(id * 100, birth_on);
    one
}

#[tokio::test(flavor = "multi_thread")]
async fn past_month_ends_are_judged_by_the_data_as_they_stand_now() {
    let town = Town::start().await;
    town.tell([aging(1, "1966-09-15"), household(2, &[200])]).await;
    let request = BackTestPolicyRequest {
        pack: Some(small().files()),
        range_from: "2026-08-01".into(),
        range_to: "2026-10-26".into(),
        ..Default::default()
    };
    let result = tested(&town, "operator/city", request).await.unwrap();
    assert_eq!((result.data_on.as_str(), result.households), ("2026-10-26", 2));
    let days: Vec<_> = result.days.iter().map(|day| day.judged_on.as_str()).collect();
    assert_eq!(days, ["2026-08-31", "2026-09-30"]);
    let hits = |day: usize, id: &str| result.days[day].indicators.iter().find(|i| i.indicator == id).unwrap().hits;
    assert_eq!((hits(0, "A02"), hits(1, "A02")), (0, 1), "60 since the middle of September");
    assert_eq!((hits(0, "A01"), hits(0, "A03")), (1, 1));

    let day = &result.days[1];
    assert_eq!((day.households_hit, day.households_hit_again), (1, 1));
    let overlaps: Vec<_> = day.overlaps.iter().map(|o| (o.first.as_str(), o.second.as_str(), o.households)).collect();
    assert_eq!(overlaps, [("A01", "A02", 1), ("A01", "A03", 1), ("A02", "A03", 1)]);
    assert_eq!((day.checks, day.visits, day.hours), (2, 1, 5));
    assert!(result.yields.is_empty(), "no verdict yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_indicator_that_cannot_tell_says_of_how_many() {
    let town = Town::start().await;
    town.tell([household(1, &[10, 11]), household(2, &[20])]).await;
    let unknown = |result: &BackTest| result.days[0].indicators.iter().find(|i| i.indicator == "A15").unwrap().unknown;
    let before = tested(&town, "operator/city", BackTestPolicyRequest::default()).await.unwrap();
    assert_eq!(unknown(&before), 2, "no bureau has told of disasters yet");
    for dataset in ["emergency.disaster_loss", "emergency.disaster_relief"] {
        town.deliver_nothing(dataset, "2026-10-25").await;
    }
    let after = tested(&town, "operator/city", BackTestPolicyRequest::default()).await.unwrap();
    assert_eq!(unknown(&after), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_cannot_be_judged_are_refused() {
    let town = Town::start().await;
    for request in [
        BackTestPolicyRequest { as_of: "2026-10-27".into(), ..Default::default() },
        BackTestPolicyRequest { as_of: "26.10.2026".into(), ..Default::default() },
        BackTestPolicyRequest { range_from: "2016-01-01".into(), ..Default::default() },
    ] {
        assert_eq!(reason(&tested(&town, "operator/city", request).await.unwrap_err()), "INVALID_DAYS");
    }
}

fn verified(household: u128, verdict: Verdict, indicators: &[&str], on: &str) -> WorkOrderVerified {
    WorkOrderVerified {
        work_order: format!("workOrders/{}", Uuid::from_u128(household)),
        household: household_name(household),
        verdict: verdict.into(),
        indicators: indicators.iter().map(|i| (*i).to_owned()).collect(),
        verified_on: on.into(),
        ..Default::default()
    }
}

fn closed(household: u128, verdict: Verdict, on: &str) -> WorkOrderClosed {
    WorkOrderClosed {
        work_order: format!("workOrders/{}", Uuid::from_u128(household)),
        household: household_name(household),
        verdict: verdict.into(),
        closed_on: on.into(),
    }
}

/// Of the indicator on disasters.
async fn yields(town: &Town, identity: &str) -> Vec<IndicatorYield> {
    let mut all = tested(town, identity, BackTestPolicyRequest::default()).await.unwrap().yields;
    all.retain(|of| of.indicator == "A15");
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_yield_of_an_indicator_is_what_field_checks_found_of_its_warnings() {
    let town = calm().await;
    town.tell((3..=5).map(|n| household(n, &[n * 10]))).await;
    let rows = (1..=5).map(|n| row(n, n * 10, &loss("2026-10-20"))).collect();
    town.deliver("emergency.disaster_loss", Changes, "2026-10-26", rows).await;
    assert_eq!(town.open().await.iter().filter(|word| word.starts_with("A15")).count(), 5);
    let today = "2026-10-26";
    let feed = |event: &WorkOrderClosed| {
        town.service.running.feed("dispatch", &event.work_order, event).unwrap();
    };
    let confirm = |event: &WorkOrderVerified| {
        town.service.running.feed("dispatch", &event.work_order, event).unwrap();
    };
    confirm(&verified(1, Verdict::VerifiedTrue, &["A15"], today));
    confirm(&verified(2, Verdict::VerifiedPartly, &["A15"], today));
    feed(&closed(1, Verdict::VerifiedTrue, today));
    feed(&closed(3, Verdict::NotTrue, today));
    feed(&closed(4, Verdict::MovedAway, today));
    feed(&closed(5, Verdict::Unspecified, today));
    town.service.running.consume_once().await.unwrap();
    let expected = [IndicatorYield {
        indicator: "A15".into(),
        checked: 4,
        found_true: 2,
        already_aided: 0,
        not_true: 1,
        not_reached: 1,
    }];
    assert_eq!(yields(&town, "operator/city").await, expected);
    assert_eq!(yields(&town, "operator/county/621202").await, expected);
    assert!(yields(&town, "operator/county/621221").await.is_empty());

    // The township went again and now finds it true.
    confirm(&verified(3, Verdict::VerifiedTrue, &["A15"], today));
    town.service.running.consume_once().await.unwrap();
    let after = yields(&town, "operator/city").await;
    assert_eq!((after[0].checked, after[0].found_true, after[0].not_true), (4, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_closed_says_nothing_of_warnings_that_have_their_verdict() {
    let town = calm().await;
    town.deliver("emergency.disaster_loss", Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    let event = closed(1, Verdict::NotTrue, "2026-10-26");
    town.service.running.feed("dispatch", &event.work_order, &event).unwrap();
    let later = closed(1, Verdict::AlreadyAided, "2026-10-28");
    town.service.running.feed("dispatch", &later.work_order, &later).unwrap();
    town.service.running.consume_once().await.unwrap();
    let after = yields(&town, "operator/city").await;
    assert_eq!((after[0].checked, after[0].not_true, after[0].already_aided), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_whose_warnings_are_found_not_true_again_and_again_is_told_to_the_owner_of_the_rule() {
    let town = Town::start().await;
    town.tell([household(1, &[10, 11, 12]), household(2, &[20])]).await;
    town.deliver_nothing("hr.insurance_payment", "2026-10-26").await;
    let rows = [10, 11, 12, 20].map(|person| row(person, person, &certificate("2025-01-01"))).into();
    town.deliver("disabled.disability_certificate", Changes, "2026-10-26", rows).await;
    let told =
        |open: &BTreeSet<String>| open.iter().filter(|word| word.starts_with("P20")).cloned().collect::<Vec<_>>();
    let open = town.open().await;
    assert_eq!(open.iter().filter(|word| word.starts_with("A03")).count(), 4, "{open:?}");
    assert!(told(&open).is_empty());
    for id in [1, 2] {
        let event = verified(id, Verdict::NotTrue, &["A03"], "2026-10-26");
        town.service.running.feed("dispatch", &event.work_order, &event).unwrap();
    }
    town.service.running.consume_once().await.unwrap();
    assert_eq!(told(&town.open().await), ["P20 h1"], "three verdicts of the one, one of the other");
}
