//! The effect of events, once each: handler, inbox and cursor are one transaction, guarded by the cursor it was read
//! at. A page whose handler fails is applied event by event; an event refused again and again is put aside, and
//! its neighbours go on.

use std::{sync::Arc, time::Duration};

use prost::Message as _;
use sqlx::PgConnection;
use tracing::Instrument;
use uuid::Uuid;

use super::{Consumer, Event, trace};
use crate::{
    call::Call,
    db::{Db, Work},
    error::{Error, Kind, Result},
};

/// Tries of one event before it is put aside.
pub(super) const MAX_TRIES: u32 = 5;
/// First pause between tries of one event.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Its effect is committed and the cursor has moved.
    Done,
    /// Another instance was at it or came first; nothing was done here.
    Overtaken,
}

/// One producer's events on their way into this service.
#[derive(Clone)]
pub(crate) struct Source {
    pub db: Db,
    pub call: Call,
    pub consumer: Consumer,
}

/// Events and the span of the log they stand for: everything after `from`, up to `through`.
#[derive(Clone)]
pub(super) struct Span {
    pub from: i64,
    pub through: i64,
    pub events: Vec<Event>,
}

impl Source {
    pub(super) fn new(db: Db, service: &str, consumer: Consumer) -> Source {
        let call = Call::worker(service, &format!("consume/{}", consumer.producer));
        Source { db, call, consumer }
    }

    /// Last position handled.
    pub(super) async fn cursor(&self) -> Result<i64> {
        let mut connection = self.db.acquire().await?;
        let found: Option<i64> = sqlx::query_scalar("select position from consumer_cursor where producer = $1")
            .bind(self.consumer.producer)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(position) = found {
            return Ok(position);
        }
        sqlx::query(
            "insert into consumer_cursor (producer) values ($1) on conflict on constraint consumer_cursor_pk do nothing",
        )
        .bind(self.consumer.producer)
        .execute(&mut *connection)
        .await?;
        Ok(0)
    }

    /// Applies a page: whole if that works, else event by event.
    pub(super) async fn apply(&self, page: Span) -> Result<Applied> {
        if page.events.is_empty() {
            return self.pass_over(&page).await;
        }
        let whole = self.apply_span(page.clone()).await;
        match whole {
            // A page can be too much for one statement's time where its events are not.
            Err(error)
                if is_transient(&error) && !(error.kind() == Kind::DeadlineExceeded && page.events.len() > 1) =>
            {
                Err(error)
            }
            Err(error) => {
                tracing::warn!(producer = self.consumer.producer, ?error, "a page failed, its events go one by one");
                self.apply_singly(page).await
            }
            applied => applied,
        }
    }

    async fn apply_singly(&self, page: Span) -> Result<Applied> {
        let mut from = page.from;
        for event in page.events {
            let single = Span { from, through: event.position, events: vec![event] };
            from = single.through;
            if self.apply_event(single).await? == Applied::Overtaken {
                return Ok(Applied::Overtaken);
            }
        }
        if from == page.through {
            return Ok(Applied::Done);
        }
        self.apply_span(Span { from, through: page.through, events: Vec::new() }).await
    }

    async fn apply_event(&self, single: Span) -> Result<Applied> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            match self.apply_span(single.clone()).await {
                Err(error) if is_transient(&error) => return Err(error),
                Err(error) if tries >= MAX_TRIES => return self.put_aside(single, &error).await,
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    tries += 1;
                }
                applied => return applied,
            }
        }
    }

    /// Moves the cursor over events nobody here wants. Nothing rests on it, since after a crash they are passed over
    /// again; so it is one statement, and its commit does not wait for the disk.
    async fn pass_over(&self, span: &Span) -> Result<Applied> {
        let mut connection = self.db.acquire().await?;
        let moved = sqlx::query(
            "with commit as (select set_config('synchronous_commit', 'off', true) as mode) \
             update consumer_cursor set position = $3 from commit \
             where producer = $1 and commit.mode = 'off' and position = ( \
               select position from consumer_cursor where producer = $1 and position = $2 for update skip locked)",
        )
        .bind(self.consumer.producer)
        .bind(span.from)
        .bind(span.through)
        .execute(&mut *connection)
        .await?;
        Ok(if moved.rows_affected() == 1 { Applied::Done } else { Applied::Overtaken })
    }

    /// Effect, inbox and cursor in one transaction.
    pub(super) async fn apply_span(&self, span: Span) -> Result<Applied> {
        let (producer, handler) = (self.consumer.producer, Arc::clone(&self.consumer.handler));
        let span = Arc::new(span);
        let change = self.db.change(&self.call, move |work| {
            let (handler, span) = (Arc::clone(&handler), Arc::clone(&span));
            Box::pin(async move {
                if !take_cursor(work.conn(), producer, span.from).await? {
                    return Ok(Applied::Overtaken);
                }
                if !span.events.is_empty() {
                    // One trace at a time, so that what follows from an event stays in that event's trace.
                    for events in span.events.chunk_by(|one, next| one.traceparent == next.traceparent) {
                        let handled = async {
                            work.follow_current_trace();
                            handler.handle(work, events).await
                        };
                        handled.instrument(tracing_span(producer, events)).await?;
                    }
                    note_in_inbox(work.conn(), producer, &span.events).await?;
                }
                move_cursor(work.conn(), producer, span.through).await?;
                Ok(Applied::Done)
            })
        });
        change.await
    }

    async fn put_aside(&self, single: Span, error: &Error) -> Result<Applied> {
        let producer = self.consumer.producer;
        let reason = public_text(error);
        tracing::error!(producer, position = single.through, ?error, "an event is put aside");
        let single = Arc::new(single);
        let change = self.db.change(&self.call, move |work| {
            let (single, reason) = (Arc::clone(&single), reason.clone());
            Box::pin(async move {
                if !take_cursor(work.conn(), producer, single.from).await? {
                    return Ok(Applied::Overtaken);
                }
                for event in &single.events {
                    let id = work.new_id();
                    insert_dead(work.conn(), id, producer, event, &reason).await?;
                }
                move_cursor(work.conn(), producer, single.through).await?;
                Ok(Applied::Done)
            })
        });
        change.await
    }
}

