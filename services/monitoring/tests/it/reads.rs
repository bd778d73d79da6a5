use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    monitoring::v1::{GetHouseholdFactsRequest, GetWarningRequest, ListFeedsRequest, ListWarningsRequest},
    types::v1::{BatchMode::Changes, Truth},
};
use tonic::Code;

use crate::{
    records::{calm, loss},
    town::{Town, household, household_name, row},
};

async fn stricken() -> Town {
    let town = calm().await;
    town.tell([household(3, &[30])]).await;
    let rows = vec![row(1, 10, &loss("2026-10-20")), row(2, 20, &loss("2026-10-21")), row(3, 30, &loss("2026-10-22"))];
    town.deliver("emergency.disaster_loss", Changes, "2026-10-26", rows).await;
    assert_eq!(town.open().await.len(), 3);
    town
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_is_explained_by_its_conditions_facts_and_parameters() {
    let town = stricken().await;
    let name = town.warnings(true).await.iter().find(|w| w.household == household_name(1)).unwrap().name.clone();
    let request = || GetWarningRequest { name: name.clone() };
    let mut operator = town.client("operator/county/621202");
    assert!(operator.get_warning(request()).await.is_err(), "no purpose, no facts");
    let answer = operator.get_warning(request_for(Some("case_work"), Some("case 1"), request())).await.unwrap();
    let warning = answer.into_inner().warning.unwrap();
    assert_eq!((warning.indicator.as_str(), warning.title.as_str()), ("A15", "因灾返困"));
    assert!(
        warning.conditions.iter().all(|c| c.value() == Truth::True && !c.title.is_empty() && !c.expression.is_empty())
    );
    let fact = warning.facts.iter().find(|f| f.name == "disaster_ended_on").unwrap();
    assert_eq!((fact.value.as_str(), fact.r#type.as_str(), fact.known), ("2026-10-20", "date", true));
    assert_eq!((fact.source.as_str(), fact.as_of.as_str()), ("emergency.disaster_loss", "2026-10-25"));
    assert!(
        warning.parameters.iter().all(|p| !p.value.is_empty() && !p.document.is_empty()),
        "{:?}",
        warning.parameters
    );
    let mut connection = town.service.running.context.db.acquire().await.unwrap();
    let audited: i64 = sqlx::query_scalar("select count(*) from audit where subject = $1 and purpose = 'case_work'")
        .bind(household_name(1))
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(audited, 1);

    let mut neighbour = town.client("operator/county/621221");
    let refused = neighbour.get_warning(request_for(Some("case_work"), None, request())).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let unknown = GetWarningRequest { name: format!("warnings/{}", uuid::Uuid::from_u128(9)) };
    let missing = operator.get_warning(request_for(Some("audit"), None, unknown)).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_and_feeds_come_in_pages_and_a_county_sees_its_own() {
    let town = stricken().await;
    let mut operator = town.client("operator/county/621202");
    let mut seen = Vec::new();
    let mut request = ListWarningsRequest { indicator: "A15".into(), page_size: 2, ..Default::default() };
    loop {
        let page = operator.list_warnings(request.clone()).await.unwrap().into_inner();
        seen.extend(page.warnings.into_iter().map(|w| w.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
    let other_filter = ListWarningsRequest { indicator: String::new(), ..request };
    let refused = operator.list_warnings(other_filter).await;
    assert!(refused.is_err() || seen.len() < 2);
    let one = ListWarningsRequest { household: household_name(2), ..Default::default() };
    assert_eq!(operator.list_warnings(one).await.unwrap().into_inner().warnings.len(), 1);

    let mut neighbour = town.client("operator/county/621221");
    assert!(neighbour.list_warnings(ListWarningsRequest::default()).await.unwrap().into_inner().warnings.is_empty());
    assert!(neighbour.list_feeds(ListFeedsRequest::default()).await.unwrap().into_inner().feeds.is_empty());
    let first =
        operator.list_feeds(ListFeedsRequest { page_size: 10, ..Default::default() }).await.unwrap().into_inner();
    let rest = ListFeedsRequest { page_size: 200, page_token: first.next_page_token, ..Default::default() };
    let second = operator.list_feeds(rest).await.unwrap().into_inner();
    let all = minqing_proto::contract::datasets().len();
    assert_eq!((first.feeds.len(), second.feeds.len(), second.next_page_token.as_str()), (10, all - 10, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_a_household_say_what_is_known_and_since_when() {
    let town = stricken().await;
    let request = || GetHouseholdFactsRequest { household: household_name(1) };
    let mut operator = town.client("operator/city");
    let facts = operator.get_household_facts(request_for(Some("audit"), None, request())).await.unwrap().into_inner();
    assert_eq!(facts.persons.len(), 2);
    let members = facts.facts.iter().find(|f| f.name == "members").unwrap();
    assert_eq!((members.value.as_str(), members.known), ("2", true));
    let ended = facts.facts.iter().find(|f| f.name == "disaster_ended_on").unwrap();
    assert_eq!((ended.value.as_str(), ended.as_of.as_str()), ("2026-10-20", "2026-10-26"));
    assert!(facts.persons[0].facts.iter().any(|f| !f.known && f.value.is_empty()), "no other feed has come");
    let unknown = GetHouseholdFactsRequest { household: household_name(9) };
    let missing = operator.get_household_facts(request_for(Some("audit"), None, unknown)).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}
