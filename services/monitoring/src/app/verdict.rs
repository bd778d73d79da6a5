//! Takes verdicts of field checks over from dispatch's events, so that the yield of each indicator is known.

use minqing_kit::{Result, db::Work};

use crate::{domain::verdict::Checked, store::verdict};

/// Applies a batch, in the order in which it happened. Verdicts that name their indicators come first: what an unnamed
/// one is about is whatever they leave open.
pub async fn apply(work: &mut Work, checked: &[Checked]) -> Result<()> {
    let (named, unnamed): (Vec<&Checked>, Vec<&Checked>) = checked.iter().partition(|c| c.indicators.is_some());
    if !named.is_empty() {
        verdict::put_named(work.conn(), &named).await?;
    }
    if !unnamed.is_empty() {
        verdict::put_unnamed(work.conn(), &unnamed).await?;
    }
    Ok(())
}
