//! Working days of 2025 and 2026 as the State Council arranged them.

use chrono::NaiveDate;

use super::town::pack;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn holidays_and_make_up_days_are_known() {
    let pack = pack();
    let calendar = pack.calendar();
    for holiday in
        ["2025-01-28", "2025-10-08", "2026-01-02", "2026-02-23", "2026-05-05", "2026-09-25", "2026-10-07", "2026-10-25"]
    {
        assert_eq!(calendar.is_working_day(day(holiday)), Ok(false), "{holiday}");
    }
    for workday in ["2025-01-26", "2025-10-11", "2026-01-04", "2026-02-14", "2026-05-09", "2026-10-10", "2026-10-26"] {
        assert_eq!(calendar.is_working_day(day(workday)), Ok(true), "{workday}");
    }
}

#[test]
fn counting_crosses_holidays_and_is_its_own_inverse() {
    let pack = pack();
    let calendar = pack.calendar();
    assert_eq!(calendar.add_working_days(day("2026-09-30"), 1), Ok(day("2026-10-08")));
    assert_eq!(calendar.add_working_days(day("2026-02-13"), 2), Ok(day("2026-02-24")), "14 February is worked");
    assert_eq!(calendar.add_working_days(day("2026-10-24"), 0), Ok(day("2026-10-24")));
    let mut start = day("2025-01-01");
    while start < day("2026-12-01") {
        let end = calendar.add_working_days(start, 15).unwrap();
        assert_eq!(calendar.working_days_between(start, end), Ok(15));
        start = start.succ_opt().unwrap();
    }
}

#[test]
fn a_year_without_notice_is_an_error_and_a_provisional_year_says_so() {
    let pack = pack();
    let calendar = pack.calendar();
    let error = calendar.is_working_day(day("2028-01-04")).unwrap_err();
    assert_eq!(error.year, 2028);
    assert!(error.to_string().contains("calendar.yaml"));
    assert!(calendar.add_working_days(day("2024-12-31"), 1).is_ok(), "the start itself needs no year");
    assert!(calendar.working_days_between(day("2024-12-01"), day("2025-01-02")).is_err());
    assert_eq!(calendar.add_working_days(day("2026-12-31"), 1), Ok(day("2027-01-04")));
    assert!(calendar.is_provisional(day("2027-01-04")));
    assert!(!calendar.is_provisional(day("2026-12-31")));
}
