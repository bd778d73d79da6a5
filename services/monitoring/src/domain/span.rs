//! Which households and days a run covers: what is asked for, within what the caller may see.

use chrono::{Datelike as _, NaiveDate};

use super::{hits::month_ends, refusal::Refusal, roster, words};

/// Most days of a back-test: three years of month ends.
const DAYS: usize = 36;
/// Years a pack can be judged in; outside of them arithmetic on dates could fail.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// The county a run is confined to, twelve digits; none for the whole register. A county's operator sees the own
/// county, the city's all of them, everybody else nothing.
pub fn county(caller: &str, asked: &str) -> Result<Option<String>, Refusal> {
    let asked = match asked {
        "" => None,
        code => Some(county_code(code).ok_or(Refusal::NoCounty)?),
    };
    let segments: Vec<&str> = caller.split('/').collect();
    match segments.as_slice() {
        ["operator", "city" | "admin", ..] => Ok(asked),
        ["operator", "county", code, ..] if code.len() >= 6 && code.bytes().all(|b| b.is_ascii_digit()) => {
            let own = words::county(code);
            if asked.is_some_and(|county| county != own) { Err(Refusal::OutOfArea) } else { Ok(Some(own)) }
        }
        _ => Err(Refusal::OutOfArea),
    }
}

fn county_code(code: &str) -> Option<String> {
    let digits = code.bytes().all(|b| b.is_ascii_digit());
    let whole = code.len() == 6 || (code.len() == 12 && code.ends_with("000000"));
    (digits && whole).then(|| words::county(code))
}

/// The day to judge by; today when none is named.
pub fn day(text: &str, field: &'static str, today: NaiveDate) -> Result<NaiveDate, Refusal> {
    if text.is_empty() {
        return Ok(today);
    }
    let day = roster::date(text).filter(|day| YEARS.contains(&day.year()));
    day.ok_or(Refusal::Span { field, wrong: "must be a date YYYY-MM-DD from 2000 to 2100" })
}

/// Days of a back-test: one, or the month ends of a range.
pub fn days(as_of: &str, (from, to): (&str, &str), today: NaiveDate) -> Result<Vec<NaiveDate>, Refusal> {
    let wrong = |field, wrong| Refusal::Span { field, wrong };
    if from.is_empty() && to.is_empty() {
        let day = day(as_of, "as_of", today)?;
        return if day > today { Err(wrong("as_of", "must not be in the future")) } else { Ok(vec![day]) };
    }
    if !as_of.is_empty() {
        return Err(wrong("as_of", "must be empty when a range is given"));
    }
    if from.is_empty() {
        return Err(wrong("range_from", "is required with range_to"));
    }
    let (from, to) = (day(from, "range_from", today)?, day(to, "range_to", today)?);
    if to > today {
        return Err(wrong("range_to", "must not be in the future"));
    }
    let days = month_ends(from, to);
    match days.len() {
        0 => Err(wrong("range_to", "must have a month end between range_from and itself")),
        1..=DAYS => Ok(days),
        _ => Err(wrong("range_from", "must be at most 36 month ends before range_to")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn today() -> NaiveDate {
        "2026-10-26".parse().unwrap()
    }

    #[test]
    fn an_operator_tries_a_pack_on_the_own_county_only() {
        let own = Some("621202000000".to_owned());
        assert_eq!(county("operator/county/621202", "").unwrap(), own);
        assert_eq!(county("operator/county/621202/zhang", "621202").unwrap(), own);
        assert_eq!(county("operator/county/621202", "621221"), Err(Refusal::OutOfArea));
        assert_eq!(county("operator/city", "").unwrap(), None);
        assert_eq!(county("operator/admin", "621202000000").unwrap(), own);
        for nobody in ["operator/county", "operator/county/x", "operator/township/621202103", "service/dispatch", ""] {
            assert_eq!(county(nobody, ""), Err(Refusal::OutOfArea), "{nobody}");
        }
    }

    #[test]
    fn a_part_of_a_county_cannot_be_asked_for() {
        for part in ["621202103000", "6212", "62120x", "621202103"] {
            assert_eq!(county("operator/city", part), Err(Refusal::NoCounty), "{part}");
        }
    }

    #[test]
    fn a_back_test_takes_a_past_day_or_month_ends() {
        assert_eq!(days("", ("", ""), today()).unwrap(), [today()]);
        assert_eq!(days("2026-01-15", ("", ""), today()).unwrap().len(), 1);
        assert_eq!(days("", ("2025-10-27", "2026-10-26"), today()).unwrap().len(), 12);
        assert_eq!(days("", ("2026-08-01", ""), today()).unwrap().len(), 2);
        for (as_of, range) in [
            ("2026-10-27", ("", "")),
            ("2026-13-01", ("", "")),
            ("1066-10-14", ("", "")),
            ("2026-01-01", ("2026-01-01", "2026-03-01")),
            ("", ("2026-10-01", "2026-10-26")),
            ("", ("2020-01-01", "2026-10-26")),
            ("", ("", "2026-10-26")),
            ("", ("2026-01-01", "2027-10-26")),
        ] {
            assert!(days(as_of, range, today()).is_err(), "{as_of} {range:?}");
        }
    }
}
