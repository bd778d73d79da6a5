//! What a bureau sent, kept as it came: sealed and stored piece by piece while it arrives, before anything is derived
//! from it; part of a batch once the batch is complete; run again when an operator asks; deleted after some days.
//!
//! Every attempt has an id of its own. One that ends without a batch (cut, refused whole, repeated, a peer away) is
//! removed at once, one whose process died is swept after an hour, so what is kept is what became a batch.

pub mod pieces;
pub mod replay;
pub mod retention;
pub mod store;

use std::sync::Arc;

use minqing_kit::{Error, db::Db, keys::Keyring};
use minqing_proto::minqing::bureau::v1::BatchHeader;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Result, batch::Announced, core::Core};

/// Bytes in every piece but the last.
pub const PIECE: usize = 1024 * 1024;

/// A name that binds a piece to its place.
pub fn field(piece: i32) -> String {
    format!("raw/{piece}")
}

/// Stores what arrives.
pub struct Writer {
    db: Db,
    keys: Arc<Keyring>,
    id: Uuid,
    buffer: Vec<u8>,
    pieces: i32,
    bytes: i64,
    digest: Sha256,
}

/// What was stored whole.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    pub id: Uuid,
    pub digest: [u8; 32],
}

impl Writer {
    /// Begins; `transport` is `rows`, `csv` or `xlsx`.
    pub async fn begin(core: &Core, said: &Announced<'_>, transport: &str) -> Result<Writer> {
        let header = BatchHeader {
            request_id: said.request_id.to_owned(),
            batch_no: said.batch_no.to_owned(),
            dataset: said.dataset.to_owned(),
            mode: said.mode as i32,
            division_code: said.division_code.to_owned(),
            as_of: said.as_of.to_owned(),
            // A file need not say how many rows it holds.
            row_count: said.row_count.map_or(-1, |n| i32::try_from(n).unwrap_or(i32::MAX)),
            signature: None,
        };
        let (id, db) = (core.cx.ids.uuid(), core.cx.db.clone());
        let received = core.cx.clock.now();
        store::begin(&mut *db.acquire().await?, id, transport, &header.encode_to_vec(), received).await?;
        let (keys, digest) = (Arc::clone(&core.cx.keys), Sha256::new());
        Ok(Writer { db, keys, id, buffer: Vec::new(), pieces: 0, bytes: 0, digest })
    }

    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Takes the next bytes; whole pieces go into the database.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PIECE {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let sealed = self.keys.seal_bytes(self.id, &field(self.pieces), &self.buffer);
        store::piece(&mut *self.db.acquire().await?, self.id, self.pieces, &sealed).await?;
        self.bytes += i64::try_from(self.buffer.len()).map_err(Error::bug)?;
        self.pieces += 1;
        self.buffer.clear();
        Ok(())
    }

    /// Stores the last piece; only then is it whole.
    pub async fn finish(mut self) -> Result<Stored> {
        if !self.buffer.is_empty() {
            self.flush().await?;
        }
        let digest: [u8; 32] = self.digest.finalize().into();
        store::whole(&mut *self.db.acquire().await?, self.id, (self.pieces, self.bytes), digest).await?;
        Ok(Stored { id: self.id, digest })
    }
}

/// Removes what did not become part of a batch. While the outcome is not known it stays; the sweep settles it.
pub async fn settle<T>(core: &Core, id: Uuid, outcome: &Result<T>) {
    if outcome.as_ref().is_err_and(|e| e.reason() == "OUTCOME_UNKNOWN") {
        return;
    }
    let removed = async { store::remove_loose(&mut *core.cx.db.acquire().await?, id).await };
    if let Err(error) = removed.await {
        tracing::warn!(?error, "what was sent is left to the sweep");
    }
}
