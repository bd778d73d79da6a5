//! Hints over Redis Streams: a producer says that its log has grown, a consumer group wakes one of its instances.
//! Nothing but positions is in Redis, and nothing depends on it: no connection, no group, an emptied or replaced
//! server only mean that the reader's timer does the waking.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, RedisError, Value, aio::MultiplexedConnection};
use tokio::time::{Instant, timeout};

/// Positions kept in a stream, more or less.
const STREAM_LENGTH: u32 = 10_000;
/// Longest time a hint may take a producer.
const SEND_TIMEOUT: Duration = Duration::from_millis(300);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after a failure before Redis is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

fn stream(service: &str) -> String {
    format!("minqing:events:{service}")
}

/// A connection that is made when needed and given up on any failure.
struct Link {
    client: Option<Client>,
    connection: Option<MultiplexedConnection>,
    retry_at: Option<Instant>,
}

impl Link {
    fn new(url: Option<&str>) -> Link {
        let client = url.filter(|u| !u.is_empty()).and_then(|url| match Client::open(url) {
            Ok(client) => Some(client),
            Err(error) => {
                tracing::warn!(%error, "no hints: the address of Redis is not usable");
                None
            }
        });
        Link { client, connection: None, retry_at: None }
    }

    async fn get(&mut self, response_timeout: Option<Duration>) -> Option<MultiplexedConnection> {
        if let Some(connection) = &self.connection {
            return Some(connection.clone());
        }
        if self.retry_at.is_some_and(|at| at > Instant::now()) {
            return None;
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(response_timeout);
        let connecting = self.client.as_ref()?.get_multiplexed_async_connection_with_config(&config);
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(connection)) => {
                self.connection = Some(connection.clone());
                Some(connection)
            }
            Ok(Err(error)) => {
                self.drop_after(&error.to_string());
                None
            }
            Err(_) => {
                self.drop_after("timed out");
                None
            }
        }
    }

    fn drop_after(&mut self, error: &str) {
        tracing::debug!(error, "Redis is away, readers go by their timer");
        self.connection = None;
        self.retry_at = Some(Instant::now() + RETRY_PAUSE);
    }
}

/// Says that a service's log has grown.
pub struct Announcer {
    link: Link,
    stream: String,
}

impl Announcer {
    /// Announces `service`'s log.
    pub fn new(url: Option<&str>, service: &str) -> Announcer {
        Announcer { link: Link::new(url), stream: stream(service) }
    }

    /// Adds positions, best effort and quick.
    pub async fn announce(&mut self, positions: &[i64]) {
        if positions.is_empty() {
            return;
        }
        let Some(mut connection) = self.link.get(Some(SEND_TIMEOUT)).await else { return };
        let mut pipe = redis::pipe();
        for position in positions {
            pipe.cmd("XADD").arg(&self.stream).arg("MAXLEN").arg("~").arg(STREAM_LENGTH).arg("*");
            pipe.arg("position").arg(*position).ignore();
        }
        match timeout(SEND_TIMEOUT, pipe.query_async::<()>(&mut connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.link.drop_after(&error.to_string()),
            Err(_) => self.link.drop_after("timed out"),
        }
    }
}

/// Waits for a producer's announcements.
pub struct Listener {
    link: Link,
    stream: String,
    group: String,
    member: String,
    grouped: bool,
}

impl Listener {
    /// Listens to `producer` as one member of `group`.
    pub fn new(url: Option<&str>, producer: &str, group: &str, member: String) -> Listener {
        Listener { link: Link::new(url), stream: stream(producer), group: group.to_owned(), member, grouped: false }
    }

    /// Returns at a hint, after `most` at the latest.
    pub async fn wait(&mut self, most: Duration) {
        let until = Instant::now() + most;
        // Blocking commands must outlive the client's own response timeout.
        let Some(mut connection) = self.link.get(None).await else {
            tokio::time::sleep_until(until).await;
            return;
        };
        let grace = most + CONNECT_TIMEOUT;
        let outcome = match timeout(grace, self.read(&mut connection, most)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))),
        };
        match outcome {
            Ok(_) => {}
            Err(error) if error.code() == Some("NOGROUP") => {
                // Emptied or replaced: the group is made again, and what was missed is read right away.
                self.grouped = false;
            }
            Err(error) => {
                self.grouped = false;
                self.link.drop_after(&error.to_string());
                tokio::time::sleep_until(until).await;
            }
        }
    }

    async fn read(&mut self, connection: &mut MultiplexedConnection, most: Duration) -> Result<bool, RedisError> {
        if !self.grouped {
            self.make_group(connection).await?;
            self.grouped = true;
        }
        let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.group).arg(&self.member).arg("COUNT").arg(1000).arg("BLOCK").arg(millis);
        read.arg("NOACK").arg("STREAMS").arg(&self.stream).arg(">");
        let hints: Value = read.query_async(connection).await?;
        Ok(hints != Value::Nil)
    }

    async fn make_group(&self, connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let mut make = redis::cmd("XGROUP");
        // From the oldest hint: one wake too many at worst, while "$" could skip one that came just before.
        make.arg("CREATE").arg(&self.stream).arg(&self.group).arg("0").arg("MKSTREAM");
        match make.query_async::<()>(connection).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            made => made,
        }
    }
}
