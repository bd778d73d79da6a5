//! Takes one part of a batch: stores what changed and evaluates the households touched, or notes them when the part is
//! large, in one transaction.

use std::sync::Arc;

use minqing_kit::{Result, call::Call, db::Work};
use minqing_proto::minqing::monitoring::v1::{SubmitRecordsRequest, SubmitRecordsResponse};

use super::{
    Monitoring, due,
    evaluate::{Tally, count},
};
use crate::{
    domain::{
        batch::{self, Batch},
        error::Fault,
        record::{self, Rows},
    },
    store::{
        batch::{Standing, Take},
        feed, lock,
        record::Written,
    },
};

/// Does it, or gives the first answer to a repeat.
pub async fn submit(
    monitoring: Arc<Monitoring>,
    call: &Call,
    request: SubmitRecordsRequest,
) -> Result<SubmitRecordsResponse> {
    let batch = batch::read(request.batch.as_ref(), call.caller.rest(), monitoring.clock.today(), |bureau, name| {
        monitoring.set(bureau, name).map(|set| Arc::clone(&set.dataset))
    })?;
    if request.part_no < 1 {
        return Err(Fault::PartNo.into());
    }
    let rows = record::decode(&batch.dataset, &request.records)?;
    let part = Arc::new(Part { no: request.part_no, batch, rows });
    let db = monitoring.db.clone();
    db.mutate(call, &request, move |work| {
        let (monitoring, part) = (Arc::clone(&monitoring), Arc::clone(&part));
        Box::pin(async move { take(&monitoring, work, &part).await })
    })
    .await
}

struct Part {
    no: i32,
    batch: Batch,
    rows: Rows,
}

async fn take(monitoring: &Monitoring, work: &mut Work, part: &Part) -> Result<SubmitRecordsResponse> {
    let today = work.today();
    let (batch, rows) = (&part.batch, &part.rows);
    let set = monitoring.set(&batch.dataset.bureau, &batch.dataset.name).ok_or(Fault::DatasetUnknown)?;
    lock::keep_roster(work.conn()).await?;
    lock::keep_feed(work.conn(), &batch.feed()).await?;
    let standing = crate::store::batch::begin(work.conn(), batch, today, Take::Beside).await?;
    let written = match standing {
        Standing::Open => set.statements.write(work.conn(), batch, rows, monitoring.days(today)).await?,
        Standing::Superseded => Written { ignored: i64::from(count(rows.count())), ..Written::default() },
    };
    // Until a snapshot of an unknown feed is whole nothing can be said, and then the whole county is evaluated.
    let later = batch.snapshot && !feed::is_fresh(work.conn(), batch, today).await?;
    crate::store::batch::add_part(work.conn(), batch, part.no, &rows.record_keys, &written, later).await?;
    let tally = if later {
        Tally::default()
    } else {
        due::of_records(monitoring, work, (&written.touched, &set.dataset), rows.count()).await?
    };
    Ok(SubmitRecordsResponse {
        accepted: count(rows.count()),
        changed: written.changed,
        warnings_raised: tally.raised,
        warnings_cleared: tally.cleared,
    })
}
