//! What came of each indicator's warnings, and what merging and suppression saved.

use minqing_proto::minqing::{
    dispatch::v1::{
        FieldTime, IndicatorYield, ListIndicatorYieldsRequest, ListIndicatorYieldsResponse, RecordVerdictRequest,
        SharedOrders, Verdict, VerdictCounts, VisitDetails, VisitsSaved, WorkOrder, YieldTotals,
    },
    monitoring::v1::WarningRaised,
};
use tonic_types::StatusExt as _;

use crate::desk::{COUNTY, Desk, TOWNSHIP, name, warning};

const ELSEWHERE: &str = "operator/county/621222";

pub async fn list_as(
    desk: &Desk,
    identity: &str,
    request: ListIndicatorYieldsRequest,
) -> Result<ListIndicatorYieldsResponse, tonic::Status> {
    Ok(desk.client(identity).list_indicator_yields(request).await?.into_inner())
}

async fn all(desk: &Desk, identity: &str) -> ListIndicatorYieldsResponse {
    list_as(desk, identity, ListIndicatorYieldsRequest::default()).await.unwrap()
}

/// What is said of one indicator, without its titles.
pub fn of(list: &ListIndicatorYieldsResponse, indicator: &str) -> IndicatorYield {
    let found = list.indicator_yields.iter().find(|i| i.indicator == indicator).unwrap();
    assert!(!found.title.is_empty() && !found.title_en.is_empty());
    IndicatorYield { title: String::new(), title_en: String::new(), ..found.clone() }
}

fn order(orders: &[WorkOrder], household: u128) -> &WorkOrder {
    orders.iter().find(|o| o.household == name("households", household)).unwrap()
}

/// Two warnings on one household and six more warnings, some of them checked; a day later one that is suppressed.
async fn play(desk: &Desk) {
    let elsewhere = WarningRaised { division_code: "621222103001".to_owned(), ..warning(7, "A13", 5, 0) };
    let feed = WarningRaised {
        household: String::new(),
        subject: "education.student_enrolment/621202000000".to_owned(),
        division_code: "621202000000".to_owned(),
        ..warning(8, "P11", 0, 0)
    };
    desk.raise(&[warning(1, "A13", 1, 11), warning(2, "A05", 1, 11), warning(3, "A13", 2, 21)]).await;
    desk.raise(&[warning(5, "A13", 3, 31), warning(6, "P02", 4, 0), elsewhere, feed]).await;
    let orders = desk.orders().await;
    let details = VisitDetails { minutes: Some(40), ..VisitDetails::default() };
    let told = desk.report(1, order(&orders, 1), Verdict::VerifiedTrue);
    desk.record(TOWNSHIP, RecordVerdictRequest { visit: Some(details), ..told }).await.unwrap();
    desk.record(TOWNSHIP, desk.report(2, order(&orders, 2), Verdict::NotTrue)).await.unwrap();
    desk.record(COUNTY, desk.report(3, order(&orders, 4), Verdict::VerifiedPartly)).await.unwrap();
    desk.day("2026-10-27").await;
    desk.raise(&[warning(4, "A13", 2, 21)]).await;
    desk.clear(5, "A13", 3).await;
}

