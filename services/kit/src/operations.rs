//! What an operator asks any service: how far it is, what is stuck, what became of a call.

use chrono::{DateTime, SecondsFormat, Utc};
use minqing_proto::minqing::mesh::v1::{
    ConsumerProgress, DeadLetter, GetBacklogRequest, GetBacklogResponse, GetOutcomeRequest, GetOutcomeResponse,
    ListDeadLettersRequest, ListDeadLettersResponse, ReconcilerStatus, RedriveDeadLetterRequest,
    RedriveDeadLetterResponse, operations_service_server::OperationsService,
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    call::Call,
    db::Db,
    delivery,
    error::{Error, Result},
    events::{self, Consumer},
    id::canonical_uuid,
    page,
    reconcile::Reconcilers,
};

const MAX_PAGE: i32 = 500;
/// Kind under which events put aside are listed.
const EVENT_KIND: &str = "event";

/// The operations of one service.
#[derive(Clone)]
pub struct Operations {
    service: String,
    db: Db,
    consumers: Vec<Consumer>,
    reconcilers: Reconcilers,
}

#[derive(sqlx::FromRow)]
struct Counts {
    unnumbered: i64,
    head: i64,
    pending: i64,
    dead: i64,
}

#[derive(sqlx::FromRow)]
struct DeadRow {
    id: Uuid,
    kind: String,
    subject: String,
    attempts: i32,
    last_error: String,
    dead_at: DateTime<Utc>,
}

impl Operations {
    pub fn new(service: &str, db: Db, consumers: Vec<Consumer>, reconcilers: Reconcilers) -> Operations {
        Operations { service: service.to_owned(), db, consumers, reconcilers }
    }

    /// How much is still on its way.
    pub async fn backlog(&self) -> Result<GetBacklogResponse> {
        let mut connection = self.db.acquire().await?;
        let counts: Counts = sqlx::query_as(
            "select (select count(*) from outbox where position is null) as unnumbered, \
               (select coalesce(max(position), 0) from outbox) as head, \
               (select count(*) from delivery where state in ('pending', 'leased')) as pending, \
               (select count(*) from delivery where state = 'dead') + (select count(*) from dead_event) as dead",
        )
        .fetch_one(&mut *connection)
        .await?;
        let known: Vec<(String, i64)> =
            sqlx::query_as("select producer, position from consumer_cursor order by producer")
                .fetch_all(&mut *connection)
                .await?;
        drop(connection);
        let mut consumers: Vec<_> =
            known.into_iter().map(|(producer, position)| ConsumerProgress { producer, position }).collect();
        for consumer in &self.consumers {
            if !consumers.iter().any(|c| c.producer == consumer.producer) {
                consumers.push(ConsumerProgress { producer: consumer.producer.to_owned(), position: 0 });
            }
        }
        let reconcilers = self.reconcilers.looked_at().await?.into_iter().map(|status| ReconcilerStatus {
            name: status.name.to_owned(),
            caught_up: status.caught_up,
            detail: status.detail,
            passes: status.passes,
        });
        Ok(GetBacklogResponse {
            service: self.service.clone(),
            unnumbered_events: counts.unnumbered,
            head_position: counts.head,
            consumers,
            pending_deliveries: counts.pending,
            dead_letters: counts.dead,
            reconcilers: reconcilers.collect(),
            business_date: self.db.clock().today().to_string(),
        })
    }

    /// What became of the caller's own call.
    pub async fn outcome(&self, call: &Call, request: &GetOutcomeRequest) -> Result<GetOutcomeResponse> {
        let stored = self.db.stored(call.caller.as_str(), &request.method, &request.request_id).await?;
        Ok(stored.map_or_else(GetOutcomeResponse::default, |stored| GetOutcomeResponse {
            found: true,
            completed_time: rfc3339(stored.completed_at),
            response: stored.response,
        }))
    }

