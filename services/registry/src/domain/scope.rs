//! Whose files a caller may know of. What lies outside is not found, never forbidden: a refusal would tell that it
//! is there.

use super::division;

/// The part of the city a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// City desk, administrators, services.
    All,
    /// Divisions whose code starts with these digits.
    Below(String),
    /// A bureau: any household, masked, to see what relief it gets.
    Bureau,
    Nothing,
}

impl Scope {
    /// Reads the path of a caller's identity, such as `operator/county/621202`.
    pub fn of(caller: &str) -> Scope {
        let segments: Vec<&str> = caller.split('/').collect();
        match segments.as_slice() {
            ["service", _] | ["operator", "city" | "admin", ..] => Scope::All,
            ["operator", "county", digits, ..] if is_code(digits, 6) => Scope::Below(digits[..6].to_owned()),
            ["operator", "township", digits, ..] if is_code(digits, 9) => Scope::Below(digits[..9].to_owned()),
            ["bureau", _, ..] => Scope::Bureau,
            _ => Scope::Nothing,
        }
    }

    pub fn sees(&self, division_code: &str) -> bool {
        match self {
            Scope::All | Scope::Bureau => true,
            Scope::Below(digits) => division_code.starts_with(digits.as_str()),
            Scope::Nothing => false,
        }
    }

    /// The digits to search below for a filter: the narrower of what is asked for and what may be seen. `None` when
    /// the two have nothing in common.
    pub fn narrow(&self, division_code: &str) -> Option<String> {
        let asked = division::prefix(division_code);
        match self {
            Scope::All | Scope::Bureau => Some(asked.to_owned()),
            Scope::Below(digits) if asked.starts_with(digits.as_str()) => Some(asked.to_owned()),
            Scope::Below(digits) if digits.starts_with(asked) => Some(digits.clone()),
            Scope::Below(_) | Scope::Nothing => None,
        }
    }
}

fn is_code(text: &str, least: usize) -> bool {
    text.len() >= least && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_sees_the_own_division_only() {
        let county = Scope::of("operator/county/621202");
        assert!(county.sees("621202100203"));
        assert!(!county.sees("621221100203"));
        assert!(Scope::of("operator/township/621202100").sees("621202100203"));
        assert!(!Scope::of("operator/township/621202100").sees("621202101203"));
        assert!(Scope::of("operator/city").sees("621221100203"));
        for nobody in [
            "operator/county",
            "operator/county/x",
            "operator/county/6",
            "operator/visitor/621202",
            "adapter/hr",
            "unknown",
        ] {
            assert!(!Scope::of(nobody).sees("621202100203"), "{nobody}");
        }
    }

    #[test]
    fn a_filter_never_widens_what_is_seen() {
        let county = Scope::of("operator/county/621202");
        assert_eq!(county.narrow("").as_deref(), Some("621202"));
        assert_eq!(county.narrow("621200000000").as_deref(), Some("621202"));
        assert_eq!(county.narrow("621202100000").as_deref(), Some("621202100"));
        assert_eq!(county.narrow("621221000000"), None);
        assert_eq!(Scope::All.narrow("").as_deref(), Some(""));
    }
}
