//! From the field check to the closed chain.

use minqing_proto::minqing::{
    dispatch::v1::{
        AcceptWorkOrderRequest, RecordVerdictRequest, ReferralIssued, ReferralSettled, ReferralState, Verdict,
        WorkOrderClosed, WorkOrderEscalated, WorkOrderState, WorkOrderVerified,
    },
    types::v1::{AssistanceClass, Bureau, FeedbackDecision},
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::desk::{COUNTY, Desk, TOWNSHIP, request_id, warning};

fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|i| i.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_true_verdict_issues_the_referrals_and_names_the_classes() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A12", 1, 11), warning(2, "A03", 1, 12), warning(3, "A13", 1, 13)]).await;
    desk.clear(3, "A13", 1).await;
    let order = desk.order().await;
    assert_eq!(order.referrals.len(), 1, "the insurance one went out at once");

    let order = desk.record(TOWNSHIP, desk.report(1, &order, Verdict::VerifiedTrue)).await.unwrap();
    assert_eq!(order.state(), WorkOrderState::Verified);
    let mut bureaus: Vec<_> = order.referrals.iter().map(|r| r.bureau()).collect();
    bureaus.sort();
    assert_eq!(bureaus, [Bureau::Health, Bureau::MedicalInsurance, Bureau::Disabled], "none for the cleared one");

    let verified = desk.told::<WorkOrderVerified>("WorkOrderVerified").await.remove(0);
    assert_eq!(verified.indicators, ["A03", "A12"]);
    assert_eq!(verified.candidate_classes().collect::<Vec<_>>(), [AssistanceClass::MinimumLiving]);
    assert!(!verified.recheck_class);
    let issued = desk.told::<ReferralIssued>("ReferralIssued").await;
    let times: Vec<_> = issued.iter().map(|i| (i.bureau(), !i.record_accepted_time.is_empty())).collect();
    assert!(times.contains(&(Bureau::MedicalInsurance, true)) && times.contains(&(Bureau::Health, false)));
}

#[tokio::test]
async fn a_class_that_may_be_undeserved_is_told_of() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "C11", 1, 0)]).await;
    let order = desk.record(TOWNSHIP, desk.report(1, &desk.order().await, Verdict::VerifiedPartly)).await.unwrap();
    assert_eq!(order.state(), WorkOrderState::FeedbackComplete, "there is nobody to wait for");
    assert!(desk.told::<WorkOrderVerified>("WorkOrderVerified").await[0].recheck_class);
    desk.day("2026-10-27").await;
    let order = desk.order().await;
    assert_eq!((order.state(), order.closed_on.as_str()), (WorkOrderState::Closed, "2026-10-26"));
}

#[tokio::test]
async fn a_repeated_report_gets_the_first_answer_and_another_body_is_refused() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    let report = desk.report(1, &desk.order().await, Verdict::VerifiedTrue);
    let first = desk.record(TOWNSHIP, report.clone()).await.unwrap();
    let again = desk.record(TOWNSHIP, report.clone()).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(desk.order().await.referrals.len(), 1);

    let other = RecordVerdictRequest { checker: "someone.else".to_owned(), ..report.clone() };
    let refused = desk.record(TOWNSHIP, other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "REQUEST_ID_REUSED"));
    let second = RecordVerdictRequest { request_id: request_id(2), ..report };
    let refused = desk.record(TOWNSHIP, second).await.unwrap_err();
    assert_eq!(reason(&refused), "VERDICT_GIVEN");
}

#[tokio::test]
async fn a_report_that_says_nothing_checkable_is_refused_by_field() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    let good = desk.report(1, &desk.order().await, Verdict::VerifiedTrue);
    for (report, field) in [
        (RecordVerdictRequest { verdict: 0, ..good.clone() }, "verdict"),
        (RecordVerdictRequest { checked_on: "26.10.2026".to_owned(), ..good.clone() }, "checked_on"),
        (RecordVerdictRequest { checked_on: "2026-10-27".to_owned(), ..good.clone() }, "checked_on"),
        (RecordVerdictRequest { checker: " ".to_owned(), ..good.clone() }, "checker"),
        (RecordVerdictRequest { evidence_digest: "photo".to_owned(), ..good.clone() }, "evidence_digest"),
        (RecordVerdictRequest { name: "workOrders/1".to_owned(), ..good.clone() }, "name"),
    ] {
        let refused = desk.record(TOWNSHIP, report).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(refused.get_error_details().bad_request().unwrap().field_violations[0].field, field);
    }
    assert_eq!(desk.order().await.state(), WorkOrderState::Assigned);
}

