//! Identity numbers, the keyed hashes that stand for them, the sealing of personal text at rest, and signatures.

mod id_number;
mod keyring;
mod secret;
pub mod signing;

pub use id_number::{IdFault, IdNumber, Sex};
pub use keyring::{Keyring, OsRandom, Randomness};
pub use secret::Secret;
pub use signing::{SignatureScheme, SigningKey, VerifyingKey};

pub use crate::mask::{mask_account, mask_address, mask_id_number, mask_name, mask_phone};
