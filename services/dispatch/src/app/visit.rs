//! A township records a visit; a verdict on a household brings its own.

use minqing_kit::{Error, Result, db::Work, id};
use minqing_proto::minqing::dispatch::v1 as pb;
use uuid::Uuid;

use super::{scope, tell::HOUSEHOLDS, view};
use crate::{
    domain::visit::{Occasion, Visit},
    store::visit,
};

/// Resource names.
const VISITS: &str = "visits";

/// Records a visit that nobody asked for; `visit` still without its division.
pub async fn record(work: &mut Work, mut visit: Visit) -> Result<pb::RecordVisitResponse> {
    if visit.on > work.today() {
        return Err(Error::invalid("DATE_IN_FUTURE", "visited_on lies in the future", "visited_on 晚于今天")
            .field("visited_on", "must not be later than today"));
    }
    let prefix = scope::prefix(&work.call().caller)?;
    visit.division = visit::division(work.conn(), visit.household, &prefix).await?.ok_or_else(|| {
        Error::not_found("HOUSEHOLD_NOT_FOUND", "there is no such household", "没有该家庭")
            .field("household", "must be a household of the register, within the operator's division")
    })?;
    let id = keep(work, &visit).await?;
    Ok(pb::RecordVisitResponse { visit: id::name(VISITS, id) })
}

/// Keeps a visit and tells of it.
pub async fn keep(work: &mut Work, visit: &Visit) -> Result<Uuid> {
    let (id, today) = (work.new_id(), work.today());
    visit::insert(work.conn(), id, visit, today).await?;
    let household = id::name(HOUSEHOLDS, visit.household);
    let event = pb::VisitRecorded {
        visit: id::name(VISITS, id),
        household: household.clone(),
        visited_on: visit.on.to_string(),
        met: visit.met,
        photo: !visit.photo_digest.is_empty(),
        details: Some(view::visit_details(&visit.seen)),
        verdict: match visit.occasion {
            Occasion::Own { .. } => pb::Verdict::Unspecified,
            Occasion::Check { verdict, .. } => view::verdict_told(verdict),
        } as i32,
    };
    work.emit(&event.visit.clone(), &event, None);
    work.audit(&household, &["visit"]);
    Ok(id)
}
