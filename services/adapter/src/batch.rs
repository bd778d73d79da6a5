//! One batch, whichever way it came: rows are checked as they arrive and spooled; only a batch that is whole is
//! compared with the register and sent on. Ids of the batch and its parts follow from the caller's request id and the
//! good rows, so a batch sent again after a crash does the same again, and the peers answer as before. Should the
//! register have changed meanwhile, other rows are good: that is another batch to monitoring, not a torn one.

use std::sync::Arc;

use chrono::NaiveDate;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use minqing_kit::{Call, Error, keys::Keyring};
use minqing_proto::minqing::{
    bureau::v1::{Batch, Receipt, RowNote, SubmitBatchResponse},
    monitoring::v1::{BatchQuality, BatchRef, CloseBatchRequest, SubmitRecordsRequest},
    registry::v1::PersonMatch,
    types::v1::{BatchMode, RowReason},
};
use prost::Message as _;
use prost_types::Any;
use uuid::Uuid;

use crate::{
    Result,
    core::Core,
    division::Known,
    identity::{Doubts, Of},
    peers::PROBES,
    quality::Tally,
    receipt::{RECEIPTS, Received},
    row::{
        Checks, Fault, Outcome, RawRow,
        schema::{About, Schema},
        text,
    },
    spool::{MAX_ROWS, MOST_DOUBTS, Match, Spool},
    store,
};

/// Errors in the answer; the rest by ListRowErrors.
const MAX_TOLD: usize = 1_000;
const MAX_BATCH_NO: usize = 64;
/// Calls of one batch under way to a peer: while one is answered the next is made ready.
const AT_ONCE: usize = 2;
/// A snapshot with a larger share of refused rows ends nothing: what could not be read is unknown, not gone.
const TRUSTED_REFUSALS: u32 = 10;

/// What a caller says of a batch, not yet checked.
#[derive(Clone, Debug)]
pub struct Announced<'a> {
    pub request_id: &'a str,
    pub batch_no: &'a str,
    pub dataset: &'a str,
    pub mode: BatchMode,
    pub division_code: &'a str,
    pub as_of: &'a str,
    /// Rows to come; `None` when the transport cannot say.
    pub row_count: Option<u32>,
}

/// A batch under way.
pub struct Intake {
    pub schema: Arc<Schema>,
    request_id: Uuid,
    batch_no: String,
    mode: BatchMode,
    county: u64,
    as_of: NaiveDate,
    row_count: Option<u32>,
    today: NaiveDate,
    keys: Arc<Keyring>,
    known: Arc<Known>,
    spool: Spool,
    tally: Tally,
    /// Faulty numbers for which it was searched whom they may mean.
    searched: usize,
}

fn wrong(field: &'static str, en: &str, zh: &str) -> Error {
    Error::invalid("INVALID_BATCH_HEADER", format!("{field} {en}"), format!("{field} {zh}")).field(field, en)
}

impl Core {
    /// Checks what is said of a batch and opens it.
    pub async fn open(&self, said: &Announced<'_>) -> Result<Intake> {
        let schema = self.schema(said.dataset).ok_or_else(|| {
            let names = self.bureau.datasets.join(", ");
            wrong("dataset", &format!("must be one of {names}"), &format!("应为以下之一：{names}"))
        })?;
        let request =
            Uuid::try_parse(said.request_id).map_err(|_| wrong("request_id", "must be a uuid", "应为 UUID"))?;
        let batch_no = text::trim(said.batch_no);
        if batch_no.is_empty() || batch_no.chars().count() > MAX_BATCH_NO || text::has_unreadable(&batch_no) {
            return Err(wrong("batch_no", "must be a text of 1 to 64 characters", "应为 1 至 64 个字符"));
        }
        if said.mode == BatchMode::Unspecified {
            return Err(wrong("mode", "must be snapshot or changes", "应为全量（snapshot）或增量（changes）"));
        }
        let today = self.cx.clock.today();
        let as_of = text::date(said.as_of).filter(|d| *d <= today);
        let as_of = as_of
            .ok_or_else(|| wrong("as_of", "must be a real date and not in the future", "应为不晚于今天的有效日期"))?;
        if said.row_count.is_some_and(|n| n > MAX_ROWS) {
            let (en, zh) =
                (format!("must be at most {MAX_ROWS}; split the batch"), format!("不得超过 {MAX_ROWS}，请拆分批次"));
            return Err(wrong("row_count", &en, &zh));
        }
        let known = self.divisions.known().await?;
        let county = text::division(said.division_code).filter(|c| is_county(*c) && known.knows(*c));
        let county = county.ok_or_else(|| {
            wrong("division_code", "must be a known county, one batch a county", "应为已知县区代码，每县一批")
        })?;
        self.refuse_withdrawn(said).await?;
        Ok(Intake {
            schema,
            request_id: request,
            batch_no,
            mode: said.mode,
            county,
            as_of,
            row_count: said.row_count,
            today,
            keys: Arc::clone(&self.cx.keys),
            known,
            spool: Spool::default(),
            tally: Tally::default(),
            searched: 0,
        })
    }

