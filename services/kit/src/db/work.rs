//! One transaction under way: the connection, the call it is made for, and what will be written with it: events,
//! audit rows and deliveries, each kind in one statement just before the commit.

use chrono::{DateTime, NaiveDate, Utc};
use prost_reflect::ReflectMessage;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::audit::{self, Entry};
use crate::{
    call::Call,
    clock::{SharedClock, china_date},
    delivery,
    error::{Error, Result},
    events::{outbox, trace},
    id::SharedIds,
};

/// A transaction under way.
pub struct Work {
    transaction: Transaction<'static, Postgres>,
    call: Call,
    now: DateTime<Utc>,
    ids: SharedIds,
    traceparent: String,
    events: Vec<outbox::Pending>,
    audit: Vec<Entry>,
    deliveries: Vec<delivery::New>,
    wrote_events: bool,
    enqueued: bool,
}

impl Work {
    pub(super) fn new(
        transaction: Transaction<'static, Postgres>,
        call: Call,
        clock: &SharedClock,
        ids: SharedIds,
    ) -> Work {
        Work {
            transaction,
            call,
            now: clock.now(),
            ids,
            traceparent: trace::current(),
            events: Vec::new(),
            audit: Vec::new(),
            deliveries: Vec::new(),
            wrote_events: false,
            enqueued: false,
        }
    }

    /// The transaction's connection.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// The call this is done for.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Business time, the same throughout the transaction.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Business date in China Standard Time.
    pub fn today(&self) -> NaiveDate {
        china_date(self.now)
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        self.ids.uuid()
    }

    /// What is added from here on belongs to the current span's trace.
    pub(crate) fn follow_current_trace(&mut self) {
        self.traceparent = trace::current();
    }

    /// The trace to which what is added now belongs, to be kept where something is left to be done later; empty outside any.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// What `add` adds belongs to the trace of an earlier change: the answer to what that change asked stands in the
    /// asking's trace, whatever trace the answer came in. An empty `traceparent` leaves everything in the current one.
    pub fn in_trace_of<T>(&mut self, traceparent: &str, step: &str, add: impl FnOnce(&mut Work) -> T) -> T {
        if traceparent.is_empty() {
            return add(self);
        }
        let span = trace::answer(step, traceparent);
        span.in_scope(|| {
            let here = std::mem::replace(&mut self.traceparent, trace::current());
            let added = add(self);
            self.traceparent = here;
            added
        })
    }

    /// Adds an event, written with the transaction. `aggregate` is the resource name whose counter orders it;
    /// `audience` of `None` is everyone.
    pub fn emit<M: prost::Message + ReflectMessage>(&mut self, aggregate: &str, event: &M, audience: Option<&str>) {
        self.events.push(outbox::Pending {
            id: self.ids.uuid(),
            type_name: event.descriptor().full_name().to_owned(),
            aggregate: aggregate.to_owned(),
            audience: audience.filter(|a| !a.is_empty()).map(str::to_owned),
            payload: event.encode_to_vec(),
            traceparent: self.traceparent.clone(),
        });
    }

    /// Adds an audit row: whose data (resource name), which fields.
    pub fn audit(&mut self, subject: &str, fields: &[&str]) {
        let fields = fields.iter().map(|f| (*f).to_owned()).collect();
        self.audit.push(Entry { id: self.ids.uuid(), subject: subject.to_owned(), fields });
    }

    /// Adds a leased delivery. The same kind and subject are enqueued once, however often this is called.
    pub fn enqueue(&mut self, kind: &'static str, subject: &str, payload: Vec<u8>) {
        let (id, traceparent) = (self.ids.uuid(), self.traceparent.clone());
        self.deliveries.push(delivery::New { id, kind, subject: subject.to_owned(), payload, traceparent });
    }

    pub(super) fn wrote_events(&self) -> bool {
        self.wrote_events
    }

    pub(super) fn enqueued(&self) -> bool {
        self.enqueued
    }

    /// Writes what has been added so far.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        let deliveries = std::mem::take(&mut self.deliveries);
        if !deliveries.is_empty() {
            delivery::insert(&mut self.transaction, deliveries).await?;
            self.enqueued = true;
        }
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            outbox::insert(&mut self.transaction, events, self.now).await?;
            self.wrote_events = true;
        }
        let entries = std::mem::take(&mut self.audit);
        if !entries.is_empty() {
            let origin = audit::Origin { call: &self.call, business_at: self.now, traceparent: &self.traceparent };
            audit::insert(&mut self.transaction, entries, &origin).await?;
        }
        Ok(())
    }

    /// A commit whose answer is lost is neither done nor undone as far as anybody here can tell.
    pub(super) async fn commit(self) -> Result<()> {
        self.transaction.commit().await.map_err(|error| match Error::from(error) {
            lost if lost.kind() == crate::error::Kind::Unavailable => super::outcome_unknown().caused_by(lost),
            other => other,
        })
    }

    /// The session is rolled back here, or when the pool hands it out again.
    pub(super) async fn rollback(self) {
        if let Err(error) = self.transaction.rollback().await {
            tracing::debug!(error = %Error::from(error), "rollback left to the pool");
        }
    }
}
