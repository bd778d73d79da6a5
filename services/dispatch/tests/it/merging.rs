//! Warnings come in: merged, repeated, cleared, suppressed, about feeds.

use minqing_proto::minqing::{
    dispatch::v1::{ReferralIssued, Verdict, WarningQuieted, WorkOrderClosed, WorkOrderOpened, WorkOrderState},
    monitoring::v1::WarningRaised,
    types::v1::{Bureau, WarningLevel},
};

use crate::desk::{COUNTY, Desk, TOWNSHIP, name, warning};

#[tokio::test]
async fn two_warnings_of_a_household_become_one_work_order_with_the_stricter_limits() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11), warning(2, "A08", 1, 12), warning(3, "A13", 2, 21)]).await;
    let orders = desk.orders().await;
    assert_eq!(orders.len(), 2);
    let order = &orders[0];
    assert_eq!(order.household, name("households", 1));
    assert_eq!(order.reasons.len(), 2);
    assert_eq!(order.level(), WarningLevel::Orange);
    // Five and fifteen working days of the second warning, not ten and twenty of the first.
    assert_eq!((order.check_due_on.as_str(), order.close_due_on.as_str()), ("2026-11-02", "2026-11-16"));
    assert_eq!(order.assigned_to, "621202100000");
    assert!(order.reasons.iter().all(|r| !r.title.is_empty() && !r.cleared));
    assert_eq!(desk.told::<WorkOrderOpened>("WorkOrderOpened").await.len(), 2);
    assert!(desk.referrals("operator/city").await.is_empty(), "both wait for the field check");
}

#[tokio::test]
async fn a_warning_told_twice_changes_nothing() {
    let desk = Desk::open().await;
    let disaster = warning(1, "A15", 1, 0);
    desk.raise(&[disaster.clone(), disaster.clone()]).await;
    desk.raise(&[disaster]).await;
    let order = desk.order().await;
    assert_eq!((order.reasons.len(), order.referrals.len()), (1, 1));
    assert_eq!(desk.events("WorkOrderOpened").await.len(), 1);
    assert_eq!(desk.events("ReferralIssued").await.len(), 1);
}

#[tokio::test]
async fn a_direct_referral_goes_out_at_once_to_its_bureau_alone() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0)]).await;
    let issued = desk.told::<ReferralIssued>("ReferralIssued").await.remove(0);
    assert_eq!(issued.bureau(), Bureau::Emergency);
    assert_eq!((issued.issued_on.as_str(), issued.due_on.as_str()), ("2026-10-26", "2026-11-02"));
    assert_eq!(issued.record_accepted_time, "2026-10-26T01:00:00Z");
    assert!(!issued.programme_title.is_empty() && !issued.indicator_title.is_empty());
    assert_eq!(desk.events("ReferralIssued").await[0].audience, "adapter/emergency");
    assert_eq!(desk.referrals("adapter/emergency").await.len(), 1);
    assert!(desk.referrals("adapter/housing").await.is_empty());
}

#[tokio::test]
async fn a_programme_is_asked_for_once_while_a_referral_for_it_is_open() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0), warning(2, "A15", 1, 0)]).await;
    assert_eq!(desk.order().await.referrals.len(), 1);
}

#[tokio::test]
async fn a_work_order_closes_by_itself_the_day_after_its_last_warning_was_cleared() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11), warning(2, "A05", 1, 11)]).await;
    desk.clear(1, "A13", 1).await;
    desk.day("2026-10-27").await;
    assert_eq!(desk.order().await.state(), WorkOrderState::Assigned);
    desk.clear(2, "A05", 1).await;
    let order = desk.order().await;
    assert_eq!(order.state(), WorkOrderState::Assigned, "the day is not over");
    assert!(order.reasons.iter().all(|r| r.cleared));
    desk.day("2026-10-28").await;
    let order = desk.order().await;
    assert_eq!((order.state(), order.verdict()), (WorkOrderState::Closed, Verdict::Unspecified));
    assert_eq!(order.closed_on, "2026-10-27");
    assert_eq!(desk.told::<WorkOrderClosed>("WorkOrderClosed").await[0].closed_on, "2026-10-27");
}

#[tokio::test]
async fn clearing_and_raising_on_one_day_come_to_the_same_in_either_order() {
    for clear_first in [true, false] {
        let desk = Desk::open().await;
        desk.raise(&[warning(1, "A13", 1, 11)]).await;
        desk.day("2026-10-27").await;
        if clear_first {
            desk.clear(1, "A13", 1).await;
            desk.raise(&[warning(2, "A15", 1, 0)]).await;
        } else {
            desk.raise(&[warning(2, "A15", 1, 0)]).await;
            desk.clear(1, "A13", 1).await;
        }
        desk.day("2026-10-28").await;
        let order = desk.order().await;
        assert_eq!(order.state(), WorkOrderState::Assigned);
        assert_eq!((order.level(), order.reasons.len(), order.referrals.len()), (WarningLevel::Red, 2, 1));
        assert_eq!(order.check_due_on, "2026-10-29");
    }
}

