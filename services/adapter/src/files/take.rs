//! One taken file, from its name to its result: decides what it is, reads it off the runtime's threads, has the same
//! work done as for a call, writes what became of it, and only then moves it on.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use minqing_kit::{Call, Error};
use minqing_proto::minqing::bureau::v1::{Batch, DigestForm};
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use super::{
    Folder, Refusal, archive,
    forms::{Form, FormSink, Line},
    name::{self, BatchName, Format, Kind},
    read::{self, Look},
    result::{self, Table},
    table::BatchSink,
};
use crate::{
    Result,
    batch::{Announced, Intake},
    core::Core,
    raw,
    receipt::{self, Received},
    report::{Outcome, Report, Told},
    store::{self, FileRow},
    waiting::is_passing,
};

const ERRORS_A_PAGE: i64 = 5_000;
/// Rows named that were taken by a decision.
const LINKED_TOLD: i32 = 100;

/// A file under way.
struct Taken<'a> {
    core: &'a Core,
    call: Call,
    name: &'a str,
    path: PathBuf,
    look: Arc<Look>,
    /// The same for the same name and content.
    request_id: Uuid,
}

/// Takes a file in; an error means that it stays and is tried again.
pub async fn file(core: &Core, folder: &Folder, name: &str) -> Result<()> {
    let path = folder.taken().join(name);
    if archive::is_archive(name) {
        archive::take::archive(core, folder, name, &path).await?;
    } else {
        one(core, folder, name, &path).await?;
    }
    let to = folder.done().join(name);
    fs::rename(&path, &to).and_then(|()| result::sync_folder(&to)).map_err(Error::bug)
}

/// Takes in what lies at `path` as a file dropped under this name, and tells what became of it.
pub async fn one(core: &Core, folder: &Folder, name: &str, path: &Path) -> Result<Outcome> {
    let look = look(path).await?;
    let request_id = request_id(core, name, &look);
    let title = |t: &str| core.dataset_titled(t);
    let kind = name::parse(name, &title);
    let word = kind.as_ref().map_or("unknown", |(kind, _)| kind.word());
    let row = FileRow { name, digest: look.digest, kind: word, request_id };
    store::file_taken(&mut *core.cx.db.acquire().await?, &row).await?;
    let digest = look.digest;
    let call = Call::worker(&core.cx.name, "files");
    let taken = Taken { core, call, name, path: path.to_owned(), look: Arc::new(look), request_id };
    let outcome = match kind {
        Err(refusal) => Ok(Outcome::Refused(refusal)),
        Ok((Kind::Batch(said), format)) => taken.batch(said, format).await,
        Ok((Kind::Form(form), format)) => taken.form(format, form).await,
    };
    let outcome = match outcome {
        Err(error) if is_passing(&error) => return Err(error),
        Err(error) => Outcome::Refused(Refusal::of(&error)),
        Ok(outcome) => outcome,
    };
    taken.tell(folder, &outcome).await?;
    store::file_ended(&mut *core.cx.db.acquire().await?, name, digest, outcome.reason()).await?;
    tracing::info!(file.kind = word, reason = outcome.reason(), "a file was taken in");
    Ok(outcome)
}

pub async fn look(path: &Path) -> Result<Look> {
    let path = path.to_owned();
    blocking(move || read::look(&path)).await?.map_err(Error::bug)
}

pub fn request_id(core: &Core, name: &str, look: &Look) -> Uuid {
    let mut text = format!("minqing/adapter/{}/file/{name}/", core.bureau.name).into_bytes();
    text.extend_from_slice(&look.digest);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, &text)
}

pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::bug)
}

