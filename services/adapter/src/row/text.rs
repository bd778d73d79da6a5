//! Brings what bureaus write to one spelling: blanks, full-width characters, dates, months, numbers, yuan.
//! Pure; each function says `None` where the text cannot be what the column needs.

use std::borrow::Cow;

use chrono::{Datelike as _, NaiveDate};

/// Earliest year a date of ours can have; anything before is a typing fault.
const FIRST_YEAR: i32 = 1900;
const LAST_YEAR: i32 = 2200;

/// Characters that show nothing and come in through copy and paste.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Without blanks around it and without invisible characters anywhere; Unicode spaces inside are kept.
pub fn trim(text: &str) -> String {
    let text = text.trim_matches(is_blank);
    if text.chars().any(is_invisible) { text.chars().filter(|c| !is_invisible(*c)).collect() } else { text.to_owned() }
}

/// As [`trim`]; most texts stay as they are.
pub fn trimmed(text: String) -> String {
    let kept = text.trim_matches(is_blank).len() == text.len() && (text.is_ascii() || !text.chars().any(is_invisible));
    if kept { text } else { trim(&text) }
}

/// Whether [`trim`] leaves nothing.
pub fn is_blank_throughout(text: &str) -> bool {
    text.chars().all(is_blank)
}

/// Full-width ASCII (ＡＢＣ１２３－／．) as plain ASCII, the ideographic space as a space.
pub fn narrow(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = text.chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    });
    Cow::Owned(plain.collect())
}

