//! Numbers that a faulty one may have been meant for: everything one slip of the pen away that is a valid number. They
//! are candidates and nothing more: who is meant only the register and a person can say.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::id_number::{IdNumber, narrow};

/// Candidates of one text at most. One digit missing of seventeen makes 198 texts, so nothing is ever cut off.
pub const MOST_CANDIDATES: usize = 200;

/// What one slip was made, likelier ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberEdit {
    /// The check digit alone is wrong.
    CheckDigit,
    /// Two neighbours stand in the wrong order.
    Swap,
    /// One digit is another.
    Digit,
    /// A character is missing.
    Missing,
    /// A character too many.
    Extra,
    /// Fifteen digits whose year was read in the wrong century.
    Century,
}

/// A number that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: IdNumber,
    pub edit: NumberEdit,
    /// The text gives the same day of birth, so the slip is elsewhere.
    pub birth_agrees: bool,
    /// The text gives the same sex.
    pub sex_agrees: bool,
}

/// Every valid number one slip away from a text that is none, each once, with the likeliest slip. A valid text has no
/// candidates but, written with fifteen digits, those of the other century.
pub fn candidates(text: &str) -> Vec<Candidate> {
    let typed: Zeroizing<Vec<char>> = Zeroizing::new(text.trim().chars().map(narrow).collect());
    let mut found = Found { typed: &typed, by_number: BTreeMap::new() };
    let plain: Zeroizing<String> = Zeroizing::new(typed.iter().collect());
    if typed.len() == 15 {
        found.century();
    }
    if IdNumber::parse(&plain).is_err() {
        match typed.len() {
            15 | 18 => {
                found.swaps();
                found.digits();
            }
            14 | 17 => found.missing(),
            16 | 19 => found.extra(),
            _ => {}
        }
    }
    found.by_number.into_values().collect()
}

/// A faulty text as it counts for the keyed hash that stands for it: trimmed, narrow, in capitals.
pub fn plain_number(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim().chars().map(narrow).collect())
}

struct Found<'a> {
    typed: &'a [char],
    by_number: BTreeMap<IdNumber, Candidate>,
}

impl Found<'_> {
    fn try_out(&mut self, edited: &[char], edit: NumberEdit) {
        let text: Zeroizing<String> = Zeroizing::new(edited.iter().collect());
        if let Ok(id) = IdNumber::parse(&text) {
            self.keep(id, edit);
        }
    }

    fn keep(&mut self, id: IdNumber, edit: NumberEdit) {
        let (birth_agrees, sex_agrees) = self.agreement(&id);
        let new = Candidate { id: id.clone(), edit, birth_agrees, sex_agrees };
        let known = self.by_number.entry(id).or_insert_with(|| new.clone());
        if new.edit < known.edit {
            *known = new;
        }
    }

    /// Whether what was typed stands, in its place, for the same birth and sex. A text of another length says it
    /// of the part before the slip only, so nothing is claimed.
    fn agreement(&self, id: &IdNumber) -> (bool, bool) {
        let number: Vec<char> = id.expose().chars().collect();
        let typed = self.typed;
        match typed.len() {
            18 => (typed[6..14] == number[6..14], parity(typed[16]) == parity(number[16])),
            15 => (typed[6..12] == number[8..14], parity(typed[14]) == parity(number[16])),
            _ => (false, false),
        }
    }

    fn swaps(&mut self) {
        let mut edited = Zeroizing::new(self.typed.to_vec());
        for at in 1..edited.len() {
            edited.swap(at - 1, at);
            self.try_out(&edited, NumberEdit::Swap);
            edited.swap(at - 1, at);
        }
    }

    fn digits(&mut self) {
        let mut edited = Zeroizing::new(self.typed.to_vec());
        let last = edited.len() - 1;
        for at in 0..edited.len() {
            let typed = edited[at];
            for other in options(at == last && edited.len() == 18).filter(|c| *c != typed) {
                edited[at] = other;
                let check = at == 17;
                self.try_out(&edited, if check { NumberEdit::CheckDigit } else { NumberEdit::Digit });
            }
            edited[at] = typed;
        }
    }

    fn missing(&mut self) {
        let whole = self.typed.len() + 1;
        for at in 0..whole {
            let mut edited = Zeroizing::new(self.typed.to_vec());
            edited.insert(at, '0');
            for digit in options(at == 17) {
                edited[at] = digit;
                self.try_out(&edited, NumberEdit::Missing);
            }
        }
    }

    fn extra(&mut self) {
        for at in 0..self.typed.len() {
            let mut edited = Zeroizing::new(self.typed.to_vec());
            edited.remove(at);
            self.try_out(&edited, NumberEdit::Extra);
        }
    }

    /// A system that cut eighteen characters to fifteen cut those of 2004 as well; read back they are of 1904.
    fn century(&mut self) {
        let plain: Zeroizing<String> = Zeroizing::new(self.typed.iter().collect());
        if !plain.bytes().all(|b| b.is_ascii_digit()) {
            return;
        }
        let as_read = IdNumber::parse(&plain).ok();
        for century in ["18", "19", "20"] {
            let body = Zeroizing::new(format!("{}{century}{}", &plain[..6], &plain[6..]));
            let other = IdNumber::of_body(&body).filter(|id| as_read.as_ref() != Some(id));
            if let Some(id) = other {
                self.keep(id, NumberEdit::Century);
            }
        }
    }
}

