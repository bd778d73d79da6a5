//! Control rows: `mq_batch` says which batch is ready and how many rows it has, so a half-written one is never taken.
//! A control row is known again by its contents: a number used again for another batch is another batch.

use minqing_proto::minqing::types::v1::BatchMode;
use sha2::{Digest as _, Sha256};

use super::{
    database::Link,
    sql::{Sql, cast},
};
use crate::{
    Result,
    core::Core,
    files::{Refusal, forms::Form, refusal},
    row::{Cell, text},
};

/// Control rows looked at in one pass.
const READY: usize = 200;
/// Longest batch number, as the contract has it.
const LONGEST_NO: usize = 64;
/// Longest text of any other control column that can mean something.
const LONGEST: usize = 100;

/// A batch that its bureau has declared ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub batch_no: String,
    pub dataset: String,
    pub county: String,
    pub as_of: String,
    pub mode: String,
    pub row_count: String,
    ready_at: String,
}

/// What a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rows(BatchMode),
    Form(Form),
}

impl Control {
    /// Of everything the row says.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for text in
            [&self.batch_no, &self.dataset, &self.county, &self.as_of, &self.mode, &self.row_count, &self.ready_at]
        {
            digest.update(text.len().to_be_bytes());
            digest.update(text.as_bytes());
        }
        digest.finalize().into()
    }

    /// The dataset by its name, however the row writes it.
    pub fn dataset(&self, core: &Core) -> String {
        core.dataset_titled(&self.dataset).unwrap_or_else(|| self.dataset.clone())
    }

    pub fn kind(&self) -> Result<Kind, Refusal> {
        match self.dataset.as_str() {
            "receipt" => return Ok(Kind::Form(Form::Receipt)),
            "feedback" => return Ok(Kind::Form(Form::Feedback)),
            _ => {}
        }
        match self.mode.to_lowercase().as_str() {
            "snapshot" | "全量" => Ok(Kind::Rows(BatchMode::Snapshot)),
            "changes" | "增量" => Ok(Kind::Rows(BatchMode::Changes)),
            _ => {
                let (en, zh) = ("mode must be snapshot or changes", "mode 应为 snapshot（全量）或 changes（增量）");
                Err(refusal("CONTROL_ROW", en, zh).of_column("mode"))
            }
        }
    }

    pub fn rows(&self) -> Result<u32, Refusal> {
        self.row_count.parse().map_err(|_| {
            let (en, zh) = ("row_count must be the number of rows of the batch", "row_count 应为本批次行数");
            refusal("CONTROL_ROW", en, zh).of_column("row_count")
        })
    }
}

/// Batches that are ready and have no result yet, the longest waiting first.
pub async fn ready(link: &mut Link) -> Result<Vec<Control>> {
    let dialect = link.dialect();
    let no = cast(dialect, "b.batch_no");
    let mut sql = Sql::new(dialect, &format!("select {no}"));
    for column in ["b.dataset", "b.county", "b.as_of", "b.mode", "b.row_count", "b.ready_at"] {
        sql = sql.add(&format!(", left({}, {LONGEST})", cast(dialect, column)));
    }
    let sql = sql.add(&format!(
        " from mq_batch b where b.ready_at is not null and char_length({no}) between 1 and {LONGEST_NO} \
         and not exists (select 1 from mq_batch_result r where r.batch_no = b.batch_no) \
         order by b.ready_at, b.batch_no limit {READY}"
    ));
    let rows = link.ask(sql).await?;
    let ready: Vec<_> = rows.iter().filter_map(|row| control(row)).collect();
    if ready.len() < rows.len() {
        tracing::warn!(
            rows = rows.len() - ready.len(),
            "control rows whose batch number cannot be read are left alone"
        );
    }
    Ok(ready)
}

fn control(row: &[Cell]) -> Option<Control> {
    let mut texts = row.iter().map(|cell| match cell {
        Cell::Text(text) => text::trim(text),
        _ => String::new(),
    });
    let mut next = || texts.next().unwrap_or_default();
    let control = Control {
        batch_no: next(),
        dataset: next(),
        county: next(),
        as_of: next(),
        mode: next(),
        row_count: next(),
        ready_at: next(),
    };
    // The number is the key under which the result is told, so it has to come back as it was.
    let told = matches!(row.first(), Some(Cell::Text(no)) if *no == control.batch_no);
    (told && !control.batch_no.is_empty() && !text::has_unreadable(&control.batch_no)).then(|| Control {
        // Texts that cannot be read are refused by the checks that need them, and never stored.
        dataset: readable(&control.dataset),
        ..control
    })
}

fn readable(text: &str) -> String {
    if text::has_unreadable(text) { String::new() } else { text.to_owned() }
}