    /// Dead letters, newest first: deliveries given up and events put aside.
    pub async fn dead_letters(&self, request: &ListDeadLettersRequest) -> Result<ListDeadLettersResponse> {
        let page = page::page(request.page_size, &request.page_token, EVENT_KIND, MAX_PAGE)?;
        let after = page.after.as_deref().map(parse_key).transpose()?;
        let (before_at, before_id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
        let mut connection = self.db.acquire().await?;
        let rows: Vec<DeadRow> = sqlx::query_as(
            "select id, kind, subject, attempts, last_error, dead_at from ( \
               select id, kind, subject, attempts, coalesce(last_error, '') as last_error, dead_at \
               from delivery where state = 'dead' \
               union all \
               select id, $1, producer || '/' || position, attempts, last_error, dead_at from dead_event \
             ) as letter \
             where $2::timestamptz is null or (dead_at, id) < ($2, $3) \
             order by dead_at desc, id desc limit $4",
        )
        .bind(EVENT_KIND)
        .bind(before_at)
        .bind(before_id)
        .bind(page.size)
        .fetch_all(&mut *connection)
        .await?;
        let full = i64::try_from(rows.len()).is_ok_and(|n| n == page.size);
        let next_page_token = match rows.last() {
            Some(last) if full => {
                page::next_token(&format!("{}|{}", last.dead_at.timestamp_micros(), last.id), EVENT_KIND)
            }
            _ => String::new(),
        };
        Ok(ListDeadLettersResponse { dead_letters: rows.into_iter().map(DeadLetter::from).collect(), next_page_token })
    }

    /// Puts a dead delivery back in the queue, or applies an event that was put aside.
    pub async fn redrive(&self, call: &Call, request: &RedriveDeadLetterRequest) -> Result<RedriveDeadLetterResponse> {
        let id = canonical_uuid(&request.delivery_id).ok_or_else(|| {
            Error::invalid("INVALID_DELIVERY_ID", "delivery_id must be a uuid", "delivery_id 应为 UUID")
                .field("delivery_id", "must be a uuid")
        })?;
        let consumers = self.consumers.clone();
        let done = self.db.mutate(call, request, move |work| {
            let consumers = consumers.clone();
            Box::pin(async move {
                if delivery::redrive(work, id).await? || events::redrive(work, &consumers, id).await? {
                    return Ok(RedriveDeadLetterResponse { delivery_id: id.to_string() });
                }
                Err(Error::not_found("NO_DEAD_LETTER", "there is no such dead letter", "没有该失败投递"))
            })
        });
        done.await
    }
}

impl From<DeadRow> for DeadLetter {
    fn from(row: DeadRow) -> DeadLetter {
        DeadLetter {
            delivery_id: row.id.to_string(),
            kind: row.kind,
            subject: row.subject,
            attempts: row.attempts,
            last_error: row.last_error,
            dead_time: rfc3339(row.dead_at),
        }
    }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn parse_key(key: &str) -> Result<(DateTime<Utc>, Uuid)> {
    let parsed = key.split_once('|').and_then(|(at, id)| {
        let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
        Some((at, canonical_uuid(id)?))
    });
    parsed.ok_or_else(|| {
        Error::invalid("INVALID_PAGE_TOKEN", "page_token does not belong here", "page_token 与本次请求不符")
    })
}

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn get_backlog(
        &self,
        _: Request<GetBacklogRequest>,
    ) -> std::result::Result<Response<GetBacklogResponse>, Status> {
        Ok(Response::new(self.backlog().await?))
    }

    async fn get_outcome(
        &self,
        request: Request<GetOutcomeRequest>,
    ) -> std::result::Result<Response<GetOutcomeResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.outcome(&call, request.get_ref()).await?))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> std::result::Result<Response<ListDeadLettersResponse>, Status> {
        Ok(Response::new(self.dead_letters(request.get_ref()).await?))
    }

    async fn redrive_dead_letter(
        &self,
        request: Request<RedriveDeadLetterRequest>,
    ) -> std::result::Result<Response<RedriveDeadLetterResponse>, Status> {
        let call = Call::of(&request);
        Ok(Response::new(self.redrive(&call, request.get_ref()).await?))
    }
}
