//! Where both books differ, by the number of the record.

use minqing_proto::minqing::{
    feedback::v1::{
        DifferenceKind, DifferenceState, Feedback, ListDifferencesRequest,
        feedback_books_service_client::FeedbackBooksServiceClient,
    },
    types::v1::{Bureau, FeedbackDecision},
};
use tonic::Code;

use crate::{
    office::{grant, name},
    two_books::TwoBooks,
};

fn of_programme(no: &str, programme: &str) -> Feedback {
    Feedback { programme: programme.to_owned(), ..grant(no, 1) }
}

#[tokio::test]
async fn what_never_arrived_is_listed_by_its_number_and_resolved_when_it_comes() {
    let both = TwoBooks::open().await;
    both.report(1, &[grant("JY-1", 1), grant("JY-2", 1), grant("JY-3", 2)]).await;
    both.arrive(&["JY-1", "JY-3"]).await;
    both.office.at("2026-10-27T00:30:00");
    assert_eq!(both.compare().await, 13, "a year and the month under way");

    let asked = ListDifferencesRequest::default();
    let page = both.page("operator/city", asked.clone()).await;
    assert_eq!((page.differences.len(), page.compared_on.as_str()), (1, "2026-10-27"));
    let found = &page.differences[0];
    assert_eq!((found.record_no.as_str(), found.kind()), ("JY-2", DifferenceKind::MissingAtCounterpart));
    assert_eq!(
        (found.bureau(), found.programme.as_str(), found.month.as_str()),
        (Bureau::Education, "P-JY-04", "2026-10")
    );
    assert_eq!((found.feedback_amount_fen, found.other_amount_fen), (100_000, 0));
    assert_eq!(
        (found.feedback_decision(), found.other_decision()),
        (FeedbackDecision::Granted, FeedbackDecision::Unspecified)
    );
    assert_eq!((found.first_seen_time.as_str(), found.resolved_time.as_str()), ("2026-10-26T16:30:00.000000Z", ""));
    assert_eq!((both.shown("education").as_str(), both.shown("hr").as_str()), ("1", "0"));

    both.arrive(&["JY-2"]).await;
    both.office.day("2026-10-28");
    assert_eq!(both.compare().await, 13);
    assert!(both.open_ones().await.is_empty());
    let resolved = both.differences(DifferenceState::Resolved).await;
    assert_eq!((resolved.len(), resolved[0].name.as_str()), (1, found.name.as_str()));
    assert_eq!(resolved[0].resolved_time, "2026-10-28T01:00:00.000000Z");
    assert_eq!(resolved[0].first_seen_time, found.first_seen_time);
    assert_eq!(both.shown("education"), "0");
}

#[tokio::test]
async fn amounts_that_only_their_sum_hides_and_records_of_the_register_alone_are_found() {
    let both = TwoBooks::open().await;
    let other = Feedback { amount_fen: 50_000, ..grant("JY-2", 1) };
    both.report(1, &[grant("JY-1", 1), other, grant("JY-3", 2)]).await;
    both.arrive(&["JY-1", "JY-2", "JY-3"]).await;
    both.office.day("2026-10-27");
    both.compare().await;
    assert!(both.open_ones().await.is_empty());

    // Count, sum and numbers stay the same.
    both.meddle("update registry.chain_entry set amount_fen = 150000 - amount_fen where record_no in ('JY-1', 'JY-2')")
        .await;
    both.stray(Feedback { name: name("feedback", 99), bureau: Bureau::Hr.into(), ..of_programme("RS-9", "P-RS-01") })
        .await;
    both.office.day("2026-10-28");
    both.compare().await;
    let (differs, alone) = (DifferenceKind::ContentDiffers, DifferenceKind::MissingInFeedback);
    let numbers = ["JY-1", "JY-2", "RS-9"].map(str::to_owned);
    let [first, second, third] = numbers;
    assert_eq!(both.open_ones().await, [(first, differs), (second, differs), (third, alone)]);
    let open = both.differences(DifferenceState::Open).await;
    let swapped = open.iter().find(|d| d.record_no == "JY-2").unwrap();
    assert_eq!((swapped.feedback_amount_fen, swapped.other_amount_fen), (50_000, 100_000));
    assert_eq!((both.shown("education").as_str(), both.shown("hr").as_str()), ("2", "1"));

    // One is mended, one gets worse: that is another difference.
    both.meddle("update registry.chain_entry set amount_fen = 100000 where record_no = 'JY-1'").await;
    both.meddle("update registry.chain_entry set kind = 'refusal' where record_no = 'JY-2'").await;
    both.office.day("2026-10-29");
    both.compare().await;
    let resolved = both.differences(DifferenceState::Resolved).await;
    assert_eq!(resolved.len(), 2);
    let open = both.differences(DifferenceState::Open).await;
    let worse = open.iter().find(|d| d.record_no == "JY-2").unwrap();
    assert_eq!((open.len(), worse.other_decision()), (2, FeedbackDecision::Refused));
}

