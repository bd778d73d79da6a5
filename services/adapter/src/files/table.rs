//! A batch file's lines as rows of its dataset: the header is matched once, then every line goes the same way as a
//! typed row.

use std::sync::Arc;

use minqing_proto::minqing::types::v1::RowReason;

use super::{Refusal, read::Sink, refusal};
use crate::{
    batch::Intake,
    row::{
        Cell, Fault, RawRow,
        schema::{Form, Schema},
        text::{self, Scale},
    },
};

/// Longest echo of an unknown header.
const MAX_ECHO: usize = 40;

/// Where each column of a file goes.
pub struct Mapping {
    places: Vec<usize>,
    scales: Vec<Scale>,
}

impl Mapping {
    /// A line's cells as a row.
    pub fn row<'a>(&'a self, schema: &'a Schema, cells: Vec<Cell>) -> RawRow<'a> {
        let mut placed = vec![Cell::Empty; schema.columns.len()];
        for (place, cell) in self.places.iter().zip(cells) {
            placed[*place] = cell;
        }
        RawRow::new(schema, placed, &self.scales)
    }
}

/// Matches a file's header with the dataset's columns.
pub fn map_header(schema: &Schema, header: &[String]) -> Result<Mapping, Refusal> {
    let known = header.iter().filter(|h| schema.header(h).is_some()).count();
    let mut mapping = Mapping { places: Vec::new(), scales: vec![Scale::One; schema.columns.len()] };
    for (at, name) in header.iter().enumerate() {
        // A file without a header line has a person's data there: names are echoed only from what is a header.
        let echo = (known * 2 > header.len()).then(|| echo(name));
        let Some((place, scale)) = schema.header(name) else { return Err(unknown(at, echo)) };
        if mapping.places.contains(&place) {
            let (en, zh) = ("the column stands twice in the header", "表头中该列重复");
            return Err(refusal("DUPLICATE_COLUMN", en, zh).of_column(&echo.unwrap_or_default()));
        }
        mapping.places.push(place);
        mapping.scales[place] = scale;
    }
    let needed = |c: &crate::row::schema::Column| c.required || matches!(c.form, Form::Number | Form::Truth);
    let missing = schema.columns.iter().enumerate().find(|(at, c)| needed(c) && !mapping.places.contains(at));
    match missing {
        None => Ok(mapping),
        Some((_, column)) => {
            let (en, zh) = ("the file lacks a required column; add it", "文件缺少必填列，请补充");
            let reason = RowReason::RequiredValueMissing.as_str_name().trim_start_matches("ROW_REASON_");
            Err(refusal(reason, en, zh).of_column(&column.header))
        }
    }
}

fn unknown(at: usize, echo: Option<String>) -> Refusal {
    let (en, zh) = (
        "the dataset has no such column; remove it or use the header of the contract (the text may also be in another encoding than UTF-8 or GB18030)",
        "数据集没有该列，请删除或改用规范表头（也可能是文件编码既非 UTF-8 也非 GB18030）",
    );
    let column = echo.filter(|e| !e.is_empty()).unwrap_or_else(|| format!("第{}列 (column {})", at + 1, at + 1));
    refusal("UNKNOWN_COLUMN", en, zh).of_column(&column)
}

fn echo(header: &str) -> String {
    text::trim(header).chars().filter(|c| !c.is_control()).take(MAX_ECHO).collect()
}

/// Takes a file's lines into a batch.
pub struct BatchSink<'a> {
    schema: Arc<Schema>,
    intake: &'a mut Intake,
    mapping: Option<Mapping>,
}

impl<'a> BatchSink<'a> {
    pub fn new(intake: &'a mut Intake) -> BatchSink<'a> {
        BatchSink { schema: Arc::clone(&intake.schema), intake, mapping: None }
    }
}

impl Sink for BatchSink<'_> {
    fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
        self.mapping = Some(map_header(&self.schema, header)?);
        Ok(())
    }

    fn line(&mut self, row: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal> {
        let taken = match (&self.mapping, cells) {
            (Some(mapping), Some(cells)) => self.intake.take(row, mapping.row(&self.schema, cells)),
            _ => self.intake.refuse(Fault::new(row, None, RowReason::RowUnreadable)),
        };
        taken.map_err(|e| Refusal::of(&e))
    }
}