impl Taken<'_> {
    async fn batch(&self, said: BatchName, format: Format) -> Result<Outcome> {
        let request_id = self.request_id.to_string();
        let announced = Announced {
            request_id: &request_id,
            batch_no: &said.batch_no,
            dataset: &said.dataset,
            mode: said.mode,
            division_code: &said.division,
            as_of: &said.as_of,
            row_count: said.row_count,
        };
        // Dropped again after it was withdrawn, it must not look as if it counted.
        self.core.refuse_withdrawn(&announced).await?;
        if let Some(done) = self.core.cx.db.outcome(&self.call, &request_id, self.look.digest).await? {
            return Ok(Outcome::of(done));
        }
        let intake = self.core.open(&announced).await?;
        let raw = raw::Writer::begin(self.core, &announced, format.word()).await?;
        let id = raw.id();
        let outcome = self.store_and_read(raw, intake, format).await;
        raw::settle(self.core, id, &outcome).await;
        outcome
    }

    /// Stores the file as it came, then reads it.
    async fn store_and_read(&self, mut raw: raw::Writer, mut intake: Intake, format: Format) -> Result<Outcome> {
        // What is too large is refused unread below.
        if self.look.size <= read::MAX_FILE {
            let mut file = tokio::fs::File::open(&self.path).await.map_err(Error::bug)?;
            let mut buffer = vec![0; raw::PIECE];
            loop {
                match file.read(&mut buffer).await.map_err(Error::bug)? {
                    0 => break,
                    read => raw.write(&buffer[..read]).await?,
                }
            }
        }
        let stored = raw.finish().await?;
        if stored.digest != self.look.digest && self.look.size <= read::MAX_FILE {
            return Err(Error::unavailable("FILE_CHANGES", "the file is being written", "文件仍在写入"));
        }
        let (path, look) = (self.path.clone(), Arc::clone(&self.look));
        let read = blocking(move || -> Result<Intake, Refusal> {
            read::read(&path, format, &look, &mut BatchSink::new(&mut intake))?;
            intake.end_nothing_when_empty();
            Ok(intake)
        });
        match read.await? {
            Err(refusal) => Ok(Outcome::Refused(refusal)),
            Ok(intake) => {
                let digest = self.look.digest;
                let received = Received { form: DigestForm::File, digest, signature: None, raw: Some(stored.id) };
                Ok(Outcome::of(self.core.finish(intake, &self.call, digest, received).await?))
            }
        }
    }

    async fn lines(&self, format: Format, form: Form) -> Result<Result<Vec<Line>, Refusal>> {
        let (path, look) = (self.path.clone(), Arc::clone(&self.look));
        blocking(move || {
            let mut sink = FormSink::new(form.columns());
            read::read(&path, format, &look, &mut sink)?;
            Ok(sink.lines)
        })
        .await
    }

    async fn form(&self, format: Format, form: Form) -> Result<Outcome> {
        let lines = match self.lines(format, form).await? {
            Ok(lines) => lines,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let report = Report { core: self.core, call: &self.call, request_id: self.request_id };
        report.lines(form, &lines).await
    }

    /// Writes the receipts, then the result file: who sees the result finds the receipts.
    async fn tell(&self, folder: &Folder, outcome: &Outcome) -> Result<()> {
        if !outcome.receipts().is_empty() {
            let content = receipt::to_json(outcome.receipts()).map_err(Error::bug)?;
            let (to, name) = (folder.result(), result::receipt_name(self.name));
            blocking(move || result::write_whole(&to, &name, &content)).await?.map_err(Error::bug)?;
        }
        let (to, name) = (folder.result(), result::result_name(self.name));
        let mut head = vec![("文件 file", self.name.to_owned())];
        let mut lines = Vec::new();
        match outcome {
            Outcome::Batch(batch, _) => {
                head.extend(batch_head(batch));
                head.extend(self.linked_head(batch).await?);
            }
            Outcome::Form(sent, told, _) => {
                head.push(("结果 outcome", "已接收 taken".to_owned()));
                head.push(("报送 sent", sent.to_string()));
                let refused = Told::lines(told);
                head.push(("接收 accepted", (sent - refused).to_string()));
                head.push(("退回 refused", refused.to_string()));
                let row = |t: &Told| if t.row == 0 { String::new() } else { t.row.to_string() };
                let line = |t: &Told| [row(t), t.column.clone(), t.reason.to_owned(), t.zh.clone(), t.en.clone()];
                lines.extend(told.iter().map(line));
            }
            Outcome::Refused(r) => {
                head.push(("结果 outcome", "整个文件退回 file refused".to_owned()));
                lines.push([String::new(), r.column.clone(), r.reason.clone(), r.zh.clone(), r.en.clone()]);
            }
        }
        let started = blocking(move || -> std::io::Result<Table> {
            let mut table = Table::create(&to, &name)?;
            for (key, value) in &head {
                table.line([*key, value.as_str()])?;
            }
            table.line(["行号 row", "列名 column", "原因 reason", "说明", "message"])?;
            for line in &lines {
                table.line(line.iter().map(String::as_str))?;
            }
            Ok(table)
        });
        let mut table = started.await?.map_err(Error::bug)?;
        if let Outcome::Batch(batch, _) = outcome {
            table = self.tell_rows(table, batch).await?;
        }
        blocking(move || table.finish()).await?.map_err(Error::bug)
    }

    /// Says which rows were taken as a person's by a decision, if any were.
    async fn linked_head(&self, batch: &Batch) -> Result<Vec<(&'static str, String)>> {
        if batch.linked == 0 {
            return Ok(Vec::new());
        }
        let id = minqing_kit::id::parse_name("batches", &batch.name, "name")?;
        let mut conn = self.core.cx.db.acquire().await?;
        let rows = store::linked_rows(&mut conn, id, LINKED_TOLD).await?;
        let rows: Vec<String> = rows.iter().map(i32::to_string).collect();
        Ok(vec![
            ("按已确认身份接收 linked", batch.linked.to_string()),
            ("按已确认身份接收的行（请在源头更正） linked rows, to be corrected at the source", rows.join(" ")),
        ])
    }

    /// Adds a batch's refused rows, page by page.
    async fn tell_rows(&self, mut table: Table, batch: &Batch) -> Result<Table> {
        let id = minqing_kit::id::parse_name("batches", &batch.name, "name")?;
        let mut after = 0;
        loop {
            let mut conn = self.core.cx.db.acquire().await?;
            let errors = store::row_errors(&mut conn, id, after, ERRORS_A_PAGE).await?;
            drop(conn);
            let Some(last) = errors.last() else { return Ok(table) };
            after = last.row;
            let written = blocking(move || -> std::io::Result<Table> {
                for e in &errors {
                    let reason = e.reason().as_str_name().trim_start_matches("ROW_REASON_");
                    table.line([e.row.to_string().as_str(), &e.header, reason, &e.message_zh, &e.message])?;
                }
                Ok(table)
            });
            table = written.await?.map_err(Error::bug)?;
        }
    }
}

fn batch_head(batch: &Batch) -> [(&'static str, String); 9] {
    [
        ("结果 outcome", "已接收 taken".to_owned()),
        ("批次 batch", batch.name.clone()),
        ("批次号 batch_no", batch.batch_no.clone()),
        ("数据集 dataset", batch.dataset.clone()),
        ("数据日期 as_of", batch.as_of.clone()),
        ("报送 sent", batch.sent.to_string()),
        ("接收 accepted", batch.accepted.to_string()),
        ("退回 refused", batch.refused.to_string()),
        ("变化 changed", batch.changed.to_string()),
    ]
}
