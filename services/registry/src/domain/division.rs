//! Administrative divisions. The table holds city, counties and townships; villages are too many and change too often
//! to be kept, so a village code is known by its township.

use std::collections::HashMap;

/// A division of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    pub code: String,
    pub title: String,
    pub level: String,
    pub parent_code: String,
}

/// The divisions of the city, in memory: they change by a deployment only.
#[derive(Debug, Default)]
pub struct Divisions(HashMap<String, String>);

impl Divisions {
    pub fn new(all: impl IntoIterator<Item = Division>) -> Divisions {
        Divisions(all.into_iter().map(|d| (d.code, d.level)).collect())
    }

    /// The county's twelve digits, from six or twelve.
    pub fn county(&self, code: &str) -> Option<String> {
        let code = padded(code)?;
        (self.0.get(&code).map(String::as_str) == Some("county")).then_some(code)
    }

    /// The twelve digits of a township or village, from nine or twelve. A village is known when the table has its
    /// township: the first nine digits and three zeros.
    pub fn place(&self, code: &str) -> Option<String> {
        let code = padded(code).filter(|_| code.len() >= 9)?;
        let is = |code: &str, level: &str| self.0.get(code).is_some_and(|l| l == level);
        let township = format!("{}000", &code[..9]);
        (is(&code, "township") || is(&code, "village") || is(&township, "township")).then_some(code)
    }
}

/// Six, nine or twelve digits, filled up with zeros.
fn padded(code: &str) -> Option<String> {
    let digits = matches!(code.len(), 6 | 9 | 12) && code.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| format!("{code:0<12}"))
}

/// The twelve digits of the county a place lies in.
pub fn county_of(code: &str) -> String {
    format!("{:0<12}", code.get(..6).unwrap_or(code))
}

/// The digits all divisions below `code` start with: trailing zeros fill up the levels it does not name.
pub fn prefix(code: &str) -> &str {
    let whole = code.len() == 12;
    match code {
        _ if whole && code.ends_with("00000000") => &code[..4],
        _ if whole && code.ends_with("000000") => &code[..6],
        _ if whole && code.ends_with("000") => &code[..9],
        _ => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divisions() -> Divisions {
        let row = |code: &str, level: &str| Division {
            code: code.into(),
            title: String::new(),
            level: level.into(),
            parent_code: String::new(),
        };
        Divisions::new([row("621202000000", "county"), row("621202100000", "township")])
    }

    #[test]
    fn a_village_is_known_by_its_township() {
        let all = divisions();
        assert_eq!(all.place("621202100").as_deref(), Some("621202100000"));
        assert_eq!(all.place("621202100203").as_deref(), Some("621202100203"));
        for unknown in ["621202101203", "621202", "621202000000", "62120210020x", "", "６２１２０２１００"] {
            assert_eq!(all.place(unknown), None, "{unknown}");
        }
        assert_eq!(all.county("621202").as_deref(), Some("621202000000"));
        assert_eq!(all.county("621202100000"), None);
    }

    #[test]
    fn a_prefix_names_all_that_lies_below() {
        assert_eq!(prefix("621200000000"), "6212");
        assert_eq!(prefix("621202000000"), "621202");
        assert_eq!(prefix("621202100000"), "621202100");
        assert_eq!(prefix("621202100203"), "621202100203");
        assert_eq!(prefix("621202"), "621202");
        assert_eq!(county_of("621202100203"), "621202000000");
    }
}
