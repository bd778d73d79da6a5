//! What was sent as a file that can be read and searched, one opened piece in memory at a time. For threads that may
//! wait only: every piece is a question to the database.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
};

use minqing_kit::{Error, db::Db, keys::Keyring};
use tokio::runtime::Handle;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{PIECE, field, store, store::RawRow};
use crate::{Result, core::Core};

/// A reader over the pieces.
pub struct Pieces {
    runtime: Handle,
    db: Db,
    keys: Arc<Keyring>,
    id: Uuid,
    bytes: u64,
    at: u64,
    open: Option<(u64, Zeroizing<Vec<u8>>)>,
}

impl Pieces {
    pub fn of(core: &Core, raw: &RawRow) -> Pieces {
        Pieces {
            runtime: Handle::current(),
            db: core.cx.db.clone(),
            keys: Arc::clone(&core.cx.keys),
            id: raw.id,
            bytes: u64::try_from(raw.bytes).unwrap_or_default(),
            at: 0,
            open: None,
        }
    }

    /// A reader of its own over the same.
    pub fn again(&self) -> Pieces {
        let (runtime, db, keys) = (self.runtime.clone(), self.db.clone(), Arc::clone(&self.keys));
        Pieces { runtime, db, keys, id: self.id, bytes: self.bytes, at: 0, open: None }
    }

    fn load(&self, piece: u64) -> Result<Zeroizing<Vec<u8>>> {
        let no = i32::try_from(piece).map_err(Error::bug)?;
        let asked = async { store::sealed(&mut *self.db.acquire().await?, self.id, no).await };
        let sealed = self.runtime.block_on(asked)?;
        let sealed = sealed.ok_or_else(|| Error::bug(anyhow::anyhow!("piece {no} of what was sent is gone")))?;
        self.keys.open_bytes(self.id, &field(no), &sealed)
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.bytes || out.is_empty() {
            return Ok(0);
        }
        let (piece, within) = (self.at / PIECE as u64, self.at % PIECE as u64);
        let opened = match self.open.take() {
            Some((no, opened)) if no == piece => opened,
            _ => self.load(piece).map_err(io::Error::other)?,
        };
        let rest = opened.get(usize::try_from(within).unwrap_or(usize::MAX)..).unwrap_or_default();
        if rest.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        self.open = Some((piece, opened));
        Ok(count)
    }
}

impl Seek for Pieces {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
