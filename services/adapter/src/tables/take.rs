//! One batch, from its rows in the bureau's table to its outcome: read page by page and sealed as they came, then read
//! again from what is sealed and done like the rows of a file. Nothing of the bureau's transaction is open by then.

use std::io::BufReader;

use minqing_kit::{Call, Error};
use minqing_proto::minqing::{bureau::v1::DigestForm, types::v1::BatchMode};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    canonical,
    control::{Control, Kind},
    database::Database,
    source::{SEQ, Source, seq_of},
};
use crate::{
    Result,
    batch::{self, Announced, Intake},
    core::Core,
    files::{
        Refusal,
        forms::{Form, FormSink},
        read::{self, MAX_FILE, Sink as _},
        refusal,
        table::{self, BatchSink},
    },
    raw::{self, Stored, pieces::Pieces},
    receipt::{self, Received},
    report::{Outcome, Report},
    waiting::is_passing,
};

/// An outcome, and each row's `mq_seq` where a row is to be named.
pub struct Taken {
    pub outcome: Outcome,
    pub seqs: Vec<i64>,
}

impl Taken {
    fn refused(refusal: Refusal) -> Taken {
        Taken { outcome: Outcome::Refused(refusal), seqs: Vec::new() }
    }
}

/// What became of a batch that is kept.
pub async fn before(core: &Core, id: Uuid) -> Result<Taken> {
    let gone = || Error::bug(anyhow::anyhow!("a batch noted is not there"));
    let mut conn = core.cx.db.acquire().await?;
    let batch = crate::store::batch(&mut conn, id).await?.ok_or_else(gone)?;
    let receipt = receipt::store::receipt(&mut conn, id).await?;
    drop(conn);
    of_batch(core, Outcome::Batch(batch, receipt.into_iter().collect())).await
}

/// Names the rows of a batch by what is sealed, which is what was read: the bureau's table may have changed since.
async fn of_batch(core: &Core, outcome: Outcome) -> Result<Taken> {
    let mut seqs = Vec::new();
    if let Outcome::Batch(batch, _) = &outcome
        && batch.refused > 0
    {
        let id = minqing_kit::id::parse_name("batches", &batch.name, "name")?;
        let kept = raw::store::of_batch(&mut *core.cx.db.acquire().await?, id).await?;
        if let Some(kept) = kept {
            let pieces = Pieces::of(core, &kept);
            seqs = blocking(move || canonical::seqs(BufReader::new(pieces))).await?.map_err(|_| broken())?;
        }
    }
    Ok(Taken { outcome, seqs })
}

fn broken() -> Error {
    Error::bug(anyhow::anyhow!("what was read is not stored as it came"))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::bug)
}

/// A batch to be taken.
pub struct Take<'a> {
    pub core: &'a Core,
    pub database: &'a Database,
    pub call: &'a Call,
    pub control: &'a Control,
}

