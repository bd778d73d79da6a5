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
}