#[tokio::test]
async fn each_warning_counts_once_and_told_minutes_never_mix_with_estimated_ones() {
    let desk = Desk::open().await;
    play(&desk).await;
    let list = all(&desk, "operator/city").await;
    let ids: Vec<_> = list.indicator_yields.iter().map(|i| i.indicator.as_str()).collect();
    assert_eq!(ids, ["A05", "A13", "P02", "P11"]);
    let a13 = IndicatorYield {
        indicator: "A13".to_owned(),
        hits: 5,
        suppressed: 1,
        cleared_unchecked: 1,
        checked: 2,
        found_true: 1,
        yield_permille: Some(500),
        verdicts: Some(VerdictCounts { verified_true: 1, not_true: 1, ..VerdictCounts::default() }),
        work_orders: 4,
        alone: 3,
        overlap: Some(SharedOrders { indicator: "A05".to_owned(), work_orders: 1 }),
        field_time: Some(FieldTime { visits_told: 1, visits_untold: 1, minutes_told: 20, minutes_estimated: 300 }),
        visits_saved_by_suppression: 1,
        ..IndicatorYield::default()
    };
    assert_eq!(of(&list, "A13"), a13);
    let a05 = IndicatorYield {
        indicator: "A05".to_owned(),
        hits: 1,
        merged: 1,
        checked: 1,
        found_true: 1,
        yield_permille: Some(1000),
        verdicts: Some(VerdictCounts { verified_true: 1, ..VerdictCounts::default() }),
        work_orders: 1,
        overlap: Some(SharedOrders { indicator: "A13".to_owned(), work_orders: 1 }),
        field_time: Some(FieldTime { visits_told: 1, minutes_told: 20, ..FieldTime::default() }),
        visits_saved_by_merging: 1,
        ..IndicatorYield::default()
    };
    assert_eq!(of(&list, "A05"), a05);
    let papers = of(&list, "P02");
    assert_eq!((papers.checked, papers.found_true, papers.field_time), (1, 1, Some(FieldTime::default())));
    let feed = of(&list, "P11");
    assert_eq!((feed.hits, feed.checked, feed.yield_permille), (1, 0, None), "nothing checked is unknown, not nought");

    let saved = VisitsSaved { visits: 1, minutes_by_told: Some(40), minutes_by_pack: 300 };
    let totals = YieldTotals {
        warnings: 8,
        work_orders: 6,
        merged: 1,
        suppressed: 1,
        cleared_unchecked: 1,
        checked: 4,
        found_true: 3,
        field_time: Some(FieldTime { visits_told: 1, visits_untold: 1, minutes_told: 40, minutes_estimated: 300 }),
        saved_by_merging: Some(saved),
        saved_by_suppression: Some(saved),
    };
    assert_eq!(list.totals, Some(totals));
    assert_eq!((list.raised_from.as_str(), list.raised_to.as_str()), ("2026-07-30", "2026-10-27"));
}

#[tokio::test]
async fn an_operator_counts_only_the_warnings_of_its_own_division() {
    let desk = Desk::open().await;
    play(&desk).await;
    let hits = |list: &ListIndicatorYieldsResponse| list.totals.as_ref().unwrap().warnings;
    for (identity, count) in [
        ("operator/city", 8),
        ("service/registry", 8),
        (COUNTY, 7),
        (TOWNSHIP, 6),
        (ELSEWHERE, 1),
        ("operator/township/621202101", 0),
    ] {
        assert_eq!(hits(&all(&desk, identity).await), count, "{identity}");
    }
    let asked = |division: &str| ListIndicatorYieldsRequest {
        division_code: division.to_owned(),
        ..ListIndicatorYieldsRequest::default()
    };
    assert_eq!(hits(&list_as(&desk, "operator/city", asked("621222")).await.unwrap()), 1);
    assert_eq!(hits(&list_as(&desk, ELSEWHERE, asked("621202000000")).await.unwrap()), 0);
    let nothing = all(&desk, "operator/township/621202101").await;
    let none = VisitsSaved { visits: 0, minutes_by_told: None, minutes_by_pack: 0 };
    assert_eq!(nothing.totals.unwrap().saved_by_merging, Some(none));
}

#[tokio::test]
async fn a_suppressed_warning_that_the_data_clear_in_time_saved_no_visit() {
    let desk = Desk::open().await;
    play(&desk).await;
    desk.clear(4, "A13", 2).await;
    let list = all(&desk, "operator/city").await;
    let a13 = of(&list, "A13");
    assert_eq!((a13.suppressed, a13.cleared_unchecked, a13.visits_saved_by_suppression), (1, 1, 0));
}

#[tokio::test]
async fn a_recheck_s_verdict_is_that_of_the_new_warning_and_its_visit_is_not_saved() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11)]).await;
    desk.record(TOWNSHIP, desk.report(1, &desk.order().await, Verdict::VerifiedTrue)).await.unwrap();
    desk.day("2026-10-27").await;
    desk.raise(&[warning(2, "A15", 1, 0)]).await;
    desk.record(TOWNSHIP, desk.report(2, &desk.order().await, Verdict::NotTrue)).await.unwrap();
    let list = all(&desk, "operator/city").await;
    let (first, second) = (of(&list, "A13"), of(&list, "A15"));
    assert_eq!((first.found_true, second.found_true, second.merged), (1, 0, 1));
    assert_eq!(second.verdicts.unwrap().not_true, 1);
    assert_eq!((second.visits_saved_by_merging, list.totals.unwrap().saved_by_merging.unwrap().visits), (0, 0));
    // The first visit was the first one's alone; the second is shared.
    let estimated = |one: &IndicatorYield| one.field_time.as_ref().unwrap().minutes_estimated;
    assert_eq!((estimated(&first), estimated(&second)), (450, 150));
}

