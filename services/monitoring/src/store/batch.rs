//! Batches under way and closed.

use chrono::NaiveDate;
use minqing_kit::Result;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::record::Written;
use crate::domain::{batch::Batch, error::Fault};

/// A batch's state.
#[derive(Clone, Debug, sqlx::FromRow)]
struct State {
    same: bool,
    closed: bool,
    withdrawn: bool,
    waits: bool,
    superseded: bool,
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its rows count.
    Open,
    /// A snapshot of a later day has begun: what this one says is past, and its rows change nothing.
    Superseded,
}

/// How a transaction takes a batch's row until it ends.
#[derive(Clone, Copy, Debug)]
pub enum Take {
    /// Beside others that write parts of it.
    Beside,
    Alone,
}

/// Begins the batch or finds it begun, and takes its row until the transaction ends.
pub async fn begin(conn: &mut PgConnection, batch: &Batch, today: NaiveDate, take: Take) -> Result<Standing> {
    sqlx::query(
        "insert into monitoring.batch (batch_id, bureau, dataset, county_code, snapshot, as_of, begun_on, versioned) \
         values ($1, $2, $3, $4, $5, $6, $7, true) on conflict on constraint batch_pk do nothing",
    )
    .bind(batch.id)
    .bind(&batch.dataset.bureau)
    .bind(&batch.dataset.name)
    .bind(&batch.county_code)
    .bind(batch.snapshot)
    .bind(batch.as_of)
    .bind(today)
    .execute(&mut *conn)
    .await?;
    let lock = match take {
        Take::Beside => "for share of b",
        Take::Alone => "for update of b",
    };
    let state: State = sqlx::query_as(AssertSqlSafe(format!(
        "select (b.bureau, b.dataset, b.county_code, b.snapshot, b.as_of) = ($2, $3, $4, $5, $6) as same, \
                b.closed_on is not null as closed, b.withdrawn_on is not null as withdrawn, \
                exists (select from monitoring.batch w where w.bureau = $2 and w.dataset = $3 and w.county_code = $4 \
                          and w.withdrawn_on is not null and w.taken_back_on is null) as waits, \
                exists (select from monitoring.batch s where s.snapshot and s.bureau = $2 and s.dataset = $3 \
                          and s.county_code = $4 and s.as_of > $6 and s.withdrawn_on is null) as superseded \
         from monitoring.batch b where b.batch_id = $1 {lock}"
    )))
    .bind(batch.id)
    .bind(&batch.dataset.bureau)
    .bind(&batch.dataset.name)
    .bind(&batch.county_code)
    .bind(batch.snapshot)
    .bind(batch.as_of)
    .fetch_one(conn)
    .await?;
    match state {
        State { same: false, .. } => Err(Fault::BatchDiffers.into()),
        State { withdrawn: true, .. } => Err(Fault::BatchWithdrawn.into()),
        State { waits: true, .. } => Err(Fault::WithdrawalUnderWay.into()),
        State { closed: true, .. } => Err(Fault::BatchClosed.into()),
        State { superseded: true, .. } => Ok(Standing::Superseded),
        _ => Ok(Standing::Open),
    }
}

/// Notes a part and what it did; the keys are kept for a snapshot only. `unevaluated`: its households are left to the
/// evaluation of the county.
pub async fn add_part(
    conn: &mut PgConnection,
    batch: &Batch,
    part_no: i32,
    keys: &[Uuid],
    written: &Written,
    unevaluated: bool,
) -> Result<()> {
    let kept: &[Uuid] = if batch.snapshot { keys } else { &[] };
    let accepted = i32::try_from(keys.len()).unwrap_or(i32::MAX);
    sqlx::query(
        "insert into monitoring.batch_part as p (batch_id, part_no, accepted, record_keys, changed, ignored, unevaluated) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict on constraint batch_part_pk do update \
           set accepted = excluded.accepted, record_keys = excluded.record_keys, \
               changed = p.changed + excluded.changed, ignored = p.ignored + excluded.ignored, \
               unevaluated = p.unevaluated or excluded.unevaluated",
    )
    .bind(batch.id)
    .bind(part_no)
    .bind(accepted)
    .bind(kept)
    .bind(i64::from(written.changed))
    .bind(written.ignored)
    .bind(unevaluated)
    .execute(conn)
    .await?;
    Ok(())
}

/// Refuses to close a batch of which a part or a row has not come.
pub async fn check_complete(conn: &mut PgConnection, batch: &Batch, parts: i32, accepted: i32) -> Result<()> {
    let (came, rows): (i64, i64) = sqlx::query_as(
        "select count(*), coalesce(sum(accepted), 0)::bigint from monitoring.batch_part where batch_id = $1",
    )
    .bind(batch.id)
    .fetch_one(conn)
    .await?;
    if came == i64::from(parts) && rows == i64::from(accepted) {
        return Ok(());
    }
    Err(Fault::BatchIncomplete.into())
}

/// Closes the batch and drops its parts; how many rows it changed in all, and whether households of a part were left to
/// the evaluation of the county.
pub async fn close(conn: &mut PgConnection, batch: &Batch, ended: i64, today: NaiveDate) -> Result<(i64, bool)> {
    let done = sqlx::query_as(
        "with dropped as (delete from monitoring.batch_part where batch_id = $1 returning changed, ignored, unevaluated), \
              parts as (select coalesce(sum(changed), 0) as changed, coalesce(sum(ignored), 0) as ignored, \
                          coalesce(bool_or(unevaluated), false) as unevaluated from dropped) \
         update monitoring.batch b set ended = $2, closed_on = $3, \
           changed = b.changed + parts.changed, ignored = b.ignored + parts.ignored \
         from parts where b.batch_id = $1 returning b.changed, parts.unevaluated",
    )
    .bind(batch.id)
    .bind(ended)
    .bind(today)
    .fetch_one(conn)
    .await?;
    Ok(done)
}
