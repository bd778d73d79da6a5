//! Policy packs that are looked at, tried and brought into use. The pack the service works with stays what it was
//! started with; an approved one comes into use with its deployment.

pub mod adopt;
pub mod back_test;
pub mod pack;
pub mod simulate;
pub mod sweep;
pub mod view;

use std::sync::Arc;

use minqing_kit::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Monitoring;

/// Runs over the register at a time: each takes a connection and a processor from the work of the day.
const RUNS: usize = 2;
/// Packs read at a time.
const LOADS: usize = 2;
/// When a run that found no place may be tried again.
const LATER: std::time::Duration = std::time::Duration::from_secs(10);

/// What the use cases share.
#[derive(Clone)]
pub struct Policies {
    pub monitoring: Arc<Monitoring>,
    runs: Arc<Semaphore>,
    loads: Arc<Semaphore>,
}

impl Policies {
    pub fn new(monitoring: Arc<Monitoring>) -> Policies {
        Policies { monitoring, runs: Arc::new(Semaphore::new(RUNS)), loads: Arc::new(Semaphore::new(LOADS)) }
    }

    /// A place for a run, given back when dropped; nobody waits in line with a register to count.
    fn place(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.runs).try_acquire_owned().map_err(|_| {
            Error::busy("WHAT_IF_BUSY", "other runs over the register are under way", "正在进行其他试算，请稍后再试")
                .retry_after(LATER)
        })
    }
}
