//! What a caller may see and do: an adapter its own bureau's side, an operator its division.

use minqing_kit::{Caller, Error, Result};
use minqing_proto::minqing::types::v1::Bureau;

use super::view;

/// The bureau a writing adapter acts for; the request must name the same.
pub fn own_bureau(caller: &Caller, asked: i32) -> Result<String> {
    let asked = bureau_asked(asked)?.ok_or_else(|| unknown_bureau("must be given"))?;
    if caller.as_str() == format!("adapter/{asked}") { Ok(asked) } else { Err(other_bureau()) }
}

/// The bureau whose data a reader gets: an adapter's own, otherwise the one asked for; none for all.
pub fn readable_bureau(caller: &Caller, asked: i32) -> Result<Option<String>> {
    let asked = bureau_asked(asked)?;
    if caller.kind() != "adapter" {
        return Ok(asked);
    }
    match asked {
        Some(asked) if asked != caller.rest() => Err(other_bureau()),
        _ => Ok(Some(caller.rest().to_owned())),
    }
}

/// Prefix of the division codes a caller may see: empty for all.
pub fn prefix(caller: &Caller) -> Result<String> {
    let mut parts = caller.as_str().split('/');
    let digits = |code: &str| code.bytes().all(|b| b.is_ascii_digit());
    match (parts.next(), parts.next(), parts.next()) {
        (Some("operator"), Some("township"), Some(code)) if code.len() >= 9 && digits(code) => Ok(code[..9].to_owned()),
        (Some("operator"), Some("county"), Some(code)) if code.len() >= 6 && digits(code) => Ok(code[..6].to_owned()),
        (Some("operator"), Some("city" | "admin"), None) | (Some("service" | "adapter"), Some(_), _) => {
            Ok(String::new())
        }
        _ => Err(Error::forbidden(
            "NO_DIVISION",
            "the operator's identity names no division",
            "操作员身份未标明所属区划",
        )),
    }
}

fn bureau_asked(asked: i32) -> Result<Option<String>> {
    let bureau = Bureau::try_from(asked).map_err(|_| unknown_bureau("must be one of the contract's values"))?;
    Ok(view::bureau_text(bureau))
}

fn unknown_bureau(what: &'static str) -> Error {
    Error::invalid("UNKNOWN_BUREAU", format!("bureau {what}"), "bureau 未填写或取值未知").field("bureau", what)
}

fn other_bureau() -> Error {
    Error::forbidden("OTHER_BUREAU", "an adapter acts for its own bureau only", "适配器只能代表本部门")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_adapter_acts_and_reads_for_its_own_bureau_only() {
        let hr = Caller::parse("adapter/hr").unwrap();
        assert_eq!(own_bureau(&hr, Bureau::Hr as i32).unwrap(), "hr");
        assert_eq!(own_bureau(&hr, Bureau::Women as i32).unwrap_err().reason(), "OTHER_BUREAU");
        assert_eq!(own_bureau(&hr, 0).unwrap_err().reason(), "UNKNOWN_BUREAU");
        assert_eq!(own_bureau(&hr, 99).unwrap_err().reason(), "UNKNOWN_BUREAU");
        assert_eq!(readable_bureau(&hr, 0).unwrap().unwrap(), "hr");
        assert!(readable_bureau(&hr, Bureau::Women as i32).is_err());
        let city = Caller::parse("operator/city").unwrap();
        assert_eq!(readable_bureau(&city, 0).unwrap(), None);
        assert_eq!(readable_bureau(&city, Bureau::Women as i32).unwrap().unwrap(), "women");
    }

    #[test]
    fn an_operator_sees_its_division() {
        let of = |path: &str| prefix(&Caller::parse(path).unwrap());
        assert_eq!(of("operator/township/621202100").unwrap(), "621202100");
        assert_eq!(of("operator/county/621202").unwrap(), "621202");
        assert_eq!(of("operator/city").unwrap(), "");
        assert!(of("operator/county").is_err());
        assert!(of("operator/township/62").is_err());
    }
}
