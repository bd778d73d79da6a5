//! Identity numbers, the keyed hashes that stand for them, the sealing of personal text at rest, and signatures.

mod edit;
mod id_number;
mod keyring;
pub mod names;
mod secret;
pub mod signing;
pub mod spelling;

pub use edit::{Candidate, MOST_CANDIDATES, NumberEdit, candidates, plain_number};
pub use id_number::{IdFault, IdNumber, Sex};
pub use keyring::{Keyring, OsRandom, Randomness};
pub use secret::Secret;
pub use signing::{SignatureScheme, SigningKey, VerifyingKey};

pub use crate::mask::{mask_account, mask_address, mask_id_number, mask_name, mask_phone};