#[tokio::test]
async fn a_warning_cleared_on_the_day_of_its_check_counts_as_checked_in_either_order() {
    for clear_first in [true, false] {
        let desk = Desk::open().await;
        desk.raise(&[warning(1, "A13", 1, 11), warning(2, "A05", 1, 11)]).await;
        desk.day("2026-10-27").await;
        let report = desk.report(1, &desk.order().await, Verdict::VerifiedTrue);
        if clear_first {
            desk.clear(2, "A05", 1).await;
        }
        desk.record(TOWNSHIP, report).await.unwrap();
        if !clear_first {
            desk.clear(2, "A05", 1).await;
        }
        let counted = of(&all(&desk, "operator/city").await, "A05");
        assert_eq!((counted.checked, counted.cleared_unchecked), (1, 0));
    }
}

#[tokio::test]
async fn a_range_counts_the_warnings_raised_in_it_and_an_impossible_one_is_refused_by_field() {
    let desk = Desk::open().await;
    play(&desk).await;
    let asked = |from: &str, to: &str| ListIndicatorYieldsRequest {
        raised_from: from.to_owned(),
        raised_to: to.to_owned(),
        ..ListIndicatorYieldsRequest::default()
    };
    let second = list_as(&desk, "operator/city", asked("2026-10-27", "2026-10-27")).await.unwrap();
    let totals = second.totals.unwrap();
    assert_eq!((totals.warnings, totals.suppressed, totals.work_orders), (1, 1, 0));
    assert_eq!(totals.field_time, Some(FieldTime::default()), "its own range had no visit");
    for (from, to, field) in [
        ("2026-10-28", "2026-10-27", "raised_from"),
        ("2025-10-26", "2026-10-27", "raised_from"),
        ("27.10.2026", "", "raised_from"),
        ("", "yesterday", "raised_to"),
    ] {
        let refused = list_as(&desk, "operator/city", asked(from, to)).await.unwrap_err();
        assert_eq!(refused.get_error_details().bad_request().unwrap().field_violations[0].field, field, "{from} {to}");
    }
    list_as(&desk, "operator/city", asked("2025-10-27", "2026-10-27")).await.unwrap();
}

#[tokio::test]
async fn pages_miss_no_indicator_and_each_has_the_totals() {
    let desk = Desk::open().await;
    play(&desk).await;
    let whole = all(&desk, "operator/city").await;
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = ListIndicatorYieldsRequest { page_size: 3, page_token, ..ListIndicatorYieldsRequest::default() };
        let page = list_as(&desk, "operator/city", asked).await.unwrap();
        assert_eq!(page.totals, whole.totals);
        found.extend(page.indicator_yields);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        let other = ListIndicatorYieldsRequest {
            page_token: page_token.clone(),
            raised_to: "2026-10-26".to_owned(),
            ..ListIndicatorYieldsRequest::default()
        };
        list_as(&desk, "operator/city", other).await.unwrap_err();
    }
    assert_eq!(found, whole.indicator_yields);
}

/// Takes back what the migration added to warnings and runs that part of it again over the rows there are.
async fn migrate_again(desk: &Desk) {
    let mut admin = desk.service.db.admin().await.unwrap();
    let before = "drop index dispatch.reason_raised; set search_path to dispatch; \
                  alter table reason drop column division_code, drop column verdict, drop column verdict_on;";
    let migration = include_str!("../../migrations/0006_indicator_yield.sql");
    let (of_warnings, _) = migration.split_once("-- Indicators whose yield fell").unwrap();
    sqlx::raw_sql(before).execute(&mut admin).await.unwrap();
    sqlx::raw_sql(of_warnings).execute(&mut admin).await.unwrap();
}

#[tokio::test]
async fn warnings_from_before_are_counted_as_if_they_had_come_since() {
    let desk = Desk::open().await;
    play(&desk).await;
    desk.raise(&[warning(9, "A15", 1, 0)]).await;
    let orders = desk.orders().await;
    desk.record(TOWNSHIP, desk.report(4, order(&orders, 1), Verdict::NotTrue)).await.unwrap();
    let counted = all(&desk, "operator/city").await;
    assert_eq!(of(&counted, "A15").verdicts.unwrap().not_true, 1);
    migrate_again(&desk).await;
    assert_eq!(all(&desk, "operator/city").await, counted);
}
