//! What the mesh itself did is a source of rules: visits, work orders, bureaus' records and receipts.

use minqing_proto::minqing::{
    dispatch::v1::{
        ReferralIssued, ReferralSettled, Verdict, VisitDetails, VisitGroup, VisitRecorded, WorkOrderOpened,
        WorkOrderVerified,
    },
    feedback::v1::{Feedback, FeedbackRecorded, ReferralSigned},
    registry::v1::RosterClass,
    types::v1::{AssistanceClass, Bureau, FeedbackDecision, WarningLevel},
};
use prost::Message;
use prost_reflect::ReflectMessage;
use rand::{SeedableRng, seq::SliceRandom};
use uuid::Uuid;

use crate::town::{Town, household, household_name, minimum_living};

fn name(collection: &str, n: u128) -> String {
    format!("{collection}/{}", Uuid::from_u128(n))
}

pub fn tell<M: Message + ReflectMessage>(town: &Town, producer: &str, aggregate: &str, event: &M) {
    town.service.running.feed(producer, aggregate, event).unwrap();
}

pub async fn hear(town: &Town) {
    town.service.running.consume_once().await.unwrap();
}

/// Open warnings of some indicators.
pub async fn open(town: &Town, wanted: &[&str]) -> Vec<String> {
    let all = town.open().await.into_iter();
    all.filter(|word| wanted.iter().any(|indicator| word.starts_with(indicator))).collect()
}

pub async fn next_day(town: &Town, day: &str) {
    town.service.clock.set(format!("{day}T09:00:00+08:00").parse().unwrap());
    town.screen().await;
}

pub fn visit(n: u128, home: u128, on: &str, minutes: Option<i32>) -> VisitRecorded {
    VisitRecorded {
        visit: name("visits", n),
        household: household_name(home),
        visited_on: on.into(),
        met: true,
        photo: true,
        details: Some(VisitDetails { minutes, ..Default::default() }),
        verdict: Verdict::VerifiedTrue.into(),
    }
}

pub fn visited(town: &Town, visit: &VisitRecorded) {
    tell(town, "dispatch", &visit.visit, visit);
}

pub fn issued(n: u128, home: u128, on: &str) -> ReferralIssued {
    ReferralIssued {
        referral: name("referrals", n),
        work_order: name("workOrders", n),
        household: household_name(home),
        bureau: Bureau::Hr.into(),
        programme: "P-RS-01".into(),
        issued_on: on.into(),
        due_on: "2026-11-30".into(),
        ..Default::default()
    }
}

pub fn signed(n: u128) -> ReferralSigned {
    ReferralSigned { referral: name("referrals", n), bureau: Bureau::Hr.into(), signed_on: "2026-10-26".into() }
}

pub fn record(n: u128, home: u128, decision: FeedbackDecision) -> Feedback {
    Feedback {
        name: name("feedback", n),
        record_no: format!("R{n}"),
        bureau: Bureau::Hr.into(),
        household: household_name(home),
        programme: "P-RS-01".into(),
        decision: decision.into(),
        reason_code: "INCOME_OVER_LINE".into(),
        amount_fen: 10_000,
        handled_on: "2026-09-24".into(),
        paid_on: "2026-09-24".into(),
        evidence_digest: "0".repeat(64),
        ..Default::default()
    }
}

