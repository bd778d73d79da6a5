use minqing_proto::minqing::{
    bureau::disabled::v1::DisabilityCertificate,
    dispatch::v1::{ReferralIssued, ReferralSettled},
    feedback::v1::ReferralSigned,
    monitoring::v1::WarningRaised,
    registry::v1::HouseholdChanged,
    types::v1::{BatchMode::Changes, Bureau, FeedbackDecision},
};
use uuid::Uuid;

use crate::town::{Town, VILLAGE, household, household_name, row, with_car};

pub fn certificate(issued_on: &str) -> DisabilityCertificate {
    DisabilityCertificate {
        certificate_suffix: "11".into(),
        category: "physical".into(),
        grade: 1,
        issued_on: issued_on.into(),
        valid_to: "2030-01-01".into(),
        state: "valid".into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roster_alone_raises_and_clears_what_the_register_knows() {
    let town = Town::start().await;
    let mut aided = with_car(1, &[10]);
    town.tell([aided.clone(), household(2, &[20])]).await;
    assert_eq!(town.open().await, ["C11 h1".to_owned()].into());
    let raised = town.events::<WarningRaised>().await;
    assert!(raised.iter().all(|w| w.record_accepted_time.is_empty()));

    aided.vehicles.clear();
    town.tell([aided]).await;
    assert!(town.open().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn households_of_a_collection_are_evaluated_together_soon_after() {
    let town = Town::start().await;
    let aided = |n: u128| with_car(n, &[n + 1_000]);
    town.tell((1..=150).map(aided)).await;
    assert!(town.open().await.is_empty(), "they are only due");

    let pass = town.service.running.reconcile_once("records").await.unwrap();
    assert_eq!(pass.did, 150);
    assert_eq!(town.open().await, (1..=150).map(|n| format!("C11 h{n}")).collect());
    let raised = town.events::<WarningRaised>().await;
    assert!(raised.iter().all(|w| w.record_accepted_time.is_empty()), "no record raised them");

    let without_car = (1..=150).map(|n| HouseholdChanged { vehicles: Vec::new(), ..aided(n) });
    town.tell(without_car).await;
    town.work_off().await;
    assert!(town.open().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_moves_takes_the_warning_along() {
    let town = Town::start().await;
    town.tell([household(1, &[10, 11]), household(2, &[20])]).await;
    town.deliver_nothing("hr.insurance_payment", "2026-10-26").await;
    let rows = vec![row(1, 11, &certificate("2025-01-01"))];
    town.deliver("disabled.disability_certificate", Changes, "2026-10-26", rows).await;
    assert_eq!(town.open().await, ["A03 h1 p11".to_owned()].into());

    // Joining is told before leaving, and leaving by what is left out.
    town.tell([household(2, &[20, 11])]).await;
    assert_eq!(town.open().await, ["A03 h2 p11".to_owned()].into());
    town.tell([household(1, &[10])]).await;
    assert_eq!(town.open().await, ["A03 h2 p11".to_owned()].into());
    town.tell([household(2, &[20])]).await;
    assert!(town.open().await.is_empty(), "who is in no household has no warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_over_time_raises_a_warning_until_it_is_settled() {
    let town = Town::start().await;
    town.tell([household(1, &[10])]).await;
    let referral = format!("referrals/{}", Uuid::from_u128(77));
    let issued = ReferralIssued {
        referral: referral.clone(),
        household: household_name(1),
        bureau: Bureau::Emergency.into(),
        programme: "P-ZH-01".into(),
        division_code: VILLAGE.into(),
        issued_on: "2026-10-20".into(),
        due_on: "2026-10-27".into(),
        ..Default::default()
    };
    town.service.running.feed("dispatch", "workOrders/x", &issued).unwrap();
    // The bureau has signed for it, so that nothing but its last day is at stake.
    let signed =
        ReferralSigned { referral: referral.clone(), bureau: Bureau::Emergency.into(), signed_on: "2026-10-21".into() };
    town.service.running.feed("feedback", &referral, &signed).unwrap();
    town.service.running.consume_once().await.unwrap();
    town.screen().await;
    assert!(town.open().await.is_empty());
    town.service.clock.advance_days(1);
    town.screen().await;
    assert!(town.open().await.is_empty(), "the due day itself is in time");
    town.service.clock.advance_days(1);
    town.screen().await;
    assert_eq!(town.open().await, ["P02 h1".to_owned()].into());

    let settled = ReferralSettled {
        referral,
        household: household_name(1),
        bureau: Bureau::Emergency.into(),
        decision: FeedbackDecision::Granted.into(),
        settled_on: "2026-10-28".into(),
        ..Default::default()
    };
    town.service.running.feed("dispatch", "workOrders/x", &settled).unwrap();
    town.service.running.consume_once().await.unwrap();
    assert!(town.open().await.is_empty());
}
