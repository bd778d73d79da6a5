//! Keyset pages. A page token holds the last key of the page before and is bound to the filter it was given
//! for; it opens nothing by itself, since every query applies its own filter and access rule.

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Rows in a page when the caller names no size.
const DEFAULT_PAGE: i32 = 50;
/// Bytes of the filter's digest kept in a token.
const BOUND: usize = 8;
/// Longest token accepted.
const LONGEST_TOKEN: usize = 2048;

/// What to read: at most `size` rows whose key comes after `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Most rows wanted.
    pub size: i64,
    /// Key of the last row of the page before.
    pub after: Option<String>,
}

/// Reads the paging fields of a request. `filter` is the canonical text of the request's filter.
pub fn page(page_size: i32, page_token: &str, filter: &str, max: i32) -> Result<Page> {
    let size = match page_size {
        0 => DEFAULT_PAGE.min(max),
        1.. => page_size.min(max),
        _ => {
            return Err(Error::invalid("INVALID_PAGE_SIZE", "page_size must not be negative", "page_size 不能为负数")
                .field("page_size", "must not be negative"));
        }
    };
    let after = if page_token.is_empty() { None } else { Some(open_token(page_token, filter)?) };
    Ok(Page { size: i64::from(size), after })
}

/// The token of the page after the one that ended with `last_key`.
pub fn next_token(last_key: &str, filter: &str) -> String {
    let mut token = hex(&digest(filter));
    token.push_str(&hex(last_key.as_bytes()));
    token
}

fn open_token(token: &str, filter: &str) -> Result<String> {
    let wrong = || {
        Error::invalid("INVALID_PAGE_TOKEN", "page_token does not belong to this request", "page_token 与本次请求不符")
            .field("page_token", "must come from the answer before, with the same filter")
    };
    if token.len() > LONGEST_TOKEN {
        return Err(wrong());
    }
    let bytes = unhex(token).ok_or_else(wrong)?;
    let (bound, key) = bytes.split_at_checked(BOUND).ok_or_else(wrong)?;
    if bound != digest(filter) {
        return Err(wrong());
    }
    String::from_utf8(key.to_vec()).map_err(|_| wrong())
}

fn digest(filter: &str) -> [u8; BOUND] {
    let whole: [u8; 32] = Sha256::digest(filter.as_bytes()).into();
    let mut bound = [0; BOUND];
    bound.copy_from_slice(&whole[..BOUND]);
    bound
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_token_leads_on_only_under_the_filter_it_was_made_for() {
        let token = next_token("2026-01-01|0198", "division=621202");
        let page_two = page(0, &token, "division=621202", 500).unwrap();
        assert_eq!(page_two, Page { size: 50, after: Some("2026-01-01|0198".into()) });
        assert_eq!(page(0, &token, "division=621223", 500).unwrap_err().reason(), "INVALID_PAGE_TOKEN");
        for wrong in ["x", "zz", "00", "汉字", &"0".repeat(5000)] {
            assert!(page(0, wrong, "", 500).is_err());
        }
    }

    #[test]
    fn a_page_is_never_larger_than_the_most_allowed() {
        assert_eq!(page(10_000, "", "", 500).unwrap().size, 500);
        assert_eq!(page(7, "", "", 500).unwrap().size, 7);
        assert_eq!(page(0, "", "", 20).unwrap().size, 20);
        assert!(page(-1, "", "", 500).is_err());
    }
}
