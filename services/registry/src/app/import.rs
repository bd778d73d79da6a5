//! Takes a collection batch (采集). The stream is read once, in bounded memory: each row is checked and sealed as it
//! comes and staged in slices of 500. Only when the stream has ended and its rows are as many as the header said
//! are the slices stored, each in a transaction of its own and under an id that follows from the caller's
//! request_id; the answer is stored last. A caller that lost the answer sends the same stream again: slices done
//! answer as before, the others are done now.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::FutureExt as _;
use minqing_kit::{
    Call, Error, Result,
    db::{Fingerprint, Work},
    id::name,
};
use minqing_proto::minqing::registry::v1::{HouseholdRow, ImportHeader, ImportHouseholdsResponse};
use prost::Message;
use uuid::Uuid;

use super::{
    Registry, import_slice,
    prepare::{Preparer, Seen},
};
use crate::{
    domain::{
        batch::{Batch, SliceOutcome},
        collect,
        error::RegistryError,
        fault::row_error,
        prepared::{PreparedFault, Slice},
    },
    store,
};

/// Rows stored in one transaction.
const SLICE_ROWS: usize = 500;
/// Most rows in one part of the stream.
const PART_ROWS: usize = 500;
/// Most rows in a batch: the keys seen so far are kept in memory.
const MAX_ROWS: i32 = 200_000;
/// Refused rows given back with the answer; the others are listed by page.
const ERRORS_IN_ANSWER: i64 = 1000;

struct Staged {
    fingerprint: [u8; 32],
}

/// A batch on its way in.
pub struct Import {
    registry: Arc<Registry>,
    call: Call,
    request_id: Uuid,
    batch: Arc<Batch>,
    attempt_id: Uuid,
    today: NaiveDate,
    seen: Seen,
    slice: Slice,
    slice_print: Fingerprint,
    whole_print: Fingerprint,
    staged: Vec<Staged>,
    rows: i32,
}

impl Import {
    /// Checks the header.
    pub fn begin(registry: Arc<Registry>, call: Call, header: ImportHeader) -> Result<Import> {
        let request_id = Uuid::try_parse(&header.request_id).map_err(|_| {
            Error::invalid("INVALID_REQUEST_ID", "request_id must be a uuid", "request_id 应为 UUID")
                .field("header.request_id", "must be a uuid")
        })?;
        let today = registry.clock.today();
        let import_id = Uuid::new_v5(&request_id, call.caller.as_str().as_bytes());
        let batch = Arc::new(checked(&registry, &call, &header, import_id)?);
        let mut whole_print = Fingerprint::new(&call.method);
        whole_print.part(&header.encode_to_vec());
        Ok(Import {
            attempt_id: registry.ids.uuid(),
            slice_print: Fingerprint::new(&call.method),
            registry,
            call,
            request_id,
            batch,
            today,
            seen: Seen::default(),
            slice: Slice::default(),
            whole_print,
            staged: Vec::new(),
            rows: 0,
        })
    }

    /// Takes the next part of the rows.
    pub async fn rows(&mut self, rows: Vec<HouseholdRow>) -> Result<()> {
        if rows.len() > PART_ROWS {
            return Err(RegistryError::PartTooLarge.into());
        }
        for row in rows {
            self.rows += 1;
            if self.rows > self.batch.row_count {
                return Err(RegistryError::RowCountDiffers.into());
            }
            self.row(row);
            if usize::try_from(self.slice.sent).is_ok_and(|sent| sent >= SLICE_ROWS) {
                self.stage().await?;
            }
        }
        Ok(())
    }

    fn row(&mut self, row: HouseholdRow) {
        let encoded = row.encode_to_vec();
        self.whole_print.part(&encoded);
        self.slice_print.part(&encoded);
        self.slice.sent += 1;
        let (registry, county) = (&self.registry, &self.batch.county);
        let rules = collect::Rules { divisions: &registry.divisions, county, today: self.today };
        let preparer = Preparer { keys: &registry.keys, county };
        let checked = collect::check(row, &rules);
        match checked.and_then(|household| preparer.prepare(self.rows, household, &mut self.seen)) {
            Ok(prepared) => self.slice.households.push(prepared),
            Err(faults) => self.slice.faults.extend(faults.into_iter().map(|f| PreparedFault {
                row: self.rows,
                field: f.field,
                reason: f.reason.into(),
            })),
        }
        self.slice.doubts.append(&mut self.seen.doubts);
    }

