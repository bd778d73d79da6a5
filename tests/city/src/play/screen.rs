//! Progress for whoever watches: one line that renews itself on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};

use chrono::NaiveDate;

use crate::{calendar, dataset::iso};

pub struct Screen {
    terminal: bool,
}

impl Screen {
    pub fn new() -> Screen {
        Screen { terminal: std::io::stderr().is_terminal() }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        let start = if self.terminal { "\r\x1b[2K" } else { "" };
        // Nobody is left to tell when the terminal is gone.
        let _ = writeln!(std::io::stderr().lock(), "{start}{text}");
    }

    /// A day is done.
    pub fn progress(&self, phase: &str, day: NaiveDate, rows: u64, acted: usize) {
        let kind = if calendar::is_working(day) { "" } else { " 周末 weekend" };
        let text = format!("[{phase}] {}{kind}: {rows} 行 rows, {acted} 项处理 actions", iso(day));
        if self.terminal {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\x1b[2K{text}");
            let _ = out.flush();
        } else {
            self.line(&text);
        }
    }
}
