//! Warnings whose data were withdrawn: what was sent on their strength alone is taken back.

use minqing_proto::minqing::{
    dispatch::v1::{ReferralIssued, ReferralSettled, ReferralState, Verdict, WorkOrderState},
    types::v1::FeedbackDecision,
};

use crate::desk::{Desk, TOWNSHIP, warning};

#[tokio::test]
async fn a_direct_referral_ends_with_the_data_behind_it_and_right_data_bring_another_the_same_day() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0)]).await;
    let sent = desk.order().await.referrals.remove(0);
    assert_eq!(sent.state(), ReferralState::Issued);

    desk.withdraw(1, "A15", 1).await;
    let order = desk.order().await;
    let ended = &order.referrals[0];
    assert_eq!((ended.state(), ended.decision()), (ReferralState::Settled, FeedbackDecision::Withdrawn));
    let told = desk.told::<ReferralSettled>("ReferralSettled").await;
    assert_eq!((told.len(), told[0].referral.as_str()), (1, sent.name.as_str()));
    assert_eq!((told[0].decision(), told[0].settled_on.as_str()), (FeedbackDecision::Withdrawn, "2026-10-26"));
    // Told again, it is no news.
    desk.withdraw(1, "A15", 1).await;
    assert_eq!(desk.told::<ReferralSettled>("ReferralSettled").await.len(), 1);

    desk.raise(&[warning(2, "A15", 1, 0)]).await;
    let issued = desk.told::<ReferralIssued>("ReferralIssued").await;
    assert_eq!(issued.len(), 2, "the right data send the person again");
    assert_eq!(desk.order().await.state(), WorkOrderState::Assigned);
}

#[tokio::test]
async fn a_signed_referral_ends_too_and_an_answer_that_comes_later_moves_nothing() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0)]).await;
    let sent = desk.order().await.referrals.remove(0);
    desk.sign(&sent).await;
    desk.withdraw(1, "A15", 1).await;
    desk.answer(&sent, FeedbackDecision::Granted).await;
    let ended = desk.order().await.referrals.remove(0);
    assert_eq!((ended.state(), ended.decision()), (ReferralState::Settled, FeedbackDecision::Withdrawn));
    desk.day("2026-10-27").await;
    assert_eq!(desk.order().await.state(), WorkOrderState::Closed);
}

#[tokio::test]
async fn what_a_field_check_found_stands_without_the_data() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0)]).await;
    let order = desk.order().await;
    let order = desk.record(TOWNSHIP, desk.report(1, &order, Verdict::VerifiedTrue)).await.unwrap();
    let open = |order: &minqing_proto::minqing::dispatch::v1::WorkOrder| {
        order.referrals.iter().filter(|r| r.state() == ReferralState::Issued).count()
    };
    assert!(open(&order) > 0);
    desk.withdraw(1, "A15", 1).await;
    assert_eq!(open(&desk.order().await), open(&order));
    assert!(desk.told::<ReferralSettled>("ReferralSettled").await.is_empty());
}
