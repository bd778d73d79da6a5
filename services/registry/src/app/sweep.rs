//! Periodic work: removes what broken streams left, tells of class status that began or ended today, and deletes what came
//! under a faulty number or name once the decision about it is old.

use chrono::Days;
use minqing_kit::{Error, Result, db::Work, id::name};

use super::identities::REVIEWS;
use crate::store;

/// Age at which staged rows of a stream are left over for certain: far beyond any call's deadline.
const STAGED_HOURS: i32 = 6;
const SLICES_A_PASS: i64 = 200;
const DAYS_A_PASS: i64 = 500;
const REVIEWS_A_PASS: i64 = 500;

/// Removes staged rows; gives how many and whether none is left.
pub async fn staged(work: &mut Work) -> Result<(u64, bool)> {
    let removed = store::import::sweep(work.conn(), STAGED_HOURS, SLICES_A_PASS).await?;
    Ok((removed, removed < SLICES_A_PASS.unsigned_abs()))
}

/// Tells of households one of whose classes begins or has ended; gives how many days were taken and whether none
/// is left.
pub async fn due_classes(work: &mut Work) -> Result<(u64, bool)> {
    let today = work.today();
    store::roster::lock(work.conn()).await?;
    let (taken, households) = store::class_status::take_due(work.conn(), today, DAYS_A_PASS).await?;
    if !households.is_empty() {
        store::household::touch(work.conn(), &households).await?;
        store::roster::emit(work, &households, today).await?;
    }
    Ok((taken, taken < DAYS_A_PASS.unsigned_abs()))
}

/// Deletes number and name as they came of reviews last decided so many days ago; gives how many and whether none is left.
pub async fn review_texts(work: &mut Work, days: u32) -> Result<(u64, bool)> {
    let before = work.now().checked_sub_days(Days::new(days.into()));
    let before = before.ok_or_else(|| Error::bug(anyhow::anyhow!("the clock is before the first day there is")))?;
    let today = work.today();
    let reviews = store::identity::delete_texts(work.conn(), before, today, REVIEWS_A_PASS).await?;
    for review in &reviews {
        work.audit(&name(REVIEWS, *review), &["name:deleted", "id_number:deleted"]);
    }
    Ok((reviews.len() as u64, (reviews.len() as u64) < REVIEWS_A_PASS.unsigned_abs()))
}