impl Take<'_> {
    /// An error means that trying again may help; anything else is told.
    pub async fn run(&self) -> Result<Taken> {
        let taken = match self.control.kind() {
            Err(refusal) => return Ok(Taken::refused(refusal)),
            Ok(Kind::Rows(mode)) => self.batch(mode).await,
            Ok(Kind::Form(form)) => self.form(form).await,
        };
        match taken {
            Err(error) if !is_passing(&error) => Ok(Taken::refused(Refusal::of(&error))),
            taken => taken,
        }
    }

    async fn batch(&self, mode: BatchMode) -> Result<Taken> {
        let rows = match self.control.rows() {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Taken::refused(refusal)),
        };
        let (request_id, dataset) = (Uuid::nil().to_string(), self.control.dataset(self.core));
        let said = Announced {
            // Only what is read tells which request it is.
            request_id: &request_id,
            batch_no: &self.control.batch_no,
            dataset: &dataset,
            mode,
            division_code: &self.control.county,
            as_of: &self.control.as_of,
            row_count: rows,
        };
        let intake = self.core.open(&said).await?;
        let raw = raw::Writer::begin(self.core, &said, "table").await?;
        let id = raw.id();
        let outcome = self.store_and_read(raw, intake, rows).await;
        raw::settle(self.core, id, &outcome).await;
        of_batch(self.core, outcome?).await
    }

    /// Stores the rows as they came, then reads them from there.
    async fn store_and_read(&self, raw: raw::Writer, mut intake: Intake, rows: Option<u32>) -> Result<Outcome> {
        let stored = match self.store(raw, &intake, rows).await? {
            Ok(stored) => stored,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let pieces = Pieces::stored(self.core, &stored);
        let read = blocking(move || -> Result<Intake, Refusal> {
            canonical::read(BufReader::new(pieces), &mut BatchSink::new(&mut intake))?;
            Ok(intake)
        });
        match read.await? {
            Err(refusal) => Ok(Outcome::Refused(refusal)),
            Ok(mut intake) => {
                intake.belongs_to(self.request_id(stored.digest));
                let digest = stored.digest;
                let received = Received { form: DigestForm::Table, digest, signature: None, raw: Some(stored.id) };
                Ok(Outcome::of(self.core.finish(intake, self.call, digest, received).await?))
            }
        }
    }

    /// Reads the rows as they stand at one moment; a page beyond the announced ones it stops.
    async fn store(&self, mut raw: raw::Writer, intake: &Intake, rows: Option<u32>) -> Result<Result<Stored, Refusal>> {
        let mut held = self.database.open().await?;
        let which = self.control.which();
        let source = match Source::find(&mut held.link, intake.schema.name(), which).await? {
            Ok(source) => source,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = table::map_header(&intake.schema, &source.columns) {
            held.keep();
            return Ok(Err(refusal));
        }
        held.link.begin_reading().await?;
        let mut text = Vec::new();
        canonical::header(&mut text, std::iter::once(SEQ).chain(source.columns.iter().map(String::as_str)));
        let (mut pages, mut seen, mut bytes) = (source.pages(which), 0, 0_u64);
        while rows.is_none_or(|rows| seen <= rows) {
            let page = match pages.next(&mut held.link).await? {
                Ok(page) => page,
                Err(refusal) => return Ok(Err(refusal)),
            };
            for row in &page {
                seen = match read::next(seen) {
                    Ok(seen) => seen,
                    Err(_) => return Ok(Err(too_large())),
                };
                canonical::row(&mut text, row);
            }
            bytes += text.len() as u64;
            if bytes > MAX_FILE {
                return Ok(Err(too_large()));
            }
            raw.write(&text).await?;
            text.clear();
            if page.is_empty() {
                break;
            }
        }
        held.link.end().await?;
        held.keep();
        Ok(Ok(raw.finish().await?))
    }

    async fn form(&self, form: Form) -> Result<Taken> {
        let rows = match self.control.rows() {
            Ok(rows) => rows.unwrap_or_default(),
            Err(refusal) => return Ok(Taken::refused(refusal)),
        };
        let mut held = self.database.open().await?;
        let which = self.control.which();
        let source = match Source::find(&mut held.link, &self.control.table(self.core), which).await? {
            Ok(source) => source,
            Err(refusal) => return Ok(Taken::refused(refusal)),
        };
        let mut sink = FormSink::new(form.columns());
        if let Err(refusal) = sink.header(&source.columns) {
            return Ok(Taken::refused(refusal));
        }
        held.link.begin_reading().await?;
        let (mut pages, mut seqs, mut seen, mut digest) = (source.pages(which), Vec::new(), 0_u32, Sha256::new());
        while seen <= rows {
            let page = match pages.next(&mut held.link).await? {
                Ok(page) if page.is_empty() => break,
                Ok(page) => page,
                Err(refusal) => return Ok(Taken::refused(refusal)),
            };
            for mut row in page {
                let mut text = Vec::new();
                canonical::row(&mut text, &row);
                digest.update(&text);
                seqs.push(seq_of(&row.remove(0)).unwrap_or_default());
                seen += 1;
                if let Err(refusal) = sink.line(seen, Some(row)) {
                    return Ok(Taken::refused(refusal));
                }
            }
        }
        held.link.end().await?;
        held.keep();
        if seen != rows {
            return Err(batch::not_whole(rows, seen));
        }
        let request_id = self.request_id(digest.finalize().into());
        let report = Report { core: self.core, call: self.call, request_id };
        Ok(Taken { outcome: report.lines(form, &sink.lines).await?, seqs })
    }

    /// The same for the same number, control row and rows.
    fn request_id(&self, digest: [u8; 32]) -> Uuid {
        let (bureau, no) = (self.core.bureau.name, &self.control.batch_no);
        let mut text = format!("minqing/adapter/{bureau}/table/{no}/").into_bytes();
        text.extend_from_slice(&self.control.digest());
        text.extend_from_slice(&digest);
        Uuid::new_v5(&Uuid::NAMESPACE_URL, &text)
    }
}

fn too_large() -> Refusal {
    let (en, zh) =
        ("the batch holds more than 600,000 rows or 256 MiB; split it", "批次超过 60 万行或 256 MiB，请拆分");
    refusal("BATCH_TOO_LARGE", en, zh)
}
