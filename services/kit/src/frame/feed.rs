//! Where a consumer reads from: the producer's event log over gRPC, or a log in memory that a test writes.

use std::sync::{Mutex, PoisonError};

use chrono::SecondsFormat;
use futures::future::BoxFuture;
use minqing_proto::minqing::mesh::v1::{
    Event, ReadEventsRequest, ReadEventsResponse, event_log_service_client::EventLogServiceClient,
};
use prost_reflect::ReflectMessage;

use super::Context;
use crate::{client::Peer, error::Result, events::EventSource};

/// A producer's log over gRPC.
pub(super) struct PeerLog(EventLogServiceClient<Peer>);

impl PeerLog {
    pub fn new(peer: Peer) -> PeerLog {
        PeerLog(EventLogServiceClient::new(peer))
    }
}

impl EventSource for PeerLog {
    fn read(&self, request: ReadEventsRequest) -> BoxFuture<'_, Result<ReadEventsResponse>> {
        let mut client = self.0.clone();
        Box::pin(async move { Ok(client.read_events(request).await?.into_inner()) })
    }
}

/// A log in memory.
#[derive(Default)]
pub(super) struct FedLog(Mutex<Vec<Event>>);

impl FedLog {
    pub fn push<M: ReflectMessage>(&self, context: &Context, aggregate: &str, event: &M) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = events.iter().filter(|e| e.aggregate == aggregate).count() + 1;
        let position = events.len() + 1;
        events.push(Event {
            position: i64::try_from(position).unwrap_or(i64::MAX),
            event_id: context.ids.uuid().to_string(),
            r#type: event.descriptor().full_name().to_owned(),
            aggregate: aggregate.to_owned(),
            aggregate_sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            audience: String::new(),
            occurred_time: context.clock.now().to_rfc3339_opts(SecondsFormat::Micros, true),
            traceparent: String::new(),
            payload: event.encode_to_vec(),
        });
    }
}

impl EventSource for FedLog {
    fn read(&self, request: ReadEventsRequest) -> BoxFuture<'_, Result<ReadEventsResponse>> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |e: &&Event| {
            e.position > request.after_position && (request.types.is_empty() || request.types.contains(&e.r#type))
        };
        let head = events.last().map_or(0, |e| e.position);
        let page = ReadEventsResponse {
            events: events.iter().filter(wanted).cloned().collect(),
            through_position: head.max(request.after_position),
            head_position: head,
        };
        Box::pin(async move { Ok(page) })
    }
}