    /// The batch's id, the same whenever the same request with the same good rows and the same findings comes again.
    fn batch_id(&self, intake: &Intake, quality: &BatchQuality) -> Uuid {
        let name = format!("minqing/adapter/{}/batch/{}", self.bureau.name, intake.request_id);
        let request = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes());
        let mut rows = intake.spool.digest().to_vec();
        rows.push(intake.trusted_mode() as u8);
        rows.extend(quality.encode_to_vec());
        Uuid::new_v5(&request, &rows)
    }

    /// Takes a whole batch in: compares, sends, closes, and keeps what became of it with the receipt for it.
    pub async fn finish(
        &self,
        intake: Intake,
        call: &Call,
        fingerprint: [u8; 32],
        received: Received,
    ) -> Result<SubmitBatchResponse> {
        if let Some(done) = self.cx.db.outcome(call, &intake.request_id.to_string(), fingerprint).await? {
            return Ok(done);
        }
        let mut intake = intake;
        intake.is_whole()?;
        let receipt = self.receipts.begin(intake.announced(self.number as i32), &received)?;
        self.compare(&mut intake).await?;
        let linked = intake.spool.linked().len();
        let quality = intake.tally.told(&intake.schema, intake.spool.faults(), linked);
        let id = self.batch_id(&intake, &quality);
        let (parts, changed) = self.send(id, &intake, quality).await?;
        let completed = self.cx.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let mut kept = intake.kept(id, (parts, changed), completed);
        kept.raw = received.raw;
        kept.receipt = self.receipts.sign(completed_receipt(receipt, id, &kept.batch))?;
        let kept = Arc::new(kept);
        let request_id = intake.request_id.to_string();
        self.cx
            .db
            .mutate_keyed(call, &request_id, fingerprint, move |w| {
                let kept = Arc::clone(&kept);
                Box::pin(async move {
                    store::insert_batch(w.conn(), &kept).await?;
                    let errors = kept.faults.iter().take(MAX_TOLD).map(|f| f.explain(&kept.schema)).collect();
                    let (batch, receipt) = (Some(kept.batch.clone()), Some(kept.receipt.clone()));
                    let notes = kept.linked.iter().take(MAX_TOLD).map(|row| linked_note(*row)).collect();
                    Ok(SubmitBatchResponse { batch, errors, receipt, notes })
                })
            })
            .await
    }

    /// Names against the register and each other, then keys against each other; for what is refused then, who may be
    /// meant.
    async fn compare(&self, intake: &mut Intake) -> Result<()> {
        let asked: Vec<_> = intake.spool.doubtful().iter().map(|d| (d.number_key, d.name_key)).collect();
        let links: Vec<_> = self.ask(&asked).await?.iter().map(|found| found.linked).collect();
        intake.spool.settle_doubtful(&links, &intake.schema, &intake.keys)?;
        let probes = intake.spool.probes();
        let asked: Vec<_> = probes.iter().map(|p| (p.person_key, p.name_key)).collect();
        let mut matches = self.ask(&asked).await?;
        let doubts = intake.spool.doubts(&probes, &matches, &intake.keys);
        let asked: Vec<_> = doubts.iter().map(|(at, key)| (probes[*at].person_key, *key)).collect();
        for ((at, _), found) in doubts.iter().zip(self.ask(&asked).await?) {
            matches[*at].spelling_agrees |= found.name_agrees;
        }
        intake.tally.compare(&probes, &matches);
        if let About::Person { name } = intake.schema.about {
            intake.spool.take_links(&probes, &matches, (&intake.schema, &intake.keys), name);
            intake.spool.refuse_names(&probes, &matches, name, &intake.keys);
        }
        intake.spool.refuse_duplicates();
        let of = Of {
            dataset: intake.schema.name(),
            batch_no: &intake.batch_no,
            division_code: format!("{:012}", intake.county),
        };
        let reviews = self.propose(Doubts::of(&intake.spool, &intake.keys), of).await?;
        intake.spool.remedy(&reviews);
        Ok(())
    }

    /// What the register knows of persons under names, one answer each.
    async fn ask(&self, persons: &[(Uuid, Uuid)]) -> Result<Vec<Match>> {
        let found = |m: PersonMatch| Match {
            known: m.known,
            name_agrees: m.name_agrees,
            spelling_agrees: false,
            linked: Uuid::try_parse(&m.linked_person_key).ok(),
        };
        let asked = persons.chunks(PROBES).map(<[_]>::to_vec);
        let told = stream::iter(asked.map(|some| async move { self.peers.match_persons(&some).await }));
        let told: Vec<_> = told.buffered(AT_ONCE).try_collect().await?;
        Ok(told.into_iter().flatten().map(found).collect())
    }

    /// Sends the parts and closes the batch; parts and changed rows.
    async fn send(&self, id: Uuid, intake: &Intake, quality: BatchQuality) -> Result<(i32, i32)> {
        let mode = intake.trusted_mode();
        let batch = BatchRef {
            batch_id: id.to_string(),
            bureau: self.number as i32,
            dataset: intake.schema.name().to_owned(),
            mode: mode as i32,
            division_code: format!("{:012}", intake.county),
            as_of: intake.as_of.to_string(),
        };
        // Whatever order they arrive in: a key stands in one part only, and closing counts the parts.
        let sent = intake.spool.parts().zip(1..).map(|(records, part_no)| {
            let request_id = Uuid::new_v5(&id, &i32::to_be_bytes(part_no)).to_string();
            let part = SubmitRecordsRequest { request_id, batch: Some(batch.clone()), part_no, records };
            self.peers.submit(part)
        });
        let parts = stream::iter(sent).buffer_unordered(AT_ONCE).try_fold(0, async |parts, ()| Ok(parts + 1)).await?;
        // Also when no row could be used: monitoring then keeps the findings and does not count the feed as delivered.
        let accepted = count(intake.spool.accepted());
        let refused = count(intake.spool.seen()) - accepted;
        let request_id = Uuid::new_v5(&id, b"close").to_string();
        let quality = Some(quality);
        let close = CloseBatchRequest { request_id, batch: Some(batch), parts, accepted, refused, quality };
        let closed = self.peers.close(close).await?;
        Ok((parts, closed.changed.clamp(0, accepted)))
    }
}

