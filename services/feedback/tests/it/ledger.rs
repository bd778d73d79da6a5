//! A bureau's own ledger, sent through the bureau's real adapter.

use minqing_kit::client::Peer;
use minqing_proto::minqing::{
    bureau::v1::{
        CompareLedgerRequest, CompareLedgerResponse, LedgerDifferenceKind, LedgerEntry, LedgerLine,
        ledger_service_client::LedgerServiceClient,
    },
    feedback::v1::{Counterpart, DifferenceKind, DifferenceState, ListDifferencesRequest},
    types::v1::{Bureau, FeedbackDecision},
};
use minqing_test_kit::TestService;
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    office::{grant, request_id},
    two_books::TwoBooks,
};

/// `printf 'JY-1\nJY-3' | sha256sum`.
const ONE_AND_THREE: &str = "39ae9a1a16a319ad39d0337ea496add68d6ec56021b82cfdd708c7467ba5fa84";
/// `printf 'JY-1\nJY-2' | sha256sum`.
pub const ONE_AND_TWO: &str = "82f6fec59d78526f567c0461a1ec4e6f15e9679296199b37abe4da2d223fbd32";

pub async fn adapter(both: &TwoBooks) -> TestService {
    let beside = TestService::builder()
        .beside(&both.registry)
        .peer("registry", &both.registry.url())
        .peer("monitoring", "https://127.0.0.1:1")
        .peer("identification", "https://127.0.0.1:1")
        .peer("feedback", &both.office.service.url());
    beside.start(minqing_adapter::service(minqing_bureaus::by_name("education").unwrap())).await.unwrap()
}

fn granted(record_no: &str, amount_fen: i64) -> LedgerEntry {
    LedgerEntry { record_no: record_no.to_owned(), amount_fen, decision: FeedbackDecision::Granted.into() }
}

pub fn line(digest: &str, amount_fen: i64, entries: &[LedgerEntry]) -> LedgerLine {
    LedgerLine {
        programme: "P-JY-04".to_owned(),
        count: 2,
        amount_fen,
        digest: digest.to_owned(),
        entries: entries.to_vec(),
    }
}

pub fn october(n: u128, lines: &[LedgerLine]) -> CompareLedgerRequest {
    CompareLedgerRequest { request_id: request_id(n), month: "2026-10".to_owned(), lines: lines.to_vec() }
}

pub async fn send(
    adapter: &TestService,
    caller: &str,
    ledger: CompareLedgerRequest,
) -> Result<CompareLedgerResponse, Status> {
    let mut client: LedgerServiceClient<Peer> = LedgerServiceClient::new(adapter.as_caller(caller).unwrap());
    client.compare_ledger(ledger).await.map(tonic::Response::into_inner)
}

