//! Both sides' books, and who is in time.

use minqing_proto::minqing::{
    feedback::v1::{Feedback, GetReconciliationRequest, GetTimelinessRequest},
    types::v1::{Bureau, FeedbackDecision},
};
use tonic::Code;

use crate::office::{Office, grant};

/// `printf 'JY-10\nJY-3' | sha256sum`: sorted by bytes, so ten comes before three.
const TWO_RECORDS: &str = "1e7e2b844184d4f7110ca9a0b768d5afb34f196a7d4f19406fe92c0545656728";
/// `printf 'JY-10\t0\trefused\nJY-3\t80000\tgranted' | sha256sum`.
const TWO_CONTENTS: &str = "5bfa6f906682f990008ea708ebb7848f02e80590cbf5a1822e9de9092d10d644";
/// SHA-256 of nothing.
const NO_RECORD: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn the_books_count_what_is_in_force_by_programme_and_month() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    office.issue(2, Bureau::Education).await;
    office.issue(3, Bureau::Hr).await;
    office.sign(1, &[(1, "2026-10-26")]).await.unwrap();
    let refused = Feedback {
        decision: FeedbackDecision::Refused as i32,
        amount_fen: 0,
        reason_code: "NOT_ENROLLED".to_owned(),
        legal_basis: "社会救助法 第三十条".to_owned(),
        ..grant("JY-10", 2)
    };
    let corrected = Feedback { amount_fen: 80_000, supersedes: "JY-1".to_owned(), ..grant("JY-3", 1) };
    let results = office.report(2, &[grant("JY-1", 1), refused, corrected]).await.unwrap();
    assert!(results.iter().all(|r| r.accepted));

    let mut city = office.client("operator/city");
    let all = city.get_reconciliation(GetReconciliationRequest::default()).await.unwrap().into_inner().lines;
    assert_eq!(all.len(), 2);
    let line = &all[0];
    assert_eq!(
        (line.bureau(), line.programme.as_str(), line.month.as_str()),
        (Bureau::Education, "P-JY-04", "2026-10")
    );
    assert_eq!((line.referrals, line.receipts, line.feedback, line.granted, line.amount_fen), (2, 1, 2, 1, 80_000));
    assert_eq!((line.digest.as_str(), line.content_digest.as_str()), (TWO_RECORDS, TWO_CONTENTS));
    assert_eq!((all[1].bureau(), all[1].feedback, all[1].digest.as_str()), (Bureau::Hr, 0, NO_RECORD));

    let other_month = GetReconciliationRequest { month: "2026-11".to_owned(), ..GetReconciliationRequest::default() };
    assert!(city.get_reconciliation(other_month).await.unwrap().into_inner().lines.is_empty());
    let wrong = GetReconciliationRequest { month: "2026-13".to_owned(), ..GetReconciliationRequest::default() };
    assert_eq!(city.get_reconciliation(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    let own = GetReconciliationRequest { month: "2026-10".to_owned(), ..GetReconciliationRequest::default() };
    let own = office.client("adapter/education").get_reconciliation(own).await.unwrap().into_inner().lines;
    assert_eq!(own, all[..1]);
}

#[tokio::test]
async fn a_record_belongs_to_the_month_of_its_payment_else_of_its_decision() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    office.day("2026-12-01");
    let paid = |no: &str, paid_on: &str| Feedback { paid_on: paid_on.to_owned(), ..grant(no, 1) };
    let sent = [paid("JY-1", ""), paid("JY-2", "2026-11-30"), paid("JY-3", "2026-10-31")];
    assert!(office.report(1, &sent).await.unwrap().iter().all(|r| r.accepted));
    let mut city = office.client("operator/city");
    for (month, expected) in [("2026-10", (1, 2, 200_000)), ("2026-11", (0, 1, 100_000))] {
        let asked = GetReconciliationRequest { month: month.to_owned(), ..GetReconciliationRequest::default() };
        let lines = city.get_reconciliation(asked).await.unwrap().into_inner().lines;
        assert_eq!(lines.len(), 1, "{month}");
        assert_eq!((lines[0].referrals, lines[0].feedback, lines[0].amount_fen), expected, "{month}");
    }
    let all = city.get_reconciliation(GetReconciliationRequest::default()).await.unwrap().into_inner().lines;
    assert_eq!(all.iter().map(|l| l.month.as_str()).collect::<Vec<_>>(), ["2026-10", "2026-11"]);
}

#[tokio::test]
async fn timeliness_goes_by_working_days() {
    let office = Office::open().await;
    office.day("2026-10-30");
    for n in 1..=4 {
        office.issue(n, Bureau::Education).await;
    }
    // Issued on a Friday: two working days later is Tuesday.
    office.day("2026-11-04");
    office.sign(1, &[(1, "2026-11-03"), (2, "2026-11-04")]).await.unwrap();
    office.settle(1, "2026-11-04").await;
    office.settle(2, "2026-11-24").await;
    office.day("2026-11-24");
    let lines =
        office.client("operator/city").get_timeliness(GetTimelinessRequest {}).await.unwrap().into_inner().lines;
    assert_eq!(lines.len(), 1);
    let line = lines[0];
    assert_eq!((line.referrals, line.signed_on_time, line.settled_on_time, line.overdue), (4, 1, 1, 2));
    assert_eq!(line.mean_days, 15, "5 and 25 days");
}