/// The span in which events of one trace are handled.
fn tracing_span(producer: &str, events: &[Event]) -> tracing::Span {
    let Some(first) = events.first() else { return tracing::Span::none() };
    let tracing_span = tracing::info_span!(
        "consume",
        producer,
        first_position = first.position,
        events = events.len(),
        event_type = %first.r#type,
    );
    trace::follow(&tracing_span, &first.traceparent);
    tracing_span
}

/// Failures that say nothing about the event: they pass, and until then everything waits in order.
pub(super) fn is_transient(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::DeadlineExceeded | Kind::Busy | Kind::Conflict)
}

/// An error as it may be listed: reason and public text.
fn public_text(error: &Error) -> String {
    format!("{}: {}", error.reason(), error.message())
}

/// Locks the cursor; false when somebody else holds it or it is not where the page was read from.
async fn take_cursor(connection: &mut PgConnection, producer: &str, from: i64) -> Result<bool> {
    let locked: Option<i64> = sqlx::query_scalar(
        "select position from consumer_cursor where producer = $1 and position = $2 for update skip locked",
    )
    .bind(producer)
    .bind(from)
    .fetch_optional(connection)
    .await?;
    Ok(locked.is_some())
}

async fn move_cursor(connection: &mut PgConnection, producer: &str, through: i64) -> Result<()> {
    sqlx::query("update consumer_cursor set position = $2 where producer = $1 and position <= $2")
        .bind(producer)
        .bind(through)
        .execute(connection)
        .await?;
    Ok(())
}

/// The inbox's key makes a second effect of the same event impossible, whatever else goes wrong.
async fn note_in_inbox(connection: &mut PgConnection, producer: &str, events: &[Event]) -> Result<()> {
    let positions: Vec<i64> = events.iter().map(|e| e.position).collect();
    sqlx::query("insert into inbox (producer, position) select $1, p from unnest($2::bigint[]) as u (p)")
        .bind(producer)
        .bind(positions)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_dead(
    connection: &mut PgConnection,
    id: Uuid,
    producer: &str,
    event: &Event,
    reason: &str,
) -> Result<()> {
    sqlx::query(
        "insert into dead_event (id, producer, position, event, attempts, last_error) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(producer)
    .bind(event.position)
    .bind(event.encode_to_vec())
    .bind(i32::try_from(MAX_TRIES).unwrap_or(i32::MAX))
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// Applies an event that was put aside, inside the transaction of the redrive; false when there is no such event.
pub(crate) async fn redrive(work: &mut Work, consumers: &[Consumer], id: Uuid) -> Result<bool> {
    let found: Option<(String, Vec<u8>)> =
        sqlx::query_as("delete from dead_event where id = $1 returning producer, event")
            .bind(id)
            .fetch_optional(work.conn())
            .await?;
    let Some((producer, bytes)) = found else { return Ok(false) };
    let event = Event::decode(bytes.as_slice()).map_err(Error::bug)?;
    let Some(consumer) = consumers.iter().find(|c| c.producer == producer) else {
        return Err(Error::failed_state(
            "NO_CONSUMER",
            format!("this service no longer reads the events of {producer}"),
            format!("本服务已不再读取 {producer} 的事件"),
        ));
    };
    let events = [event];
    consumer.handler.handle(work, &events).await?;
    note_in_inbox(work.conn(), &producer, &events).await?;
    Ok(true)
}
