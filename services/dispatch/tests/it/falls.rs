//! A yield that falls below the pack's floor is told once, until it recovers.

use minqing_proto::minqing::dispatch::v1::{
    IndicatorYieldFell, ListIndicatorYieldsRequest, Verdict, WorkOrderState, YieldFall,
};

use crate::{
    desk::{COUNTY, Desk, TOWNSHIP, warning},
    indicators::{list_as, of},
};

/// Warnings on households of their own, checked at once: so many found true, so many not.
async fn check(desk: &Desk, first: u128, found_true: u128, not_true: u128) {
    let numbers = first..first + found_true + not_true;
    desk.raise(&numbers.clone().map(|n| warning(n, "A13", n, 0)).collect::<Vec<_>>()).await;
    let orders = desk.orders().await;
    let open: Vec<_> = orders.iter().filter(|o| o.state() == WorkOrderState::Assigned).collect();
    assert_eq!(open.len(), numbers.clone().count());
    for (n, order) in numbers.zip(open) {
        let verdict = if n < first + found_true { Verdict::VerifiedTrue } else { Verdict::NotTrue };
        desk.record(TOWNSHIP, desk.report(n, order, verdict)).await.unwrap();
    }
}

/// A new business day begins; how many yields fell or recovered.
async fn compared_on(desk: &Desk, day: &str) -> u64 {
    desk.day(day).await;
    let pass = desk.service.running.reconcile_once("yields").await.unwrap();
    assert!(pass.caught_up && pass.detail.contains(day), "{}", pass.detail);
    pass.did
}

async fn falls_since(desk: &Desk, identity: &str, from: &str) -> Vec<YieldFall> {
    let asked = ListIndicatorYieldsRequest { raised_from: from.to_owned(), ..ListIndicatorYieldsRequest::default() };
    let list = list_as(desk, identity, asked).await.unwrap();
    if list.indicator_yields.is_empty() { Vec::new() } else { of(&list, "A13").falls }
}

#[tokio::test]
async fn a_fall_is_told_once_for_the_county_and_for_the_city_until_it_recovers() {
    let desk = Desk::open().await;
    check(&desk, 1, 5, 15).await;
    assert_eq!(compared_on(&desk, "2026-10-26").await, 0, "the day is not over");
    assert_eq!(compared_on(&desk, "2026-10-27").await, 2);
    assert_eq!(compared_on(&desk, "2026-10-27").await, 0);
    assert_eq!(compared_on(&desk, "2026-10-28").await, 0);

    let fall = |division: &str, recovered: &str| YieldFall {
        division_code: division.to_owned(),
        fell_on: "2026-10-27".to_owned(),
        verdicts_from: "2026-07-29".to_owned(),
        verdicts_to: "2026-10-26".to_owned(),
        checked: 20,
        found_true: 5,
        floor_permille: 300,
        recovered_on: recovered.to_owned(),
    };
    let (city, county) = (fall("621200000000", ""), fall("621202000000", ""));
    let told = desk.told::<IndicatorYieldFell>("IndicatorYieldFell").await;
    assert!(told.iter().all(|e| e.indicator == "A13" && !e.indicator_title.is_empty()));
    let falls: Vec<_> = told.into_iter().map(|e| e.fall.unwrap()).collect();
    assert_eq!(falls, [city.clone(), county.clone()]);
    assert_eq!(falls_since(&desk, "operator/city", "").await, [city, county.clone()]);
    assert_eq!(falls_since(&desk, COUNTY, "").await, std::slice::from_ref(&county), "a county sees its own alone");
    assert!(falls_since(&desk, TOWNSHIP, "").await.is_empty());
    assert_eq!(falls_since(&desk, COUNTY, "2026-10-28").await, [county], "it stands though nothing was raised since");

    check(&desk, 101, 1, 0).await;
    assert_eq!(compared_on(&desk, "2026-10-29").await, 0, "six of twenty-one are still below");
    check(&desk, 102, 1, 0).await;
    assert_eq!(compared_on(&desk, "2026-10-30").await, 2);
    assert_eq!(falls_since(&desk, COUNTY, "2026-10-29").await, [fall("621202000000", "2026-10-30")]);
    assert!(falls_since(&desk, COUNTY, "2026-10-30").await.is_empty());
    assert_eq!(desk.events("IndicatorYieldFell").await.len(), 2);

    check(&desk, 201, 0, 10).await;
    assert_eq!(compared_on(&desk, "2026-10-31").await, 2);
    assert_eq!(desk.events("IndicatorYieldFell").await.len(), 4, "a further fall is told again");
}

#[tokio::test]
async fn too_few_checks_say_nothing_neither_of_a_fall_nor_of_its_end() {
    let desk = Desk::open().await;
    check(&desk, 1, 0, 19).await;
    assert_eq!(compared_on(&desk, "2026-10-27").await, 0);
    check(&desk, 101, 0, 1).await;
    assert_eq!(compared_on(&desk, "2026-10-28").await, 2);
    // Ninety days on the first verdicts no longer count; one that was found true is too little to end it.
    desk.day("2027-01-26").await;
    check(&desk, 201, 3, 0).await;
    assert_eq!(compared_on(&desk, "2027-01-27").await, 0);
    assert_eq!(falls_since(&desk, COUNTY, "").await[0].recovered_on, "");
}
