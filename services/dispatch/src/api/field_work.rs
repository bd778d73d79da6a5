//! Requests of the field: verdicts and visits, decoded and checked.

use chrono::NaiveDate;
use minqing_kit::{Error, Result, id::parse_name};
use minqing_proto::minqing::dispatch::v1 as pb;

use super::dispatch_rpc::unknown_enum;
use crate::{
    app::{tell::HOUSEHOLDS, view},
    domain::{
        verdict::Check,
        visit::{Occasion, Seen, Visit},
    },
};

/// Longest user id of who checks or visits.
const LONGEST_USER: usize = 64;
/// Hex digits of SHA-256 and SM3.
const DIGEST: usize = 64;
/// Longest visit.
const MOST_MINUTES: i32 = 600;

/// A verdict reported.
pub(super) fn check(request: &pb::RecordVerdictRequest) -> Result<Check> {
    let verdict = pb::Verdict::try_from(request.verdict).ok().and_then(view::verdict_reported);
    let verdict = verdict.ok_or_else(|| unknown_enum("verdict"))?;
    let checked_on = day(&request.checked_on, "checked_on")?;
    let checker = user(&request.checker).ok_or_else(|| {
        Error::invalid("INVALID_CHECKER", "checker must name who checked", "应填写核查人")
            .field("checker", format!("must be a user id of 1 to {LONGEST_USER} characters"))
    })?;
    Ok(Check {
        verdict,
        checked_on,
        checker,
        person_seen: request.person_seen,
        evidence_digest: digest(&request.evidence_digest, "evidence_digest")?,
    })
}

/// A visit reported; its division is for the register to say.
pub(super) fn visit(request: &pb::RecordVisitRequest) -> Result<Visit> {
    let household = parse_name(HOUSEHOLDS, &request.household, "household")?;
    let on = day(&request.visited_on, "visited_on")?;
    let visitor = user(&request.visitor).ok_or_else(|| {
        Error::invalid("INVALID_VISITOR", "visitor must name who visited", "应填写走访人")
            .field("visitor", format!("must be a user id of 1 to {LONGEST_USER} characters"))
    })?;
    let finding = match pb::VisitFinding::try_from(request.finding) {
        Err(_) | Ok(pb::VisitFinding::Unspecified) => return Err(unknown_enum("finding")),
        Ok(finding) => finding,
    };
    Ok(Visit {
        household,
        division: String::new(),
        on,
        visitor,
        met: finding != pb::VisitFinding::NobodyMet,
        seen: request.details.as_ref().map(seen).transpose()?.unwrap_or_default(),
        photo_digest: digest(&request.photo_digest, "photo_digest")?,
        occasion: Occasion::Own { finding: word(finding.as_str_name(), "VISIT_FINDING_") },
    })
}

/// What was seen; what was not told stays unknown.
pub(super) fn seen(details: &pb::VisitDetails) -> Result<Seen> {
    if details.minutes.is_some_and(|minutes| !(1..=MOST_MINUTES).contains(&minutes)) {
        return Err(Error::invalid(
            "OUT_OF_RANGE",
            "minutes must be what the visit took, or be left out",
            "走访时长超出范围；不清楚时请勿填写",
        )
        .field("minutes", format!("must be 1 to {MOST_MINUTES}, or left out when not known")));
    }
    let group = pb::VisitGroup::try_from(details.group_ticked).map_err(|_| unknown_enum("group_ticked"))?;
    let carer = pb::Carer::try_from(details.carer).map_err(|_| unknown_enum("carer"))?;
    Ok(Seen {
        minutes: details.minutes,
        group_ticked: (group != pb::VisitGroup::Unspecified).then(|| word(group.as_str_name(), "VISIT_GROUP_")),
        lives_alone: details.lives_alone,
        carer: (carer != pb::Carer::Unspecified).then(|| word(carer.as_str_name(), "CARER_")),
    })
}

pub(super) fn day(text: &str, field: &'static str) -> Result<NaiveDate> {
    text.parse().map_err(|_| {
        Error::invalid(
            "INVALID_DATE",
            format!("{field} must be a date, YYYY-MM-DD"),
            format!("{field} 应为 YYYY-MM-DD 格式的日期"),
        )
        .field(field, "must be YYYY-MM-DD")
    })
}

fn user(text: &str) -> Option<String> {
    let text = text.trim();
    let fit = !text.is_empty() && text.chars().count() <= LONGEST_USER && !text.chars().any(char::is_control);
    fit.then(|| text.to_owned())
}

fn digest(text: &str, field: &'static str) -> Result<String> {
    if !text.is_empty() && (text.len() != DIGEST || !text.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(Error::invalid(
            "INVALID_DIGEST",
            format!("{field} must be the hex digest of the photo or recording"),
            format!("{field} 应为照片或录音的十六进制摘要"),
        )
        .field(field, format!("must be {DIGEST} hex digits")));
    }
    Ok(text.to_ascii_lowercase())
}

/// A value's name without its enum's, in lower case.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}
