//! Names as they compare: however they were typed, and however much of them the sender's system could write.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A name without what does not count: blanks, the separators of minority names (· • ・ ．), width, case, and
/// compatibility forms of one character (NFKC).
pub fn plain(name: &str) -> Zeroizing<String> {
    Zeroizing::new(name.nfkc().filter_map(counted).collect())
}

fn counted(c: char) -> Option<char> {
    match c {
        '·' | '•' | '・' | '‧' | '∙' | '⋅' | '.' => None,
        c if c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}') => None,
        c => Some(c.to_ascii_uppercase()),
    }
}

/// Whether a character stands for a rare one that the sender's system lacks.
pub fn is_placeholder(c: char) -> bool {
    matches!(
        c,
        '?' | '？'
            | '□'
            | '■'
            | '▯'
            | '〓'
            | '*'
            | '＊'
            | '\u{fffd}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{f0000}'..='\u{ffffd}'
            | '\u{100000}'..='\u{10fffd}'
    )
}

/// Whether a name holds such a character.
pub fn has_placeholder(name: &str) -> bool {
    name.chars().any(is_placeholder)
}

/// Whether the name that came is the one on file but for its placeholders, each of which stands for one character. A
/// name of placeholders alone agrees with nothing.
pub fn agrees_but_for_placeholders(came: &str, on_file: &str) -> bool {
    let (came, on_file) = (plain(came), plain(on_file));
    let told = came.chars().any(|c| !is_placeholder(c));
    told && came.chars().count() == on_file.chars().count()
        && came.chars().zip(on_file.chars()).all(|(a, b)| a == b || is_placeholder(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_plain_in_one_way() {
        for typed in
            ["阿依古丽•买买提", "阿依古丽・买买提", " 阿依古丽 ･ 买买提\u{3000}", "阿依古丽．买买提", "阿依古丽․买买提"]
        {
            assert_eq!(plain(typed).as_str(), "阿依古丽买买提", "{typed}");
        }
        assert_eq!(plain("ｌｉ　Ｍing").as_str(), "LIMING");
        // A compatibility ideograph and a radical are the character itself.
        assert_eq!(plain("\u{f9e1}\u{2f08}").as_str(), "李人");
    }

    #[test]
    fn a_placeholder_stands_for_one_character_and_not_for_a_whole_name() {
        for came in ["王?明", "王？明", "王□明", "王\u{e1a3}明", "王\u{f0012} 明"] {
            assert!(agrees_but_for_placeholders(came, "王喆明"), "{came}");
        }
        assert!(!agrees_but_for_placeholders("王?", "王喆明"));
        assert!(!agrees_but_for_placeholders("李?明", "王喆明"));
        assert!(!agrees_but_for_placeholders("???", "王喆明"));
        assert!(has_placeholder("王?明") && !has_placeholder("王喆明"));
    }
}