fn options(check: bool) -> impl Iterator<Item = char> {
    ('0'..='9').chain(check.then_some('X'))
}

fn parity(digit: char) -> Option<bool> {
    digit.to_digit(10).map(|d| d % 2 == 1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "11010519491231002X";

    fn edits_to(text: &str, wanted: &str) -> Option<NumberEdit> {
        candidates(text).iter().find(|c| c.id.expose() == wanted).map(|c| c.edit)
    }

    #[test]
    fn each_slip_is_told_by_its_name() {
        assert_eq!(edits_to("110105194912310021", EXAMPLE), Some(NumberEdit::CheckDigit));
        assert_eq!(edits_to("11010519491231020X", EXAMPLE), Some(NumberEdit::Swap));
        assert_eq!(edits_to("11010519491231O02x", EXAMPLE), Some(NumberEdit::Digit));
        assert_eq!(edits_to("1101051949131002X", EXAMPLE), Some(NumberEdit::Missing));
        assert_eq!(edits_to("110105194912231002X", EXAMPLE), Some(NumberEdit::Extra));
        let cut = IdNumber::of_body("11010520040101001").unwrap();
        assert_eq!(edits_to("110105040101001", cut.expose()), Some(NumberEdit::Century));
    }

    #[test]
    fn a_day_that_only_the_other_century_has_is_found() {
        // 29 February of 1900 never was.
        assert!(candidates("110105000229001").iter().any(|c| c.id.birth_on().to_string() == "2000-02-29"));
    }

    #[test]
    fn birth_and_sex_agree_when_the_slip_is_elsewhere() {
        let of = |text: &str| candidates(text).into_iter().find(|c| c.id.expose() == EXAMPLE).unwrap();
        let check = of("110105194912310021");
        assert!(check.birth_agrees && check.sex_agrees);
        let birth = of("11010519491221002X");
        assert!(!birth.birth_agrees && birth.sex_agrees);
        assert!(!of("1101051949131002X").birth_agrees);
    }

    #[test]
    fn a_valid_number_has_no_candidates_and_nonsense_has_none() {
        for text in [EXAMPLE, "", "1", "汉字", "0000000000000000000000", "张三张三张三张三张三张三张三"]
        {
            assert!(candidates(text).is_empty(), "{text}");
        }
    }

    fn valid() -> impl Strategy<Value = IdNumber> {
        let parts = (100_000_u32..999_999, 1905_i32..2026, 1_u32..13, 1_u32..29, 1_u32..996);
        parts.prop_map(|(region, year, month, day, serial)| {
            IdNumber::of_body(&format!("{region}{year}{month:02}{day:02}{serial:03}")).unwrap()
        })
    }

    proptest! {
        #[test]
        fn every_candidate_is_valid_and_the_true_one_is_always_among_them(
            id in valid(), slip in 0_usize..4, at in 0_usize..18, by in 1_u8..10,
        ) {
            let good: Vec<u8> = id.expose().bytes().collect();
            let mut typed = good.clone();
            match slip {
                0 if typed[at] != b'X' => typed[at] = b'0' + (typed[at] - b'0' + by) % 10,
                1 => typed.swap(at.min(16), at.min(16) + 1),
                2 => { typed.remove(at); }
                _ => typed.insert(at, b'0' + by),
            }
            let text = String::from_utf8(typed).unwrap();
            prop_assume!(text != id.expose());
            let found = candidates(&text);
            prop_assert!(found.iter().all(|c| IdNumber::parse(c.id.expose()).is_ok()));
            prop_assert!(found.len() <= MOST_CANDIDATES);
            // Two neighbours out of order may leave a valid number of somebody else: then there is no fault to mend.
            if IdNumber::parse(&text).is_err() {
                prop_assert!(found.iter().any(|c| c.id == id), "slip {slip} at {at}");
            }
        }

        #[test]
        fn any_text_is_searched_without_a_panic_and_within_the_bound(text in ".{0,24}") {
            prop_assert!(candidates(&text).len() <= MOST_CANDIDATES);
        }

        #[test]
        fn fifteen_digits_lead_to_every_century(id in valid()) {
            let old = format!("{}{}", &id.expose()[..6], &id.expose()[8..17]);
            let found = candidates(&old);
            let read = IdNumber::parse(&old).ok();
            prop_assert!(read.as_ref() == Some(&id) || found.iter().any(|c| c.id == id));
        }
    }
}
