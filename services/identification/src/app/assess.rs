//! Assesses households: on request as of today or a past day, and again for each open case whenever facts, roster or
//! the policy pack change. What a case's assessment says follows from the newest facts, the newest roster and the newest
//! check alone, so it does not depend on the order in which they arrived.

use std::{collections::HashMap, sync::Arc};

use chrono::NaiveDate;
use futures::FutureExt as _;
use minqing_kit::{Call, Result, db::Work, id::name};
use minqing_policy::Pack;
use minqing_proto::minqing::identification::v1::Assessment;
use prost::Message as _;
use uuid::Uuid;

use super::{
    Identification,
    evaluate::{self, Extent, Input},
    look, packs, scope,
};
use crate::{
    domain::{code::parse_date, error::CaseError, exit, facts::PersonFacts},
    store::{
        self,
        assessment::Stored,
        case::OpenCase,
        known::{FactRow, RosterRow},
    },
};

/// Open cases assessed anew in one pass after a new pack came.
const CASES_A_PASS: i64 = 100;

impl Identification {
    /// The household as of today or, where `as_of` names a past day, from the facts, the roster and the pack of that
    /// day. Only who may see the household today may look back.
    pub async fn assess(
        self: &Arc<Self>,
        call: &Call,
        household_id: Uuid,
        as_of: &str,
        extent: Extent,
    ) -> Result<Assessment> {
        let asked = match as_of {
            "" => None,
            day => Some(parse_date(day).ok_or(CaseError::AsOfMalformed)?),
        };
        let (own, scope, whole) = (Arc::clone(self), scope(call), look::shows_values(call));
        let read = self.db.read(call, move |work| {
            let (own, scope) = (Arc::clone(&own), scope.clone());
            async move {
                let day = asked.unwrap_or(work.today());
                if day > work.today() {
                    return Err(CaseError::AsOfInFuture.into());
                }
                let now = Told::now(work, household_id).await?;
                let division = now.division_code().filter(|code| scope.sees(code));
                let division_code = division.ok_or(CaseError::HouseholdNotFound)?.to_owned();
                work.audit(&name("households", household_id), look::fields(whole));
                let (told, pack) = if day == work.today() {
                    (now, own.pack.clone())
                } else {
                    (Told::on(work, household_id, day).await?, own.pack_on(work, day).await?)
                };
                let known = Known { household_id, division_code, not_before: day };
                let input = known.input(told.facts, told.roster);
                let assessment = evaluate::assessment(work.conn(), &pack, &input, extent).await?;
                Ok(look::shown(assessment, whole))
            }
            .boxed()
        });
        read.await
    }

    /// Assesses some open cases anew that were assessed with another pack; gives how many and whether none is left.
    pub async fn renew(self: &Arc<Self>, call: &Call) -> Result<(u64, bool)> {
        let pack = self.pack.clone();
        let change = self.db.change(call, move |work| {
            let pack = pack.clone();
            async move {
                packs::note(work, &pack).await?;
                store::known::lock(work.conn()).await?;
                let stale = store::case::assessed_otherwise(work.conn(), pack.version_tag(), CASES_A_PASS).await?;
                again(work, &pack, &stale).await?;
                Ok((stale.len() as u64, stale.len() < usize::try_from(CASES_A_PASS).unwrap_or(usize::MAX)))
            }
            .boxed()
        });
        change.await
    }
}

/// What was told of a household.
struct Told {
    facts: Option<FactRow>,
    roster: Option<RosterRow>,
}

impl Told {
    async fn now(work: &mut Work, household_id: Uuid) -> Result<Told> {
        let facts = store::known::facts(work.conn(), &[household_id]).await?.pop();
        let roster = store::known::roster(work.conn(), &[household_id]).await?.pop();
        Ok(Told { facts, roster })
    }

    /// Until the end of the day.
    async fn on(work: &mut Work, household_id: Uuid, day: NaiveDate) -> Result<Told> {
        let facts = store::history::facts_on(work.conn(), household_id, day).await?;
        let roster = store::history::roster_on(work.conn(), household_id, day).await?;
        if facts.is_none() && roster.is_none() {
            return Err(CaseError::NothingKnownOnDay.into());
        }
        Ok(Told { facts, roster })
    }

    fn division_code(&self) -> Option<&str> {
        let of_facts = self.facts.as_ref().map(|facts| facts.division_code.as_str());
        of_facts.or_else(|| self.roster.as_ref().map(|roster| roster.division_code.as_str()))
    }
}

/// What is known apart from facts and roster.
struct Known {
    household_id: Uuid,
    /// Used while neither facts nor roster have come.
    division_code: String,
    not_before: NaiveDate,
}

impl Known {
    /// Facts first; without them the roster with every fact unknown; without both nothing but the place.
    fn input(self, facts: Option<FactRow>, roster: Option<RosterRow>) -> Input {
        let bare = |key: Uuid| PersonFacts { person_key: key, facts: Default::default() };
        match (facts, roster) {
            (Some(facts), _) => Input {
                household_id: self.household_id,
                division_code: facts.division_code,
                area_kind: facts.area_kind,
                as_of: self.not_before.max(facts.as_of),
                facts: facts.facts.0,
                persons: facts.persons.0,
            },
            (None, Some(roster)) => Input {
                household_id: self.household_id,
                division_code: roster.division_code,
                area_kind: roster.area_kind,
                as_of: self.not_before,
                facts: Default::default(),
                persons: roster.members.into_iter().map(bare).collect(),
            },
            (None, None) => Input {
                household_id: self.household_id,
                division_code: self.division_code,
                area_kind: "unspecified".to_owned(),
                as_of: self.not_before,
                facts: Default::default(),
                persons: Vec::new(),
            },
        }
    }
}

/// Assesses the open cases of these households anew.
pub async fn again(work: &mut Work, pack: &Pack, households: &[Uuid]) -> Result<()> {
    let cases = store::case::open_of(work.conn(), households).await?;
    if cases.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = cases.iter().map(|c| c.household_id).collect();
    let facts = store::known::facts(work.conn(), &ids).await?;
    let facts: HashMap<Uuid, FactRow> = facts.into_iter().map(|f| (f.household_id, f)).collect();
    let roster = store::known::roster(work.conn(), &ids).await?;
    let roster: HashMap<Uuid, RosterRow> = roster.into_iter().map(|r| (r.household_id, r)).collect();
    for case in cases {
        let (facts, roster) = (facts.get(&case.household_id).cloned(), roster.get(&case.household_id).cloned());
        one(work, pack, case, (facts, roster)).await?;
    }
    Ok(())
}

async fn one(
    work: &mut Work,
    pack: &Pack,
    case: OpenCase,
    (facts, roster): (Option<FactRow>, Option<RosterRow>),
) -> Result<()> {
    let held = roster.as_ref().map(|r| r.classes.0.clone()).unwrap_or_default();
    let known = Known {
        household_id: case.household_id,
        division_code: case.division_code.clone(),
        not_before: case.verified_on,
    };
    let input = known.input(facts, roster);
    let assessment = evaluate::assessment(work.conn(), pack, &input, Extent::Case).await?;
    let unmet = exit::unmet(&assessment, &held);
    let stored = Stored { as_of: input.as_of, pack: pack.version_tag(), body: assessment.encode_to_vec() };
    store::assessment::put(work.conn(), case.case_id, &stored, &unmet).await
}
