//! A bureau signs for referrals.

use minqing_proto::minqing::{feedback::v1::ReferralSigned, types::v1::Bureau};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::office::{Office, name};

#[tokio::test]
async fn a_receipt_is_told_of_once_and_the_first_stands() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    office.issue(2, Bureau::Education).await;
    office.day("2026-10-27");
    assert_eq!(office.sign(1, &[(1, "2026-10-27"), (1, "2026-10-26")]).await.unwrap(), 1);
    assert_eq!(office.sign(1, &[(1, "2026-10-27"), (1, "2026-10-26")]).await.unwrap(), 1, "the first answer");
    assert_eq!(office.sign(2, &[(1, "2026-10-27"), (2, "2026-10-27")]).await.unwrap(), 1);
    let told = office.told::<ReferralSigned>("ReferralSigned").await;
    let told: Vec<_> = told.iter().map(|t| (t.referral.as_str(), t.signed_on.as_str())).collect();
    let (first, second) = (name("referrals", 1), name("referrals", 2));
    assert_eq!(told, [(first.as_str(), "2026-10-26"), (second.as_str(), "2026-10-27")]);
}

#[tokio::test]
async fn a_receipt_that_cannot_be_right_is_refused() {
    let office = Office::open().await;
    office.issue(1, Bureau::Education).await;
    office.issue(2, Bureau::Hr).await;
    for (receipt, code) in [
        ((1, "2026-10-25"), Code::InvalidArgument),
        ((1, "2026-10-27"), Code::InvalidArgument),
        ((1, "today"), Code::InvalidArgument),
        ((2, "2026-10-26"), Code::NotFound),
    ] {
        assert_eq!(office.sign(1, &[receipt]).await.unwrap_err().code(), code);
    }
    assert!(office.told::<ReferralSigned>("ReferralSigned").await.is_empty());
}

#[tokio::test]
async fn a_referral_that_has_not_arrived_yet_is_asked_for_again() {
    let office = Office::open().await;
    let early = office.sign(1, &[(1, "2026-10-26")]).await.unwrap_err();
    assert_eq!(early.code(), Code::Unavailable);
    assert!(early.get_error_details().retry_info().unwrap().retry_delay.is_some());
    office.issue(1, Bureau::Education).await;
    assert_eq!(office.sign(1, &[(1, "2026-10-26")]).await.unwrap(), 1, "the failed call left nothing behind");
}
