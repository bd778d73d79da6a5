//! Looks at files: masked unless for case work, within the caller's division, each with an audit row.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    registry::v1::{FindPersonRequest, GetHouseholdRequest, ListDivisionsRequest, ListHouseholdsRequest},
    types::v1::AssistanceClass,
};
use tonic::Code;

use crate::collection::*;

#[tokio::test]
async fn names_and_numbers_are_masked_unless_it_is_case_work() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut county = client(&service, COUNTY);
    let get = GetHouseholdRequest { name: household_name(&service, 1) };
    let masked = county.get_household(request_for(Some("relief_query"), None, get.clone())).await.unwrap();
    let masked = masked.into_inner().household.unwrap();
    let head = &masked.members[0];
    assert_eq!(head.display_name, "张*");
    assert_eq!(head.phone, "139****5678");
    assert!(head.id_number.starts_with("621***") && head.id_number.len() == 18);
    assert!(!masked.address.contains("12号") && masked.address.contains("司家坝村"));
    let text = format!("{masked:?}");
    assert!(!text.contains("张三") && !text.contains("李四娘") && !text.contains("19800102"), "{text}");

    let full = county.get_household(request_for(Some("case_work"), None, get)).await.unwrap();
    let full = full.into_inner().household.unwrap();
    assert_eq!(full.members[0].display_name, "张三");
    assert_eq!(full.members[0].id_number, id_number("19800102", 3));
    assert_eq!(full.address, household(1).address);
    assert_eq!(full.classes[0].assistance_class(), AssistanceClass::MinimumLiving);
    assert_eq!(full.members[0].joined_on, "2020-05-01");

    let looks = "select count(*) from registry.audit where subject like 'households/%' and outcome = 'ok'";
    assert_eq!(count(&service, looks).await, 2);
    let full_looks = "select count(*) from registry.audit where 'members.name' = any(fields) and purpose = 'case_work'";
    assert_eq!(count(&service, full_looks).await, 1);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_without_its_purpose_or_with_another_is_refused() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let get = GetHouseholdRequest { name: household_name(&service, 1) };
    for purpose in [None, Some("curiosity"), Some("referral")] {
        let refused = client(&service, COUNTY).get_household(request_for(purpose, None, get.clone())).await;
        assert!(refused.is_err(), "{purpose:?}");
    }
    let mut bureau = client(&service, "bureau/education");
    let refused = bureau.get_household(request_for(Some("case_work"), None, get.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let shown = bureau.get_household(request_for(Some("relief_query"), None, get)).await.unwrap().into_inner();
    assert_eq!(shown.household.unwrap().members[0].display_name, "张*");
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_lies_outside_the_callers_division_is_not_found() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let name = household_name(&service, 1);
    let cases = [
        ("operator/county/621202", true),
        ("operator/township/621202100", true),
        ("operator/city", true),
        ("operator/admin", true),
        ("service/dispatch", true),
        ("operator/county/621221", false),
        ("operator/township/621202101", false),
    ];
    for (caller, sees) in cases {
        let get = request_for(Some("relief_query"), None, GetHouseholdRequest { name: name.clone() });
        let answer = client(&service, caller).get_household(get).await;
        assert_eq!(answer.is_ok(), sees, "{caller}");
        if let Err(status) = answer {
            assert_eq!(status.code(), Code::NotFound, "{caller}");
        }
    }
    let find = |id: &str| request_for(Some("relief_query"), None, FindPersonRequest { id_number: id.to_owned() });
    let id = id_number("19800102", 4);
    let found = client(&service, COUNTY).find_person(find(&id)).await.unwrap().into_inner();
    assert_eq!(found.household.unwrap().name, name);
    assert!(found.person.starts_with("persons/"));
    let hidden = client(&service, "operator/county/621221").find_person(find(&id)).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    let unknown = client(&service, COUNTY).find_person(find(&id_number("19800102", 444))).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let malformed = client(&service, COUNTY).find_person(find("62120219800102")).await.unwrap_err();
    assert_eq!(malformed.code(), Code::InvalidArgument);
    assert!(!malformed.message().contains("62120"));
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_list_pages_through_the_callers_households_by_class() {
    let service = start().await;
    let mut rows: Vec<_> = (1..=5).map(household).collect();
    rows[0].classes.clear();
    import(&service, rows).await;
    let mut township = client(&service, "operator/township/621202100");
    let list = |class: AssistanceClass, token: &str| {
        let list = ListHouseholdsRequest {
            division_code: String::new(),
            assistance_class: class.into(),
            page_size: 2,
            page_token: token.to_owned(),
        };
        request_for(Some("case_work"), None, list)
    };
    for (class, expected) in
        [(AssistanceClass::Unspecified, 5), (AssistanceClass::MinimumLiving, 4), (AssistanceClass::Edge, 0)]
    {
        let (mut names, mut token) = (Vec::new(), String::new());
        loop {
            let page = township.list_households(list(class, &token)).await.unwrap().into_inner();
            assert!(page.households.iter().all(|h| h.members.iter().all(|m| m.display_name.contains('*'))));
            names.extend(page.households.into_iter().map(|h| h.name));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        names.dedup();
        assert_eq!(names.len(), expected, "{class:?}");
    }
    let first = township.list_households(list(AssistanceClass::Unspecified, "")).await.unwrap().into_inner();
    let crossed = township.list_households(list(AssistanceClass::MinimumLiving, &first.next_page_token)).await;
    assert_eq!(crossed.unwrap_err().code(), Code::InvalidArgument);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn divisions_are_listed_by_parent_and_page() {
    let service = start().await;
    let mut adapter = client(&service, "adapter/education");
    let list = |parent: &str, token: &str| ListDivisionsRequest {
        parent_code: parent.into(),
        page_size: 100,
        page_token: token.into(),
    };
    let counties = adapter.list_divisions(list("621200000000", "")).await.unwrap().into_inner();
    assert_eq!(counties.divisions.len(), 9);
    assert!(counties.next_page_token.is_empty());
    let (mut all, mut token) = (0, String::new());
    loop {
        let page = adapter.list_divisions(list("", &token)).await.unwrap().into_inner();
        all += page.divisions.len();
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(all, 209);
    service.running.stop().await.unwrap();
}
