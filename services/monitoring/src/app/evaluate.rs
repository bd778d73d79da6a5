//! Evaluates households and makes their warnings and told facts agree with the outcome. Doing it again changes
//! nothing, and what comes out does not depend on the order in which the data came: it reads the data as they stand.
//! Unknown leaves a warning as it is. One that a field check found not true makes room for another when its facts change.

use std::sync::Arc;

use chrono::{NaiveDate, SecondsFormat};
use minqing_kit::{Result, db::Work, id};
use minqing_proto::minqing::{
    monitoring::v1::{ClearReason, WarningCleared, WarningRaised},
    types::v1::WarningLevel,
};
use uuid::Uuid;

use super::{
    Monitoring, SLICE,
    quiet::{Quiets, Rise},
    rules::Rules,
};
use crate::{
    domain::{error::Fault, words},
    store::{
        due::{self, Source},
        evaluation::{Change, Screening},
        lock, screening,
        warning::{self, Raised},
    },
};

/// What led to the evaluation.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// Records of a bureau's dataset, `hr.unemployment`, accepted in this transaction: only what rests on it can change.
    Record(&'a str),
    /// What the mesh did itself, by the sources of facts that hold it: `mesh.visit`.
    Deed(&'a [&'static str]),
    /// The passing of time, for the indicators that it can change for these households.
    Time(&'a Screening),
    /// The roster, or the evaluation of everybody.
    Other,
    /// Datasets that became known for the households' county, in the order in which they did, or one whose records about
    /// them changed some moments ago.
    Delivered(&'a [Source]),
    /// A batch that is being taken back.
    Withdrawal(&'a Withdrawn),
}

/// Data that no longer count.
#[derive(Clone, Debug)]
pub struct Withdrawn {
    /// Day on which the batch began to count.
    pub since: NaiveDate,
    /// Indicators that rest on its dataset.
    pub indicators: Vec<String>,
}

impl Cause<'_> {
    fn clear_reason(self) -> ClearReason {
        match self {
            Cause::Record(_) | Cause::Delivered(_) | Cause::Deed(_) | Cause::Time(_) | Cause::Other => {
                ClearReason::Refuted
            }
            Cause::Withdrawal(_) => ClearReason::DataWithdrawn,
        }
    }
}

/// What an evaluation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub raised: i32,
    pub cleared: i32,
}

/// Evaluates the households, which are in order of id, as of the business date of the transaction. The caller holds the
/// roster, so no later date can begin meanwhile; one that has begun already is refused, since whoever is due on it was
/// looked for without what this transaction writes.
pub async fn households(monitoring: &Monitoring, work: &mut Work, ids: &[Uuid], cause: Cause<'_>) -> Result<Tally> {
    check_date(work).await?;
    let rules = &monitoring.rules;
    let mut tally = Tally::default();
    for slice in ids.chunks(SLICE) {
        let held = lock::households(work.conn(), slice).await?;
        if held.is_empty() {
            continue;
        }
        let (done, warned) = warnings(monitoring, work, &held, cause).await?;
        tally.raised += done.raised;
        tally.cleared += done.cleared;
        let as_before = match cause {
            Cause::Record(dataset) => !rules.tells_of(&[dataset]),
            Cause::Delivered(sources) => !rules.tells_of(&names(sources)),
            Cause::Deed(sources) => !rules.tells_of(sources),
            // Facts that time changes are told by themselves.
            Cause::Time(_) => true,
            Cause::Other | Cause::Withdrawal(_) => false,
        };
        due::note_facts(work.conn(), if as_before { &warned } else { &held }).await?;
    }
    Ok(tally)
}

/// Refuses a transaction whose business date is over.
pub async fn check_date(work: &mut Work) -> Result<()> {
    if screening::begun(work.conn()).await?.is_some_and(|begun| begun > work.today()) {
        return Err(Fault::DateTurned.into());
    }
    Ok(())
}

