//! The daily screening: time alone makes rules true, so each business date evaluates whom it can have changed, by what it
//! can have changed. The day begins for everybody at once, then those due are looked for, then they are evaluated in
//! slices of one transaction each; the last one also looks at the feeds. Another policy pack, the first day, and a day
//! after many that were missed evaluate everybody by everything. A process that dies goes on where it was.

use std::{collections::BTreeSet, sync::Arc};

use chrono::NaiveDate;
use minqing_kit::{Result, call::Call, db::Work, reconcile::Pass};
use minqing_policy::Level;
use minqing_proto::minqing::monitoring::v1::ClearReason;
use uuid::Uuid;

use super::{
    Monitoring, SLICE,
    evaluate::{self, Cause, Tally},
    feeds,
};
use crate::store::{
    day::{self, Next},
    due, feed, lock,
    screening::{self, Progress},
};

/// Dates missed after which everybody is evaluated: each has to be looked at for itself, since what became true on one may
/// be over on the next, and a batch may have been evaluated in between.
const MOST_MISSED: i64 = 7;
/// Cause of those whose facts may have to be told.
const FACTS: &str = "facts";
/// Cause of those about whom a check keeps something quiet no longer: by everything, as they are few.
const QUIET: &str = "quiet";

/// What one transaction did.
enum Step {
    /// Got ready for evaluating; who is due, in words, once they were looked for.
    Ready(Option<String>),
    /// Evaluated, or had nothing to do.
    Done(Pass),
}

/// Evaluates the next slice, if the business date is not done yet.
pub async fn pass(monitoring: Arc<Monitoring>) -> Result<Pass> {
    let today = monitoring.clock.today();
    let mut connection = monitoring.db.acquire().await?;
    let progress = screening::look(&mut connection).await?;
    drop(connection);
    if progress.is_done(today, monitoring.rules.pack.content_hash()) {
        return Ok(nothing(today));
    }
    let mut found = String::new();
    loop {
        let (db, own) = (monitoring.db.clone(), Arc::clone(&monitoring));
        let done = db
            .change(&Call::worker("monitoring", "screening"), move |work| {
                let monitoring = Arc::clone(&own);
                Box::pin(async move { step(&monitoring, work).await })
            })
            .await?;
        match done {
            Step::Ready(due) => found = due.map(|due| format!(", {due}")).unwrap_or_default(),
            Step::Done(pass) => return Ok(Pass { detail: pass.detail + &found, ..pass }),
        }
    }
}

async fn step(monitoring: &Monitoring, work: &mut Work) -> Result<Step> {
    let today = work.today();
    let progress = screening::take(work.conn()).await?;
    let pack = monitoring.rules.pack.content_hash();
    if progress.is_done(today, pack) {
        return Ok(Step::Done(nothing(today)));
    }
    if !progress.has_begun(today, pack) {
        begin(work, progress, pack).await?;
        return Ok(Step::Ready(None));
    }
    match progress.found_through {
        None => everybody(monitoring, work, progress).await.map(Step::Done),
        Some(found) if found < today => {
            let day = found.succ_opt().unwrap_or(today);
            find(monitoring, work, progress, day).await.map(|due| Step::Ready(Some(due)))
        }
        Some(_) => those_due(monitoring, work, progress).await.map(Step::Done),
    }
}

/// Begins the day: whoever evaluates holds the roster, so from now on nobody is evaluated as of an earlier one.
async fn begin(work: &mut Work, mut progress: Progress, pack: &str) -> Result<()> {
    let today = work.today();
    lock::move_roster(work.conn()).await?;
    let missed = progress.found_through.map(|found| (today - found).num_days());
    if progress.pack != pack || missed.is_none_or(|days| days > MOST_MISSED) {
        day::forget(work.conn()).await?;
        progress.through = None;
        progress.found_through = None;
        progress.last_household = None;
    }
    pack.clone_into(&mut progress.pack);
    progress.for_date = Some(today);
    screening::advance(work.conn(), &progress).await
}

/// Notes whom a date can have changed; how many that are.
async fn find(monitoring: &Monitoring, work: &mut Work, mut progress: Progress, day: NaiveDate) -> Result<String> {
    let plan = monitoring.rules.pack.due();
    let statements = &monitoring.rules.statements;
    let counties: Vec<String> = feed::counties(work.conn()).await?.into_iter().map(|(county, _)| county).collect();
    for search in &plan.searches {
        let households = statements.due(work.conn(), &search.sql, (day, &counties)).await?;
        for cause in causes(monitoring, &search.cause) {
            day::add(work.conn(), cause, &households).await?;
        }
    }
    let mut places = BTreeSet::new();
    for (cause, county, area) in statements.due_places(work.conn(), &plan.calendar, (day, &counties)).await? {
        places.insert((cause, county, Some(area)));
    }
    places.extend(plan.turns(day).map(|turn| (turn.cause.clone(), turn.prefix.clone(), None)));
    for feed in day::ran_out(work.conn(), day).await? {
        if let Some(cause) = plan.stale(&feed.bureau, &feed.dataset) {
            places.insert((cause.to_owned(), feed.county_code, None));
        }
    }
    for (cause, prefix, area) in places {
        for cause in causes(monitoring, &cause) {
            day::add_place(work.conn(), cause, &prefix, area.as_deref()).await?;
        }
    }
    day::add_heard_again(work.conn(), QUIET, day).await?;
    progress.found_through = Some(day);
    screening::advance(work.conn(), &progress).await?;
    let pairs: i64 = day::count(work.conn()).await?.iter().map(|(cause, many)| many * reach(monitoring, cause)).sum();
    let (households, all) = day::households(work.conn()).await?;
    let indicators = monitoring.rules.pack.indicators().iter().filter(|rule| rule.level != Level::Feed);
    let of_pairs = all * length(indicators.count());
    tracing::info!(%day, households, of_households = all, pairs, of_pairs, "found who is due");
    Ok(format!("{households} of {all} due for {pairs} of {of_pairs} outcomes"))
}

