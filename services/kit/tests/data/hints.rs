//! Redis: quick when it is there, no loss when it is not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use minqing_kit::{
    Result,
    db::{Db, Work},
    events::{Consumer, ConsumerLoop, Event, Handler, Relay},
};
use minqing_test_kit::Redis;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::*;

struct Ledger;

impl Handler for Ledger {
    fn handle<'a>(&'a self, work: &'a mut Work, events: &'a [Event]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for event in events {
                insert(work, &event.aggregate).await?;
            }
            Ok(())
        })
    }
}

struct Mesh {
    producer: Db,
    consumer: Db,
    sent: i64,
}

impl Mesh {
    fn start(producer: &Db, consumer: &Db, redis: &Redis, stop: &CancellationToken, tasks: &mut JoinSet<()>) -> Mesh {
        let url = redis.url();
        tasks.spawn(Relay::new(producer.clone(), "producer", Some(&url)).run(stop.clone()));
        let wanted = Consumer { producer: "producer", types: Vec::new(), audience: None, handler: Arc::new(Ledger) };
        let reading =
            ConsumerLoop::new(consumer.clone(), "service/consumer", wanted, LocalLog::of(producer), Some(&url));
        tasks.spawn(reading.run(stop.clone()));
        Mesh { producer: producer.clone(), consumer: consumer.clone(), sent: 0 }
    }

    /// Time from the start of one event's change to its effect elsewhere.
    async fn delay(&mut self) -> Duration {
        self.sent += 1;
        let (start, sent) = (Instant::now(), self.sent);
        produce(&self.producer, &["a"]).await;
        let arrived = || async { count(&self.consumer, "select count(*) from ledger").await == sent };
        until("the effect", arrived).await;
        start.elapsed()
    }

    async fn quickest_of(&mut self, tries: usize) -> Duration {
        let mut best = Duration::MAX;
        for _ in 0..tries {
            best = best.min(self.delay().await);
        }
        best
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_or_stopped_redis_costs_latency_and_never_an_event() {
    let (_test, producer, consumer) = pair().await;
    let mut redis = Redis::start().unwrap();
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let mut mesh = Mesh::start(&producer, &consumer, &redis, &stop, &mut tasks);

    let hinted = mesh.quickest_of(8).await;
    assert!(hinted < Duration::from_millis(300), "a hint took {hinted:?}");

    redis.flush_all().await.unwrap();
    for _ in 0..4 {
        let delay = mesh.delay().await;
        assert!(delay < Duration::from_secs(5), "after FLUSHALL an event took {delay:?}");
    }
    let hinted = mesh.quickest_of(8).await;
    assert!(hinted < Duration::from_millis(300), "hints did not come back after FLUSHALL: {hinted:?}");

    redis.stop();
    for _ in 0..4 {
        let delay = mesh.delay().await;
        assert!(delay < Duration::from_secs(5), "without Redis an event took {delay:?}");
    }
    redis.start_again().unwrap();
    let back = Instant::now() + Duration::from_secs(20);
    while mesh.delay().await > Duration::from_millis(300) {
        assert!(Instant::now() < back, "hints did not come back after a restart of Redis");
    }

    stop.cancel();
    tasks.join_all().await;
    assert_eq!(count(&consumer, "select count(*) from ledger").await, mesh.sent);
}

#[tokio::test]
async fn redis_holds_positions_and_nothing_else() {
    let (_test, producer) = service("producer").await;
    let redis = Redis::start().unwrap();
    produce(&producer, &["households/secret"]).await;
    Relay::new(producer, "producer", Some(&redis.url())).run_once().await.unwrap();
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert_eq!(keys, ["minqing:events:producer"]);
    let mut read = redis::cmd("XRANGE");
    read.arg(&keys[0]).arg("-").arg("+");
    let entries: Vec<(String, Vec<String>)> = read.query_async(&mut connection).await.unwrap();
    assert_eq!(entries[0].1, ["position", "1"]);
}
