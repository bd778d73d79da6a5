//! Database table exchange (库表交换), the transport of bureaus that let the adapter into a database of theirs. A batch
//! is taken when its control row says that it is ready, read in one transaction, done like any other batch, and its
//! result is written with the refused rows in one transaction of the bureau's database. Between these steps the adapter
//! may be killed: request ids follow from the contents, and a result that is there is not written again.

mod control;
mod database;
pub mod outbox;
mod source;
mod sql;
mod store;
mod tell;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use minqing_kit::{
    Call, Error, id,
    reconcile::{Pass, Reconciler},
};
use minqing_proto::minqing::types::v1::BatchMode;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use self::{control::Control, database::Database, sql::Dialect};
use self::{
    control::Kind,
    database::Link,
    source::{Announced, Source},
};
use crate::{
    Result,
    batch::{self, Intake},
    core::Core,
    files::{
        Refusal,
        forms::{Form, FormSink},
        table::BatchSink,
    },
    report::{Outcome, Report},
    waiting::{Waiting, is_passing},
};

const EVERY: Duration = Duration::from_secs(3);
/// Batches taken in by one pass.
const BATCHES_A_PASS: usize = 4;

/// Steps of one batch, in order. What each leaves behind is durable before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The adapter has noted the batch.
    Seen,
    /// Its rows are with monitoring and the outcome is kept; a form's lines are with feedback.
    Taken,
    /// The adapter's note says which outcome it is.
    Noted,
    /// The bureau's database holds the result.
    Told,
    /// The adapter's note says so.
    Closed,
}

/// Takes batches in.
pub struct Watcher {
    core: Arc<Core>,
    database: Arc<Database>,
    call: Call,
    /// Batches whose services were away.
    waiting: Waiting,
}

impl Watcher {
    pub fn new(core: Arc<Core>, database: Arc<Database>) -> Watcher {
        let call = Call::worker(&core.cx.name, "tables");
        Watcher { core, database, call, waiting: Waiting::default() }
    }

    /// Batches that are ready and have no result yet.
    pub async fn ready(&self) -> Result<Vec<Control>> {
        let mut held = self.database.open().await?;
        let ready = control::ready(&mut held.link).await?;
        held.keep();
        Ok(ready)
    }

    async fn pass(&self) -> Result<Pass> {
        let ready = self.ready().await?;
        let mut did = 0;
        for control in ready.iter().filter(|c| self.waiting.may_try(&c.batch_no)).take(BATCHES_A_PASS) {
            match self.advance(control, Step::Closed).await {
                Ok(()) => {
                    did += 1;
                    self.waiting.end(&control.batch_no);
                }
                // No other batch can be read either; the frame waits longer each time and shows why.
                Err(error) if error.reason() == database::AWAY => return Err(error),
                Err(error) => self.waiting.put_off(&control.batch_no, &error),
            }
        }
        let wait = ready.len() - usize::try_from(did).unwrap_or_default();
        Ok(Pass { did, caught_up: wait == 0, detail: format!("{wait} batches wait") })
    }

    /// Carries a batch to the end of `last`, from wherever it stands. An error means that it is tried again.
    pub async fn advance(&self, control: &Control, last: Step) -> Result<()> {
        let db = &self.core.cx.db;
        let kind = control.kind();
        let (no, digest) = (control.batch_no.as_str(), control.digest());
        let before = store::seen(&mut *db.acquire().await?, no, digest, word(kind.as_ref().ok())).await?;
        if last == Step::Seen {
            return Ok(());
        }
        let outcome = self.outcome(control, kind, before).await?;
        if last == Step::Taken {
            return Ok(());
        }
        if let Outcome::Batch(batch) = &outcome {
            let id = id::parse_name("batches", &batch.name, "name")?;
            store::done(&mut *db.acquire().await?, no, digest, id).await?;
        }
        if last == Step::Noted {
            return Ok(());
        }
        let mut held = self.database.open().await?;
        tell::tell(&self.core, &mut held.link, control, &outcome).await?;
        held.keep();
        if last == Step::Told {
            return Ok(());
        }
        let reason = if let Outcome::Refused(refusal) = &outcome { refusal.reason.as_str() } else { "" };
        store::told(&mut *db.acquire().await?, no, digest, reason).await?;
        tracing::info!(reason, "a batch of an exchange table was taken in");
        Ok(())
    }

