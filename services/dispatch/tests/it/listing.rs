//! Who sees what, in which order.

use minqing_proto::minqing::{
    dispatch::v1::{GetReferralRequest, ListReferralsRequest, ListWorkOrdersRequest, WorkOrderState},
    monitoring::v1::WarningRaised,
    types::v1::Bureau,
};
use tonic::Code;

use crate::desk::{COUNTY, Desk, TOWNSHIP, warning};

#[tokio::test]
async fn the_most_urgent_comes_first_and_pages_miss_none() {
    let desk = Desk::open().await;
    let indicators = ["A13", "A15", "A08", "A05", "C01", "A13", "A25"];
    let warnings: Vec<_> = indicators.iter().zip(1_u128..).map(|(i, n)| warning(n, i, n, 0)).collect();
    desk.raise(&warnings).await;
    let mut client = desk.client("operator/city");
    let (mut levels, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListWorkOrdersRequest { page_size: 3, page_token, ..ListWorkOrdersRequest::default() };
        let page = client.list_work_orders(request).await.unwrap().into_inner();
        levels.extend(page.work_orders.iter().map(|o| o.level));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(levels, [1, 1, 2, 3, 3, 3, 3]);
    let closed = ListWorkOrdersRequest { state: WorkOrderState::Closed as i32, ..ListWorkOrdersRequest::default() };
    assert!(client.list_work_orders(closed).await.unwrap().into_inner().work_orders.is_empty());
}

#[tokio::test]
async fn an_operator_sees_only_what_is_on_its_desk() {
    let desk = Desk::open().await;
    let elsewhere = WarningRaised { division_code: "621222103001".to_owned(), ..warning(2, "A13", 2, 0) };
    desk.raise(&[warning(1, "A13", 1, 0), elsewhere, warning(3, "P02", 3, 0)]).await;
    for (identity, count) in [
        (TOWNSHIP, 1),
        ("operator/township/621202101", 0),
        (COUNTY, 2),
        ("operator/county/621222", 1),
        ("operator/city", 3),
        ("service/identification", 3),
    ] {
        assert_eq!(desk.orders_as(identity).await.len(), count, "{identity}");
    }
    let other = desk.orders_as("operator/county/621222").await.remove(0);
    assert_eq!(desk.get(COUNTY, &other.name).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(desk.get("operator/county/621222", &other.name).await.unwrap(), other);

    let below = ListWorkOrdersRequest { division_code: "621222000000".to_owned(), ..ListWorkOrdersRequest::default() };
    let page = desk.client("operator/city").list_work_orders(below).await.unwrap().into_inner();
    assert_eq!(page.work_orders, [other]);
}

#[tokio::test]
async fn reading_a_work_order_leaves_an_audit_row() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 0)]).await;
    let order = desk.order().await;
    desk.get(TOWNSHIP, &order.name).await.unwrap();
    let mut admin = desk.service.db.admin().await.unwrap();
    let subjects: Vec<(String, String)> =
        sqlx::query_as("select caller, subject from dispatch.audit order by id").fetch_all(&mut admin).await.unwrap();
    assert_eq!(subjects.last().unwrap(), &(TOWNSHIP.to_owned(), order.household));
}

#[tokio::test]
async fn an_adapter_sees_its_own_bureaus_referrals_only() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A15", 1, 0), warning(2, "A29", 1, 12), warning(3, "A29", 2, 21)]).await;
    let mut women = desk.client("adapter/women");
    let first = ListReferralsRequest { page_size: 1, open_only: true, ..ListReferralsRequest::default() };
    let page = women.list_referrals(first.clone()).await.unwrap().into_inner();
    let next = ListReferralsRequest { page_token: page.next_page_token.clone(), ..first };
    let more = women.list_referrals(next).await.unwrap().into_inner();
    assert_eq!((page.referrals.len(), more.referrals.len()), (1, 1));
    assert_ne!(page.referrals, more.referrals);

    let emergency = desk.referral(Bureau::Emergency).await;
    let get = GetReferralRequest { name: emergency.name.clone() };
    assert_eq!(women.get_referral(get.clone()).await.unwrap_err().code(), Code::NotFound);
    let own = desk.client("adapter/emergency").get_referral(get).await.unwrap().into_inner();
    assert_eq!(own.referral.unwrap(), emergency);
    let asked = ListReferralsRequest { bureau: Bureau::Emergency as i32, ..ListReferralsRequest::default() };
    assert!(women.list_referrals(asked).await.unwrap().into_inner().referrals.is_empty());
}
