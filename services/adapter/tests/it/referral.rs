//! Referrals by pull: handed out on lease, signed for, answered; identities pass through and are not kept.

use std::sync::atomic::Ordering;

use minqing_kit::Result;
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeReferralsRequest, FeedbackRecord, FetchIdentityListRequest, FetchReferralsRequest,
        ReportFeedbackRequest,
    },
    dispatch::v1::{ReferralIssued, ReferralSettled},
    types::v1::{Bureau, FeedbackDecision},
};
use tonic::Code;
use uuid::Uuid;

use crate::{mesh::Mesh, peers::Person, rows::id_number};

pub fn issued(n: u128, person: &Person, whole_household: bool) -> ReferralIssued {
    ReferralIssued {
        referral: format!("referrals/{}", Uuid::from_u128(n)),
        work_order: format!("workOrders/{}", Uuid::from_u128(n)),
        household: person.household.clone(),
        person_key: if whole_household { String::new() } else { person.person_key.clone() },
        bureau: Bureau::Education as i32,
        programme: "P-JY-04".into(),
        programme_title: "国家助学金".into(),
        indicator: "A13".into(),
        indicator_title: "就学费用负担重".into(),
        level: 3,
        division_code: "621202001000".into(),
        issued_on: "2026-10-26".into(),
        due_on: "2026-11-20".into(),
        record_accepted_time: String::new(),
    }
}

pub async fn issue(mesh: &Mesh, event: &ReferralIssued) -> Result<()> {
    mesh.adapter.running.feed("dispatch", &event.referral, event)?;
    mesh.adapter.running.consume_once().await
}

fn fetch(n: u128) -> tonic::Request<FetchReferralsRequest> {
    let asked = FetchReferralsRequest { request_id: Uuid::from_u128(n).to_string(), page_size: 10, lease_seconds: 60 };
    minqing_kit::client::request_for(Some("referral"), None, asked)
}

#[tokio::test]
async fn a_referral_is_handed_out_once_signed_for_and_its_identity_never_kept() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let home = Uuid::from_u128(77);
    let son = mesh.on_file(&id_number(1), "张三一", home);
    mesh.on_file(&id_number(2), "张母", home);
    issue(&mesh, &issued(1, &son, false)).await.unwrap();
    issue(&mesh, &issued(2, &son, true)).await.unwrap();
    let other = ReferralIssued { bureau: Bureau::Health as i32, ..issued(3, &son, false) };
    issue(&mesh, &other).await.unwrap();

    let mut client = mesh.client();
    let no_purpose = client.fetch_referrals(fetch(1).into_inner()).await.unwrap_err();
    assert_eq!(no_purpose.code(), Code::InvalidArgument);
    let first = client.fetch_referrals(fetch(1)).await.unwrap().into_inner();
    assert_eq!(first.referrals.len(), 2);
    let one = &first.referrals[0];
    assert_eq!(
        (one.persons.len(), one.persons[0].id_number.as_str(), one.persons[0].subject),
        (1, id_number(1).as_str(), true)
    );
    assert_eq!((one.due_on.as_str(), one.reason.as_str(), one.attempt), ("2026-11-20", "A13", 1));
    assert_eq!(first.referrals[1].persons.len(), 2, "a referral about a household shows its members");
    assert_eq!(mesh.register.reveals.lock().unwrap()[0].split('/').next(), Some("referrals"));

    assert_eq!(client.fetch_referrals(fetch(1)).await.unwrap().into_inner(), first, "a repeat gets the same");
    assert!(client.fetch_referrals(fetch(2)).await.unwrap().into_inner().referrals.is_empty(), "leased");
    for text in [id_number(1), id_number(2), "张三一".to_owned(), "张母".to_owned(), "13800000000".to_owned()] {
        assert!(!mesh.database_holds(&text).await, "{text}");
    }

    let sign = AcknowledgeReferralsRequest {
        request_id: Uuid::from_u128(9).to_string(),
        referrals: vec![one.name.clone(), format!("referrals/{}", Uuid::from_u128(3)), "x".into()],
        operator: "u-1".into(),
    };
    mesh.books.away.store(true, Ordering::SeqCst);
    assert_eq!(client.acknowledge_referrals(sign.clone()).await.unwrap_err().code(), Code::Unavailable);
    mesh.books.away.store(false, Ordering::SeqCst);
    let answer = client.acknowledge_referrals(sign.clone()).await.unwrap().into_inner();
    let taken: Vec<_> = answer.results.iter().map(|r| r.accepted).collect();
    assert_eq!(taken, [true, false, false]);
    assert_eq!(client.acknowledge_referrals(sign).await.unwrap().into_inner(), answer);
    assert_eq!(mesh.books.receipts.lock().unwrap().len(), 1);
}

