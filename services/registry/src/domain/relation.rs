//! Relation to the head of the household, GB/T 4761-2008, two digits.

/// Whether the standard has the code.
pub fn is_known(code: &str) -> bool {
    let digits = code.len() == 2 && code.bytes().all(|b| b.is_ascii_digit());
    digits && matches!(code.parse::<u8>(), Ok(1..=3 | 10..=97 | 99))
}

/// 本人 or 户主: the one whose household it is.
pub fn is_head(code: &str) -> bool {
    matches!(code, "01" | "02")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_digit_codes_of_the_standard_are_known() {
        assert!(["01", "02", "10", "30", "97", "99"].iter().all(|c| is_known(c)));
        assert!(!["", "0", "2", "00", "04", "98", "100", "1a", "０２"].iter().any(|c| is_known(c)));
    }
}
