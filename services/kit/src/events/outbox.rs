//! Events written with their change, in one statement: each gets the next number of its aggregate.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

/// An event not yet written.
pub(crate) struct Pending {
    pub id: Uuid,
    pub type_name: String,
    pub aggregate: String,
    pub audience: Option<String>,
    pub payload: Vec<u8>,
    /// Trace of the change it belongs to.
    pub traceparent: String,
}

/// Counters are taken in the order of their names, so that two changes of the same aggregates cannot deadlock. An
/// aggregate's counter row stays locked until commit; therefore its events' ids, and later their positions, follow
/// its sequence.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    events: Vec<Pending>,
    occurred_at: DateTime<Utc>,
) -> Result<()> {
    let mut ids = Vec::with_capacity(events.len());
    let mut types = Vec::with_capacity(events.len());
    let mut aggregates = Vec::with_capacity(events.len());
    let mut audiences = Vec::with_capacity(events.len());
    let mut payloads = Vec::with_capacity(events.len());
    let mut traces = Vec::with_capacity(events.len());
    for event in events {
        ids.push(event.id);
        types.push(event.type_name);
        aggregates.push(event.aggregate);
        audiences.push(event.audience);
        payloads.push(event.payload);
        traces.push(event.traceparent);
    }
    sqlx::query(
        "with event as ( \
           select e.*, row_number() over (partition by e.aggregate order by e.n) as nth \
           from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $7::text[]) with ordinality \
             as e (event_id, type, aggregate, audience, payload, traceparent, n) \
         ), taken as ( \
           insert into aggregate_counter as c (aggregate, last_sequence) \
           select aggregate, count(*) from event group by aggregate order by aggregate \
           on conflict on constraint aggregate_counter_pk \
             do update set last_sequence = c.last_sequence + excluded.last_sequence \
           returning c.aggregate, c.last_sequence \
         ), size as ( \
           select aggregate, count(*) as events from event group by aggregate \
         ) \
         insert into outbox (event_id, type, aggregate, aggregate_sequence, audience, occurred_at, traceparent, payload) \
         select e.event_id, e.type, e.aggregate, t.last_sequence - s.events + e.nth, e.audience, $6, e.traceparent, e.payload \
         from event e join taken t on t.aggregate = e.aggregate join size s on s.aggregate = e.aggregate \
         order by e.n",
    )
    .bind(ids)
    .bind(types)
    .bind(aggregates)
    .bind(audiences)
    .bind(payloads)
    .bind(occurred_at)
    .bind(traces)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives the oldest unnumbered events the next positions; returns them. Called by the leader only; should two ever run, the
/// loser finds the rows numbered, or breaks on the unique position and tries again.
///
/// Ids are taken before commit, so a row may become visible after one with a higher id. It then simply gets a later
/// position: positions follow visibility, and a reader that goes by them misses nothing.
///
/// Two statements without a join: statistics of a log whose events are all numbered say that none waits, and a join planned
/// by them reads everything that waits for each event of the batch.
pub(crate) async fn number(connection: &mut PgConnection, most: i64) -> Result<Vec<i64>> {
    let waiting: Vec<(i64, i64)> = sqlx::query_as(
        "select id, (select coalesce(max(position), 0) from outbox) from outbox \
         where position is null order by id limit $1",
    )
    .bind(most)
    .fetch_all(&mut *connection)
    .await?;
    let Some((_, head)) = waiting.first() else { return Ok(Vec::new()) };
    let positions = sqlx::query_scalar(
        "update outbox set position = $1 + array_position($2, id) where id = any($2) and position is null \
         returning position",
    )
    .bind(head)
    .bind(waiting.iter().map(|(id, _)| *id).collect::<Vec<i64>>())
    .fetch_all(connection)
    .await?;
    Ok(positions)
}
