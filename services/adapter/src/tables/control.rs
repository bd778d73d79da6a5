//! Control rows: `mq_batch` says which batch is ready and how many rows it has, so a half-written one is never taken.
//! A batch is known again by everything its row says: a row altered under way is another batch. What the adapter cuts
//! from a feed (`feed`) has no such row and is told like one that has.

use minqing_proto::minqing::types::v1::BatchMode;
use sha2::{Digest as _, Sha256};

use super::{
    database::Link,
    source::Rows,
    sql::{Dialect, Sql, cast},
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
    pub ready_at: String,
    /// Where it lies in its feed; none for a batch of numbered rows.
    pub span: Option<Span>,
}

/// A stretch of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The last place of the stretch before.
    pub after: Option<i64>,
    /// The last place of this one.
    pub to: i64,
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
        if let Some(span) = self.span {
            digest.update(span.after.unwrap_or(i64::MIN).to_be_bytes());
            digest.update(span.to.to_be_bytes());
        }
        digest.finalize().into()
    }

    /// The dataset by its name, however the row writes it.
    pub fn dataset(&self, core: &Core) -> String {
        core.dataset_titled(&self.dataset).unwrap_or_else(|| self.dataset.clone())
    }

    /// Name of what holds its rows, without the prefix of all exchange tables.
    pub fn table(&self, core: &Core) -> String {
        Form::named(&self.dataset).map_or_else(|| self.dataset(core), |form| form.word().to_owned())
    }

    /// Which rows of that table it is.
    pub fn which(&self) -> Rows<'_> {
        match self.span {
            None => Rows::Numbered(&self.batch_no),
            Some(Span { after, to }) => Rows::Between { county: &self.county, after, to },
        }
    }

    pub fn kind(&self) -> Result<Kind, Refusal> {
        if self.span.is_some() {
            return Ok(Kind::Rows(BatchMode::Changes));
        }
        if let Some(form) = Form::named(&self.dataset) {
            return Ok(Kind::Form(form));
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

    /// Rows announced; none for a stretch of a feed, which holds what it holds.
    pub fn rows(&self) -> Result<Option<u32>, Refusal> {
        if self.span.is_some() {
            return Ok(None);
        }
        self.row_count.parse().map(Some).map_err(|_| {
            let (en, zh) = ("row_count must be the number of rows of the batch", "row_count 应为本批次行数");
            refusal("CONTROL_ROW", en, zh).of_column("row_count")
        })
    }
}

/// Batches that are ready and have no result yet, the longest waiting first.
pub async fn ready(link: &mut Link) -> Result<Vec<Control>> {
    let dialect = link.dialect();
    let no = cast(dialect, "b.batch_no");
    // Two tables may compare texts each in its own way; a number means what it says.
    let own = if dialect == Dialect::Postgres {
        no.clone()
    } else {
        format!("convert({no} using utf8mb4) collate utf8mb4_bin")
    };
    let sql = start(dialect).add(&format!(
        " where b.ready_at is not null and char_length({no}) between 1 and {LONGEST_NO} \
         and not exists (select 1 from mq_batch_result r where r.batch_no = {own}) \
         order by b.ready_at, b.batch_no limit {READY}"
    ));
    let rows = link.ask(sql).await?;
    let ready: Vec<_> = rows.iter().filter_map(|row| control(row)).collect();
    if ready.len() < rows.len() {
        let rows = rows.len() - ready.len();
        tracing::warn!(rows, "control rows whose batch number cannot be read are left alone");
    }
    Ok(ready)
}

/// The control row of a batch as it stands now, when it is still there.
pub async fn again(link: &mut Link, batch_no: &str) -> Result<Option<Control>> {
    let sql = start(link.dialect()).add(" where ").same("b.batch_no", batch_no).add(" limit 1");
    Ok(link.ask(sql).await?.first().and_then(|row| control(row)))
}

fn start(dialect: Dialect) -> Sql {
    let mut sql = Sql::new(dialect, &format!("select {}", cast(dialect, "b.batch_no")));
    for column in ["b.dataset", "b.county", "b.as_of", "b.mode", "b.row_count", "b.ready_at"] {
        sql = sql.add(&format!(", left({}, {LONGEST})", cast(dialect, column)));
    }
    sql.add(" from mq_batch b")
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
        span: None,
    };
    // The number is the key under which the result is told, so it has to come back as it was.
    let told = matches!(row.first(), Some(Cell::Text(no)) if *no == control.batch_no);
    (told && is_number(&control.batch_no)).then(|| Control {
        // Texts that cannot be read are refused by the checks that need them, and never stored.
        dataset: readable(&control.dataset),
        ..control
    })
}

/// Whether a text can be a batch's number and be told again as it was.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && !text::has_unreadable(text) && text.chars().count() <= LONGEST_NO
}

pub fn readable(text: &str) -> String {
    if text::has_unreadable(text) { String::new() } else { text.to_owned() }
}
