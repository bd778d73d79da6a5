//! The chain of relief as books: what feedback holds against its own.

use minqing_kit::client::Peer;
use minqing_proto::minqing::{
    feedback::v1::Feedback,
    identification::v1::ClassGranted,
    registry::v1::{
        BookEntry, BookLine, ListBookEntriesRequest, ListBookLinesRequest,
        registry_books_service_client::RegistryBooksServiceClient,
    },
    types::v1::{AssistanceClass, Bureau, FeedbackDecision},
};
use minqing_test_kit::TestService;
use tonic::Code;
use uuid::Uuid;

use crate::{
    chain::{feed, record},
    collection::*,
};

/// `printf 'JY-10\nJY-3' | sha256sum`: sorted by bytes, so ten comes before three.
const NUMBERS: &str = "1e7e2b844184d4f7110ca9a0b768d5afb34f196a7d4f19406fe92c0545656728";
/// `printf 'JY-10\t10000\tgranted\nJY-3\t3000\trefused' | sha256sum`.
const CONTENTS: &str = "7edc7ecea3fe927199807a6f23ef9c72cb2712ba9df1692844f19a674f112d4e";

fn books(service: &TestService, caller: &str) -> RegistryBooksServiceClient<Peer> {
    RegistryBooksServiceClient::new(service.as_caller(caller).unwrap())
}

/// All lines, read in pages of one.
async fn lines(service: &TestService, month: &str, bureau: Bureau) -> Vec<BookLine> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = ListBookLinesRequest { month: month.to_owned(), bureau: bureau.into(), page_size: 1, page_token };
        let page = books(service, "service/feedback").list_book_lines(asked).await.unwrap().into_inner();
        assert!(page.lines.len() <= 1);
        all.extend(page.lines);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

fn of_line(month: &str, page_size: i32, page_token: &str) -> ListBookEntriesRequest {
    ListBookEntriesRequest {
        bureau: Bureau::Education.into(),
        programme: "P-JY-04".into(),
        month: month.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    }
}

/// Numbers of a line's records, read in pages of two.
async fn entries(service: &TestService, month: &str) -> Vec<BookEntry> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let asked = of_line(month, 2, &token);
        let page = books(service, "service/feedback").list_book_entries(asked).await.unwrap().into_inner();
        assert!(page.entries.len() <= 2);
        all.extend(page.entries);
        token = page.next_page_token;
        if token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_line_counts_what_is_in_force_in_the_month_of_payment_or_else_of_decision() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let granted = record(&service, 10, FeedbackDecision::Granted);
    let refused = record(&service, 3, FeedbackDecision::Refused);
    let wrong = record(&service, 2, FeedbackDecision::Granted);
    let paid_later = Feedback {
        supersedes: "JY-2".into(),
        paid_on: "2026-11-03".into(),
        ..record(&service, 4, FeedbackDecision::Granted)
    };
    let other_programme = Feedback { programme: "P-JY-05".into(), ..record(&service, 5, FeedbackDecision::Granted) };
    let other_bureau = Feedback { bureau: Bureau::Hr.into(), ..record(&service, 6, FeedbackDecision::CannotReach) };
    feed(&service, &[granted, refused, wrong, paid_later, other_programme, other_bureau]).await;
    let class = ClassGranted {
        decision: format!("decisions/{}", Uuid::from_u128(77)),
        household: household_name(&service, 1),
        assistance_class: AssistanceClass::Edge.into(),
        valid_from: "2026-10-20".into(),
        ..ClassGranted::default()
    };
    service.running.feed("identification", &class.household, &class).unwrap();
    service.running.consume_once().await.unwrap();
    assert_eq!(count(&service, "select count(*) from registry.chain_entry where kind = 'class_granted'").await, 1);

    let all = lines(&service, "2026-10", Bureau::Unspecified).await;
    let told: Vec<_> =
        all.iter().map(|l| (l.bureau(), l.programme.as_str(), l.month.as_str(), l.count, l.amount_fen)).collect();
    let expected = [
        (Bureau::Education, "P-JY-04", "2026-10", 2, 10_000),
        (Bureau::Education, "P-JY-05", "2026-10", 1, 5_000),
        (Bureau::Hr, "P-JY-04", "2026-10", 1, 0),
    ];
    assert_eq!(told, expected);
    assert_eq!((all[0].digest.as_str(), all[0].content_digest.as_str()), (NUMBERS, CONTENTS));
    assert_eq!(lines(&service, "2026-10", Bureau::Education).await, all[..2]);
    let next = lines(&service, "2026-11", Bureau::Unspecified).await;
    assert_eq!((next.len(), next[0].count, next[0].amount_fen), (1, 1, 4_000));
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_records_of_a_line_come_by_the_bytes_of_their_numbers_and_a_double_one_is_shown_twice() {
    let service = start().await;
    import(&service, vec![household(1)]).await;
    let mut records: Vec<_> = [1, 2, 3, 10].map(|n| record(&service, n, FeedbackDecision::Granted)).into();
    // The same number under another resource name, as no feedback service would send it.
    records.push(Feedback { record_no: "JY-2".into(), ..record(&service, 11, FeedbackDecision::Refused) });
    feed(&service, &records).await;
    let told = entries(&service, "2026-10").await;
    let mut told: Vec<_> = told.iter().map(|e| (e.record_no.as_str(), e.amount_fen, e.decision())).collect();
    // The two of one number stand in the order of their ids.
    told[2..4].sort_by_key(|e| e.1);
    let granted = FeedbackDecision::Granted;
    let expected = [
        ("JY-1", 1_000, granted),
        ("JY-10", 10_000, granted),
        ("JY-2", 2_000, granted),
        ("JY-2", 11_000, FeedbackDecision::Refused),
        ("JY-3", 3_000, granted),
    ];
    assert_eq!(told, expected);
    assert!(entries(&service, "2026-11").await.is_empty());
    service.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_books_are_for_feedback_and_a_wrong_question_names_its_field() {
    let service = start().await;
    let october = ListBookLinesRequest { month: "2026-10".into(), ..ListBookLinesRequest::default() };
    for caller in ["operator/city", "adapter/education", "bureau/education", "service/dispatch"] {
        let refused = books(&service, caller).list_book_lines(october.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{caller}");
        let refused = books(&service, caller).list_book_entries(of_line("2026-10", 0, "")).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{caller}");
    }
    let mut feedback = books(&service, "service/feedback");
    for month in ["", "2026", "2026-13", "2026-1"] {
        let wrong = ListBookLinesRequest { month: month.into(), ..ListBookLinesRequest::default() };
        let refused = feedback.list_book_lines(wrong).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "month must be YYYY-MM"));
    }
    let nobody = ListBookEntriesRequest { bureau: 0, ..of_line("2026-10", 0, "") };
    assert_eq!(feedback.list_book_entries(nobody).await.unwrap_err().code(), Code::InvalidArgument);
    let foreign = of_line("2026-10", 0, &"0".repeat(20));
    assert_eq!(feedback.list_book_entries(foreign).await.unwrap_err().code(), Code::InvalidArgument);
    service.running.stop().await.unwrap();
}
