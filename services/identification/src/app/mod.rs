//! Use cases of identification, one file each. They own the transaction and call domain and store.

pub mod answers;
pub mod assess;
pub mod decide;
pub mod evaluate;
pub mod known;
pub mod look;
pub mod open;
pub mod packs;
pub mod verifications;
pub mod verify;

use minqing_kit::{Call, Context, clock::SharedClock, db::Db};
use minqing_policy::Pack;

use crate::domain::scope::Scope;

/// Who may read our events: services only. Adapters get their own events and those for everyone, and a household's
/// class is neither.
pub const AUDIENCE: Option<&str> = Some("service");

/// What every use case works with.
pub struct Identification {
    pub db: Db,
    pub clock: SharedClock,
    /// The pack of today.
    pub pack: Pack,
    packs: packs::Packs,
}

impl Identification {
    pub fn new(cx: &Context, pack: Pack) -> Identification {
        Identification { db: cx.db.clone(), clock: cx.clock.clone(), pack, packs: packs::Packs::default() }
    }
}

/// Scope of the caller.
pub fn scope(call: &Call) -> Scope {
    Scope::of(call.caller.as_str())
}
