//! What an operator may see: the divisions below its own. Outside of it there is nothing, so the answer is "not found".

use minqing_kit::{Caller, Error, Result};

/// Prefix of the division codes a caller may see: empty for all.
pub fn prefix(caller: &Caller) -> Result<String> {
    let mut parts = caller.as_str().split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("operator"), Some("county"), Some(code)) if digits(code, 6) => Ok(code[..6].to_owned()),
        (Some("operator"), Some("township"), Some(code)) if digits(code, 6) => Ok(code[..code.len().min(9)].to_owned()),
        (Some("operator"), Some("city" | "admin"), None) | (Some("service"), Some(_), _) => Ok(String::new()),
        _ => Err(Error::forbidden(
            "NO_DIVISION",
            "the operator's identity names no division",
            "操作员身份未标明所属区划",
        )),
    }
}

fn digits(code: &str, least: usize) -> bool {
    code.len() >= least && code.bytes().all(|b| b.is_ascii_digit())
}
