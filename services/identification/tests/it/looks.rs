//! Looks at assessments: for a purpose, within the caller's division, with an audit row.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    identification::v1::{AssessHouseholdRequest, Assessment, CaseState, GetCaseRequest},
    types::v1::Truth,
};
use minqing_test_kit::TestService;
use tonic::{Code, Status};

use crate::story::*;

async fn assess(service: &TestService, caller: &str, purpose: &str, n: u128) -> Result<Assessment, Status> {
    let request =
        request_for(Some(purpose), None, AssessHouseholdRequest { household: household(n), ..Default::default() });
    client(service, caller).assess_household(request).await.map(|r| r.into_inner().assessment.unwrap())
}

#[tokio::test]
async fn a_household_is_assessed_as_of_today_and_each_look_is_audited() {
    let service = start().await;
    tell(&service, [Told::Facts(facts(1, Some(true))), Told::Roster(roster(2, vec![]))]).await;
    service.clock.advance_days(3);
    let assessment = assess(&service, COUNTY, "case_work", 1).await.unwrap();
    assert_eq!(assessment.as_of, "2026-10-29");
    assert!(assessment.classes.iter().any(|c| c.route == "DB-01" && c.eligible() == Truth::True));
    assert!(assessment.classes.iter().flat_map(|c| &c.facts).any(|f| f.value == "600000"));

    let audited = assess(&service, "operator/city", "audit", 1).await.unwrap();
    assert!(audited.classes.iter().flat_map(|c| &c.facts).all(|f| f.value.is_empty()));
    assert!(audited.classes.iter().flat_map(|c| &c.facts).any(|f| f.known));

    let unknown = assess(&service, COUNTY, "case_work", 2).await.unwrap();
    assert!(!unknown.classes.is_empty());
    assert!(unknown.classes.iter().all(|c| c.eligible() == Truth::Unknown));
    assert_eq!(count(&service, "select count(*) from identification.audit where subject like 'households/%'").await, 3);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_lies_outside_the_callers_division_is_not_found_nor_listed() {
    let service = start().await;
    tell(&service, [Told::Facts(facts(1, Some(true))), Told::Verified(verified(1, 100, false))]).await;
    let case = only_case(&service).await.name;
    for (caller, sees) in [
        (COUNTY, true),
        ("operator/township/621202100", true),
        ("operator/city", true),
        ("operator/county/621221", false),
        ("operator/township/621202101", false),
    ] {
        let one = assess(&service, caller, "case_work", 1).await;
        assert_eq!(one.is_ok(), sees, "{caller}");
        let get = request_for(Some("case_work"), None, GetCaseRequest { name: case.clone() });
        let got = client(&service, caller).get_case(get).await;
        assert_eq!(got.as_ref().err().map(Status::code), (!sees).then_some(Code::NotFound), "{caller}");
        assert_eq!(list(&service, caller, CaseState::Unspecified).await.len(), usize::from(sees), "{caller}");
    }
    assert_eq!(assess(&service, COUNTY, "case_work", 9).await.unwrap_err().code(), Code::NotFound);
    assert!(assess(&service, COUNTY, "relief_query", 1).await.is_err());
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn cases_are_listed_newest_first_by_page_and_state() {
    let service = start().await;
    let told = (1..=5_u128).map(|n| {
        let mut event = verified(n, 100 + n, n % 2 == 0);
        event.verified_on = format!("2026-10-{:02}", 20 + n);
        Told::Verified(event)
    });
    tell(&service, told).await;
    let days: Vec<_> =
        list(&service, COUNTY, CaseState::Open).await.into_iter().map(|c| c.opened_on[8..].to_owned()).collect();
    assert_eq!(days, ["25", "24", "23", "22", "21"]);
    assert_eq!(list(&service, COUNTY, CaseState::Decided).await, vec![]);
    service.running.stop().await.unwrap();
}
