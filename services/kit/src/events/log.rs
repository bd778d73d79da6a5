//! Serves the service's own events by position.

use chrono::{DateTime, SecondsFormat, Utc};
use minqing_proto::minqing::mesh::v1::{
    ReadEventsRequest, ReadEventsResponse, event_log_service_server::EventLogService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Event;
use crate::{
    call::Call,
    db::Db,
    error::{Error, Result},
};

const DEFAULT_PAGE: i32 = 100;
const MAX_PAGE: i32 = 500;
/// Positions one read looks through when most are filtered out.
const SCAN: i64 = 10_000;
/// Largest page in bytes, well below the largest message a client takes.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of an event besides its payload, rounded up.
const OVERHEAD_BYTES: usize = 512;
/// Types one reader may name.
const MAX_TYPES: usize = 100;

/// The event log of one service.
#[derive(Clone)]
pub struct EventLog {
    db: Db,
}

/// The newest position, and an event of the page if there is one.
#[derive(sqlx::FromRow)]
struct Line {
    head: i64,
    position: Option<i64>,
    event_id: Option<Uuid>,
    r#type: Option<String>,
    aggregate: Option<String>,
    aggregate_sequence: Option<i64>,
    audience: Option<String>,
    occurred_at: Option<DateTime<Utc>>,
    traceparent: Option<String>,
    payload: Option<Vec<u8>>,
}

impl Line {
    fn row(self) -> Option<Row> {
        Some(Row {
            position: self.position?,
            event_id: self.event_id?,
            r#type: self.r#type?,
            aggregate: self.aggregate?,
            aggregate_sequence: self.aggregate_sequence?,
            audience: self.audience,
            occurred_at: self.occurred_at?,
            traceparent: self.traceparent?,
            payload: self.payload?,
        })
    }
}

struct Row {
    position: i64,
    event_id: Uuid,
    r#type: String,
    aggregate: String,
    aggregate_sequence: i64,
    audience: Option<String>,
    occurred_at: DateTime<Utc>,
    traceparent: String,
    payload: Vec<u8>,
}

impl EventLog {
    /// Serves the events of `db`.
    pub fn new(db: Db) -> EventLog {
        EventLog { db }
    }

    /// A page for `call`. An adapter gets only what is for it or for everyone, and only the types it names.
    pub async fn read(&self, call: &Call, request: ReadEventsRequest) -> Result<ReadEventsResponse> {
        let page = i64::from(match request.page_size {
            ..=0 => DEFAULT_PAGE,
            n => n.min(MAX_PAGE),
        });
        let audience = audience(call, &request)?;
        let after = request.after_position.max(0);

        let mut connection = self.db.acquire().await?;
        // Page and end of the log in one statement: every reader of every log comes by here.
        let lines: Vec<Line> = sqlx::query_as(
            "select h.head, e.position, e.event_id, e.type, e.aggregate, e.aggregate_sequence, e.audience, \
               e.occurred_at, e.traceparent, e.payload \
             from (select coalesce(max(position), 0) as head from outbox) h \
             left join lateral ( \
               select o.* from outbox o where o.position > $1 and o.position <= least(h.head, $2) \
                 and (cardinality($3::text[]) = 0 or o.type = any ($3)) \
                 and (o.audience is null or $4 = '' or o.audience = $4) \
               order by o.position limit $5) e on true \
             order by e.position",
        )
        .bind(after)
        .bind(after.saturating_add(SCAN))
        .bind(&request.types)
        .bind(&audience)
        .bind(page)
        .fetch_all(&mut *connection)
        .await?;
        drop(connection);
        let head = lines.first().map_or(0, |line| line.head);
        let scanned = head.min(after.saturating_add(SCAN)).max(after);
        let mut rows: Vec<Row> = lines.into_iter().filter_map(Line::row).collect();

        let fitting = fitting(rows.iter().map(|row| row.payload.len()));
        let full = fitting < rows.len() || i64::try_from(rows.len()).is_ok_and(|n| n >= page);
        rows.truncate(fitting);
        let through = if full { rows.last().map_or(scanned, |row| row.position) } else { scanned };
        let events = rows.into_iter().map(Event::from).collect();
        Ok(ReadEventsResponse { events, through_position: through, head_position: head })
    }
}

/// How many payloads fit into one answer; one always does.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut total = 0;
    sizes
        .take_while(|size| {
            let first = total == 0;
            total += size + OVERHEAD_BYTES;
            first || total <= MAX_BYTES
        })
        .count()
}

fn audience(call: &Call, request: &ReadEventsRequest) -> Result<String> {
    if request.types.len() > MAX_TYPES {
        return Err(Error::invalid("TOO_MANY_TYPES", "types holds too many entries", "types 条目过多")
            .field("types", format!("at most {MAX_TYPES} entries")));
    }
    if call.caller.kind() != "adapter" {
        return Ok(request.audience.clone());
    }
    if request.types.is_empty() {
        return Err(Error::invalid(
            "TYPES_REQUIRED",
            "an adapter names the types it reads",
            "适配器须指明读取的事件类型",
        )
        .field("types", "must not be empty"));
    }
    Ok(call.caller.as_str().to_owned())
}

impl From<Row> for Event {
    fn from(row: Row) -> Event {
        Event {
            position: row.position,
            event_id: row.event_id.hyphenated().to_string(),
            r#type: row.r#type,
            aggregate: row.aggregate,
            aggregate_sequence: row.aggregate_sequence,
            audience: row.audience.unwrap_or_default(),
            occurred_time: row.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            traceparent: row.traceparent,
            payload: row.payload,
        }
    }
}

#[tonic::async_trait]
impl EventLogService for EventLog {
    async fn read_events(
        &self,
        request: Request<ReadEventsRequest>,
    ) -> std::result::Result<Response<ReadEventsResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.read(&call, request.into_inner()).await?))
    }
}