/// The rows that came are not the rows that were announced.
pub fn not_whole(said: u32, seen: u32) -> Error {
    let (en, zh) = if seen < said {
        ("the batch was cut, send it whole", "数据不完整，请重新报送")
    } else {
        ("say how many there are and send it again", "多于声明行数，请更正行数后重新报送")
    };
    Error::invalid(
        "ROW_COUNT_MISMATCH",
        format!("{said} rows were announced and {seen} came; {en}"),
        format!("批次声明 {said} 行、实收 {seen} 行，{zh}"),
    )
    .field("header.row_count", "must be the number of rows sent")
}

fn linked_note(row: i32) -> RowNote {
    RowNote {
        row,
        message: "number or name is at fault; taken as the person's that an operator has confirmed it to mean, to be \
                  corrected at the source"
            .to_owned(),
        message_zh: "号码或姓名有误，已按经办人员确认的身份接收，请在源头更正".to_owned(),
    }
}

/// What became of the batch, on its receipt.
fn completed_receipt(begun: Receipt, id: Uuid, batch: &Batch) -> Receipt {
    Receipt {
        name: minqing_kit::id::name(RECEIPTS, id),
        subject: batch.name.clone(),
        accepted: batch.accepted,
        refused: batch.refused,
        changed: batch.changed,
        issued_time: batch.completed_time.clone(),
        ..begun
    }
}

