//! Between the contract and the case.

use minqing_kit::{Error, Result, id::name};
use minqing_policy::assistance_class;
use minqing_proto::minqing::{
    identification::v1::{self as pb, CaseDecision, CaseKind, CaseState},
    types::v1::AssistanceClass,
};
use prost::Message as _;
use uuid::Uuid;

use crate::{
    domain::case::{Decision, Ruling},
    store::case_file::CaseRow,
};

/// Longest written reason, in characters.
const LONGEST_REASON: usize = 2000;

/// A case for the wire; with its assessment where asked.
pub fn case(row: &CaseRow, with_assessment: bool) -> Result<pb::Case> {
    let assessment = row.assessment.as_deref().filter(|_| with_assessment);
    Ok(pb::Case {
        name: name("cases", row.case_id),
        household: name("households", row.household_id),
        division_code: row.division_code.clone(),
        kind: if row.kind == "recheck" { CaseKind::Recheck } else { CaseKind::Recognition } as i32,
        state: if row.state == "decided" { CaseState::Decided } else { CaseState::Open } as i32,
        work_order: name("workOrders", row.work_order_id),
        opened_on: row.opened_on.to_string(),
        decided_on: row.decided_on.map_or_else(String::new, |d| d.to_string()),
        decision: match row.decision.as_deref() {
            Some("grant") => CaseDecision::Grant,
            Some("refuse") => CaseDecision::Refuse,
            Some("keep") => CaseDecision::Keep,
            Some("end") => CaseDecision::End,
            _ => CaseDecision::Unspecified,
        } as i32,
        assistance_class: row.assistance_class.as_deref().and_then(assistance_class).map_or(0, |c| c as i32),
        reason: row.reason.clone().unwrap_or_default(),
        assessment: assessment.map(pb::Assessment::decode).transpose().map_err(Error::bug)?,
        etag: row.version.to_string(),
    })
}

/// The decision asked for.
pub fn ruling(request: &pb::RecordDecisionRequest) -> Result<Ruling> {
    let decision = match request.decision() {
        CaseDecision::Grant => Decision::Grant,
        CaseDecision::Refuse => Decision::Refuse,
        CaseDecision::Keep => Decision::Keep,
        CaseDecision::End => Decision::End,
        CaseDecision::Unspecified => return Err(unknown("decision")),
    };
    if request.reason.chars().count() > LONGEST_REASON {
        return Err(Error::invalid("TEXT_TOO_LONG", "reason is longer than 2000 characters", "理由超过 2000 字")
            .field("reason", "shorten it to 2000 characters"));
    }
    let class = match request.assistance_class() {
        AssistanceClass::Unspecified => None,
        class => Some(class.as_str_name().trim_start_matches("ASSISTANCE_CLASS_").to_lowercase()),
    };
    let person = match request.person_key.as_str() {
        "" => None,
        key => Some(Uuid::parse_str(key).map_err(|_| unknown("person_key"))?),
    };
    let valid_from = match request.valid_from.as_str() {
        "" => None,
        day => Some(day.parse().map_err(|_| unknown("valid_from"))?),
    };
    Ok(Ruling {
        decision,
        class,
        person,
        amount_fen: request.amount_fen,
        valid_from,
        reason: request.reason.clone(),
        heard: request.household_heard,
    })
}

/// The state asked for, as in the table.
pub fn state(value: i32) -> Result<Option<&'static str>> {
    match CaseState::try_from(value).map_err(|_| unknown("state"))? {
        CaseState::Unspecified => Ok(None),
        CaseState::Open => Ok(Some("open")),
        CaseState::Decided => Ok(Some("decided")),
    }
}

/// A division of up to 12 digits as the prefix everything below it shares.
pub fn division(code: &str) -> Result<String> {
    if code.len() > 12 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(unknown("division_code"));
    }
    let ends = [0, 2, 4, 6, 9, 12].into_iter().filter(|end| *end <= code.len());
    let end = ends.min_by_key(|end| (code.bytes().skip(*end).any(|b| b != b'0'), *end)).unwrap_or(code.len());
    Ok(code[..end].to_owned())
}

/// Key of a page token.
pub fn case_key(key: &str) -> Result<Uuid> {
    key.parse().map_err(|_| {
        Error::invalid("INVALID_PAGE_TOKEN", "page_token does not belong to this request", "page_token 与本次请求不符")
            .field("page_token", "must come from the answer before, with the same filter")
    })
}

fn unknown(field: &'static str) -> Error {
    Error::invalid("UNKNOWN_VALUE", format!("{field} is not known or malformed"), format!("{field} 取值未知或格式不正确"))
        .field(field, "see the contract for its values")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::division;

    #[test]
    fn a_division_is_the_prefix_of_everything_below_it() {
        for (code, prefix) in [
            ("", ""),
            ("621202", "621202"),
            ("621202000000", "621202"),
            ("621202100000", "621202100"),
            ("621200000000", "6212"),
            ("621202100001", "621202100001"),
        ] {
            assert_eq!(division(code).unwrap(), prefix);
        }
        assert!(division("62x").is_err());
    }
}