#[tokio::test]
async fn the_township_signs_once() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    let order = desk.order().await;
    let mut client = desk.client(TOWNSHIP);
    let sign = |n| AcceptWorkOrderRequest { request_id: request_id(n), name: order.name.clone() };
    let accepted = client.accept_work_order(sign(1)).await.unwrap().into_inner().work_order.unwrap();
    assert_eq!(accepted.state(), WorkOrderState::Accepted);
    assert_ne!(accepted.etag, order.etag);
    client.accept_work_order(sign(1)).await.unwrap();
    let refused = client.accept_work_order(sign(2)).await.unwrap_err();
    assert_eq!(reason(&refused), "WORK_ORDER_ACCEPTED_ALREADY");

    desk.clear(1, "A13", 1).await;
    desk.day("2026-10-27").await;
    assert_eq!(desk.order().await.state(), WorkOrderState::Accepted, "what is signed for gets its verdict");
    let closed = desk.record(TOWNSHIP, desk.report(3, &order, Verdict::AlreadyAided)).await.unwrap();
    assert_eq!((closed.state(), closed.verdict()), (WorkOrderState::Closed, Verdict::AlreadyAided));
    let refused = desk.record(TOWNSHIP, desk.report(4, &order, Verdict::NotTrue)).await.unwrap_err();
    assert_eq!(reason(&refused), "WORK_ORDER_CLOSED");
}

#[tokio::test]
async fn the_last_answer_completes_the_chain_and_the_day_closes_it() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A12", 1, 11)]).await;
    desk.record(TOWNSHIP, desk.report(1, &desk.order().await, Verdict::VerifiedTrue)).await.unwrap();
    let insurance = desk.referral(Bureau::MedicalInsurance).await;
    desk.sign(&insurance).await;
    assert_eq!(desk.referral(Bureau::MedicalInsurance).await.state(), ReferralState::Signed);
    desk.day("2026-10-28").await;
    desk.answer(&insurance, FeedbackDecision::Granted).await;
    assert_eq!(desk.order().await.state(), WorkOrderState::Verified);

    let health = desk.referral(Bureau::Health).await;
    desk.answer(&health, FeedbackDecision::Deferred).await;
    assert_eq!(desk.referral(Bureau::Health).await.state(), ReferralState::Deferred);
    desk.answer(&health, FeedbackDecision::Refused).await;
    assert_eq!(desk.order().await.state(), WorkOrderState::FeedbackComplete);
    desk.answer(&health, FeedbackDecision::Granted).await;

    desk.day("2026-10-29").await;
    let order = desk.order().await;
    assert_eq!((order.state(), order.closed_on.as_str()), (WorkOrderState::Closed, "2026-10-28"));
    let settled = desk.told::<ReferralSettled>("ReferralSettled").await;
    let decisions: Vec<_> = settled.iter().map(|s| (s.bureau(), s.decision())).collect();
    let expected = [(Bureau::MedicalInsurance, FeedbackDecision::Granted), (Bureau::Health, FeedbackDecision::Refused)];
    assert_eq!(decisions, expected, "settled is final");
    let closed = desk.told::<WorkOrderClosed>("WorkOrderClosed").await;
    assert_eq!((closed.len(), closed[0].verdict()), (1, Verdict::VerifiedTrue));
}

#[tokio::test]
async fn a_new_warning_after_the_verdict_asks_for_a_recheck() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    desk.record(TOWNSHIP, desk.report(1, &desk.order().await, Verdict::VerifiedTrue)).await.unwrap();
    desk.day("2026-10-27").await;
    desk.raise(&[warning(2, "A15", 1, 0)]).await;
    let order = desk.order().await;
    assert!(order.recheck);
    assert_eq!((order.state(), order.referrals.len()), (WorkOrderState::Verified, 2));
    assert_eq!(order.check_due_on, "2026-10-29");

    for bureau in [Bureau::Education, Bureau::Emergency] {
        desk.answer(&desk.referral(bureau).await, FeedbackDecision::Granted).await;
    }
    desk.day("2026-10-28").await;
    assert_eq!(desk.order().await.state(), WorkOrderState::Verified, "it waits for the recheck");
    let order = desk.record(TOWNSHIP, desk.report(2, &order, Verdict::NotTrue)).await.unwrap();
    assert_eq!((order.state(), order.recheck), (WorkOrderState::FeedbackComplete, false));
    assert_eq!(order.verdict(), Verdict::VerifiedTrue, "the first need was real");
}

#[tokio::test]
async fn one_sent_back_goes_to_the_county_desk_and_a_second_one_goes_up() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    desk.record(TOWNSHIP, desk.report(1, &desk.order().await, Verdict::VerifiedTrue)).await.unwrap();
    desk.answer(&desk.referral(Bureau::Education).await, FeedbackDecision::NotMyDuty).await;
    let order = desk.order().await;
    assert_eq!((order.assigned_to.as_str(), order.recheck, order.escalation), ("621202000000", true, 0));
    assert_eq!(order.state(), WorkOrderState::Verified);

    let refused = desk.record(TOWNSHIP, desk.report(2, &order, Verdict::VerifiedTrue)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "the township does not have it any more");
    desk.record(COUNTY, desk.report(3, &order, Verdict::VerifiedTrue)).await.unwrap();
    desk.answer(&desk.referral(Bureau::Education).await, FeedbackDecision::NotMyDuty).await;
    let order = desk.order().await;
    assert_eq!((order.escalation, order.referrals.len()), (1, 2));
    assert_eq!(desk.told::<WorkOrderEscalated>("WorkOrderEscalated").await[0].escalation, 1);
}
