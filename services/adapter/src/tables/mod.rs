//! Database table exchange (库表交换), the transport of bureaus that let the adapter into a database of theirs. A batch
//! is taken when its control row says that it is ready, or when a feed's mark has moved; its rows are read in one
//! transaction and sealed, done like those of any other batch, and the result is written with the refused rows and the
//! signed receipt in one transaction of the bureau's database. Between these steps the adapter may be killed: request
//! ids follow from the contents, and a result that is there is not written again.

pub mod canonical;
mod control;
mod database;
mod feed;
pub mod outbox;
mod source;
mod sql;
mod store;
mod take;
mod tell;
pub mod verification;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use minqing_kit::{
    Call, id,
    reconcile::{Pass, Reconciler},
};
use uuid::Uuid;

pub use self::{control::Control, database::Database, sql::Dialect};
use self::{control::Kind, database::Link, take::Taken};
use crate::{Result, core::Core, report::Outcome, waiting::Waiting};

const EVERY: Duration = Duration::from_secs(3);
/// Batches taken in by one pass.
const BATCHES_A_PASS: usize = 4;
/// Notes looked at in one pass, whether the bureau has the result already.
const NOTES_A_PASS: i64 = 100;

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

impl Step {
    pub const ALL: [Step; 5] = [Step::Seen, Step::Taken, Step::Noted, Step::Told, Step::Closed];
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
        self.close_told(&mut held.link).await?;
        let mut ready = control::ready(&mut held.link).await?;
        ready.extend(feed::ready(&self.core, &mut held.link).await?);
        held.keep();
        Ok(ready)
    }

    /// Closes the notes of batches whose result was written by who died before he could note it.
    async fn close_told(&self, link: &mut Link) -> Result<()> {
        let untold = store::untold(&mut *self.core.cx.db.acquire().await?, NOTES_A_PASS).await?;
        for (no, reason) in tell::results(link, &untold).await? {
            self.told(&no, &reason).await?;
        }
        Ok(())
    }

    async fn told(&self, batch_no: &str, reason: &str) -> Result<()> {
        let (no, reason) = (batch_no.to_owned(), reason.to_owned());
        self.core
            .cx
            .db
            .change(&self.call, move |w| {
                let (no, reason) = (no.clone(), reason.clone());
                Box::pin(async move { store::told(w.conn(), &no, &reason).await })
            })
            .await
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
        // A feed may have its next stretch ready.
        let more = ready.iter().any(|c| c.span.is_some()) && did > 0;
        Ok(Pass { did, caught_up: wait == 0 && !more, detail: format!("{wait} batches wait") })
    }

    /// Carries a batch to the end of `last`, from wherever it stands. An error means that it is tried again.
    pub async fn advance(&self, control: &Control, last: Step) -> Result<()> {
        let db = &self.core.cx.db;
        let (no, digest) = (control.batch_no.as_str(), control.digest());
        let word = word(control.kind().as_ref().ok());
        let before = store::seen(&mut *db.acquire().await?, no, digest, word).await?;
        if last == Step::Seen {
            return Ok(());
        }
        let taken = self.outcome(control, before).await?;
        if last == Step::Taken {
            return Ok(());
        }
        if let Outcome::Batch(batch, _) = &taken.outcome {
            let id = id::parse_name("batches", &batch.name, "name")?;
            store::done(&mut *db.acquire().await?, no, digest, id).await?;
        }
        if last == Step::Noted {
            return Ok(());
        }
        let mut held = self.database.open().await?;
        tell::tell(&self.core, &mut held.link, control, &taken).await?;
        held.keep();
        if last == Step::Told {
            return Ok(());
        }
        let reason = taken.outcome.reason();
        self.told(no, reason).await?;
        tracing::info!(reason, "a batch of an exchange table was taken in");
        Ok(())
    }

    async fn outcome(&self, control: &Control, before: Option<Uuid>) -> Result<Taken> {
        match before {
            // It is certain what became of it, so the bureau's rows are not read again.
            Some(id) => take::before(&self.core, id).await,
            None => take::Take { core: &self.core, database: &self.database, call: &self.call, control }.run().await,
        }
    }
}

/// As the own table writes it.
fn word(kind: Option<&Kind>) -> &'static str {
    match kind {
        None => "unknown",
        Some(Kind::Rows(_)) => "batch",
        Some(Kind::Form(form)) => form.word(),
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

/// Whether the bureau's table has a row with this key.
async fn holds(link: &mut Link, table: &str, column: &str, key: &str) -> Result<bool> {
    let sql = sql::Sql::new(link.dialect(), &format!("select '1' from {table} where ")).same(column, key);
    Ok(!link.ask(sql.add(" limit 1")).await?.is_empty())
}
