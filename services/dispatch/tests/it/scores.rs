//! What comes first of one level and last day, and why.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    dispatch::v1::{ListWorkOrdersRequest, RecordVisitRequest, ScoreReason, Verdict, VisitFinding, WorkOrder},
    monitoring::v1::WarningRaised,
    registry::v1::HouseholdChanged,
};

use crate::desk::{Desk, TOWNSHIP, VILLAGE, name, request_id, warning};

fn points(order: &WorkOrder) -> Vec<(&str, i32)> {
    order.score_reasons.iter().map(|r| (r.code.as_str(), r.points)).collect()
}

fn households(orders: &[WorkOrder]) -> Vec<String> {
    orders.iter().map(|o| o.household.clone()).collect()
}

fn named(numbers: &[u128]) -> Vec<String> {
    numbers.iter().map(|n| name("households", *n)).collect()
}

async fn visited(desk: &Desk, n: u128, household: u128) {
    let place = HouseholdChanged {
        household: name("households", household),
        division_code: VILLAGE.to_owned(),
        ..HouseholdChanged::default()
    };
    desk.service.running.feed("registry", &place.household.clone(), &place).unwrap();
    desk.service.running.consume_once().await.unwrap();
    let visit = RecordVisitRequest {
        request_id: request_id(n),
        household: place.household.clone(),
        visited_on: desk.today(),
        visitor: "zhao.yun".to_owned(),
        finding: VisitFinding::NothingNew.into(),
        ..RecordVisitRequest::default()
    };
    let request = request_for(Some("case_work"), Some(&place.household), visit);
    desk.client(TOWNSHIP).record_visit(request).await.unwrap();
}

#[tokio::test]
async fn a_score_is_the_sum_of_reasons_that_a_person_can_read() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    let order = desk.order().await;
    assert_eq!((order.score, points(&order)), (Some(300), vec![("level", 200), ("visit", 100)]));
    let visit = ScoreReason {
        code: "visit".to_owned(),
        text: "尚无走访记录".to_owned(),
        text_en: "no visit is on record".to_owned(),
        points: 100,
    };
    assert_eq!(order.score_reasons[1], visit);
    assert_eq!(desk.get(TOWNSHIP, &order.name).await.unwrap().score_reasons, order.score_reasons);

    visited(&desk, 900, 1).await;
    desk.day("2026-11-13").await;
    let order = desk.order().await;
    assert_eq!(points(&order), [("level", 200), ("visit", 10)]);
    assert_eq!(order.score_reasons[1].text_en, "last visited 18 days ago");
}

#[tokio::test]
async fn data_of_further_bureaus_speak_for_it_until_they_no_longer_do() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11), warning(2, "A15", 1, 0)]).await;
    let order = desk.order().await;
    let further = order.score_reasons.iter().find(|r| r.code == "bureaus").unwrap();
    assert!(further.points > 0 && further.text_en.contains("further bureaus"), "{further:?}");
    desk.clear(1, "A13", 1).await;
    assert!(desk.order().await.score_reasons.iter().all(|r| r.code != "bureaus"));
}

#[tokio::test]
async fn an_indicator_that_was_found_true_of_late_comes_before_one_that_was_not() {
    let desk = Desk::open().await;
    let (good, bad) = (1..=20, 21..=40);
    let raised: Vec<_> =
        good.clone().map(|n| warning(n, "A13", n, 0)).chain(bad.map(|n| warning(n, "A05", n, 0))).collect();
    desk.raise(&raised).await;
    for (n, order) in (1_u128..).zip(desk.orders().await) {
        let verdict = if order.reasons[0].indicator == "A13" { Verdict::VerifiedTrue } else { Verdict::NotTrue };
        desk.record(TOWNSHIP, desk.report(n, &order, verdict)).await.unwrap();
    }
    desk.raise(&[warning(50, "A05", 50, 0), warning(51, "A13", 51, 0)]).await;
    let fresh = |orders: Vec<WorkOrder>| -> Vec<WorkOrder> {
        let fresh = named(&[50, 51]);
        orders.into_iter().filter(|o| fresh.contains(&o.household)).collect()
    };
    let today = fresh(desk.orders().await);
    assert!(today.iter().all(|o| o.score_reasons.iter().all(|r| r.code != "yield")), "the day is not over");
    desk.day("2026-10-27").await;
    let found = fresh(desk.orders().await);
    assert_eq!(households(&found), named(&[51, 50]));
    assert_eq!(points(&found[0]), [("level", 200), ("yield", 300), ("visit", 100)]);
    assert_eq!(found[0].score_reasons[1].text_en, "100.0% of the indicator's checks of late found it true");
    assert_eq!(points(&found[1]), [("level", 200), ("visit", 100)], "never found true speaks for nothing");
}

/// Households of one level and due day, of which some were visited lately or have more than one bureau behind them; one
/// due earlier for which little speaks, and one more urgent.
async fn crowd(desk: &Desk) {
    desk.raise(&[warning(100, "A13", 100, 0)]).await;
    for n in 1..=4 {
        visited(desk, 900 + n, n).await;
    }
    visited(desk, 950, 100).await;
    desk.day("2026-11-02").await;
    let mut raised: Vec<WarningRaised> = (1..=8).map(|n| warning(n, "A13", n, 0)).collect();
    raised.extend((1..=8).step_by(3).map(|n| warning(20 + n, "A05", n, 0)));
    raised.push(warning(200, "A03", 200, 201));
    desk.raise(&raised).await;
}

#[tokio::test]
async fn the_score_orders_only_what_is_of_one_level_and_last_day() {
    let desk = Desk::open().await;
    crowd(&desk).await;
    let orders = desk.orders().await;
    assert_eq!(households(&orders)[..2], named(&[200, 100]), "the level first, then the last day, whatever the score");
    assert!(orders[1].score < orders[2].score, "little speaks for the one that is due earlier");
    let scores: Vec<_> = orders[2..].iter().map(|o| o.score.unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.first() > scores.last(), "{scores:?}");
    for order in &orders {
        let sum: i32 = order.score_reasons.iter().map(|r| r.points).sum();
        assert_eq!(order.score, Some(sum));
    }
}

#[tokio::test]
async fn pages_hold_every_work_order_once_in_the_order_of_the_whole_list() {
    let desk = Desk::open().await;
    crowd(&desk).await;
    let whole = households(&desk.orders().await);
    for page_size in 1..=4 {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListWorkOrdersRequest { page_size, page_token, ..ListWorkOrdersRequest::default() };
            let page = desk.client("operator/city").list_work_orders(request).await.unwrap().into_inner();
            found.extend(households(&page.work_orders));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(found, whole, "pages of {page_size}");
    }
}
