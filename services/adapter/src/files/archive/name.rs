//! Names inside an archive. The format says UTF-8 by a flag or nothing; a Chinese Windows writes GBK without it, other
//! systems UTF-8 without it.

use encoding_rs::GB18030;

/// Longest name: a result file adds a suffix to it.
const MAX_NAME: usize = 200;

/// Whether a member's flags say that its name is UTF-8.
pub fn says_utf8(flags: u16) -> bool {
    flags & (1 << 11) != 0
}

/// A name as text; `None` when it is in no encoding that is read.
pub fn decode(raw: &[u8], says_utf8: bool) -> Option<String> {
    match std::str::from_utf8(raw) {
        Ok(text) => Some(text.to_owned()),
        Err(_) if says_utf8 => None,
        Err(_) => GB18030.decode_without_bom_handling_and_without_replacement(raw).map(|text| text.into_owned()),
    }
}

/// Whether a file of this name can lie in a folder here and on a bureau's machine.
pub fn is_plain(name: &str) -> bool {
    let fits = (1..=MAX_NAME).contains(&name.len()) && name != "." && name != "..";
    fits && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_the_encoding_it_is_in() {
        let name = "学籍信息__621202__2026-10-26__增量__B1.csv";
        let (gbk, _, lost) = GB18030.encode(name);
        assert!(!lost);
        assert_eq!(decode(&gbk, false).as_deref(), Some(name));
        assert_eq!(decode(name.as_bytes(), false).as_deref(), Some(name));
        assert_eq!(decode(name.as_bytes(), true).as_deref(), Some(name));
        assert_eq!(decode(&gbk, true), None);
        assert_eq!(decode(b"\x81\xff.csv", false), None);
        // The second byte of this character in GBK is a backslash.
        assert_eq!(decode(b"\x81\x5c.csv", false).as_deref(), Some("乗.csv"));
    }

    #[test]
    fn a_plain_name_leads_nowhere_else() {
        for name in ["", ".", "..", "a/b", "a\\b", "C:x", "a\0", "a\n.csv", &"长".repeat(67)] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("学籍信息.csv") && is_plain("..csv"));
    }
}
