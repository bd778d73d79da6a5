//! Decisions: once, by the county, with a reason, and never an end unheard.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    identification::v1::{
        CaseDecision, CaseState, ClassEnded, ClassGranted, RecordDecisionRequest, RecordDecisionResponse,
    },
    types::v1::AssistanceClass,
};
use minqing_test_kit::TestService;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::story::*;

fn decision(request_id: u128, case: &str, decision: CaseDecision) -> RecordDecisionRequest {
    RecordDecisionRequest {
        request_id: Uuid::from_u128(request_id).to_string(),
        name: case.into(),
        decision: decision.into(),
        assistance_class: AssistanceClass::MinimumLiving.into(),
        person_key: String::new(),
        amount_fen: 45_000,
        valid_from: "2026-11-01".into(),
        reason: "入户核实，收入低于标准".into(),
        household_heard: true,
    }
}

async fn decide(
    service: &TestService,
    caller: &str,
    request: RecordDecisionRequest,
) -> Result<RecordDecisionResponse, Status> {
    let request = request_for(Some("case_work"), None, request);
    client(service, caller).record_decision(request).await.map(tonic::Response::into_inner)
}

async fn events<M: prost::Message + Default>(service: &TestService, type_name: &str) -> Vec<M> {
    let mut admin = service.db.admin().await.unwrap();
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar("select payload from identification.outbox where type = $1 order by id")
            .bind(type_name)
            .fetch_all(&mut admin)
            .await
            .unwrap();
    rows.iter().map(|r| M::decode(r.as_slice()).unwrap()).collect()
}

#[tokio::test]
async fn a_grant_is_recorded_once_and_told_and_the_case_stays_as_it_was_assessed() {
    let service = start().await;
    tell(
        &service,
        [Told::Roster(roster(1, vec![])), Told::Facts(facts(1, Some(true))), Told::Verified(verified(1, 100, false))],
    )
    .await;
    let open = only_case(&service).await;
    let grant = decision(1, &open.name, CaseDecision::Grant);
    let first = decide(&service, COUNTY, grant.clone()).await.unwrap();
    assert_eq!(first, decide(&service, COUNTY, grant.clone()).await.unwrap());
    let case = first.case.unwrap();
    assert_eq!(
        (case.state(), case.decision(), case.decided_on.as_str()),
        (CaseState::Decided, CaseDecision::Grant, "2026-10-26")
    );
    assert_eq!(case.assessment, open.assessment);

    let told: Vec<ClassGranted> = events(&service, "minqing.identification.v1.ClassGranted").await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].household.as_str(), told[0].amount_fen), (household(1).as_str(), 45_000));
    assert_eq!(told[0].valid_from, "2026-11-01");
    let aggregate = "select count(*) from identification.outbox where aggregate like 'households/%'";
    assert_eq!(count(&service, aggregate).await, 1);

    let mut other = grant;
    other.amount_fen = 1;
    assert_eq!(decide(&service, COUNTY, other).await.unwrap_err().code(), Code::FailedPrecondition);
    let again = decision(2, &open.name, CaseDecision::Refuse);
    assert_eq!(decide(&service, COUNTY, again).await.unwrap_err().code(), Code::FailedPrecondition);
    // Facts that come later leave the decided case alone.
    tell(&service, [Told::Facts(facts(1, Some(false)))]).await;
    assert_eq!(only_case(&service).await.assessment, open.assessment);
    // A new verified work order opens a new case.
    tell(&service, [Told::Verified(verified(1, 101, false))]).await;
    assert_eq!(list(&service, COUNTY, CaseState::Unspecified).await.len(), 2);
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_class_ends_only_after_the_household_was_heard_and_only_when_it_is_held() {
    let service = start().await;
    let member = person(11);
    tell(&service, [Told::Roster(roster(1, vec![low_income(&member)])), Told::Verified(verified(1, 100, true))]).await;
    let case = only_case(&service).await.name;
    let mut unheard = decision(1, &case, CaseDecision::End);
    unheard.person_key = member.clone();
    unheard.household_heard = false;
    assert_eq!(decide(&service, COUNTY, unheard.clone()).await.unwrap_err().code(), Code::FailedPrecondition);
    let mut whole = decision(2, &case, CaseDecision::End);
    whole.person_key.clear();
    assert_eq!(decide(&service, COUNTY, whole).await.unwrap_err().code(), Code::FailedPrecondition);
    let heard = RecordDecisionRequest { household_heard: true, request_id: Uuid::from_u128(3).to_string(), ..unheard };
    decide(&service, COUNTY, heard).await.unwrap();
    let told: Vec<ClassEnded> = events(&service, "minqing.identification.v1.ClassEnded").await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].person_key.as_str(), told[0].valid_to.as_str()), (member.as_str(), "2026-10-31"));
    assert!(!told[0].reason.is_empty());
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn only_the_countys_own_operators_decide_and_only_with_a_reason() {
    let service = start().await;
    tell(&service, [Told::Roster(roster(1, vec![])), Told::Verified(verified(1, 100, false))]).await;
    let case = only_case(&service).await.name;
    let refuse = |n: u128| decision(n, &case, CaseDecision::Refuse);
    for (caller, code) in [
        ("operator/city", Code::PermissionDenied),
        ("operator/township/621202100", Code::PermissionDenied),
        ("service/dispatch", Code::PermissionDenied),
        ("operator/county/621221", Code::NotFound),
    ] {
        assert_eq!(decide(&service, caller, refuse(1)).await.unwrap_err().code(), code, "{caller}");
    }
    let wrong = [
        RecordDecisionRequest { reason: "  ".into(), ..refuse(2) },
        RecordDecisionRequest { decision: 0, ..refuse(3) },
        RecordDecisionRequest { amount_fen: -1, decision: CaseDecision::Grant.into(), ..refuse(4) },
        RecordDecisionRequest { valid_from: String::new(), decision: CaseDecision::Grant.into(), ..refuse(5) },
        RecordDecisionRequest { person_key: person(99), decision: CaseDecision::Grant.into(), ..refuse(6) },
        RecordDecisionRequest { assistance_class: 0, decision: CaseDecision::Grant.into(), ..refuse(7) },
    ];
    for (i, request) in wrong.into_iter().enumerate() {
        assert_eq!(decide(&service, COUNTY, request).await.unwrap_err().code(), Code::InvalidArgument, "request {i}");
    }
    let not_of_kind = decide(&service, COUNTY, decision(8, &case, CaseDecision::Keep)).await.unwrap_err();
    assert_eq!(not_of_kind.code(), Code::FailedPrecondition);
    assert_eq!(list(&service, COUNTY, CaseState::Open).await.len(), 1);

    decide(&service, COUNTY, refuse(9)).await.unwrap();
    assert_eq!(count(&service, "select count(*) from identification.outbox where type like '%Class%'").await, 0);
    assert_eq!(count(&service, "select count(*) from identification.audit where 'decision' = any(fields)").await, 1);
    service.running.stop().await.unwrap();
}
