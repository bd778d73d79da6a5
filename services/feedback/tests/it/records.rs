//! A bureau reports decisions and aid.

use minqing_proto::minqing::{
    feedback::v1::{Feedback, FeedbackRecorded, ListFeedbackRequest, RecordFeedbackRequest},
    types::v1::{Bureau, FeedbackDecision},
};
use tonic::Code;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::office::{Office, grant, name, request_id};

#[tokio::test]
async fn each_record_is_taken_or_refused_by_itself() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    office.issue(2, Bureau::Hr).await;
    let refused = Feedback { decision: FeedbackDecision::Refused as i32, ..grant("JY-2", 1) };
    let unreadable = Feedback { handled_on: "26/10/2026".to_owned(), ..grant("JY-3", 1) };
    let results = office.report(1, &[grant("JY-1", 1), refused, unreadable, grant("JY-4", 2)]).await.unwrap();
    let outcomes: Vec<_> = results.iter().map(|r| (r.record_no.as_str(), r.accepted, r.field.as_str())).collect();
    let expected = [
        ("JY-1", true, ""),
        ("JY-2", false, "reason_code"),
        ("JY-3", false, "handled_on"),
        ("JY-4", false, "referral"),
    ];
    assert_eq!(outcomes, expected);
    assert!(results.iter().skip(1).all(|r| !r.message.is_empty() && !r.message_zh.is_empty() && !r.reason.is_empty()));

    let told = office.told::<FeedbackRecorded>("FeedbackRecorded").await;
    let told = told[0].feedback.as_ref().unwrap();
    assert_eq!((told.household.as_str(), told.programme.as_str()), (name("households", 1).as_str(), "P-JY-04"));
    assert_eq!(
        (told.bureau(), told.person_key.as_str()),
        (Bureau::Education, Uuid::from_u128(1001).to_string().as_str())
    );
}

#[tokio::test]
async fn a_number_stands_for_one_record() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    let twice = office.report(1, &[grant("JY-1", 1), grant("JY-1", 1)]).await.unwrap();
    assert!(twice.iter().all(|r| r.accepted));
    let again = office.report(2, &[grant("JY-1", 1)]).await.unwrap();
    assert!(again[0].accepted, "the same content under another request");
    let other = office.report(3, &[Feedback { amount_fen: 5, ..grant("JY-1", 1) }]).await.unwrap();
    assert_eq!((other[0].accepted, other[0].reason.as_str()), (false, "RECORD_NO_REUSED"));
    assert_eq!(office.told::<FeedbackRecorded>("FeedbackRecorded").await.len(), 1);

    let reused = office.report(1, &[grant("JY-9", 1)]).await.unwrap_err();
    assert_eq!(reused.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_correction_supersedes_and_deletes_nothing() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    let correction = |no: &str, of: &str| Feedback { amount_fen: 90_000, supersedes: of.to_owned(), ..grant(no, 1) };
    let results = office.report(1, &[grant("JY-1", 1), correction("JY-2", "JY-1")]).await.unwrap();
    assert!(results.iter().all(|r| r.accepted), "a correction may come with what it corrects");
    let late = office.report(2, &[correction("JY-3", "JY-1"), correction("JY-4", "JY-7")]).await.unwrap();
    let reasons: Vec<_> = late.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons, ["SUPERSEDED_ALREADY", "SUPERSEDED_NOT_FOUND"]);

    let list = office.client("operator/city").list_feedback(ListFeedbackRequest::default()).await.unwrap();
    let numbers: Vec<_> = list.into_inner().feedback.into_iter().map(|f| (f.record_no, f.supersedes)).collect();
    assert_eq!(numbers, [("JY-2".to_owned(), "JY-1".to_owned()), ("JY-1".to_owned(), String::new())]);
    assert_eq!(office.told::<FeedbackRecorded>("FeedbackRecorded").await.len(), 2);
}

