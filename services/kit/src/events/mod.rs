//! Events between services. PostgreSQL is the truth: events are committed with the change they tell of. The
//! [`Relay`] numbers them densely after commit, [`EventLog`] serves them by position, a [`ConsumerLoop`] reads them
//! over gRPC and writes its effect, the position and the inbox in one transaction. Redis only says that there is
//! something to read: without it everything still arrives, a second later.

mod apply;
mod consumer;
pub mod hint;
mod log;
pub(crate) mod outbox;
mod relay;
pub(crate) mod trace;

use std::sync::Arc;

use futures::future::BoxFuture;
pub use minqing_proto::minqing::mesh::v1::Event;

pub use apply::Applied;
pub(crate) use apply::redrive;
pub use consumer::{ConsumerLoop, EventSource};
pub use log::EventLog;
pub use relay::Relay;

use crate::{
    db::Work,
    error::{Error, Result},
};

/// What a service wants of one producer's log. A service has at most one consumer of a producer.
#[derive(Clone)]
pub struct Consumer {
    /// Producing service, by its peer name.
    pub producer: &'static str,
    /// Full protobuf names of the events wanted; empty for all.
    pub types: Vec<&'static str>,
    /// Only events for this audience or for everyone.
    pub audience: Option<String>,
    /// What to do with them.
    pub handler: Arc<dyn Handler>,
}

/// The effect of events.
pub trait Handler: Send + Sync + 'static {
    /// Called inside one transaction that also moves the cursor and writes the inbox; `events` in position order.
    /// It may be called again for the same events when that transaction fails, and must only touch the database.
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>>;
}

/// Decodes an event's payload.
pub fn decode<M: prost::Message + Default>(event: &Event) -> Result<M> {
    M::decode(event.payload.as_slice()).map_err(|error| {
        Error::bug(anyhow::Error::new(error).context(format!("event {} of type {}", event.event_id, event.r#type)))
    })
}

/// Refuses a set of consumers in which two read the same producer: they would share one cursor.
pub fn check_consumers(consumers: &[Consumer]) -> anyhow::Result<()> {
    for (i, consumer) in consumers.iter().enumerate() {
        let twice = consumers[..i].iter().any(|c| c.producer == consumer.producer);
        anyhow::ensure!(!twice, "two consumers of {}", consumer.producer);
    }
    Ok(())
}
