//! What other services tell of one household, and the calls every test makes.

use minqing_kit::client::{Peer, request_for};
use minqing_proto::minqing::{
    dispatch::v1::{Verdict, WorkOrderVerified},
    identification::v1::{
        Case, CaseState, GetCaseRequest, ListCasesRequest, identification_service_client::IdentificationServiceClient,
    },
    monitoring::v1::{FactEntry, HouseholdFactsChanged, PersonFactEntry},
    registry::v1::{HouseholdChanged, RosterClass, RosterMember},
    types::v1::{AreaKind, AssistanceClass},
};
use minqing_test_kit::TestService;
use uuid::Uuid;

pub const COUNTY: &str = "operator/county/621202";
pub const VILLAGE: &str = "621202100203";

pub type Client = IdentificationServiceClient<Peer>;

pub async fn start() -> TestService {
    TestService::start(minqing_identification::service()).await.unwrap()
}

pub fn client(service: &TestService, identity: &str) -> Client {
    IdentificationServiceClient::new(service.as_caller(identity).unwrap())
}

pub fn household(n: u128) -> String {
    format!("households/{}", Uuid::from_u128(n))
}

pub fn person(n: u128) -> String {
    Uuid::from_u128(n).to_string()
}

/// Two members; the first n of 10 is the household's.
pub fn roster(n: u128, classes: Vec<RosterClass>) -> HouseholdChanged {
    let member = |k: u128| RosterMember { person_key: person(n * 10 + k), ..RosterMember::default() };
    HouseholdChanged {
        household: household(n),
        division_code: VILLAGE.into(),
        area_kind: AreaKind::Rural.into(),
        members: vec![member(1), member(2)],
        classes,
        as_of: "2026-10-26".into(),
        ..HouseholdChanged::default()
    }
}

pub fn low_income(person_key: &str) -> RosterClass {
    RosterClass {
        assistance_class: AssistanceClass::MinimumLiving.into(),
        person_key: person_key.into(),
        valid_from: "2026-01-01".into(),
        amount_fen: 40_000,
    }
}

fn fact(name: &str, value: Option<&str>) -> FactEntry {
    FactEntry {
        name: name.into(),
        value: value.unwrap_or_default().into(),
        known: value.is_some(),
        as_of: "2026-10-20".into(),
    }
}

/// Facts under which minimum living is due, not due or unknown, as the income says.
pub fn facts(n: u128, below_standard: Option<bool>) -> HouseholdFactsChanged {
    let below = below_standard.map(|b| b.to_string());
    let nobody = |k: u128| PersonFactEntry {
        person_key: person(n * 10 + k),
        facts: vec![
            fact("adult", Some("true")),
            fact("severe_disability", Some("false")),
            fact("employee_insured_now", None),
            fact("listed_major_disease", Some("false")),
        ],
    };
    HouseholdFactsChanged {
        household: household(n),
        division_code: VILLAGE.into(),
        area_kind: AreaKind::Rural.into(),
        as_of: "2026-10-26".into(),
        facts: vec![
            fact("income_below_standard", below.as_deref()),
            fact("property_within_minimum_living", Some("true")),
            fact("members", Some("2")),
            fact("declared_income", Some("600000")),
            fact("monitored", None),
        ],
        persons: vec![nobody(1), nobody(2)],
    }
}

pub fn verified(n: u128, work_order: u128, recheck: bool) -> WorkOrderVerified {
    WorkOrderVerified {
        work_order: format!("workOrders/{}", Uuid::from_u128(work_order)),
        household: household(n),
        division_code: VILLAGE.into(),
        verdict: Verdict::VerifiedTrue.into(),
        indicators: vec!["A03".into()],
        candidate_classes: if recheck { vec![] } else { vec![AssistanceClass::MinimumLiving.into()] },
        recheck_class: recheck,
        verified_on: "2026-10-26".into(),
        ..WorkOrderVerified::default()
    }
}

/// Feeds one event and lets it take effect before the next.
pub enum Told {
    Facts(HouseholdFactsChanged),
    Roster(HouseholdChanged),
    Verified(WorkOrderVerified),
}

pub async fn tell(service: &TestService, told: impl IntoIterator<Item = Told>) {
    for one in told {
        match one {
            Told::Facts(e) => service.running.feed("monitoring", &e.household, &e).unwrap(),
            Told::Roster(e) => service.running.feed("registry", &e.household, &e).unwrap(),
            Told::Verified(e) => service.running.feed("dispatch", &e.work_order, &e).unwrap(),
        }
        service.running.consume_once().await.unwrap();
    }
    assert_eq!(count(service, "select count(*) from identification.dead_event").await, 0);
}

pub async fn list(service: &TestService, caller: &str, state: CaseState) -> Vec<Case> {
    let (mut cases, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListCasesRequest { division_code: String::new(), state: state.into(), page_size: 2, page_token };
        let page = client(service, caller).list_cases(request).await.unwrap().into_inner();
        cases.extend(page.cases);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return cases;
        }
    }
}

pub async fn only_case(service: &TestService) -> Case {
    let cases = list(service, COUNTY, CaseState::Unspecified).await;
    assert_eq!(cases.len(), 1);
    let request = request_for(Some("case_work"), None, GetCaseRequest { name: cases[0].name.clone() });
    client(service, COUNTY).get_case(request).await.unwrap().into_inner().case.unwrap()
}

pub async fn count(service: &TestService, sql: &'static str) -> i64 {
    let mut admin = service.db.admin().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap()
}
