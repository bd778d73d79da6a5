//! Resident identity numbers (公民身份号码, GB 11643-1999), normalised to 18 characters so that one person has one key
//! however a bureau typed the number.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use chrono::{Datelike, NaiveDate};
use zeroize::Zeroizing;

use crate::error::{Explain, Kind};

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [u8; 11] = *b"10X98765432";
/// Nobody registered was born before.
const FIRST_YEAR: i32 = 1850;
const LAST_YEAR: i32 = 2199;

/// A valid number, 18 characters, upper-case X. Prints nothing and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct IdNumber(Zeroizing<String>);

/// Why a text is no identity number. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdFault {
    #[error("the id number is not 15 digits or 18 characters with a real birth date")]
    Malformed,
    #[error("the id number's check digit is wrong")]
    CheckDigit,
}

/// Sex as the number tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sex {
    Male,
    Female,
}

impl IdNumber {
    /// Reads a number as people type it: trimmed, full-width characters and a small x allowed, 15 digits extended.
    pub fn parse(text: &str) -> Result<IdNumber, IdFault> {
        let narrow: Zeroizing<String> = Zeroizing::new(text.trim().chars().map(narrow).collect());
        let digits = match narrow.len() {
            15 => extended(&narrow)?,
            18 => narrow,
            _ => return Err(IdFault::Malformed),
        };
        let (body, check) = digits.split_at_checked(17).ok_or(IdFault::Malformed)?;
        let region_starts_well = body.starts_with(|c: char| ('1'..='9').contains(&c));
        let good = region_starts_well && body.bytes().all(|b| b.is_ascii_digit()) && birth(body).is_some();
        if !good || !check.chars().all(|c| c.is_ascii_digit() || c == 'X') {
            return Err(IdFault::Malformed);
        }
        if check.as_bytes() != [check_digit(body)] {
            return Err(IdFault::CheckDigit);
        }
        Ok(IdNumber(digits))
    }

    /// The number of seventeen digits, its check digit added; none when they give no real birth date.
    pub(super) fn of_body(body: &str) -> Option<IdNumber> {
        let digits = body.len() == 17 && body.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return None;
        }
        let whole = Zeroizing::new(format!("{body}{}", char::from(check_digit(body))));
        IdNumber::parse(&whole).ok()
    }

    /// The 18 characters; every use is a decision.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn birth_on(&self) -> NaiveDate {
        birth(&self.0).unwrap_or_default()
    }

    pub fn sex(&self) -> Sex {
        if self.0.as_bytes()[16] % 2 == 1 { Sex::Male } else { Sex::Female }
    }
}

pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c).to_ascii_uppercase(),
        other => other.to_ascii_uppercase(),
    }
}

/// Fifteen digits have a two-digit year and no check digit. The sequence numbers 996 to 999 were kept for people
/// over a hundred, born in the 1800s.
fn extended(old: &str) -> Result<Zeroizing<String>, IdFault> {
    if !old.bytes().all(|b| b.is_ascii_digit()) {
        return Err(IdFault::Malformed);
    }
    let century = if matches!(&old[12..], "996" | "997" | "998" | "999") { "18" } else { "19" };
    let mut body = Zeroizing::new(String::with_capacity(18));
    body.push_str(&old[..6]);
    body.push_str(century);
    body.push_str(&old[6..]);
    let check = char::from(check_digit(&body));
    body.push(check);
    Ok(body)
}

fn check_digit(body: &str) -> u8 {
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, weight)| u32::from(b.wrapping_sub(b'0')) * weight).sum();
    CHECKS[(sum % 11) as usize]
}

fn birth(digits: &str) -> Option<NaiveDate> {
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let year = i32::try_from(part(6..10)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, part(10..12)?, part(12..14)?)?;
    (FIRST_YEAR..=LAST_YEAR).contains(&date.year()).then_some(date)
}

impl Hash for IdNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl PartialOrd for IdNumber {
    fn partial_cmp(&self, other: &IdNumber) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdNumber {
    fn cmp(&self, other: &IdNumber) -> Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdNumber")
    }
}

impl Explain for IdFault {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn reason(&self) -> &'static str {
        match self {
            IdFault::Malformed => "ID_NUMBER_MALFORMED",
            IdFault::CheckDigit => "ID_NUMBER_CHECK_DIGIT",
        }
    }

    fn message(&self) -> String {
        self.to_string()
    }

    fn message_zh(&self) -> String {
        match self {
            IdFault::Malformed => "身份证号应为 15 位数字或 18 位字符，且出生日期须真实存在".to_owned(),
            IdFault::CheckDigit => "身份证号校验位不正确".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// The example of the standard itself (Annex A of GB 11643-1999).
    const EXAMPLE: &str = "11010519491231002X";

    #[test]
    fn the_standards_own_example_is_valid() {
        let id = IdNumber::parse(EXAMPLE).unwrap();
        assert_eq!(id.birth_on().to_string(), "1949-12-31");
        assert_eq!(id.sex(), Sex::Female);
        assert_eq!(format!("{id:?}"), "IdNumber");
    }

    #[test]
    fn every_usual_spelling_gives_the_same_number() {
        let id = IdNumber::parse(EXAMPLE).unwrap();
        for spelling in
            ["110105491231002", " 11010519491231002x\t", "１１０１０５１９４９１２３１００２ｘ", "110105１9491231002Ｘ"]
        {
            assert_eq!(IdNumber::parse(spelling).unwrap(), id, "{spelling}");
        }
    }

    #[test]
    fn a_person_over_a_hundred_was_born_in_the_century_before() {
        assert_eq!(IdNumber::parse("110105951231998").unwrap().birth_on().to_string(), "1895-12-31");
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(IdNumber::parse("110105194912310021").unwrap_err(), IdFault::CheckDigit);
        for wrong in [
            "",
            "1101051949123100",
            "11010519490231002X",
            "01010519491231002X",
            "X1010519491231002X",
            "110105194912310O2X",
            "110105490231002",
            "11010500001231002X",
            "一一零一零五",
            "汉汉汉汉汉",
        ] {
            assert_eq!(IdNumber::parse(wrong).unwrap_err(), IdFault::Malformed, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in ".{0,24}") {
            let _ = IdNumber::parse(&text);
        }

        #[test]
        fn a_change_of_one_digit_is_always_noticed(at in 0_usize..17, by in 1_u8..10, serial in 0_u32..1000) {
            let mut old = format!("621202750615{serial:03}");
            if serial >= 996 { old = "621202750615001".to_owned(); }
            let good = IdNumber::parse(&old).unwrap();
            let mut bytes = good.expose().as_bytes().to_vec();
            bytes[at] = b'0' + (bytes[at] - b'0' + by) % 10;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert!(IdNumber::parse(&changed).is_err());
        }
    }
}