#[tokio::test]
async fn a_warning_of_the_next_day_opens_a_new_work_order_even_before_the_pass() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    desk.clear(1, "A13", 1).await;
    desk.service.clock.advance_days(1);
    desk.raise(&[warning(2, "A13", 1, 11)]).await;
    let mut orders = desk.orders().await;
    orders.sort_by(|a, b| a.opened_on.cmp(&b.opened_on));
    let states: Vec<_> = orders.iter().map(|o| (o.state(), o.closed_on.as_str())).collect();
    assert_eq!(states, [(WorkOrderState::Closed, "2026-10-26"), (WorkOrderState::Assigned, "")]);
}

#[tokio::test]
async fn not_true_keeps_the_same_warning_on_the_same_person_quiet() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    let order = desk.order().await;
    let closed = desk.record(TOWNSHIP, desk.report(1, &order, Verdict::NotTrue)).await.unwrap();
    assert_eq!(closed.state(), WorkOrderState::Closed);
    desk.clear(1, "A13", 1).await;

    desk.day("2026-11-10").await;
    desk.raise(&[warning(2, "A13", 1, 11)]).await;
    desk.clear(2, "A13", 1).await;
    assert_eq!(desk.orders().await.len(), 1, "the same person is quiet");
    desk.raise(&[warning(3, "A13", 1, 12)]).await;
    assert_eq!(desk.orders().await.len(), 2, "another member is not");

    let mut admin = desk.service.db.admin().await.unwrap();
    let kept: (i64, i64) = sqlx::query_as(
        "select count(*) filter (where suppressed_until is not null), count(cleared_on) from dispatch.reason",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(kept, (1, 2), "the suppressed warning is on file, and cleared");
}

#[tokio::test]
async fn a_warning_that_comes_up_again_is_checked_again_although_the_days_are_not_over() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    let order = desk.order().await;
    desk.record(TOWNSHIP, desk.report(1, &order, Verdict::NotTrue)).await.unwrap();
    let quieted = desk.told::<WarningQuieted>("WarningQuieted").await;
    let told = WarningQuieted {
        warning: name("warnings", 1),
        household: name("households", 1),
        indicator: "A13".to_owned(),
        checked_on: "2026-10-26".to_owned(),
        quiet_until: "2027-04-24".to_owned(),
    };
    assert_eq!(quieted, [told]);

    desk.day("2026-11-10").await;
    let since = |n, on: &str| WarningRaised { changed_since: on.to_owned(), ..warning(n, "A13", 1, 11) };
    desk.raise(&[since(2, "")]).await;
    // Monitoring does not know of the newest check yet: what is new to it may have been seen.
    desk.raise(&[since(3, "2026-10-25")]).await;
    assert_eq!(desk.orders().await.len(), 1);
    desk.raise(&[since(4, "2026-10-26")]).await;
    let orders = desk.orders().await;
    let open: Vec<_> = orders.iter().filter(|o| o.closed_on.is_empty()).collect();
    let reasons: Vec<_> = open.iter().flat_map(|o| &o.reasons).map(|r| r.warning.clone()).collect();
    assert_eq!((open.len(), reasons), (1, vec![name("warnings", 4)]));

    // Its check sets the day anew.
    desk.record(TOWNSHIP, desk.report(2, open[0], Verdict::NotTrue)).await.unwrap();
    desk.raise(&[since(5, "2026-10-26"), since(6, "")]).await;
    assert_eq!(desk.orders().await.len(), 2);
    desk.raise(&[since(7, "2026-11-10")]).await;
    assert_eq!(desk.orders().await.len(), 3);
}

#[tokio::test]
async fn a_warning_is_no_longer_quiet_after_the_day() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0)]).await;
    let order = desk.order().await;
    desk.record(TOWNSHIP, desk.report(1, &order, Verdict::NotTrue)).await.unwrap();
    desk.day("2026-11-25").await;
    desk.raise(&[warning(2, "A15", 1, 0)]).await;
    assert_eq!(desk.orders().await.len(), 1, "the last quiet day");
    desk.day("2026-11-26").await;
    desk.raise(&[warning(3, "A15", 1, 0)]).await;
    assert_eq!(desk.orders().await.len(), 2);
}

#[tokio::test]
async fn a_late_feed_is_the_county_desks() {
    let desk = Desk::open().await;
    let late = WarningRaised {
        household: String::new(),
        subject: "education.student_enrolment/621202000000".to_owned(),
        subject_bureau: Bureau::Education as i32,
        division_code: "621202000000".to_owned(),
        ..warning(1, "P11", 0, 0)
    };
    desk.raise(&[late.clone(), WarningRaised { warning: name("warnings", 2), ..late }]).await;
    let order = desk.order().await;
    assert_eq!((order.household.as_str(), order.assigned_to.as_str()), ("", "621202000000"));
    assert_eq!(order.subject, "education.student_enrolment/621202000000");
    assert!(desk.orders_as(TOWNSHIP).await.is_empty());
    let closed = desk.record(COUNTY, desk.report(1, &order, Verdict::NotTrue)).await.unwrap();
    assert_eq!(closed.state(), WorkOrderState::Closed);
}

#[tokio::test]
async fn a_household_without_a_known_township_goes_to_the_county_desk() {
    let desk = Desk::open().await;
    desk.raise(&[WarningRaised { division_code: "621202".to_owned(), ..warning(1, "A13", 1, 11) }]).await;
    desk.raise(&[warning(2, "P02", 2, 0)]).await;
    for order in desk.orders().await {
        assert_eq!(order.assigned_to, "621202000000");
    }
}
