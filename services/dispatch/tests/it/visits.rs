//! Visits: recorded by themselves, and behind verdicts.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    dispatch::v1::{
        Carer, RecordVerdictRequest, RecordVisitRequest, Verdict, VisitDetails, VisitFinding, VisitGroup, VisitRecorded,
    },
    registry::v1::HouseholdChanged,
};
use tonic_types::StatusExt as _;

use crate::desk::{COUNTY, Desk, TOWNSHIP, VILLAGE, name, request_id, warning};

const ELSEWHERE: &str = "operator/township/621221100";

/// The register tells where households are, in this order.
async fn settle(desk: &Desk, places: &[(u128, &str)]) {
    for (household, division) in places {
        let changed = HouseholdChanged {
            household: name("households", *household),
            division_code: (*division).to_owned(),
            ..HouseholdChanged::default()
        };
        desk.service.running.feed("registry", &changed.household.clone(), &changed).unwrap();
    }
    desk.service.running.consume_once().await.unwrap();
}

fn visit(n: u128, household: u128) -> RecordVisitRequest {
    RecordVisitRequest {
        request_id: request_id(n),
        household: name("households", household),
        visited_on: "2026-10-26".to_owned(),
        visitor: "zhao.yun".to_owned(),
        details: Some(VisitDetails {
            minutes: Some(25),
            group_ticked: VisitGroup::Illness as i32,
            lives_alone: Some(false),
            carer: Carer::Family as i32,
        }),
        photo_digest: "0".repeat(64),
        finding: VisitFinding::NeedsHelp as i32,
    }
}

async fn record(desk: &Desk, identity: &str, visit: &RecordVisitRequest) -> Result<String, tonic::Status> {
    let request = request_for(Some("case_work"), Some(&visit.household.clone()), visit.clone());
    Ok(desk.client(identity).record_visit(request).await?.into_inner().visit)
}

fn field(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    details.bad_request().map(|b| b.field_violations[0].field.clone()).unwrap_or_default()
}

fn reason(status: &tonic::Status) -> String {
    status.get_error_details().error_info().map(|i| i.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_visit_is_told_with_what_was_seen_and_a_repeat_is_the_same_visit() {
    let desk = Desk::open().await;
    settle(&desk, &[(1, VILLAGE)]).await;
    let first = record(&desk, TOWNSHIP, &visit(1, 1)).await.unwrap();
    assert_eq!(record(&desk, TOWNSHIP, &visit(1, 1)).await.unwrap(), first);

    let told = desk.told::<VisitRecorded>("VisitRecorded").await;
    let expected = VisitRecorded {
        visit: first,
        household: name("households", 1),
        visited_on: "2026-10-26".to_owned(),
        met: true,
        photo: true,
        details: visit(1, 1).details,
        verdict: Verdict::Unspecified as i32,
    };
    assert_eq!(told, [expected]);
}

#[tokio::test]
async fn what_was_not_told_of_a_visit_stays_unknown() {
    let desk = Desk::open().await;
    settle(&desk, &[(1, VILLAGE)]).await;
    let bare = RecordVisitRequest {
        details: None,
        photo_digest: String::new(),
        finding: VisitFinding::NobodyMet as i32,
        ..visit(1, 1)
    };
    record(&desk, TOWNSHIP, &bare).await.unwrap();
    let told = desk.told::<VisitRecorded>("VisitRecorded").await.remove(0);
    assert_eq!((told.met, told.photo, told.details), (false, false, Some(VisitDetails::default())));
}

#[tokio::test]
async fn a_household_is_visited_by_the_desks_above_it_only_and_where_it_is_now() {
    let desk = Desk::open().await;
    settle(&desk, &[(1, VILLAGE), (2, "621221100203")]).await;
    for identity in [TOWNSHIP, COUNTY, "operator/city"] {
        record(&desk, identity, &visit(identity.len() as u128, 1)).await.unwrap();
    }
    for (identity, household) in [(ELSEWHERE, 1), (TOWNSHIP, 2), (TOWNSHIP, 3)] {
        let refused = record(&desk, identity, &visit(40 + household, household)).await.unwrap_err();
        assert_eq!((reason(&refused).as_str(), field(&refused).as_str()), ("HOUSEHOLD_NOT_FOUND", "household"));
    }
    settle(&desk, &[(1, "621221100203")]).await;
    record(&desk, ELSEWHERE, &visit(50, 1)).await.unwrap();
    record(&desk, TOWNSHIP, &visit(51, 1)).await.unwrap_err();
}

#[tokio::test]
async fn a_visit_that_says_nothing_possible_is_refused_by_field() {
    let desk = Desk::open().await;
    settle(&desk, &[(1, VILLAGE)]).await;
    let details = |change: fn(&mut VisitDetails)| {
        let mut visit = visit(1, 1);
        change(visit.details.as_mut().unwrap());
        visit
    };
    for (wrong, at) in [
        (RecordVisitRequest { visited_on: "2026-10-27".to_owned(), ..visit(1, 1) }, "visited_on"),
        (RecordVisitRequest { visited_on: String::new(), ..visit(1, 1) }, "visited_on"),
        (RecordVisitRequest { visitor: " ".to_owned(), ..visit(1, 1) }, "visitor"),
        (RecordVisitRequest { finding: 0, ..visit(1, 1) }, "finding"),
        (RecordVisitRequest { photo_digest: "xy".to_owned(), ..visit(1, 1) }, "photo_digest"),
        (RecordVisitRequest { household: "1".to_owned(), ..visit(1, 1) }, "household"),
        (details(|d| d.minutes = Some(0)), "minutes"),
        (details(|d| d.minutes = Some(601)), "minutes"),
        (details(|d| d.group_ticked = 99), "group_ticked"),
        (details(|d| d.carer = 99), "carer"),
    ] {
        let refused = record(&desk, TOWNSHIP, &wrong).await.unwrap_err();
        assert_eq!(field(&refused), at, "{refused:?}");
    }
    assert!(desk.told::<VisitRecorded>("VisitRecorded").await.is_empty());
}

#[tokio::test]
async fn a_check_the_township_owes_is_a_visit_and_one_in_the_countys_papers_only_when_told() {
    let desk = Desk::open().await;
    desk.raise(&[warning(1, "A13", 1, 11), warning(2, "P02", 2, 0), warning(3, "P02", 3, 0)]).await;
    let orders = desk.orders().await;
    let of = |household| orders.iter().find(|o| o.household == name("households", household)).unwrap();
    desk.record(TOWNSHIP, desk.report(1, of(1), Verdict::NotTrue)).await.unwrap();
    desk.record(COUNTY, desk.report(2, of(2), Verdict::VerifiedTrue)).await.unwrap();
    let details = VisitDetails { minutes: Some(5), ..VisitDetails::default() };
    let visited = RecordVerdictRequest { visit: Some(details), ..desk.report(3, of(3), Verdict::VerifiedTrue) };
    desk.record(COUNTY, visited).await.unwrap();

    let mut told = desk.told::<VisitRecorded>("VisitRecorded").await;
    told.sort_by(|a, b| a.household.cmp(&b.household));
    let short = |v: &VisitRecorded| (v.household.clone(), v.verdict(), v.details.as_ref().and_then(|d| d.minutes));
    let short: Vec<_> = told.iter().map(short).collect();
    let (first, third) = (name("households", 1), name("households", 3));
    assert_eq!(short, [(first, Verdict::NotTrue, None), (third, Verdict::VerifiedTrue, Some(5))]);
    assert!(told.iter().all(|v| v.met && v.photo && v.visited_on == "2026-10-26"));
}
