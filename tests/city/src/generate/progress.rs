//! How far the writing is, told on the error stream every other second.

use std::{
    io::Write as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_secs(2);

pub struct Progress {
    began: Instant,
    state: Mutex<State>,
}

struct State {
    stage: &'static str,
    unit: &'static str,
    began: Instant,
    told: Instant,
    done: u64,
    all: u64,
    rows: u64,
}

impl Progress {
    pub fn new() -> Progress {
        let now = Instant::now();
        let state = State { stage: "", unit: "", began: now, told: now, done: 0, all: 0, rows: 0 };
        Progress { began: now, state: Mutex::new(state) }
    }

    /// Begins a stage of so many units.
    pub fn stage(&self, stage: &'static str, unit: &'static str, all: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *state = State { stage, unit, began: now, told: now, done: 0, all: all as u64, rows: 0 };
    }

    /// So many more are done.
    pub fn add(&self, done: u64, rows: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += done;
        state.rows += rows;
        if state.told.elapsed() >= EVERY || state.done == state.all {
            state.told = Instant::now();
            self.line(&state.text());
        }
    }

    /// A line with the time since the beginning.
    pub fn line(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{:7.1} s {text}", self.began.elapsed().as_secs_f64());
    }
}

impl State {
    fn text(&self) -> String {
        let rate = |count: u64| count as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let State { stage, unit, done, all, .. } = self;
        let rows = match self.rows {
            0 => String::new(),
            rows => format!(", {rows} 行 rows, {:.0}/s", rate(rows)),
        };
        format!("[{stage}] {done}/{all} {unit}, {:.0}/s{rows}", rate(*done))
    }
}
