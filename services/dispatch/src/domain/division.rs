//! Division codes (12-digit statistical codes): which township or county desk a household belongs to.

/// Digits of a full code.
const FULL: usize = 12;
/// Digits that name the county.
const COUNTY: usize = 6;
/// Digits that name the township.
const TOWNSHIP: usize = 9;

/// The county desk of a division: its first six digits, padded.
pub fn county(division: &str) -> String {
    padded(division, COUNTY)
}

/// The township of a division: its first nine digits, padded; the county desk when no township is known.
pub fn township(division: &str) -> String {
    let known = division.len() == FULL
        && division.bytes().all(|b| b.is_ascii_digit())
        && division.get(COUNTY..TOWNSHIP).is_some_and(|digits| digits != "000");
    if known { padded(division, TOWNSHIP) } else { county(division) }
}

/// What the codes of everything below a division share: its code without the zeros that pad its level.
pub fn prefix(code: &str) -> &str {
    // Levels end after 2, 4, 6, 9 and 12 digits.
    let padding = |end: &usize| code.bytes().skip(*end).all(|b| b == b'0');
    let end = [2, 4, 6, 9, 12].into_iter().filter(|end| *end <= code.len()).find(padding);
    end.and_then(|end| code.get(..end)).unwrap_or(code)
}

fn padded(division: &str, digits: usize) -> String {
    let head: String = division.chars().take(digits).collect();
    format!("{head:0<FULL$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_village_belongs_to_its_township_and_a_short_code_to_the_county_desk() {
        assert_eq!(township("621202100203"), "621202100000");
        assert_eq!(township("621202000000"), "621202000000");
        assert_eq!(township("621202"), "621202000000");
        assert_eq!(township("6212021002"), "621202000000");
        assert_eq!(county("621202100203"), "621202000000");
        assert_eq!(county(""), "000000000000");
        assert_eq!(county("甘肃省"), "甘肃省000000000");
    }

    #[test]
    fn a_division_s_prefix_covers_everything_below_it() {
        for (code, shared) in [
            ("", ""),
            ("62", "62"),
            ("621200000000", "6212"),
            ("621202000000", "621202"),
            ("621220000000", "621220"),
            ("621202100000", "621202100"),
            ("621202100203", "621202100203"),
            ("甘肃省", "甘肃省"),
        ] {
            assert_eq!(prefix(code), shared);
        }
    }
}
