//! Ends a batch: the feed counts as delivered, rows a snapshot left out have ended, and what was unknown because the
//! feed was stale or absent is due to be evaluated for the whole county. A batch of which no row could be used delivers nothing,
//! but its quality is kept: the worst batches are those the feed's history needs most.

use std::sync::Arc;

use minqing_kit::{Result, call::Call, db::Work};
use minqing_proto::minqing::monitoring::v1::{ClearReason, CloseBatchRequest, CloseBatchResponse};

use super::{Monitoring, due, feeds};
use crate::{
    domain::{
        batch::{self, Batch},
        error::Fault,
        quality::{self, Quality},
        record::Touched,
    },
    store::{
        self,
        batch::{Standing, Take},
        feed, lock,
    },
};

/// Does it, or gives the first answer to a repeat.
pub async fn close(monitoring: Arc<Monitoring>, call: &Call, request: CloseBatchRequest) -> Result<CloseBatchResponse> {
    let batch = batch::read(request.batch.as_ref(), call.caller.rest(), monitoring.clock.today(), |bureau, name| {
        monitoring.set(bureau, name).map(|set| Arc::clone(&set.dataset))
    })?;
    let quality = Arc::new(quality::read(&request, &batch.dataset)?);
    let batch = Arc::new(batch);
    let sent = (request.parts, request.accepted);
    let db = monitoring.db.clone();
    db.mutate(call, &request, move |work| {
        let (monitoring, batch, quality) = (Arc::clone(&monitoring), Arc::clone(&batch), Arc::clone(&quality));
        Box::pin(async move { end(&monitoring, work, (&batch, &quality), sent).await })
    })
    .await
}

async fn end(
    monitoring: &Monitoring,
    work: &mut Work,
    (batch, quality): (&Batch, &Quality),
    (parts, accepted): (i32, i32),
) -> Result<CloseBatchResponse> {
    let today = work.today();
    let set = monitoring.set(&batch.dataset.bureau, &batch.dataset.name).ok_or(Fault::DatasetUnknown)?;
    let days = monitoring.days(today);
    lock::keep_roster(work.conn()).await?;
    lock::keep_feed(work.conn(), &batch.feed()).await?;
    let standing = store::batch::begin(work.conn(), batch, today, Take::Alone).await?;
    store::batch::check_complete(work.conn(), batch, parts, accepted).await?;
    let (ended, touched) = match standing {
        Standing::Open if batch.snapshot => set.statements.end(work.conn(), batch, days).await?,
        Standing::Open | Standing::Superseded => (0, Touched::default()),
    };
    let was_known = feed::was_fresh(work.conn(), batch, today).await?;
    store::quality::insert(work.conn(), batch, quality).await?;
    if !quality.is_unusable() {
        feed::deliver(work.conn(), batch).await?;
    }
    let (changed, unevaluated) = store::batch::close(work.conn(), batch, ended, today).await?;
    if unevaluated || (!was_known && feed::was_fresh(work.conn(), batch, today).await?) {
        let trace = work.traceparent().to_owned();
        store::due::note_county(work.conn(), batch, &trace).await?;
    }
    let rows = usize::try_from(accepted).unwrap_or_default();
    due::of_records(monitoring, work, (&touched, &set.dataset), rows).await?;
    feeds::evaluate(monitoring, work, Some(batch), ClearReason::Refuted).await?;
    Ok(CloseBatchResponse {
        changed: i32::try_from(changed).unwrap_or(i32::MAX),
        ended: i32::try_from(ended).unwrap_or(i32::MAX),
    })
}