pub fn recorded(town: &Town, feedback: &Feedback) {
    tell(town, "feedback", &feedback.name, &FeedbackRecorded { feedback: Some(feedback.clone()) });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hasty_check_is_suspicious_and_one_of_which_no_minutes_were_told_is_unknown() {
    let town = Town::start().await;
    town.tell((1..=5).map(|n| household(n, &[n * 10]))).await;
    visited(&town, &visit(1, 1, "2026-10-26", Some(2)));
    visited(&town, &visit(2, 2, "2026-10-26", Some(3)));
    visited(&town, &visit(3, 3, "2026-10-26", None));
    visited(&town, &VisitRecorded { photo: false, ..visit(4, 4, "2026-10-26", None) });
    // Not behind a verdict: short visits are nobody's fault.
    visited(&town, &VisitRecorded { verdict: 0, ..visit(5, 5, "2026-10-26", Some(1)) });
    hear(&town).await;
    assert_eq!(open(&town, &["P15"]).await, ["P15 h1", "P15 h4"]);
    visited(&town, &visit(1, 1, "2026-10-26", Some(20)));
    hear(&town).await;
    assert_eq!(open(&town, &["P15"]).await, ["P15 h1", "P15 h4"], "the same visit again changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_ticked_on_a_visit_brings_the_household_up_for_thirty_days() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20])]).await;
    let ticked = VisitDetails { group_ticked: VisitGroup::Shock.into(), ..Default::default() };
    visited(&town, &VisitRecorded { details: Some(ticked), verdict: 0, ..visit(1, 1, "2026-09-26", None) });
    visited(&town, &VisitRecorded { details: Some(ticked), verdict: 0, ..visit(2, 2, "2026-09-25", None) });
    hear(&town).await;
    assert_eq!(open(&town, &["A27"]).await, ["A27 h1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_due_from_the_day_a_household_came_into_the_roster() {
    let town = Town::start().await;
    let destitute = RosterClass { assistance_class: AssistanceClass::Destitute.into(), ..minimum_living() };
    for home in 1..=3 {
        let mut poor = household(home, &[home * 10]);
        poor.classes.push(destitute.clone());
        town.tell([poor]).await;
    }
    town.deliver_nothing("rural.monitored_household", "2026-10-26").await;
    assert!(open(&town, &["P18"]).await.is_empty(), "nobody was visited before, and nobody is told of it on day one");
    next_day(&town, "2026-11-26").await;
    assert!(open(&town, &["P18"]).await.is_empty(), "31 days");
    visited(&town, &visit(1, 1, "2026-11-26", Some(20)));
    visited(&town, &VisitRecorded { met: false, ..visit(2, 2, "2026-11-26", Some(20)) });
    hear(&town).await;
    next_day(&town, "2026-11-27").await;
    assert_eq!(
        open(&town, &["P18"]).await,
        ["P18 h2", "P18 h3"],
        "nobody was met in the second, nobody came to the third"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_nobody_signed_for_is_told_whichever_log_is_heard_first() {
    let town = Town::start().await;
    town.tell((1..=4).map(|n| household(n, &[n * 10]))).await;
    tell(&town, "feedback", &signed(1).referral, &signed(1));
    hear(&town).await;
    for n in 1..=3 {
        tell(&town, "dispatch", &issued(n, n, "2026-10-21").referral, &issued(n, n, "2026-10-21"));
    }
    tell(&town, "dispatch", &issued(4, 4, "2026-10-22").referral, &issued(4, 4, "2026-10-22"));
    hear(&town).await;
    assert_eq!(open(&town, &["P01"]).await, ["P01 h2", "P01 h3"], "one was signed for before, one is not old enough");
    tell(&town, "feedback", &signed(2).referral, &signed(2));
    let settled = ReferralSettled {
        referral: name("referrals", 3),
        household: household_name(3),
        decision: FeedbackDecision::Granted.into(),
        settled_on: "2026-10-26".into(),
        ..Default::default()
    };
    tell(&town, "dispatch", &settled.referral, &settled);
    hear(&town).await;
    assert!(open(&town, &["P01"]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_not_paid_and_a_refusal_without_papers_are_told_until_they_are_mended() {
    let town = Town::start().await;
    town.tell((1..=4).map(|n| household(n, &[n * 10]))).await;
    let unpaid = Feedback { paid_on: String::new(), ..record(1, 1, FeedbackDecision::Granted) };
    let bare = Feedback { evidence_digest: String::new(), ..record(2, 2, FeedbackDecision::Refused) };
    recorded(&town, &unpaid);
    recorded(&town, &bare);
    // Thirty-one days are within the cycle; with papers a refusal is in order.
    recorded(
        &town,
        &Feedback {
            handled_on: "2026-09-25".into(),
            ..Feedback {
                record_no: "R3".into(),
                name: name("feedback", 3),
                household: household_name(3),
                ..unpaid.clone()
            }
        },
    );
    recorded(&town, &record(4, 4, FeedbackDecision::Refused));
    hear(&town).await;
    assert_eq!(open(&town, &["P03", "P04"]).await, ["P03 h2", "P04 h1"]);
    recorded(&town, &Feedback { supersedes: "R1".into(), ..record(5, 1, FeedbackDecision::Granted) });
    recorded(&town, &Feedback { supersedes: "R2".into(), ..record(6, 2, FeedbackDecision::Refused) });
    hear(&town).await;
    assert!(open(&town, &["P03", "P04"]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_red_warning_found_true_waits_for_temporary_aid() {
    let town = Town::start().await;
    town.tell([household(1, &[10]), household(2, &[20]), household(3, &[30])]).await;
    town.deliver_nothing("outside.civil_temporary_aid", "2026-10-26").await;
    let opened = |n: u128, level: WarningLevel| WorkOrderOpened {
        work_order: name("workOrders", n),
        household: household_name(n),
        level: level.into(),
        opened_on: "2026-10-24".into(),
        ..Default::default()
    };
    let verified = |n: u128, level: WarningLevel| WorkOrderVerified {
        work_order: name("workOrders", n),
        household: household_name(n),
        verdict: Verdict::VerifiedPartly.into(),
        verified_on: "2026-10-26".into(),
        level: level.into(),
        ..Default::default()
    };
    for n in 1..=3 {
        let event = opened(n, WarningLevel::Orange);
        tell(&town, "dispatch", &event.work_order, &event);
    }
    // The second was still orange when it was found true; of the third nothing was found yet.
    for event in [verified(1, WarningLevel::Red), verified(2, WarningLevel::Orange)] {
        tell(&town, "dispatch", &event.work_order, &event);
    }
    hear(&town).await;
    assert_eq!(open(&town, &["B28"]).await, ["B28 h1"]);
}

enum Told {
    Dispatch(String, VisitRecorded),
    Issued(ReferralIssued),
    Signed(ReferralSigned),
    Recorded(Feedback),
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_day_brings_comes_to_the_same_in_any_order() {
    let told = || {
        let unpaid = Feedback { paid_on: String::new(), ..record(1, 1, FeedbackDecision::Granted) };
        let bare = Feedback { evidence_digest: String::new(), ..record(2, 2, FeedbackDecision::Refused) };
        vec![
            Told::Dispatch(name("visits", 1), visit(1, 1, "2026-10-26", Some(2))),
            Told::Dispatch(name("visits", 2), visit(2, 2, "2026-10-26", Some(40))),
            Told::Issued(issued(1, 1, "2026-10-20")),
            Told::Issued(issued(2, 2, "2026-10-20")),
            Told::Signed(signed(2)),
            Told::Recorded(unpaid),
            Told::Recorded(bare),
            Told::Recorded(Feedback { supersedes: "R2".into(), ..record(3, 2, FeedbackDecision::Refused) }),
        ]
    };
    for seed in 0..4 {
        let town = Town::start().await;
        town.tell([household(1, &[10]), household(2, &[20])]).await;
        let mut events = told();
        events.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        for event in &events {
            match event {
                Told::Dispatch(aggregate, event) => tell(&town, "dispatch", aggregate, event),
                Told::Issued(event) => tell(&town, "dispatch", &event.referral, event),
                Told::Signed(event) => tell(&town, "feedback", &event.referral, event),
                Told::Recorded(event) => recorded(&town, event),
            }
            hear(&town).await;
        }
        assert_eq!(open(&town, &["P0", "P15"]).await, ["P01 h1", "P04 h1", "P15 h1"], "seed {seed}");
    }
}
