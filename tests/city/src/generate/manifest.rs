//! What was written: one record for each file, with its sum.

use std::io::{self, Write};

use serde::Serialize;
use sha2::Digest as _;

use crate::household::hex;

#[derive(Serialize)]
pub struct Manifest {
    pub seed: u64,
    pub households: usize,
    pub persons: usize,
    pub days: u32,
    pub first_day: String,
    pub last_day: String,
    /// What is not as in a true year.
    pub notes: Vec<&'static str>,
    pub rows: u64,
    pub dirty_rows: u64,
    pub bytes: u64,
    /// Cases that the oracle found, one line each in `cases.csv`.
    pub cases: u64,
    pub files: Vec<Record>,
}

#[derive(Serialize)]
pub struct Record {
    pub file: String,
    pub bureau: &'static str,
    pub dataset: &'static str,
    pub county: &'static str,
    pub day: String,
    pub mode: &'static str,
    pub rows: u64,
    pub dirty_rows: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// Counts and sums up what passes.
pub struct Summed<W> {
    out: W,
    sum: sha2::Sha256,
    bytes: u64,
}

impl<W: Write> Summed<W> {
    pub fn new(out: W) -> Summed<W> {
        Summed { out, sum: sha2::Sha256::new(), bytes: 0 }
    }

    /// Bytes and sum.
    pub fn end(mut self) -> io::Result<(u64, String)> {
        self.out.flush()?;
        Ok((self.bytes, hex(&self.sum.finalize())))
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
