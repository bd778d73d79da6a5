//! A run over the register, slice by slice, told as a stream: how far it is, again and again, then what came of it. The
//! stream does the work only while somebody reads it, so a caller who hangs up, cancels or whose deadline passes ends it
//! with the slices under way. Each slice is a transaction of its own: nothing is held long, and households that change
//! meanwhile are judged as they then stand.

use std::sync::Arc;

use futures::{
    future::{self, BoxFuture},
    stream::{self, BoxStream, StreamExt as _},
};
use minqing_kit::{Call, Result, db::Work};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::Policies;
use crate::{
    domain::{effect::Place, refusal::Refusal},
    store::judge,
};

/// Households judged in one transaction.
const SLICE: usize = 2_000;
/// Slices judged at a time, each on a connection of its own: two runs leave half of the pool to the work of the day.
const AT_A_TIME: usize = 2;

/// A message of a run.
#[derive(Debug)]
pub enum Told<T> {
    /// Households done, of so many.
    Progress(i64, i64),
    /// The end.
    Outcome(T),
}

/// Work done slice by slice.
pub trait Sweep: Send + 'static {
    type Outcome: Send + 'static;
    /// Judges the next slices; false when there were none.
    fn step(&mut self) -> BoxFuture<'_, Result<bool>>;
    /// Households done, and to do.
    fn progress(&self) -> (i64, i64);
    fn finish(self) -> BoxFuture<'static, Result<Self::Outcome>>;
}

enum State<S> {
    Begun(S),
    Going(S),
    Over,
}

/// The messages of a run.
pub fn told<S: Sweep>(sweep: S) -> BoxStream<'static, Result<Told<S::Outcome>>> {
    let next = |state: State<S>| async move {
        let progress = |sweep: &S| {
            let (done, of) = sweep.progress();
            Told::Progress(done, of)
        };
        match state {
            // Before the first slice, so that the caller sees how much there is to do.
            State::Begun(sweep) => Ok(Some((progress(&sweep), State::Going(sweep)))),
            State::Going(mut sweep) => {
                if sweep.step().await? {
                    return Ok(Some((progress(&sweep), State::Going(sweep))));
                }
                Ok(Some((Told::Outcome(sweep.finish().await?), State::Over)))
            }
            State::Over => Ok(None),
        }
    };
    stream::try_unfold(State::Begun(sweep), next).boxed()
}

/// Where a run is in the register.
pub struct Cursor {
    pub policies: Policies,
    pub call: Call,
    /// Confines the run; none for the whole register.
    pub county: Option<String>,
    /// Households there were at the start.
    pub households: i64,
    after: Option<Uuid>,
    _place: OwnedSemaphorePermit,
}

impl Cursor {
    /// Takes a place and notes in the audit who counts what.
    pub async fn open(
        policies: &Policies,
        call: &Call,
        county: Option<String>,
        (subject, fields): (String, &'static [&'static str]),
    ) -> Result<Cursor> {
        if !policies.monitoring.rules.confined {
            return Err(Refusal::Unconfined.into());
        }
        let place = policies.place()?;
        let of = county.clone();
        let counting = policies.monitoring.db.read(call, move |work| {
            let (of, subject) = (of.clone(), subject.clone());
            Box::pin(async move {
                work.audit(&subject, fields);
                judge::count(work.conn(), of.as_deref()).await
            })
        });
        let households = counting.await?;
        Ok(Cursor { policies: policies.clone(), call: call.clone(), county, households, after: None, _place: place })
    }

    /// Judges the next slices, each in a snapshot of its own; none at the end of the register.
    pub async fn next<T, F>(&mut self, judge: F) -> Result<Vec<(Vec<Place>, T)>>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Work, Vec<Uuid>) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        let mut connection = self.policies.monitoring.db.acquire().await?;
        let limit = (AT_A_TIME * SLICE) as i64;
        let places = judge::places(&mut connection, self.county.as_deref(), self.after, limit).await?;
        drop(connection);
        self.after = places.last().map(|place| place.household).or(self.after);
        let judge = Arc::new(judge);
        let slices = places.chunks(SLICE).map(|slice| self.judged(slice.to_vec(), Arc::clone(&judge)));
        future::try_join_all(slices).await
    }

    async fn judged<T, F>(&self, places: Vec<Place>, judge: Arc<F>) -> Result<(Vec<Place>, T)>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Work, Vec<Uuid>) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        let ids: Vec<Uuid> = places.iter().map(|place| place.household).collect();
        let judging = self.policies.monitoring.db.read(&self.call, move |work| {
            let (judge, ids) = (Arc::clone(&judge), ids.clone());
            Box::pin(async move {
                judge::begin(work.conn()).await?;
                judge(work, ids).await
            })
        });
        Ok((places, judging.await?))
    }

    /// Back to the begin, for another day.
    pub fn rewind(&mut self) {
        self.after = None;
    }
}