fn is_faulty_number(outcome: &Outcome) -> bool {
    let reason = match outcome {
        Outcome::Clean(_) => return false,
        Outcome::Doubtful(_) => return true,
        Outcome::Refused(fault) => fault.reason,
    };
    let faults = [RowReason::IdNumberMalformed, RowReason::IdNumberCheckDigit, RowReason::AgeImplausible];
    faults.contains(&reason)
}

fn is_county(code: u64) -> bool {
    code.is_multiple_of(1_000_000) && !(code / 1_000_000).is_multiple_of(100)
}

fn count(rows: u32) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX)
}

impl Intake {
    /// Checks and takes typed rows.
    pub fn take_typed(&mut self, rows: &[Any]) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        // Room was made for as many as were announced.
        let seen = self.spool.seen().saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if let Some(said) = self.row_count.filter(|said| seen > *said) {
            return Err(not_whole(said, seen));
        }
        for any in rows {
            let row = self.spool.seen() + 1;
            match RawRow::of_any(&schema, row, any) {
                Ok(raw) => self.take(row, raw)?,
                Err(fault) => self.refuse(fault)?,
            }
        }
        Ok(())
    }

    /// Checks and takes one row; `row` is its number in the file.
    pub fn take(&mut self, row: u32, mut raw: RawRow<'_>) -> Result<()> {
        self.tally.note(&mut raw);
        let known = Arc::clone(&self.known);
        let knows = move |code| known.knows(code);
        let searches = self.searched < MOST_DOUBTS;
        let checks = Checks { keys: &self.keys, today: self.today, knows: &knows, county: self.county, searches };
        let outcome = raw.judge(row, &checks);
        self.searched += usize::from(is_faulty_number(&outcome));
        self.spool.push(row, outcome)
    }

    /// Notes a row that cannot even be read.
    pub fn refuse(&mut self, fault: Fault) -> Result<()> {
        self.spool.push(fault.row, Outcome::Refused(fault))
    }

    /// Names the request the batch belongs to, for a transport that learns it only from the contents.
    pub fn belongs_to(&mut self, request_id: Uuid) {
        self.request_id = request_id;
    }

    /// A file without any row, whose sender did not say that it holds none, ends nothing.
    pub fn end_nothing_when_empty(&mut self) {
        if self.spool.seen() == 0 && self.row_count.is_none() {
            self.mode = BatchMode::Changes;
        }
    }

    fn is_whole(&self) -> Result<()> {
        let seen = self.spool.seen();
        match self.row_count {
            Some(said) if said != seen => Err(not_whole(said, seen)),
            _ => Ok(()),
        }
    }

    /// What the sender says of the batch and how many rows came, as its receipt has it.
    fn announced(&self, bureau: i32) -> Receipt {
        Receipt {
            bureau,
            batch_no: self.batch_no.clone(),
            dataset: self.schema.name().to_owned(),
            mode: self.mode as i32,
            division_code: format!("{:012}", self.county),
            as_of: self.as_of.to_string(),
            sent: count(self.spool.seen()),
            ..Receipt::default()
        }
    }

    fn trusted_mode(&self) -> BatchMode {
        let refused = self.spool.seen() - self.spool.accepted();
        if refused.saturating_mul(100) > self.spool.seen().saturating_mul(TRUSTED_REFUSALS) {
            BatchMode::Changes
        } else {
            self.mode
        }
    }

    fn kept(&mut self, id: Uuid, (parts, changed): (i32, i32), completed_time: String) -> store::KeptBatch {
        let mode = self.trusted_mode();
        let (sent, accepted) = (count(self.spool.seen()), count(self.spool.accepted()));
        let linked: Vec<i32> = self.spool.linked().into_iter().map(count).collect();
        let batch = Batch {
            name: minqing_kit::id::name("batches", id),
            batch_no: self.batch_no.clone(),
            dataset: self.schema.name().to_owned(),
            as_of: self.as_of.to_string(),
            sent,
            accepted,
            refused: sent - accepted,
            changed,
            completed_time,
            linked: i32::try_from(linked.len()).unwrap_or(i32::MAX),
        };
        store::KeptBatch {
            id,
            batch,
            mode: if mode == BatchMode::Snapshot { "snapshot" } else { "changes" },
            division_code: format!("{:012}", self.county),
            as_of: self.as_of,
            parts,
            faults: self.spool.faults().to_vec(),
            schema: Arc::clone(&self.schema),
            receipt: Receipt::default(),
            raw: None,
            linked,
        }
    }
}