/// Under which causes those found for one are kept: facts are told once, whatever changed them.
fn causes<'a>(monitoring: &Monitoring, cause: &'a str) -> impl Iterator<Item = &'a str> {
    let reach = monitoring.rules.pack.due().reach(cause);
    let own = reach.is_some_and(|reach| !reach.indicators.is_empty()).then_some(cause);
    own.into_iter().chain(reach.is_some_and(|reach| reach.facts).then_some(FACTS))
}

/// Indicators evaluated for a cause.
fn reach(monitoring: &Monitoring, cause: &str) -> i64 {
    monitoring.rules.pack.due().reach(cause).map_or(0, |reach| length(reach.indicators.len()))
}

/// Evaluates the next of those due.
async fn those_due(monitoring: &Monitoring, work: &mut Work, progress: Progress) -> Result<Pass> {
    lock::keep_roster(work.conn()).await?;
    let next = day::next(work.conn(), SLICE as i64).await?;
    // Several causes' households are taken in order of id at once: else two transactions could wait for each other.
    let ids: Vec<Uuid> =
        next.iter().flat_map(|of| &of.households).copied().collect::<BTreeSet<_>>().into_iter().collect();
    let held = lock::households(work.conn(), &ids).await?;
    let mut tally = Tally::default();
    for of in &next {
        let done = evaluate_due(monitoring, work, of, &held).await?;
        tally.raised += done.raised;
        tally.cleared += done.cleared;
        day::done(work.conn(), of).await?;
    }
    let pairs: usize = next.iter().map(|of| of.households.len()).sum();
    finish(monitoring, work, progress, Slice { households: ids.len(), last: pairs < SLICE, tally }).await
}

async fn evaluate_due(monitoring: &Monitoring, work: &mut Work, of: &Next, held: &[Uuid]) -> Result<Tally> {
    if of.cause == FACTS {
        let there: Vec<Uuid> = of.households.iter().filter(|id| held.binary_search(id).is_ok()).copied().collect();
        due::note_facts(work.conn(), &there).await?;
        return Ok(Tally::default());
    }
    if of.cause == QUIET {
        return evaluate::households(monitoring, work, &of.households, Cause::Other).await;
    }
    match monitoring.rules.screening_due(&of.cause) {
        Some(screening) => evaluate::households(monitoring, work, &of.households, Cause::Time(&screening)).await,
        None => Ok(Tally::default()),
    }
}

/// Evaluates the next of everybody.
async fn everybody(monitoring: &Monitoring, work: &mut Work, mut progress: Progress) -> Result<Pass> {
    lock::keep_roster(work.conn()).await?;
    let ids = screening::next(work.conn(), progress.last_household, SLICE as i64).await?;
    let tally = evaluate::households(monitoring, work, &ids, Cause::Other).await?;
    let last = ids.len() < SLICE;
    progress.last_household = if last { None } else { ids.last().copied() };
    if last {
        progress.found_through = progress.for_date;
    }
    finish(monitoring, work, progress, Slice { households: ids.len(), last, tally }).await
}

/// What a slice came to.
struct Slice {
    households: usize,
    last: bool,
    tally: Tally,
}

async fn finish(monitoring: &Monitoring, work: &mut Work, mut progress: Progress, slice: Slice) -> Result<Pass> {
    let today = work.today();
    let Slice { households, last, tally } = slice;
    if last {
        feeds::expect(monitoring, work).await?;
        feeds::evaluate(monitoring, work, None, ClearReason::Refuted).await?;
        progress.through = progress.for_date;
    }
    screening::advance(work.conn(), &progress).await?;
    tracing::info!(%today, households, raised = tally.raised, cleared = tally.cleared, last, "screened");
    Ok(Pass {
        did: u64::try_from(households).unwrap_or(u64::MAX).max(1),
        caught_up: last,
        detail: format!("{households} households of {today}"),
    })
}

fn nothing(today: NaiveDate) -> Pass {
    Pass { did: 0, caught_up: true, detail: format!("through {today}") }
}

fn length(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
