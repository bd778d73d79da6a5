//! Waiting for something that another process or task brings about: looked for again and again, up to a deadline.

use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(60);

/// Looks until there is something; panics with `what` when a minute brings nothing.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(LOOK).await;
    }
}