#[tokio::test]
async fn a_page_holds_what_its_reader_may_see_and_pages_are_complete() {
    let both = TwoBooks::open().await;
    let numbers: Vec<String> = (1..=5).map(|n| format!("JY-{n}")).collect();
    let records: Vec<_> = numbers.iter().map(|no| grant(no, 1)).chain([of_programme("JY-6", "P-JY-05")]).collect();
    both.report(1, &records).await;
    both.office.day("2026-10-27");
    both.compare().await;

    let all = ListDifferencesRequest { page_size: 2, ..ListDifferencesRequest::default() };
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page =
            both.page("operator/county/621202", ListDifferencesRequest { page_token: token, ..all.clone() }).await;
        assert!(page.differences.len() <= 2);
        seen.extend(page.differences.into_iter().map(|d| d.record_no));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["JY-1", "JY-2", "JY-3", "JY-4", "JY-5", "JY-6"]);

    let count = async |caller: &str, asked: ListDifferencesRequest| both.page(caller, asked).await.differences.len();
    let any = ListDifferencesRequest::default;
    assert_eq!(count("operator/county/621222", any()).await, 0, "another county");
    assert_eq!(count("adapter/hr", any()).await, 0, "another bureau");
    assert_eq!(count("adapter/education", any()).await, 6);
    let city = "operator/city";
    assert_eq!(count(city, ListDifferencesRequest { programme: "P-JY-05".into(), ..any() }).await, 1);
    assert_eq!(count(city, ListDifferencesRequest { month: "2026-10".into(), ..any() }).await, 6);
    assert_eq!(count(city, ListDifferencesRequest { month: "2026-09".into(), ..any() }).await, 0);
    assert_eq!(count(city, ListDifferencesRequest { bureau: Bureau::Hr.into(), ..any() }).await, 0);
    assert_eq!(count(city, ListDifferencesRequest { state: DifferenceState::Resolved.into(), ..any() }).await, 0);
}

#[tokio::test]
async fn a_wrong_question_is_refused_by_its_field() {
    let both = TwoBooks::open().await;
    let any = ListDifferencesRequest::default;
    for (caller, wrong, code) in [
        ("operator/city", ListDifferencesRequest { month: "2026-13".into(), ..any() }, Code::InvalidArgument),
        ("operator/city", ListDifferencesRequest { state: 9, ..any() }, Code::InvalidArgument),
        ("operator/city", ListDifferencesRequest { page_token: "00".into(), ..any() }, Code::InvalidArgument),
        ("adapter/hr", ListDifferencesRequest { bureau: Bureau::Women.into(), ..any() }, Code::PermissionDenied),
        ("bureau/education", any(), Code::PermissionDenied),
        ("operator/county", any(), Code::PermissionDenied),
    ] {
        let peer = both.office.service.as_caller(caller).unwrap();
        let mut client = FeedbackBooksServiceClient::new(peer);
        assert_eq!(client.list_differences(wrong).await.unwrap_err().code(), code, "{caller}");
    }
}
