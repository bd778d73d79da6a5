//! Indicators that hit the same households.

use minqing_proto::minqing::{
    dispatch::v1::{IndicatorOverlap, ListIndicatorOverlapsRequest, ListIndicatorOverlapsResponse, Verdict, WorkOrder},
    monitoring::v1::WarningRaised,
};
use tonic_types::StatusExt as _;

use crate::desk::{COUNTY, Desk, TOWNSHIP, name, warning};

async fn list(desk: &Desk, identity: &str, request: ListIndicatorOverlapsRequest) -> ListIndicatorOverlapsResponse {
    desk.client(identity).list_indicator_overlaps(request).await.unwrap().into_inner()
}

async fn all(desk: &Desk, identity: &str) -> Vec<IndicatorOverlap> {
    let found = list(desk, identity, ListIndicatorOverlapsRequest::default()).await.indicator_overlaps;
    assert!(found.iter().all(|pair| !pair.title.is_empty() && !pair.other_title.is_empty()));
    let bare = |pair: IndicatorOverlap| IndicatorOverlap { title: String::new(), other_title: String::new(), ..pair };
    found.into_iter().map(bare).collect()
}

fn order(orders: &[WorkOrder], household: u128) -> &WorkOrder {
    orders.iter().find(|o| o.household == name("households", household)).unwrap()
}

fn pair(indicator: &str, other: &str) -> IndicatorOverlap {
    IndicatorOverlap { indicator: indicator.to_owned(), other: other.to_owned(), ..IndicatorOverlap::default() }
}

/// A05 and A13 share three work orders, one of them with a second check; A29 shares one of these and has none alone.
async fn play(desk: &Desk) {
    let elsewhere = WarningRaised { division_code: "621222103001".to_owned(), ..warning(8, "A13", 4, 0) };
    desk.raise(&[warning(1, "A13", 1, 11), warning(2, "A13", 1, 12), warning(3, "A05", 1, 11)]).await;
    desk.raise(&[warning(4, "A13", 2, 21), warning(5, "A05", 2, 21), warning(6, "A29", 2, 21)]).await;
    desk.raise(&[warning(7, "A13", 3, 31), elsewhere, warning(9, "A13", 5, 51)]).await;
    let orders = desk.orders().await;
    desk.record(TOWNSHIP, desk.report(1, order(&orders, 1), Verdict::NotTrue)).await.unwrap();
    desk.record(TOWNSHIP, desk.report(2, order(&orders, 3), Verdict::VerifiedPartly)).await.unwrap();
    desk.raise(&[warning(10, "A05", 3, 31)]).await;
    desk.record(TOWNSHIP, desk.report(3, order(&orders, 3), Verdict::NotTrue)).await.unwrap();
}

#[tokio::test]
async fn a_pair_tells_how_often_it_shares_a_work_order_and_how_often_both_were_found_true() {
    let desk = Desk::open().await;
    play(&desk).await;
    let a05_a13 = IndicatorOverlap {
        work_orders: 3,
        both_checked: 2,
        both_true: 0,
        one_true: 1,
        indicator_work_orders: 3,
        other_work_orders: 5,
        share_permille: 1000,
        ..pair("A05", "A13")
    };
    let of_one = |indicator: &str, other: &str, orders: (i64, i64)| IndicatorOverlap {
        work_orders: 1,
        indicator_work_orders: orders.0,
        other_work_orders: orders.1,
        share_permille: 1000,
        ..pair(indicator, other)
    };
    let expected = [a05_a13, of_one("A05", "A29", (3, 1)), of_one("A13", "A29", (5, 1))];
    assert_eq!(all(&desk, "operator/city").await, expected);
    assert!(all(&desk, "operator/county/621222").await.is_empty(), "nothing is shared there");
    assert_eq!(all(&desk, COUNTY).await[0].other_work_orders, 4);
}

#[tokio::test]
async fn a_pair_may_be_one_rule_when_the_smaller_is_hardly_ever_alone() {
    let desk = Desk::open().await;
    let both = |n| [warning(2 * n, "A13", n, 0), warning(2 * n + 1, "A05", n, 0)];
    let shared: Vec<_> = (1..20).flat_map(both).collect();
    desk.raise(&shared).await;
    assert_eq!(all(&desk, "operator/city").await.iter().map(|p| p.may_merge).collect::<Vec<_>>(), [false], "nineteen");
    desk.raise(&both(20)).await;
    assert_eq!(all(&desk, "operator/city").await.iter().map(|p| p.may_merge).collect::<Vec<_>>(), [true]);
}

#[tokio::test]
async fn pairs_come_in_pages_and_a_token_belongs_to_its_question() {
    let desk = Desk::open().await;
    play(&desk).await;
    let ask = |division: &str, token: &str| ListIndicatorOverlapsRequest {
        division_code: division.to_owned(),
        page_size: 2,
        page_token: token.to_owned(),
        ..ListIndicatorOverlapsRequest::default()
    };
    let first = list(&desk, "operator/city", ask("", "")).await;
    let second = list(&desk, "operator/city", ask("", &first.next_page_token)).await;
    let ids = |page: &ListIndicatorOverlapsResponse| {
        page.indicator_overlaps.iter().map(|p| format!("{} {}", p.indicator, p.other)).collect::<Vec<_>>()
    };
    assert_eq!((ids(&first), ids(&second)), (vec!["A05 A13".into(), "A05 A29".into()], vec!["A13 A29".into()]));
    assert_eq!(second.next_page_token, "");
    let refused = desk
        .client("operator/city")
        .list_indicator_overlaps(ask("621202000000", &first.next_page_token))
        .await
        .unwrap_err();
    assert_eq!(refused.get_error_details().error_info().unwrap().reason, "INVALID_PAGE_TOKEN");
}
