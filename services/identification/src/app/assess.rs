//! Assesses households: on request as of today, and again for each open case whenever facts, roster or the policy
//! pack change. What a case's assessment says follows from the newest facts, the newest roster and the newest check
//! alone, so it does not depend on the order in which they arrived.

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
    look, scope,
};
use crate::{
    domain::{error::CaseError, exit, facts::PersonFacts},
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
    /// The household as of today.
    pub async fn assess(&self, call: &Call, household_id: Uuid, extent: Extent) -> Result<Assessment> {
        let (pack, scope, whole) = (self.pack.clone(), scope(call), look::shows_values(call));
        let read = self.db.read(call, move |work| {
            let (pack, scope) = (pack.clone(), scope.clone());
            async move {
                let facts = store::known::facts(work.conn(), &[household_id]).await?.pop();
                let roster = store::known::roster(work.conn(), &[household_id]).await?.pop();
                let division = facts.as_ref().map(|f| f.division_code.clone());
                let division = division.or_else(|| roster.as_ref().map(|r| r.division_code.clone()));
                let division = division.filter(|code| scope.sees(code)).ok_or(CaseError::HouseholdNotFound)?;
                work.audit(&name("households", household_id), look::fields(whole));
                let known = Known { household_id, division_code: division, not_before: work.today() };
                let input = known.input(facts, roster);
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
    let assessment = evaluate::assessment(work.conn(), pack, &input, Extent::Classes).await?;
    let unmet = exit::unmet(&assessment, &held);
    let stored = Stored { as_of: input.as_of, pack: pack.version_tag(), body: assessment.encode_to_vec() };
    store::assessment::put(work.conn(), case.case_id, &stored, &unmet).await
}