/// Open differences with a counterpart, by number.
async fn open(both: &TwoBooks, counterpart: Counterpart) -> Vec<(String, DifferenceKind, i64)> {
    let asked = ListDifferencesRequest {
        state: DifferenceState::Open.into(),
        counterpart: counterpart.into(),
        ..ListDifferencesRequest::default()
    };
    let found = both.page("operator/city", asked).await.differences;
    assert!(found.iter().all(|d| d.counterpart() == counterpart && d.bureau() == Bureau::Education));
    let mut found: Vec<_> = found.into_iter().map(|d| (d.record_no.clone(), d.kind(), d.other_amount_fen)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[tokio::test]
async fn a_ledger_that_differs_is_told_by_record_number_and_kept_until_it_agrees() {
    let both = TwoBooks::open().await;
    let adapter = adapter(&both).await;
    both.report(1, &[grant("JY-1", 1), grant("JY-2", 1)]).await;
    let entries = [granted("JY-3", 50_000), granted("JY-1", 90_000)];

    let lines_only = october(10, &[line(ONE_AND_THREE, 140_000, &[])]);
    let told = send(&adapter, "bureau/education", lines_only).await.unwrap().results;
    assert_eq!((told.len(), told[0].agrees, told[0].entries_wanted), (1, false, true));
    assert_eq!((told[0].count, told[0].amount_fen, told[0].digest.as_str()), (2, 200_000, ONE_AND_TWO));
    assert!(open(&both, Counterpart::Bureau).await.is_empty(), "nothing is known by number yet");

    let with_entries = october(11, &[line(ONE_AND_THREE, 140_000, &entries)]);
    let told = send(&adapter, "bureau/education", with_entries.clone()).await.unwrap();
    let again = send(&adapter, "bureau/education", with_entries).await.unwrap();
    assert_eq!(told, again);
    let told = &told.results[0];
    let named: Vec<_> = told.differences.iter().map(|d| (d.record_no.as_str(), d.kind(), d.amount_fen)).collect();
    let expected = [
        ("JY-1", LedgerDifferenceKind::ContentDiffers, 100_000),
        ("JY-2", LedgerDifferenceKind::MissingInLedger, 100_000),
        ("JY-3", LedgerDifferenceKind::MissingInMesh, 0),
    ];
    assert_eq!((told.agrees, told.entries_wanted, named.as_slice()), (false, false, expected.as_slice()));
    let kept = [
        ("JY-1".to_owned(), DifferenceKind::ContentDiffers, 90_000),
        ("JY-2".to_owned(), DifferenceKind::MissingAtCounterpart, 0),
        ("JY-3".to_owned(), DifferenceKind::MissingInFeedback, 50_000),
    ];
    assert_eq!(open(&both, Counterpart::Bureau).await, kept);

    // The night compares with the register, and leaves the bureau's side alone.
    both.arrive(&["JY-1", "JY-2"]).await;
    both.office.day("2026-10-27");
    both.compare().await;
    assert!(open(&both, Counterpart::Registry).await.is_empty());
    assert_eq!(open(&both, Counterpart::Bureau).await, kept);

    let mended = october(12, &[line(ONE_AND_TWO, 200_000, &[])]);
    let told = send(&adapter, "bureau/education", mended).await.unwrap().results;
    assert_eq!((told[0].agrees, told[0].entries_wanted, told[0].differences.len()), (true, false, 0));
    assert!(open(&both, Counterpart::Bureau).await.is_empty());
    assert_eq!(both.differences(DifferenceState::Resolved).await.len(), 3);
}

#[tokio::test]
async fn a_programme_left_out_of_the_ledger_has_no_record() {
    let both = TwoBooks::open().await;
    let adapter = adapter(&both).await;
    both.report(1, &[grant("JY-1", 1)]).await;
    let told = send(&adapter, "bureau/education", october(10, &[])).await.unwrap().results;
    assert_eq!((told.len(), told[0].agrees, told[0].differences.len()), (1, false, 1));
    assert_eq!(told[0].differences[0].kind(), LedgerDifferenceKind::MissingInLedger);
    let september = CompareLedgerRequest { month: "2026-09".to_owned(), ..october(11, &[]) };
    assert!(send(&adapter, "bureau/education", september).await.unwrap().results.is_empty());
}

#[tokio::test]
async fn a_ledger_that_contradicts_itself_is_refused_by_its_field() {
    let both = TwoBooks::open().await;
    let adapter = adapter(&both).await;
    let good = line(ONE_AND_TWO, 200_000, &[granted("JY-1", 100_000), granted("JY-2", 100_000)]);
    let undecided = LedgerEntry { decision: 0, ..granted("JY-2", 0) };
    for (n, field, lines) in [
        (20, "lines.entries", vec![LedgerLine { count: 3, ..good.clone() }]),
        (21, "lines.amount_fen", vec![LedgerLine { amount_fen: 1, ..good.clone() }]),
        (22, "lines.digest", vec![LedgerLine { digest: ONE_AND_THREE.to_owned(), ..good.clone() }]),
        (23, "lines.programme", vec![good.clone(), good.clone()]),
        (24, "lines.entries.decision", vec![line("", 100_000, &[granted("JY-1", 100_000), undecided])]),
        (25, "lines.entries.record_no", vec![line("", 200_000, &[granted("", 100_000), granted("JY-2", 100_000)])]),
    ] {
        let refused = send(&adapter, "bureau/education", october(n, &lines)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        let details = refused.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, field);
        assert!(!details.localized_message().unwrap().message.is_empty());
    }
    let no_month = CompareLedgerRequest { month: String::new(), ..october(26, &[]) };
    assert_eq!(send(&adapter, "bureau/education", no_month).await.unwrap_err().code(), Code::InvalidArgument);
    let foreign = send(&adapter, "bureau/hr", october(27, &[])).await.unwrap_err();
    assert_eq!(foreign.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_ledger_of_ten_thousand_records_the_mesh_lacks_is_kept_once_however_often_it_is_sent() {
    let both = TwoBooks::open().await;
    let adapter = adapter(&both).await;
    let entries: Vec<_> = (0..10_000).map(|n| granted(&format!("JY-{n:05}"), 100)).collect();
    let numbers: Vec<_> = entries.iter().map(|e| e.record_no.as_str()).collect();
    let digest: String = Sha256::digest(numbers.join("\n")).iter().map(|byte| format!("{byte:02x}")).collect();
    let whole = LedgerLine { count: 10_000, ..line(&digest, 1_000_000, &entries) };
    for n in [30, 31] {
        let told = send(&adapter, "bureau/education", october(n, std::slice::from_ref(&whole))).await.unwrap().results;
        assert_eq!((told.len(), told[0].differences.len()), (1, 10_000));
    }
    let mut admin = both.office.service.db.admin().await.unwrap();
    let kept = "select count(*), count(resolved_at) from feedback.difference";
    let kept: (i64, i64) = sqlx::query_as(kept).fetch_one(&mut admin).await.unwrap();
    assert_eq!(kept, (10_000, 0));

    let more = LedgerLine { entries: [entries.as_slice(), &[granted("JY-X", 1)]].concat(), count: 10_001, ..whole };
    let refused = send(&adapter, "bureau/education", october(32, &[more])).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(send(&adapter, "bureau/education", october(33, &[])).await.unwrap().results[0].agrees);
    let left: i64 = sqlx::query_scalar("select count(*) from feedback.difference where resolved_at is null")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
