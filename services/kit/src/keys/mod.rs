//! Identity numbers, the keyed hashes that stand for them, and the sealing of personal text at rest.

mod id_number;
mod keyring;
mod secret;

pub use id_number::{IdFault, IdNumber, Sex};
pub use keyring::{Keyring, OsRandom, Randomness};
pub use secret::Secret;

pub use crate::mask::{mask_account, mask_address, mask_id_number, mask_name, mask_phone};
