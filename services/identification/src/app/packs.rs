//! Packs of the past. Whatever pack identification works with is kept whole with the business date from which it was in
//! force, so that a past day is judged by the rules of that day. A pack that was read once stays at hand.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use chrono::NaiveDate;
use futures::FutureExt as _;
use minqing_kit::{Call, Error, Result, db::Work};
use minqing_policy::Pack;

use super::Identification;
use crate::{
    domain::error::CaseError,
    store::{self, pack::NewPack},
};

/// Past packs at hand: a year has few of them, and each takes megabytes.
const AT_HAND: usize = 4;

/// Past packs that were read, the one asked for last in front.
#[derive(Default)]
pub struct Packs(Mutex<VecDeque<Pack>>);

impl Packs {
    fn take(&self, content_hash: &str) -> Option<Pack> {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = packs.iter().position(|pack| pack.content_hash() == content_hash)?;
        let pack = packs.remove(at)?;
        packs.push_front(pack.clone());
        Some(pack)
    }

    fn put(&self, pack: &Pack) {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        packs.retain(|known| known.content_hash() != pack.content_hash());
        packs.push_front(pack.clone());
        packs.truncate(AT_HAND);
    }
}

impl Identification {
    /// Notes that this process works with its pack from today, if that is not noted yet.
    pub async fn note_pack(&self, call: &Call) -> Result<()> {
        let pack = self.pack.clone();
        let change = self.db.change(call, move |work| {
            let pack = pack.clone();
            async move { note(work, &pack).await }.boxed()
        });
        change.await
    }

    /// The pack in force on the day.
    pub async fn pack_on(&self, work: &mut Work, day: NaiveDate) -> Result<Pack> {
        let hash = store::pack::in_force(work.conn(), day).await?.ok_or(CaseError::NoPackOnDay)?;
        if hash == self.pack.content_hash() {
            return Ok(self.pack.clone());
        }
        if let Some(pack) = self.packs.take(&hash) {
            return Ok(pack);
        }
        let files = store::pack::files(work.conn(), &hash).await?;
        let files = files.ok_or_else(|| Error::bug(anyhow::anyhow!("policy pack {hash} is not kept")))?;
        let pack =
            Pack::from_archive(&files).map_err(|errors| Error::from(CaseError::PackUnreadable).caused_by(errors))?;
        self.packs.put(&pack);
        Ok(pack)
    }
}

/// Keeps the pack and puts it in force from today unless it is.
pub async fn note(work: &mut Work, pack: &Pack) -> Result<()> {
    let today = work.today();
    if store::pack::in_force(work.conn(), today).await?.as_deref() == Some(pack.content_hash()) {
        return Ok(());
    }
    let new = NewPack {
        content_hash: pack.content_hash(),
        tag: pack.version_tag(),
        files: pack.archive(),
        valid_from: pack.head().valid_from,
    };
    store::pack::keep(work.conn(), &new, today).await?;
    store::pack::put_in_force(work.conn(), &new, today).await?;
    tracing::info!(pack = pack.version_tag(), hash = pack.content_hash(), %today, "policy pack in force");
    Ok(())
}