    async fn stage(&mut self) -> Result<()> {
        let slice = std::mem::take(&mut self.slice);
        let print = std::mem::replace(&mut self.slice_print, Fingerprint::new(&self.call.method));
        let (attempt, number) = (self.attempt_id, slice_number(self.staged.len()));
        let payload: Arc<[u8]> = slice.encode_to_vec().into();
        let change = self.registry.db.change(&self.call, move |work| {
            let payload = Arc::clone(&payload);
            async move { store::import::stage(work.conn(), attempt, number, &payload).await }.boxed()
        });
        change.await?;
        self.staged.push(Staged { fingerprint: print.finish() });
        Ok(())
    }

    /// The stream has ended: stores what was staged and answers.
    pub async fn finish(mut self) -> Result<ImportHouseholdsResponse> {
        if self.rows != self.batch.row_count {
            self.discard().await?;
            return Err(RegistryError::RowCountDiffers.into());
        }
        if self.slice.sent > 0 {
            self.stage().await?;
        }
        let fingerprint = std::mem::take(&mut self.whole_print).finish();
        let request_id = self.request_id.to_string();
        let db = self.registry.db.clone();
        let before = db.outcome(&self.call, &request_id, fingerprint).await;
        if !matches!(before, Ok(None)) {
            self.discard().await?;
        }
        if let Some(first) = before? {
            return Ok(first);
        }
        let mut total = SliceOutcome::default();
        for number in 0..self.staged.len() {
            let one = self.store(number).await?;
            total.sent += one.sent;
            total.accepted += one.accepted;
            total.refused += one.refused;
            total.changed += one.changed;
        }
        let (batch, attempt) = (Arc::clone(&self.batch), self.attempt_id);
        let answer = db.mutate_keyed(&self.call, &request_id, fingerprint, move |work| {
            let (batch, total) = (Arc::clone(&batch), total.clone());
            async move { close(work, &batch, &total, attempt).await }.boxed()
        });
        answer.await
    }

    async fn store(&self, number: usize) -> Result<SliceOutcome> {
        let key = Uuid::new_v5(&self.request_id, format!("slice/{number}").as_bytes()).to_string();
        let (batch, attempt) = (Arc::clone(&self.batch), self.attempt_id);
        let number_in_table = slice_number(number);
        let keys = Arc::clone(&self.registry.keys);
        let change = self.registry.db.mutate_keyed(&self.call, &key, self.staged[number].fingerprint, move |work| {
            let (batch, keys) = (Arc::clone(&batch), Arc::clone(&keys));
            async move {
                let payload = store::import::staged(work.conn(), attempt, number_in_table).await?;
                let slice = Slice::decode(payload.as_slice()).map_err(Error::bug)?;
                import_slice::apply(work, &keys, &batch, slice).await
            }
            .boxed()
        });
        change.await
    }

    /// Nothing of the batch is stored.
    async fn discard(&self) -> Result<()> {
        let attempt = self.attempt_id;
        let change = self
            .registry
            .db
            .change(&self.call, move |work| async move { store::import::unstage(work.conn(), attempt).await }.boxed());
        change.await
    }
}

fn slice_number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn checked(registry: &Registry, call: &Call, header: &ImportHeader, import_id: Uuid) -> Result<Batch> {
    let batch_no = header.batch_no.trim();
    let printable = !batch_no.is_empty() && batch_no.chars().count() <= 64 && !batch_no.chars().any(char::is_control);
    if !printable {
        return Err(RegistryError::BatchNoMalformed.into());
    }
    let scope = crate::domain::scope::Scope::of(call.caller.as_str());
    let county = registry.divisions.county(&header.division_code).filter(|code| scope.sees(code));
    let county = county.ok_or(RegistryError::CountyNotCallers)?;
    let as_of = collect::parse_date(&header.as_of).filter(|day| *day <= registry.clock.today());
    let as_of = as_of.ok_or(RegistryError::AsOfMalformed)?;
    if !(0..=MAX_ROWS).contains(&header.row_count) {
        return Err(RegistryError::RowCountOutOfRange.into());
    }
    Ok(Batch { import_id, batch_no: batch_no.to_owned(), county, as_of, row_count: header.row_count })
}

async fn close(
    work: &mut Work,
    batch: &Batch,
    total: &SliceOutcome,
    attempt: Uuid,
) -> Result<ImportHouseholdsResponse> {
    store::import::open(work, batch).await?;
    store::import::close(work.conn(), batch.import_id, total).await?;
    store::import::unstage(work.conn(), attempt).await?;
    let errors = store::import::errors(work.conn(), batch.import_id, None, ERRORS_IN_ANSWER).await?;
    Ok(ImportHouseholdsResponse {
        name: name("imports", batch.import_id),
        sent: total.sent,
        accepted: total.accepted,
        refused: total.refused,
        changed: total.changed,
        errors: errors.iter().map(|e| row_error(e.row_no, &e.field, e.reason())).collect(),
    })
}