#[tokio::test]
async fn a_referral_is_put_off_twice_and_no_more() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    let defer = |no: &str| Feedback {
        decision: FeedbackDecision::Deferred as i32,
        amount_fen: 0,
        deferred_to: "2026-11-20".to_owned(),
        ..grant(no, 1)
    };
    let both = office.report(1, &[defer("JY-1"), defer("JY-2")]).await.unwrap();
    assert!(both.iter().all(|r| r.accepted));
    let third = office.report(2, &[defer("JY-3"), grant("JY-4", 1)]).await.unwrap();
    assert_eq!((third[0].reason.as_str(), third[1].accepted), ("DEFERRED_TWICE", true));
    office.settle(1, "2026-10-26").await;
    let late = office.report(3, &[defer("JY-5"), grant("JY-6", 1)]).await.unwrap();
    assert_eq!((late[0].reason.as_str(), late[1].accepted), ("REFERRAL_SETTLED", true));
}

#[tokio::test]
async fn aid_on_a_bureaus_own_motion_names_the_person() {
    let office = Office::open().await;
    let own = Feedback {
        referral: String::new(),
        person_key: Uuid::from_u128(77).to_string(),
        programme: "P-JY-01".to_owned(),
        ..grant("JY-1", 0)
    };
    let nobody = Feedback { record_no: "JY-2".to_owned(), person_key: String::new(), ..own.clone() };
    let results = office.report(1, &[own, nobody]).await.unwrap();
    assert_eq!((results[0].accepted, results[1].field.as_str()), (true, "person_key"));
    let told = office.told::<FeedbackRecorded>("FeedbackRecorded").await;
    assert_eq!(told[0].feedback.as_ref().unwrap().household, "", "the registry finds the household");
}

#[tokio::test]
async fn an_answer_that_comes_before_its_referral_is_asked_for_again() {
    let office = Office::open().await;
    let early = office.report(1, &[grant("JY-1", 1)]).await.unwrap_err();
    assert_eq!(early.code(), Code::Unavailable);
    assert_eq!(early.get_error_details().error_info().unwrap().reason, "REFERRAL_NOT_YET_KNOWN");
    office.issue(1, Bureau::Education).await;
    assert!(office.report(1, &[grant("JY-1", 1)]).await.unwrap()[0].accepted);
}

#[tokio::test]
async fn an_adapter_writes_and_reads_for_its_own_bureau_only() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    office.report(1, &[grant("JY-1", 1)]).await.unwrap();
    let mut hr = office.client("adapter/hr");
    let foreign = RecordFeedbackRequest {
        request_id: request_id(2),
        bureau: Bureau::Education as i32,
        feedback: vec![grant("JY-2", 1)],
    };
    assert_eq!(hr.record_feedback(foreign).await.unwrap_err().code(), Code::PermissionDenied);
    assert!(hr.list_feedback(ListFeedbackRequest::default()).await.unwrap().into_inner().feedback.is_empty());
    let own = office.client("adapter/education").list_feedback(ListFeedbackRequest::default()).await.unwrap();
    assert_eq!(own.into_inner().feedback.len(), 1);
}

#[tokio::test]
async fn pages_of_a_household_are_complete_and_its_reading_is_on_record() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    office.issue(2, Bureau::Education).await;
    let all: Vec<_> = (1..=5).map(|n| grant(&format!("JY-{n}"), 1)).chain([grant("JY-6", 2)]).collect();
    office.report(1, &all).await.unwrap();
    let mut county = office.client("operator/county/621202");
    let (mut numbers, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListFeedbackRequest {
            household: name("households", 1),
            page_size: 2,
            page_token,
            ..ListFeedbackRequest::default()
        };
        let page = county.list_feedback(request).await.unwrap().into_inner();
        numbers.extend(page.feedback.into_iter().map(|f| f.record_no));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(numbers, ["JY-5", "JY-4", "JY-3", "JY-2", "JY-1"]);
    let elsewhere = office.client("operator/county/621222").list_feedback(ListFeedbackRequest::default()).await;
    assert!(elsewhere.unwrap().into_inner().feedback.is_empty());
    let mut admin = office.service.db.admin().await.unwrap();
    let reads: i64 = sqlx::query_scalar("select count(*) from feedback.audit where caller = 'operator/county/621202'")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(reads, 3);
}