/// Dispatch ends a referral.
pub async fn end(mesh: &Mesh, of: &ReferralIssued, decision: FeedbackDecision) {
    let settled = ReferralSettled {
        referral: of.referral.clone(),
        household: of.household.clone(),
        person_key: of.person_key.clone(),
        bureau: of.bureau,
        programme: of.programme.clone(),
        decision: decision.into(),
        due_on: of.due_on.clone(),
        settled_on: "2026-10-26".into(),
    };
    mesh.adapter.running.feed("dispatch", &settled.referral, &settled).unwrap();
    mesh.adapter.running.consume_once().await.unwrap();
}

#[tokio::test]
async fn a_referral_whose_data_were_withdrawn_is_not_handed_out_and_who_has_it_is_told_until_it_is_signed_for() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
    let all: Vec<_> = (1..=4).map(|n| issued(n, &person, false)).collect();
    for event in &all[..2] {
        issue(&mesh, event).await.unwrap();
    }
    let mut client = mesh.client();
    let first = client.fetch_referrals(fetch(1)).await.unwrap().into_inner();
    assert_eq!((first.referrals.len(), first.withdrawn.len()), (2, 0));
    for event in &all[2..] {
        issue(&mesh, event).await.unwrap();
    }
    end(&mesh, &all[0], FeedbackDecision::Withdrawn).await;
    end(&mesh, &all[1], FeedbackDecision::Granted).await;
    end(&mesh, &all[2], FeedbackDecision::Withdrawn).await;

    let names =
        |of: &[minqing_proto::minqing::bureau::v1::Referral]| of.iter().map(|r| r.name.clone()).collect::<Vec<_>>();
    let again = client.fetch_referrals(fetch(1)).await.unwrap().into_inner();
    assert_eq!(names(&again.referrals), [all[1].referral.clone()], "a repeat leaves out what was taken back");
    let next = client.fetch_referrals(fetch(2)).await.unwrap().into_inner();
    assert_eq!(names(&next.referrals), [all[3].referral.clone()], "what nobody had is never handed out");
    assert_eq!(next.withdrawn, [all[0].referral.clone()]);

    let sign = AcknowledgeReferralsRequest {
        request_id: Uuid::from_u128(9).to_string(),
        referrals: next.withdrawn,
        operator: "u-1".into(),
    };
    let answer = client.acknowledge_referrals(sign).await.unwrap().into_inner();
    assert!(answer.results[0].accepted);
    assert!(client.fetch_referrals(fetch(3)).await.unwrap().into_inner().withdrawn.is_empty());
}

#[tokio::test]
async fn feedback_is_checked_record_by_record_and_carries_keys_only() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
    issue(&mesh, &issued(1, &person, false)).await.unwrap();
    let good = FeedbackRecord {
        record_no: "F-1".into(),
        referral: format!("referrals/{}", Uuid::from_u128(1)),
        programme: "P-JY-04".into(),
        decision: FeedbackDecision::Granted as i32,
        amount_fen: 150_000,
        handled_on: "2026-10-26".into(),
        ..Default::default()
    };
    let own =
        FeedbackRecord { record_no: "F-2".into(), referral: String::new(), id_number: id_number(1), ..good.clone() };
    let records = vec![
        good.clone(),
        own,
        FeedbackRecord {
            record_no: "F-3".into(),
            referral: format!("referrals/{}", Uuid::from_u128(4)),
            ..good.clone()
        },
        FeedbackRecord { record_no: "F-4".into(), referral: String::new(), id_number: id_number(2), ..good.clone() },
        FeedbackRecord { record_no: "F-1".into(), ..good.clone() },
        FeedbackRecord { record_no: "F-6".into(), referral: String::new(), id_number: "1".into(), ..good },
    ];
    let request = ReportFeedbackRequest { request_id: Uuid::from_u128(5).to_string(), records };
    let mut client = mesh.client();
    let answer = client.report_feedback(request.clone()).await.unwrap().into_inner();
    let told: Vec<_> = answer.results.iter().map(|r| (r.record_no.as_str(), r.accepted, r.field.as_str())).collect();
    let wanted = [
        ("F-1", true, ""),
        ("F-2", true, ""),
        ("F-3", false, "referral"),
        ("F-4", false, "id_number"),
        ("F-1", false, "record_no"),
        ("F-6", false, "id_number"),
    ];
    assert_eq!(told, wanted);
    assert_eq!(client.report_feedback(request).await.unwrap().into_inner(), answer);
    let records = mesh.books.records.lock().unwrap().clone();
    assert_eq!(records.len(), 2);
    assert_eq!(
        (records[1].person_key.as_str(), records[1].household.as_str()),
        (person.person_key.as_str(), person.household.as_str())
    );
    assert!(!mesh.database_holds(&id_number(1)).await);

    let asked = FetchIdentityListRequest { page_size: 10, ..Default::default() };
    let list = client.fetch_identity_list(minqing_kit::client::request_for(Some("identity_list"), None, asked)).await;
    assert_eq!(list.unwrap().into_inner().entries[0].id_number, id_number(1));
}
