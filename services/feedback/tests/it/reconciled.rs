//! What is told of a month that is over: that it was compared, and the households about whose records the books differ.

use minqing_proto::minqing::feedback::v1::{BooksReconciled, Feedback, MonthReconciled};

use crate::{
    ledger::{ONE_AND_TWO, adapter, line, october, send},
    office::{grant, name},
    two_books::TwoBooks,
};

/// Household by the number of its referral, month, differences and day, as told so far.
async fn households(both: &TwoBooks) -> Vec<(u128, String, i32, String)> {
    let told = both.office.told::<BooksReconciled>("BooksReconciled").await;
    let number = |of: &str| (1..=2).find(|n| name("households", *n) == of).unwrap();
    told.into_iter().map(|e| (number(&e.household), e.month, e.differences, e.reconciled_on)).collect()
}

async fn months(both: &TwoBooks) -> Vec<(String, String)> {
    let told = both.office.told::<MonthReconciled>("MonthReconciled").await;
    told.into_iter().map(|e| (e.month, e.reconciled_on)).collect()
}

fn october_of(n: u128, differences: i32, day: &str) -> (u128, String, i32, String) {
    (n, "2026-10".to_owned(), differences, day.to_owned())
}

#[tokio::test]
async fn a_month_is_told_once_when_it_is_over_and_each_household_until_its_books_agree() {
    let both = TwoBooks::open().await;
    both.report(1, &[grant("JY-1", 1), grant("JY-2", 1), grant("JY-3", 2)]).await;
    both.arrive(&["JY-3"]).await;
    both.office.day("2026-10-31");
    both.compare().await;
    assert_eq!(both.open_ones().await.len(), 2);
    assert!(households(&both).await.is_empty(), "the month is not over");
    let before = months(&both).await;
    assert_eq!((before.len(), before[0].0.as_str(), before[11].0.as_str()), (12, "2026-09", "2025-10"));

    both.office.day("2026-11-01");
    both.compare().await;
    let october = ("2026-10".to_owned(), "2026-11-01".to_owned());
    assert_eq!(months(&both).await[12..], [october]);
    assert_eq!(households(&both).await, [october_of(1, 2, "2026-11-01")]);

    both.office.day("2026-11-02");
    both.compare().await;
    assert_eq!((months(&both).await.len(), households(&both).await.len()), (13, 1), "nothing came of it");

    both.arrive(&["JY-1"]).await;
    both.office.day("2026-11-03");
    both.compare().await;
    both.arrive(&["JY-2"]).await;
    both.office.day("2026-11-04");
    both.compare().await;
    let expected = [october_of(1, 2, "2026-11-01"), october_of(1, 1, "2026-11-03"), october_of(1, 0, "2026-11-04")];
    assert_eq!(households(&both).await, expected);
    assert_eq!(months(&both).await.len(), 13);
}

#[tokio::test]
async fn a_record_that_differs_from_both_counterparts_counts_once_and_nobodys_records_for_nobody() {
    let both = TwoBooks::open().await;
    let adapter = adapter(&both).await;
    both.report(1, &[grant("JY-1", 1), grant("JY-2", 2)]).await;
    both.arrive(&["JY-2"]).await;
    both.office.day("2026-11-01");
    both.compare().await;
    let first = october_of(1, 1, "2026-11-01");
    assert_eq!(households(&both).await, std::slice::from_ref(&first));

    both.office.day("2026-11-02");
    let stranger = Feedback {
        referral: String::new(),
        person_key: uuid::Uuid::from_u128(7).to_string(),
        programme: "P-JY-05".to_owned(),
        ..grant("JY-4", 0)
    };
    both.report(2, &[stranger]).await;
    let empty = send(&adapter, "bureau/education", october(10, &[])).await.unwrap();
    assert_eq!(empty.results.iter().map(|r| r.differences.len()).sum::<usize>(), 3);
    for repeat in [10, 11] {
        send(&adapter, "bureau/education", october(repeat, &[])).await.unwrap();
    }
    let (one, two) = (october_of(1, 1, "2026-11-02"), october_of(2, 1, "2026-11-02"));
    assert_eq!(households(&both).await, [first.clone(), one.clone(), two.clone()]);

    let agreed = send(&adapter, "bureau/education", october(12, &[line(ONE_AND_TWO, 200_000, &[])])).await.unwrap();
    assert!(agreed.results.iter().any(|r| r.programme == "P-JY-04" && r.agrees));
    let settled = [october_of(1, 1, "2026-11-02"), october_of(2, 0, "2026-11-02")];
    assert_eq!(households(&both).await, [vec![first, one, two], settled.to_vec()].concat(), "the register's is open");
}