    async fn outcome(&self, control: &Control, kind: Result<Kind, Refusal>, before: Option<Uuid>) -> Result<Outcome> {
        if let Some(id) = before {
            // It is certain what became of it, so the bureau's rows are not read again.
            let batch = crate::store::batch(&mut *self.core.cx.db.acquire().await?, id).await?;
            return batch.map(Outcome::Batch).ok_or_else(|| Error::bug(anyhow::anyhow!("a batch noted is not there")));
        }
        let outcome = match kind {
            Err(refusal) => Ok(Outcome::Refused(refusal)),
            Ok(Kind::Rows(mode)) => self.batch(control, mode).await,
            Ok(Kind::Form(form)) => self.form(control, form).await,
        };
        match outcome {
            Err(error) if is_passing(&error) => Err(error),
            Err(error) => Ok(Outcome::Refused(Refusal::of(&error))),
            outcome => outcome,
        }
    }

    async fn batch(&self, control: &Control, mode: BatchMode) -> Result<Outcome> {
        let rows = match control.rows() {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let dataset = control.dataset(&self.core);
        let said = batch::Announced {
            // Only what is read tells which request it is.
            request_id: &Uuid::nil().to_string(),
            batch_no: &control.batch_no,
            dataset: &dataset,
            mode,
            division_code: &control.county,
            as_of: &control.as_of,
            row_count: Some(rows),
        };
        let intake = self.core.open(&said).await?;
        let read = self.read(control, &dataset, rows, BatchSink::new(intake)).await?;
        let (mut intake, digest): (Intake, _) = match read {
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
            Ok((sink, digest)) => (sink.into_intake(), digest),
        };
        intake.belongs_to(self.request_id(control, digest));
        let answer = self.core.finish(intake, &self.call, digest).await?;
        Ok(Outcome::Batch(answer.batch.unwrap_or_default()))
    }

    async fn form(&self, control: &Control, form: Form) -> Result<Outcome> {
        let rows = match control.rows() {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let read = self.read(control, &control.dataset, rows, FormSink::new(form.columns())).await?;
        let (lines, digest) = match read {
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
            Ok((sink, digest)) => (sink.lines, digest),
        };
        let seen = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        if seen != rows {
            return Err(batch::not_whole(rows, seen));
        }
        let request_id = self.request_id(control, digest);
        let report = Report { core: &self.core, call: &self.call, request_id };
        Ok(Outcome::Form(lines.len(), report.lines(form, &lines).await?))
    }

    /// Reads the batch's rows as they stand at one moment.
    async fn read<S: crate::files::read::Sink + Send + 'static>(
        &self,
        control: &Control,
        name: &str,
        rows: u32,
        sink: S,
    ) -> Result<Result<(S, [u8; 32]), Refusal>> {
        let mut held = self.database.open().await?;
        let source = match Source::find(&mut held.link, name).await? {
            Ok(source) => source,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let announced = Announced { batch_no: &control.batch_no, rows, head: control.digest() };
        held.link.begin_reading().await?;
        let read = source.read(&mut held.link, &announced, sink).await?;
        held.link.end().await?;
        held.keep();
        Ok(read)
    }

    /// The same for the same number, control row and rows.
    fn request_id(&self, control: &Control, digest: [u8; 32]) -> Uuid {
        let mut text = format!("minqing/adapter/{}/table/{}/", self.core.bureau.name, control.batch_no).into_bytes();
        text.extend_from_slice(&Sha256::digest(digest));
        Uuid::new_v5(&Uuid::NAMESPACE_URL, &text)
    }
}

/// As the own table writes it.
fn word(kind: Option<&Kind>) -> &'static str {
    match kind {
        None => "unknown",
        Some(Kind::Rows(_)) => "batch",
        Some(Kind::Form(Form::Receipt)) => "receipt",
        Some(Kind::Form(Form::Feedback)) => "feedback",
    }
}

impl Reconciler for Watcher {
    fn name(&self) -> &'static str {
        "tables"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run_once(&self) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.pass())
    }
}

/// Whether a table of ours in the bureau's database holds the key already.
async fn holds(link: &mut Link, table: &str, column: &str, key: &str) -> Result<bool> {
    let sql = sql::Sql::new(link.dialect(), &format!("select '1' from {table} where {column} = ")).value(key);
    Ok(!link.ask(sql.add(" limit 1")).await?.is_empty())
}
