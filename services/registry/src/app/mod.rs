//! Use cases of the register, one file each. They own the transaction and call domain and store.

pub mod books;
pub mod chain;
pub mod class_members;
pub mod classes;
pub mod divisions;
pub mod feedback;
pub mod find;
pub mod households;
pub mod identities;
pub mod identity_reviews;
pub mod import;
mod import_errors;
mod import_slice;
pub mod persons;
mod prepare;
pub mod sweep;
mod view;

use std::sync::Arc;

use minqing_kit::{Context, clock::SharedClock, db::Db, keys::Keyring};

use crate::domain::division::Divisions;

/// What every use case works with.
pub struct Registry {
    pub db: Db,
    pub clock: SharedClock,
    pub ids: minqing_kit::id::SharedIds,
    pub keys: Arc<Keyring>,
    pub divisions: Arc<Divisions>,
    /// Days for which the texts of a review are kept after its last decision.
    pub review_text_days: u32,
}

impl Registry {
    pub fn new(cx: &Context, divisions: Divisions) -> Registry {
        Registry {
            db: cx.db.clone(),
            clock: Arc::clone(&cx.clock),
            ids: Arc::clone(&cx.ids),
            keys: Arc::clone(&cx.keys),
            divisions: Arc::new(divisions),
            review_text_days: cx.settings.review_text_days,
        }
    }
}
