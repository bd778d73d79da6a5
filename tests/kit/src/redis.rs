//! A private Redis that a test can empty, stop and start again.

use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::held::{self, Held};

/// Tries to start with another port when somebody took the one found free.
const TRIES: u32 = 5;

/// A running, or stopped, Redis.
pub struct Redis {
    port: u16,
    held: Option<Held>,
    folder: TempDir,
}

impl Redis {
    /// Starts one on a free port; stopped and removed when dropped.
    pub fn start() -> anyhow::Result<Redis> {
        let mut tries = 1;
        loop {
            let folder = tempfile::Builder::new().prefix("minqing-redis-").tempdir()?;
            let mut redis = Redis { port: held::free_port()?, held: None, folder };
            match redis.start_again() {
                Ok(()) => return Ok(redis),
                Err(error) if tries >= TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Stops it; whoever is connected is cut.
    pub fn stop(&mut self) {
        if let Some(held) = self.held.take() {
            held.stop_and_keep();
        }
    }

    /// Starts it again on the same port, empty.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let program = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]
            .into_iter()
            .find(|path| std::path::Path::new(path).is_file())
            .unwrap_or("redis-server");
        Command::new(program).arg("--version").output().context("Redis is not installed")?;
        let port = self.port.to_string();
        let folder = self.folder.path();
        let arguments = [program, "--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"];
        let mut command: Vec<String> = arguments.map(str::to_owned).to_vec();
        command.push(folder.display().to_string());
        let mut held = Held::start("KILL", folder, &command)?;
        held.wait_until(folder, || held::answers(self.port))?;
        self.held = Some(held);
        Ok(())
    }

    /// Deletes everything in it.
    pub async fn flush_all(&self) -> anyhow::Result<()> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await?;
        Ok(())
    }
}
