//! A started service: its workers, run by tasks of their own or, in a manual start, step by step by a test.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use prost_reflect::ReflectMessage;
use tokio::sync::Mutex;

use super::{Context, feed::FedLog, feed::PeerLog};
use crate::{
    admin::Readiness,
    delivery::{Carrier, CarrierLoop},
    error::{Error, Result},
    events::{Consumer, ConsumerLoop, EventSource, Relay},
    lifecycle,
    reconcile::{Pass, Reconcilers},
    settings::ClockSource,
    telemetry::Telemetry,
};

/// Time between two looks at the business date, by the machine's clock and by one that a simulation sets.
const DAY_LOOK: Duration = Duration::from_secs(1);
const SIMULATED_DAY_LOOK: Duration = Duration::from_millis(50);
/// Time the last changes have after the drain.
const CLOSE: Duration = Duration::from_secs(5);

/// Everything of a service that works without being called.
pub(super) struct Workers {
    relay: Mutex<Relay>,
    consumers: Vec<ConsumerLoop>,
    /// Logs a test writes, by producer; in a manual start only.
    fed: Vec<(&'static str, Arc<FedLog>)>,
    reconcilers: Reconcilers,
    carriers: Vec<(&'static str, CarrierLoop)>,
}

impl Workers {
    pub fn new(
        context: &Context,
        consumers: Vec<Consumer>,
        reconcilers: Reconcilers,
        carriers: Vec<Arc<dyn Carrier>>,
        manual: bool,
    ) -> anyhow::Result<Workers> {
        let redis = Some(context.settings.redis_url.as_str());
        let mut fed = Vec::new();
        let mut loops = Vec::new();
        for consumer in consumers {
            let log: Arc<dyn EventSource> = if manual && !context.peers.knows(consumer.producer) {
                let log = Arc::new(FedLog::default());
                fed.push((consumer.producer, log.clone()));
                log
            } else {
                Arc::new(PeerLog::new(context.peer(consumer.producer)?))
            };
            loops.push(ConsumerLoop::new(context.db.clone(), &context.identity, consumer, log, redis));
        }
        let carriers = carriers
            .into_iter()
            .map(|carrier| (carrier.kind(), CarrierLoop::new(context.db.clone(), carrier)))
            .collect();
        let relay = Mutex::new(Relay::new(context.db.clone(), &context.name, redis));
        Ok(Workers { relay, consumers: loops, fed, reconcilers, carriers })
    }

    /// One watched task each.
    pub fn spawn(self, context: &Context) {
        let life = &context.lifecycle;
        let spawn = |name: String, work: futures::future::BoxFuture<'static, ()>| {
            life.spawn(&name, async move {
                work.await;
                Ok(())
            });
        };
        let soft = || life.soft().clone();
        spawn("relay".to_owned(), Box::pin(self.relay.into_inner().run(soft())));
        for (i, consumer) in self.consumers.into_iter().enumerate() {
            spawn(format!("consumer {i}"), Box::pin(consumer.run(soft())));
        }
        for (kind, carrier) in self.carriers {
            spawn(format!("carrier {kind}"), Box::pin(carrier.run(soft())));
        }
        if !self.reconcilers.names().is_empty() {
            let look = match context.settings.clock {
                ClockSource::System => DAY_LOOK,
                ClockSource::File(_) => SIMULATED_DAY_LOOK,
            };
            let days = self.reconcilers.clone().follow_days(context.clock.clone(), look, soft());
            spawn("days".to_owned(), Box::pin(days));
        }
        for name in self.reconcilers.names() {
            let reconcilers = self.reconcilers.clone();
            let stop = soft();
            spawn(format!("reconciler {name}"), Box::pin(async move { reconcilers.run(name, stop).await }));
        }
    }
}

/// A service that answers.
pub struct Running {
    pub addr: SocketAddr,
    pub admin_addr: SocketAddr,
    pub context: Context,
    pub(super) manual: Option<Workers>,
    pub(super) readiness: Readiness,
    pub(super) telemetry: Telemetry,
}

impl Running {
    /// Ends it in order: not ready, no new work, running work drained, database closed, last spans sent.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.readiness.stopping().await;
        let end = self.context.lifecycle.stop(lifecycle::DRAIN).await;
        drop(self.manual);
        self.context.db.close(CLOSE).await;
        self.telemetry.shutdown().await;
        end
    }

    /// Puts an event into the log of a producer that is not running, for [`Running::consume_once`].
    pub fn feed<M: ReflectMessage>(&self, producer: &str, aggregate: &str, event: &M) -> Result<()> {
        let workers = self.workers()?;
        let log = workers.fed.iter().find(|(name, _)| *name == producer).map(|(_, log)| log);
        let log =
            log.ok_or_else(|| Error::bug(anyhow::anyhow!("no consumer reads a log of {producer} that is fed")))?;
        log.push(&self.context, aggregate, event);
        Ok(())
    }

    /// Reads every producer's log to its end.
    pub async fn consume_once(&self) -> Result<()> {
        for consumer in &self.workers()?.consumers {
            while consumer.consume_once().await? {}
        }
        Ok(())
    }

    /// Numbers what is committed; how many events that were.
    pub async fn relay_once(&self) -> Result<u64> {
        Ok(self.workers()?.relay.lock().await.run_once().await?.unwrap_or(0))
    }

    /// One pass of a reconciler.
    pub async fn reconcile_once(&self, name: &str) -> Result<Pass> {
        self.workers()?.reconcilers.run_once(name).await
    }

    /// One round of every carrier; how many deliveries were carried.
    pub async fn carry_once(&self) -> Result<usize> {
        let mut carried = 0;
        for (_, carrier) in &self.workers()?.carriers {
            carried += carrier.run_once().await?;
        }
        Ok(carried)
    }

    fn workers(&self) -> Result<&Workers> {
        self.manual
            .as_ref()
            .ok_or_else(|| Error::bug(anyhow::anyhow!("the workers run by themselves; start with Overrides.manual")))
    }
}