/// What was done, and the households that have a warning since.
async fn warnings(
    monitoring: &Monitoring,
    work: &mut Work,
    held: &[Uuid],
    cause: Cause<'_>,
) -> Result<(Tally, Vec<Uuid>)> {
    let today = work.today();
    let rules = &monitoring.rules;
    let resting = match cause {
        Cause::Record(dataset) => rules.screening_of(&[dataset]),
        Cause::Delivered(sources) => rules.screening_of(&names(sources)),
        Cause::Deed(sources) => rules.screening_of(sources),
        Cause::Other | Cause::Withdrawal(_) => Some(Arc::clone(&rules.statements.every)),
        Cause::Time(_) => None,
    };
    let screening = if let Cause::Time(screening) = cause { Some(screening) } else { resting.as_deref() };
    let Some(screening) = screening else { return Ok(Default::default()) };
    let mut quiets = Quiets::of(work, held).await?;
    let wanted = (rules.indicators.as_slice(), quiets.open());
    let mut changes = rules.statements.changes(work.conn(), screening, (held, today), wanted).await?;
    // What data that no longer count had cleared is unknown now, which says nothing new.
    let said = changes.len();
    if let Cause::Withdrawal(data) = cause {
        changes.extend(unsaid(monitoring, work, held, data).await?);
    }
    if changes.is_empty() {
        return Ok(Default::default());
    }
    let accepted = match cause {
        Cause::Record(_) => warning::accepted_at(work.conn()).await?.to_rfc3339_opts(SecondsFormat::Micros, true),
        Cause::Delivered(_) | Cause::Deed(_) | Cause::Time(_) | Cause::Other | Cause::Withdrawal(_) => String::new(),
    };
    let mut raised = Raised::default();
    let mut cleared = Vec::new();
    let mut superseded = Vec::new();
    for (at, change) in changes.into_iter().enumerate() {
        if let Some(id) = change.warning_id {
            cleared.push(id);
            emit_cleared(work, id, &change, cause.clear_reason());
            continue;
        }
        let level = rules.raised_level(&change.indicator, change.severity.as_deref())?;
        let rise =
            if at < said { quiets.hear(monitoring, &change, level.into(), today)? } else { Some(Rise::default()) };
        let Some(rise) = rise else { continue };
        if let Some(id) = rise.instead_of {
            superseded.push(id);
            emit_cleared(work, id, &change, ClearReason::Superseded);
        }
        let (accepted, trace) = origin(rules, cause, &change.indicator).unwrap_or((accepted.clone(), ""));
        work.in_trace_of(trace, "evaluate delivered", |work| {
            raise(monitoring, work, &mut raised, (change, level, rise), &accepted);
        });
    }
    quiets.save(work).await?;
    let tally = Tally { raised: count(raised.ids.len()), cleared: count(cleared.len() + superseded.len()) };
    if !cleared.is_empty() {
        warning::clear(work.conn(), &cleared, today, cause.clear_reason()).await?;
    }
    if !superseded.is_empty() {
        warning::clear(work.conn(), &superseded, today, ClearReason::Superseded).await?;
    }
    let mut warned: Vec<Uuid> = raised.households.iter().flatten().copied().collect();
    warned.sort_unstable();
    warned.dedup();
    if !raised.ids.is_empty() {
        warning::raise(work.conn(), raised, today, &rules.pack_tag).await?;
    }
    Ok((tally, warned))
}

fn names(sources: &[Source]) -> Vec<&str> {
    sources.iter().map(|of| of.source.as_str()).collect()
}

/// When the newest of the datasets behind a warning was accepted, and in which trace; none when the evaluation is not for
/// datasets that came before.
fn origin<'a>(rules: &Rules, cause: Cause<'a>, indicator: &str) -> Option<(String, &'a str)> {
    let Cause::Delivered(sources) = cause else { return None };
    let of = rules.newest_behind(indicator, sources)?;
    Some((of.accepted_at.to_rfc3339_opts(SecondsFormat::Micros, true), of.traceparent.as_str()))
}

fn raise(
    monitoring: &Monitoring,
    work: &mut Work,
    raised: &mut Raised,
    (change, level, rise): (Change, WarningLevel, Rise),
    accepted: &str,
) {
    let id = work.new_id();
    let household = id::name("households", change.household_id);
    let event = WarningRaised {
        warning: id::name("warnings", id),
        indicator: change.indicator.clone(),
        level: level.into(),
        household: household.clone(),
        person_key: change.person_key.map(|key| key.to_string()).unwrap_or_default(),
        subject: String::new(),
        subject_bureau: 0,
        division_code: change.division_code.clone(),
        area_kind: words::area_of(&change.area_kind).into(),
        raised_on: work.today().to_string(),
        record_accepted_time: accepted.to_owned(),
        pack: monitoring.rules.pack_tag.clone(),
        changed_since: rise.since.map(|on| on.to_string()).unwrap_or_default(),
    };
    work.emit(&household, &event, None);
    raised.ids.push(id);
    raised.indicators.push(change.indicator);
    raised.levels.push(level.into());
    raised.households.push(Some(change.household_id));
    raised.persons.push(change.person_key);
    raised.subjects.push(String::new());
    raised.bureaus.push(String::new());
    raised.counties.push(words::county(&change.division_code));
    raised.divisions.push(change.division_code);
    raised.areas.push(change.area_kind);
    raised.conditions.push(change.conditions.unwrap_or_else(empty));
    raised.facts.push(change.facts.unwrap_or_else(empty));
    raised.parameters.push(change.parameters.unwrap_or_else(empty));
}

/// What is unknown now, but was not while data counted that are withdrawn: a warning they raised has nothing left to stand
/// on, one they cleared is open as before. Unknown alone would leave both as the withdrawn data made them.
async fn unsaid(monitoring: &Monitoring, work: &mut Work, held: &[Uuid], data: &Withdrawn) -> Result<Vec<Change>> {
    let today = work.today();
    let changed = warning::changed_since(work.conn(), held, data.since, &data.indicators).await?;
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let unknown = monitoring.rules.statements.undecided(work.conn(), held, today, &changed).await?;
    warning::as_changes(work.conn(), &unknown).await
}

fn emit_cleared(work: &mut Work, id: Uuid, change: &Change, reason: ClearReason) {
    let household = id::name("households", change.household_id);
    let event = WarningCleared {
        warning: id::name("warnings", id),
        indicator: change.indicator.clone(),
        household: household.clone(),
        cleared_on: work.today().to_string(),
        reason: reason.into(),
    };
    work.emit(&household, &event, None);
}

fn empty() -> String {
    "{}".to_owned()
}

/// A count of the contract.
pub fn count(of: usize) -> i32 {
    i32::try_from(of).unwrap_or(i32::MAX)
}
