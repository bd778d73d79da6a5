//! The lines of the indicators over what the offices tell and over the datasets that the fewest rules read.

use super::Book;

macro_rules! lines {
    ($($name:ident: $kind:ty = $value:literal, $parameter:literal;)*) => {
        #[derive(Clone, Debug)]
        pub struct Offices { $(pub $name: $kind,)* }

        impl Default for Offices {
            fn default() -> Self {
                Offices { $($name: $value,)* }
            }
        }

        impl Offices {
            pub(super) fn of(book: &Book) -> anyhow::Result<Offices> {
                Ok(Offices { $($name: <$kind>::try_from(book.fen($parameter, "all", crate::division::HOME)?)?,)* })
            }
        }
    };
}

lines! {
    agreement_permille: u64 = 970, "agreement_line";
    accident_days: u64 = 30, "accident_days";
    aid_gap_months: i32 = 3, "aid_gap_months";
    complaints: usize = 2, "complaint_limit";
    complaint_days: u64 = 90, "complaint_days";
    custody_days: u64 = 90, "custody_days";
    cycle_days: u64 = 31, "pay_cycle_days";
    duplicate_days: u64 = 62, "duplicate_days";
    emergency_bill_days: u64 = 3, "emergency_bill_days";
    exit_days: u64 = 60, "exit_watch_days";
    false_alarm_days: u64 = 365, "false_alarm_days";
    false_alarms: usize = 3, "false_alarm_limit";
    fund_months: i32 = 3, "housing_fund_months";
    funeral_days: u64 = 90, "funeral_days";
    grace_notice_days: u64 = 30, "grace_notice_days";
    house_sold_days: u64 = 90, "house_sold_days";
    identity_days: u64 = 31, "identity_failure_days";
    long_stay_days: u64 = 183, "long_stay_days";
    lost_contact_months: i32 = 6, "lost_contact_months";
    mental_risk: i32 = 3, "mental_risk_line";
    need_open_days: u64 = 30, "need_open_days";
    notice_days: i64 = 7, "public_notice_days";
    notice_watch_days: u64 = 60, "notice_watch_days";
    papers_days: u64 = 28, "temporary_papers_days";
    post_wait_days: u64 = 90, "post_wait_days";
    price_cpi_permille: i32 = 35, "price_trigger_cpi";
    price_food_permille: i32 = 60, "price_trigger_food";
    price_pay_months: i32 = 1, "price_pay_months";
    red_days: u64 = 30, "red_warning_days";
    rebuild_days: u64 = 183, "rebuild_days";
    refused_days: u64 = 365, "refused_days";
    rehabilitation_age: i32 = 6, "rehabilitation_age";
    relapse_days: u64 = 365, "relapse_days";
    reserve_months: i64 = 2, "reserve_months";
    returned_months: i32 = 3, "returned_payment_months";
    returned_payments: usize = 2, "returned_payment_limit";
    review_span_days: u64 = 400, "review_span_days";
    reviews: usize = 2, "successive_reviews";
    self_employed_capital_fen: i64 = 10_000_000, "self_employed_capital_line";
    temporary_wait_days: u64 = 2, "temporary_aid_wait_days";
    tilt_fen: i64 = 1_000_000, "tilt_threshold";
    unpaid_days: u64 = 62, "unpaid_days";
    unsigned_days: u64 = 4, "unsigned_days";
    visit_days: u64 = 30, "visit_days";
    visit_minutes: i32 = 3, "visit_least_minutes";
    visit_monthly_days: u64 = 31, "visit_monthly_days";
    water_cut_days: i32 = 7, "water_cut_limit";
}
