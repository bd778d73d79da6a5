//! What a caller may see and do: a township its own work orders, a county those below it, an adapter its bureau's
//! referrals. Outside of it there is nothing, so the answer is "not found".

use minqing_kit::{Caller, Error, Result};

/// Prefix of the division codes a caller may see: empty for all. A township's path carries nine digits, a
/// county's six.
pub fn prefix(caller: &Caller) -> Result<String> {
    let mut parts = caller.as_str().split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("operator"), Some("township" | "county"), Some(code)) if plausible(code) => {
            Ok(code.trim_end_matches('0').to_owned()).map(|short| restore(&short, code))
        }
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

/// The bureau an adapter acts for; none for everybody else.
pub fn bureau(caller: &Caller) -> Option<&str> {
    (caller.kind() == "adapter").then(|| caller.rest())
}

fn plausible(code: &str) -> bool {
    (6..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

/// Trailing zeros of a code given in full are padding, but never below the six digits of a county.
fn restore(short: &str, code: &str) -> String {
    let length = if short.len() <= 6 {
        6
    } else if short.len() <= 9 {
        9
    } else {
        12
    };
    code.get(..length.min(code.len())).unwrap_or(code).to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_operator_sees_the_divisions_below_its_own_and_nobody_sees_more() {
        let of = |path: &str| prefix(&Caller::parse(path).unwrap());
        assert_eq!(of("operator/township/621202100").unwrap(), "621202100");
        assert_eq!(of("operator/township/621202100000").unwrap(), "621202100");
        assert_eq!(of("operator/county/621202").unwrap(), "621202");
        assert_eq!(of("operator/county/621202000000").unwrap(), "621202");
        assert_eq!(of("operator/county/621220").unwrap(), "621220");
        assert_eq!(of("operator/city").unwrap(), "");
        assert_eq!(of("service/registry").unwrap(), "");
        for none in ["operator/county", "operator/county/x", "operator/county/6", "operator/else", "bureau/hr"] {
            assert_eq!(of(none).unwrap_err().reason(), "NO_DIVISION");
        }
    }

    #[test]
    fn only_an_adapter_acts_for_a_bureau() {
        assert_eq!(bureau(&Caller::parse("adapter/medical_insurance").unwrap()), Some("medical_insurance"));
        assert_eq!(bureau(&Caller::parse("operator/city").unwrap()), None);
    }
}
