//! Feedback records become entries of the chain of relief; corrections mark what they correct.

use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    feedback::v1::{Feedback, FeedbackRecorded},
    registry::v1::ListChainEntriesRequest,
    types::v1::{Bureau, FeedbackDecision},
};
use minqing_test_kit::TestService;
use uuid::Uuid;

use crate::collection::*;

pub fn record(service: &TestService, number: u32, decision: FeedbackDecision) -> Feedback {
    Feedback {
        name: format!("feedback/{}", Uuid::from_u128(number.into())),
        record_no: format!("JY-{number}"),
        bureau: Bureau::Education.into(),
        household: household_name(service, 1),
        person_key: person_key(service, 4).to_string(),
        programme: "P-JY-04".into(),
        decision: decision.into(),
        amount_fen: i64::from(number) * 1000,
        handled_on: format!("2026-10-{:02}", number + 10),
        ..Feedback::default()
    }
}

pub async fn feed(service: &TestService, records: &[Feedback]) {
    for record in records {
        let event = FeedbackRecorded { feedback: Some(record.clone()) };
        service.running.feed("feedback", &record.name, &event).unwrap();
    }
    service.running.consume_once().await.unwrap();
}

#[tokio::test]
async fn every_record_is_one_entry_oldest_first_and_a_correction_replaces_what_it_corrects() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let granted = record(&service, 3, FeedbackDecision::Granted);
    let refused = record(&service, 1, FeedbackDecision::Refused);
    feed(&service, &[granted.clone(), refused.clone(), granted.clone()]).await;
    feed(&service, &[granted]).await;
    // On the bureau's own motion, known by the person only.
    let mut own = record(&service, 2, FeedbackDecision::AlreadyAided);
    own.household = String::new();
    let mut correction = record(&service, 4, FeedbackDecision::Granted);
    correction.supersedes = "JY-3".into();
    feed(&service, &[correction, own]).await;

    let mut county = client(&service, COUNTY);
    let (mut entries, mut token) = (Vec::new(), String::new());
    loop {
        let list = ListChainEntriesRequest { parent: household_name(&service, 1), page_size: 2, page_token: token };
        let page = county.list_chain_entries(request_for(Some("relief_query"), None, list)).await.unwrap().into_inner();
        entries.extend(page.entries);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let seen: Vec<_> = entries.iter().map(|e| (e.kind.as_str(), e.amount_fen, e.occurred_on.as_str())).collect();
    assert_eq!(
        seen,
        [("refusal", 1000, "2026-10-11"), ("already_aided", 2000, "2026-10-12"), ("aid", 4000, "2026-10-14")]
    );
    assert!(entries.iter().all(|e| e.bureau() == Bureau::Education && e.person.starts_with("persons/")));
    assert_eq!(count(&service, "select count(*) from registry.chain_entry where superseded_by is not null").await, 1);
    assert_eq!(count(&service, "select count(*) from registry.audit where 'chain' = any(fields)").await, 2);

    let list = ListChainEntriesRequest { parent: household_name(&service, 1), page_size: 0, page_token: String::new() };
    let mut other = client(&service, "operator/county/621221");
    let hidden = other.list_chain_entries(request_for(Some("relief_query"), None, list)).await.unwrap_err();
    assert_eq!(hidden.code(), tonic::Code::NotFound);
    service.running.stop().await.unwrap();
}
