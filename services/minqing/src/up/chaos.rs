//! Disturbances while the command runs: kills of processes, loss of Redis. Seeded, so that a run can be repeated.

use std::time::Duration;

use anyhow::bail;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::{
    Chaos,
    layout::Layout,
    process::{Processes, Redis},
};

/// Every process has to be killed at least so often.
const KILLS_EACH: u32 = 2;

/// What comes next, and what has been done.
pub struct Disturbance {
    kind: Chaos,
    rng: ChaCha8Rng,
    next: Instant,
    flushes: u32,
    restarts: u32,
}

impl Disturbance {
    /// Begins two seconds from now.
    pub fn new(kind: Chaos, seed: u64) -> Self {
        Self {
            kind,
            rng: ChaCha8Rng::seed_from_u64(seed),
            next: Instant::now() + Duration::from_secs(2),
            flushes: 0,
            restarts: 0,
        }
    }

    /// Ends when the next strike is due; never, when there is no disturbance.
    pub async fn due(&self) {
        if self.kind == Chaos::None {
            std::future::pending().await
        } else {
            tokio::time::sleep_until(self.next).await;
        }
    }

    /// Strikes once and sets the time of the next strike.
    pub async fn strike(&mut self, processes: &mut Processes, redis: &mut Redis) -> anyhow::Result<()> {
        let pause = match self.kind {
            Chaos::None => return Ok(()),
            Chaos::Kill => {
                let least = processes.iter().map(|process| process.kills).min().unwrap_or(0);
                // Any process may be hit, those hit least often first, so that short runs hit every one.
                let pool: Vec<usize> = processes
                    .iter()
                    .enumerate()
                    .filter(|(_, process)| process.kills == least && process.pid().is_some())
                    .map(|(index, _)| index)
                    .collect();
                if !pool.is_empty() {
                    processes.kill(pool[self.rng.random_range(0..pool.len())]);
                }
                if least < KILLS_EACH { self.rng.random_range(300..900) } else { self.rng.random_range(3000..8000) }
            }
            Chaos::Redis => {
                if redis.is_ours() && self.rng.random_bool(0.5) {
                    redis.stop().await;
                    tokio::time::sleep(Duration::from_millis(self.rng.random_range(200..1500))).await;
                    redis.start().await?;
                    self.restarts += 1;
                } else if redis.flush().await.is_ok() {
                    self.flushes += 1;
                }
                self.rng.random_range(1000..4000)
            }
        };
        self.next = Instant::now() + Duration::from_millis(pause);
        Ok(())
    }

    /// Writes what was done to chaos.json; an error when the run was too short to disturb every process.
    pub fn finish(&self, layout: &Layout, processes: &Processes) -> anyhow::Result<()> {
        if self.kind == Chaos::None {
            return Ok(());
        }
        let kills: serde_json::Map<String, serde_json::Value> =
            processes.iter().map(|process| (process.name.clone(), process.kills.into())).collect();
        let report =
            serde_json::json!({ "kills": kills, "redis_flushes": self.flushes, "redis_restarts": self.restarts });
        std::fs::write(layout.root.join("chaos.json"), serde_json::to_vec_pretty(&report)?)?;
        super::say(format_args!("扰动 disturbances: {report}"))?;
        if self.kind == Chaos::Kill && processes.iter().any(|process| process.kills < KILLS_EACH) {
            bail!("the run ended before every process had been killed {KILLS_EACH} times; play more days");
        }
        if self.kind == Chaos::Redis && self.flushes + self.restarts == 0 {
            bail!("the run ended before Redis had been disturbed; play more days");
        }
        Ok(())
    }
}