fn is_wide_letter(c: char) -> bool {
    matches!(c, '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

/// Full-width letters and digits as plain ones; Chinese punctuation stays, since free text may use it.
pub fn narrow_letters(text: String) -> String {
    if text.is_ascii() || !text.chars().any(is_wide_letter) {
        return text;
    }
    let plain = |c| if is_wide_letter(c) { char::from_u32(c as u32 - 0xfee0).unwrap_or(c) } else { c };
    text.chars().map(plain).collect()
}

/// A control character, or the mark of bytes that no character set explains.
pub fn has_unreadable(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == '\u{fffd}')
}

fn in_years(date: NaiveDate) -> Option<NaiveDate> {
    (FIRST_YEAR..=LAST_YEAR).contains(&date.year()).then_some(date)
}

/// 2026-01-31, 20260131, 2026/1/31, 2026.1.31, 2026年1月31日, each with or without a time of day behind it.
pub fn date(text: &str) -> Option<NaiveDate> {
    let text = narrow(text);
    let day = text.trim().split([' ', 'T']).next().unwrap_or_default();
    if day.len() == 8 && all_digits(day) {
        return ymd(&day[..4], &day[4..6], &day[6..]);
    }
    let (year, month, day) = split3(day)?;
    ymd(year, month, day)
}

fn split3(text: &str) -> Option<(&str, &str, &str)> {
    if let Some((year, rest)) = text.split_once('年') {
        let (month, rest) = rest.split_once('月')?;
        return Some((year, month, rest.strip_suffix('日').unwrap_or(rest)));
    }
    let mark = ['-', '/', '.'].into_iter().find(|m| text.contains(*m))?;
    let mut parts = text.split(mark);
    let found = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(found)
}

fn ymd(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    if year.len() != 4 {
        return None;
    }
    in_years(NaiveDate::from_ymd_opt(i32::try_from(digits(year)?).ok()?, small(month)?, small(day)?)?)
}

/// 2026-01, 202601, 2026/1, 2026.1, 2026年1月; a whole date counts as its month.
pub fn month(text: &str) -> Option<String> {
    let text = narrow(text);
    let text = text.trim();
    let first = if let Some(day) = date(text) {
        Some(day)
    } else if text.len() == 6 && all_digits(text) {
        ymd(&text[..4], &text[4..], "1")
    } else if let Some((year, rest)) = text.split_once('年').filter(|(_, rest)| rest.ends_with('月')) {
        ymd(year, rest.trim_end_matches('月'), "1")
    } else {
        let mark = ['-', '/', '.'].into_iter().find(|m| text.contains(*m));
        let parts = mark.map(|m| text.split(m).collect::<Vec<_>>());
        match parts.as_deref() {
            Some([year, month]) => ymd(year, month, "1"),
            _ => None,
        }
    }?;
    Some(format!("{:04}-{:02}", first.year(), first.month()))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn digits(text: &str) -> Option<i64> {
    if all_digits(text) { text.parse().ok() } else { None }
}

fn small(text: &str) -> Option<u32> {
    if text.len() <= 2 { u32::try_from(digits(text)?).ok() } else { None }
}

/// Unit the header of a money column names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// The number as it stands (fen, counts, percent).
    One,
    /// Yuan with at most two decimals, kept as fen.
    Yuan,
}

/// A whole number in the column's unit. Thousands separators, a plus sign and zeros behind the point are
/// forgiven; anything else that is not a number is not.
pub fn number(text: &str, scale: Scale) -> Option<i64> {
    let text = narrow(text);
    let text = text.trim();
    let text = text.strip_suffix('%').unwrap_or(text).trim_end();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = without_separators(whole)?;
    let places = if scale == Scale::Yuan { 2 } else { 0 };
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.bytes().skip(places).any(|b| b != b'0') {
        return None;
    }
    let mut value = digits(&whole)?;
    for place in 0..places {
        let digit = fraction.as_bytes().get(place).map_or(0, |b| i64::from(b - b'0'));
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(if negative { -value } else { value })
}

/// `1,234,567` as `1234567`; groups other than of three digits are a fault, not a separator.
fn without_separators(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let groups: Vec<_> = text.split(',').collect();
    let good = groups.iter().enumerate().all(|(i, g)| if i == 0 { (1..=3).contains(&g.len()) } else { g.len() == 3 });
    good.then(|| groups.concat())
}

/// Yes or no, as bureaus say it.
pub fn truth(text: &str) -> Option<bool> {
    match narrow(text).trim().to_ascii_lowercase().as_str() {
        "是" | "有" | "1" | "true" | "y" | "yes" | "√" => Some(true),
        "否" | "无" | "0" | "2" | "false" | "n" | "no" | "×" => Some(false),
        _ => None,
    }
}

/// Division of 6, 9 or 12 digits as its twelve digits.
pub fn division(text: &str) -> Option<u64> {
    let text = narrow(text);
    let text = text.trim();
    if !matches!(text.len(), 6 | 9 | 12) || !all_digits(text) {
        return None;
    }
    format!("{text:0<12}").parse().ok()
}

/// A number as a spreadsheet program writes it when it has thrown digits away: 6.21202E+17.
pub fn is_scientific(text: &str) -> bool {
    let text = narrow(text);
    let Some((mantissa, exponent)) = text.trim().split_once(['e', 'E']) else { return false };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all_digits(exponent) && all_digits(whole) && fraction.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_date_is_the_same_date() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        for text in [
            "2026-01-31",
            "20260131",
            "2026/1/31",
            "2026.1.31",
            "2026年1月31日",
            "２０２６－０１－３１",
            "2026-01-31 00:00:00",
            "2026-01-31T08:00:00",
            " 2026/01/31 ",
        ] {
            assert_eq!(date(text), Some(day), "{text}");
        }
        for text in
            ["", "2026-02-30", "26-01-31", "20261301", "2026-1", "1899-12-31", "x", "2026-01-31-01", "2026-001-1"]
        {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_month_is_the_same_month() {
        for text in [
            "2026-01",
            "202601",
            "2026/1",
            "2026.01",
            "2026年1月",
            "2026-01-15",
            "２０２６０１",
            "2026-01-15 2026年1月",
            "20260115 8.30",
        ] {
            assert_eq!(month(text).as_deref(), Some("2026-01"), "{text}");
        }
        for text in ["", "2026-13", "26-01", "2026", "2026年"] {
            assert_eq!(month(text), None, "{text}");
        }
    }

    #[test]
    fn yuan_become_fen_without_a_float() {
        assert_eq!(number("1,234.5", Scale::Yuan), Some(123_450));
        assert_eq!(number("0.07", Scale::Yuan), Some(7));
        assert_eq!(number("12", Scale::Yuan), Some(1200));
        assert_eq!(number("-3.10", Scale::Yuan), Some(-310));
        assert_eq!(number("1.005", Scale::Yuan), None);
        assert_eq!(number("100.00", Scale::One), Some(100));
        assert_eq!(number("100.5", Scale::One), None);
        assert_eq!(number("1,23", Scale::One), None);
        assert_eq!(number("99999999999999999999", Scale::Yuan), None);
        assert_eq!(number("", Scale::One), None);
    }

    #[test]
    fn a_short_division_is_filled_up() {
        assert_eq!(division("621202"), Some(621_202_000_000));
        assert_eq!(division("６２１２０２００１"), Some(621_202_001_000));
        assert_eq!(division("62120"), None);
        assert_eq!(division("62120x"), None);
    }

    #[test]
    fn digits_lost_by_a_spreadsheet_are_seen() {
        assert!(is_scientific("6.21202E+17"));
        assert!(!is_scientific("62120219900101123X"));
        assert!(!is_scientific("E17"));
    }

    proptest! {
        #[test]
        fn no_text_makes_any_reading_panic(text in ".*") {
            let _ = (trim(&text), narrow_letters(text.clone()), date(&text), month(&text), truth(&text), division(&text));
            let _ = (number(&text, Scale::One), number(&text, Scale::Yuan), is_scientific(&text));
        }

        #[test]
        fn fen_survive_the_way_through_yuan(fen in 0i64..1_000_000_000_000) {
            prop_assert_eq!(number(&format!("{}.{:02}", fen / 100, fen % 100), Scale::Yuan), Some(fen));
        }
    }
}
