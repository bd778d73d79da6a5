//! Digests of what was received. What they are over is documented at `DigestForm` in the contract.

use prost_types::Any;
use sha2::{Digest as _, Sha256};

/// Digest over the rows of a stream, in order.
#[derive(Clone, Default)]
pub struct RowsDigest(Sha256);

impl RowsDigest {
    /// Adds the next row.
    pub fn row(&mut self, row: &Any) {
        let mut bytes = Vec::with_capacity(row.value.len() + 80);
        append_row(&mut bytes, row);
        self.0.update(&bytes);
    }

    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// A row in its canonical form.
pub fn append_row(to: &mut Vec<u8>, row: &Any) {
    let name = row.type_url.rsplit('/').next().unwrap_or_default();
    for part in [name.as_bytes(), row.value.as_slice()] {
        // A message of the stream is at most 4 MiB, so its parts fit.
        to.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        to.extend_from_slice(part);
    }
}

/// Digest of the one row that a signature for a referral or a verification is.
pub fn of_signature(name: &str, operator: &str) -> [u8; 32] {
    Sha256::digest(format!("{name}\n{operator}\n").as_bytes()).into()
}
