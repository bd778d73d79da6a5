use minqing_proto::minqing::{
    bureau::{
        emergency::v1::{DisasterLoss, DisasterRelief},
        hr::v1::Unemployment,
    },
    monitoring::v1::{HouseholdFactsChanged, Record, WarningCleared, WarningRaised},
    types::v1::BatchMode::Changes,
};
use tonic::Code;

use crate::town::{Town, household, household_name, row};

pub fn loss(ended_on: &str) -> DisasterLoss {
    DisasterLoss {
        event_code: "F1".into(),
        event_kind: "flood".into(),
        ended_on: ended_on.into(),
        house_damage: "none".into(),
        crop_loss_percent: 80,
        ..Default::default()
    }
}

fn relief(given_on: &str) -> DisasterRelief {
    DisasterRelief {
        event_code: "F1".into(),
        kind: "cash".into(),
        amount_fen: 100_000,
        given_on: given_on.into(),
        ..Default::default()
    }
}

/// A town with two households, to which no disaster has come yet.
pub async fn calm() -> Town {
    let town = Town::start().await;
    town.tell([household(1, &[10, 11]), household(2, &[20])]).await;
    town.deliver_nothing("emergency.disaster_relief", "2026-10-25").await;
    town.deliver_nothing("emergency.disaster_loss", "2026-10-25").await;
    assert!(town.open().await.is_empty());
    town
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heavy_loss_raises_a_warning_in_the_transaction_that_takes_it_and_relief_clears_it() {
    let town = calm().await;
    let (taken, _) =
        town.deliver("emergency.disaster_loss", Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    assert_eq!((taken.accepted, taken.changed, taken.warnings_raised), (1, 1, 1));
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());

    let raised = town.events::<WarningRaised>().await;
    assert_eq!(raised.len(), 1);
    assert_eq!((raised[0].indicator.as_str(), raised[0].raised_on.as_str()), ("A15", "2026-10-26"));
    assert!(chrono::DateTime::parse_from_rfc3339(&raised[0].record_accepted_time).is_ok());
    let facts = town.events::<HouseholdFactsChanged>().await;
    assert_eq!(facts.len(), 1);
    assert_eq!((facts[0].household.as_str(), facts[0].persons.len()), (household_name(1).as_str(), 2));
    let members = facts[0].facts.iter().find(|f| f.name == "members").unwrap();
    assert_eq!((members.value.as_str(), members.known), ("2", true));
    assert!(facts[0].facts.iter().any(|f| !f.known && f.value.is_empty()));

    let given = vec![row(7, 11, &relief("2026-10-22"))];
    let (taken, _) = town.deliver("emergency.disaster_relief", Changes, "2026-10-26", given).await;
    assert_eq!((taken.changed, taken.warnings_cleared), (1, 1));
    assert!(town.open().await.is_empty());
    let cleared = town.events::<WarningCleared>().await;
    assert_eq!(cleared.len(), 1);
    assert_eq!(cleared[0].warning, raised[0].warning);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_sent_again_unchanged_change_nothing() {
    let town = calm().await;
    let rows = || vec![row(1, 10, &loss("2026-10-20")), row(2, 20, &loss("2026-10-20"))];
    let (first, _) = town.deliver("emergency.disaster_loss", Changes, "2026-10-25", rows()).await;
    assert_eq!((first.changed, first.warnings_raised), (2, 2));
    let told = town.events::<HouseholdFactsChanged>().await.len();
    let (again, closed) = town.deliver("emergency.disaster_loss", Changes, "2026-10-26", rows()).await;
    assert_eq!((again.accepted, again.changed, again.warnings_raised, again.warnings_cleared), (2, 0, 0, 0));
    assert_eq!((closed.changed, closed.ended), (0, 0));
    town.screen().await;
    assert_eq!(town.events::<WarningRaised>().await.len(), 2);
    assert_eq!(town.events::<HouseholdFactsChanged>().await.len(), told);
    assert_eq!(town.warnings(false).await.iter().filter(|w| w.subject.is_empty()).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_part_gets_the_first_answer_and_another_body_is_refused() {
    let town = calm().await;
    let batch = town.batch("emergency.disaster_loss", Changes, "2026-10-26");
    let part = town.part(&batch, 1, vec![row(1, 10, &loss("2026-10-20"))]);
    let first = town.submit(&part).await.unwrap();
    assert_eq!(first.warnings_raised, 1);
    assert_eq!(town.submit(&part).await.unwrap(), first);
    town.close(&batch, 1, 1).await.unwrap();
    assert_eq!(town.submit(&part).await.unwrap(), first);

    let mut other = part.clone();
    other.records.push(row(2, 20, &loss("2026-10-20")));
    assert_eq!(town.submit(&other).await.unwrap_err().code(), Code::FailedPrecondition);
    let late = town.part(&batch, 2, vec![row(2, 20, &loss("2026-10-20"))]);
    assert_eq!(town.submit(&late).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(town.open().await, ["A15 h1".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_as_of_an_earlier_day_does_not_overwrite_a_later_one() {
    let town = calm().await;
    let harmless = DisasterLoss { house_damage: "slight".into(), crop_loss_percent: 0, ..loss("2026-10-20") };
    town.deliver("emergency.disaster_loss", Changes, "2026-10-26", vec![row(1, 10, &harmless)]).await;
    let (late, _) =
        town.deliver("emergency.disaster_loss", Changes, "2026-10-24", vec![row(1, 10, &loss("2026-10-20"))]).await;
    assert_eq!((late.accepted, late.changed), (1, 0));
    assert!(town.open().await.is_empty());
    let (newer, _) =
        town.deliver("emergency.disaster_loss", Changes, "2026-10-26", vec![row(1, 10, &loss("2026-10-20"))]).await;
    assert_eq!((newer.changed, newer.warnings_raised), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_cannot_be_taken_is_refused_by_name_and_leaves_nothing() {
    let town = calm().await;
    let batch = town.batch("emergency.disaster_loss", Changes, "2026-10-26");
    let good = row(1, 10, &loss("2026-10-20"));
    let broken = Record { body: vec![0xff; 4], ..row(2, 20, &loss("2026-10-20")) };
    let refused = town.submit(&town.part(&batch, 1, vec![good.clone(), broken])).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("records[1].body"), "{}", refused.message());

    let mut foreign = town.part(&batch, 1, vec![good]);
    foreign.batch.as_mut().unwrap().dataset = "unemployment".into();
    foreign.batch.as_mut().unwrap().bureau = minqing_proto::minqing::types::v1::Bureau::Hr.into();
    let refused = town.client("adapter/emergency").submit_records(foreign.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    foreign.batch.as_mut().unwrap().bureau = minqing_proto::minqing::types::v1::Bureau::Emergency.into();
    let refused = town.client("adapter/emergency").submit_records(foreign.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let stranger = town.client("service/dispatch").submit_records(foreign).await.unwrap_err();
    assert_eq!(stranger.code(), Code::PermissionDenied);
    assert!(town.open().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_come_before_their_household_count_when_it_comes() {
    let town = calm().await;
    let rows = vec![row(1, 30, &loss("2026-10-20"))];
    let (taken, _) = town.deliver("emergency.disaster_loss", Changes, "2026-10-26", rows).await;
    assert_eq!((taken.changed, taken.warnings_raised), (1, 0));
    town.tell([household(3, &[30])]).await;
    assert_eq!(town.open().await, ["A15 h3".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datasets_own_end_date_does_not_end_its_row() {
    let town = calm().await;
    let out_of_work = Unemployment {
        registered_on: "2026-09-01".into(),
        benefit_from: "2026-09-10".into(),
        benefit_fen: 150_000,
        ended_on: "2026-10-10".into(),
        ..Default::default()
    };
    town.deliver("hr.unemployment", Changes, "2026-10-26", vec![row(5, 20, &out_of_work)]).await;
    assert!(town.open().await.is_empty(), "the benefit has ended");
    let still = Unemployment { ended_on: String::new(), ..out_of_work };
    town.deliver("hr.unemployment", Changes, "2026-10-26", vec![row(5, 20, &still)]).await;
    assert_eq!(town.open().await, ["A05 h2 p20".to_owned()].into());
}
