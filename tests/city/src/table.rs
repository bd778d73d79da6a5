//! Writes a batch as the bureau's file: XLSX with numbers as numbers, CSV in GB18030 or UTF-8, named as the watched
//! folder wants it.

use std::io::{self, Write};

use anyhow::Context as _;
use chrono::{Datelike as _, NaiveDate};
use minqing_proto::{
    contract,
    minqing::options::v1::{Column, ColumnFormat},
};
use prost_reflect::{FieldDescriptor, Value};
use rust_xlsxwriter::{DocProperties, ExcelDateTime};

use crate::{
    dataset::{Bureau, Dataset, Transport, date, iso},
    habit,
    outline::Head,
    plan::{Batch, Cell, Line},
};

/// A column of a file.
struct Shape {
    field: FieldDescriptor,
    column: Column,
    header: String,
}

/// The batch's file: name and bytes.
pub fn file(batch: &Batch) -> anyhow::Result<(String, Vec<u8>)> {
    let head = batch.head();
    let mut bytes = Vec::new();
    write(&head, batch.lines.iter().cloned().map(Ok), &mut bytes)?;
    Ok((name(&head, batch.lines.is_empty()), bytes))
}

/// Name of a batch's file.
pub fn name(head: &Head, empty: bool) -> String {
    let ending = if head.dataset.bureau().transport() == Transport::Xlsx { "xlsx" } else { "csv" };
    let (dataset, mode, as_of) = (head.dataset.name(), head.mode.text(), iso(head.as_of));
    // A file with a header alone proves nothing unless its name says that there is nothing.
    let rows = if empty { "__0" } else { "" };
    format!("{dataset}__{}__{as_of}__{mode}__{}{rows}.{ending}", head.county, head.batch_no)
}

/// Writes a batch's file line by line; no more than one line is held.
pub fn write(
    head: &Head,
    lines: impl Iterator<Item = anyhow::Result<Line>>,
    out: &mut (impl Write + Send),
) -> anyhow::Result<()> {
    let bureau = head.dataset.bureau();
    let shapes = shapes(head.dataset)?;
    let lines = lines.map(|line| Ok(cells(&shapes, bureau, &line?)));
    match bureau.transport() {
        Transport::Xlsx => xlsx(&shapes, lines, head.as_of, out),
        Transport::CsvGb18030 => {
            let mut encoded = Gb18030 { out, begun: Vec::new() };
            csv(&shapes, lines, &mut encoded)?;
            encoded.end()
        }
        _ => csv(&shapes, lines, out),
    }
}

fn shapes(dataset: Dataset) -> anyhow::Result<Vec<Shape>> {
    let bureau = dataset.bureau();
    let message = contract::dataset_message(bureau.text(), dataset.name())
        .with_context(|| format!("the contracts have no {}.{}", bureau.text(), dataset.name()))?;
    message
        .fields()
        .map(|field| {
            let column = contract::column(&field).with_context(|| format!("{} is no column", field.full_name()))?;
            let own = habit::header(bureau, field.name()).map(str::to_owned);
            let header = own.unwrap_or_else(|| column.header.clone());
            Ok(Shape { field, column, header })
        })
        .collect()
}

fn cells(shapes: &[Shape], bureau: Bureau, line: &Line) -> Vec<Cell> {
    let message = line.row.dynamic();
    let one = |shape: &Shape| {
        let name = shape.field.name();
        if let Some((_, cell)) = line.cell.as_ref().filter(|(field, _)| *field == name) {
            return cell.clone();
        }
        if shape.field.supports_presence() && !message.has_field(&shape.field) {
            return Cell::Text(String::new());
        }
        match message.get_field(&shape.field).as_ref() {
            Value::String(text) => Cell::Text(text_cell(shape, bureau, line, text)),
            Value::Bool(truth) => Cell::Text(if *truth { "是" } else { "否" }.to_owned()),
            Value::I32(number) => whole(shape, bureau, i64::from(*number)),
            Value::I64(number) => whole(shape, bureau, *number),
            _ => Cell::Text(String::new()),
        }
    };
    shapes.iter().map(one).collect()
}

fn text_cell(shape: &Shape, bureau: Bureau, line: &Line, text: &str) -> String {
    let name = shape.field.name();
    if !shape.column.code_table.is_empty() {
        return habit::label(&shape.column.code_table, text).map_or_else(|| text.to_owned(), str::to_owned);
    }
    match (shape.column.format(), name) {
        (ColumnFormat::Date | ColumnFormat::AnyDate, _) if text.is_empty() => habit::no_day(bureau, name).to_owned(),
        // What is no date stays as it was typed.
        (ColumnFormat::Date | ColumnFormat::AnyDate, _) => {
            date(text).map_or_else(|| text.to_owned(), |day| habit::day(bureau, day))
        }
        (ColumnFormat::Month, _) if text.len() == 7 => text.replace('-', ""),
        (_, "school_year") => format!("{}学年", text.replace('-', "—")),
        // The whole certificate number: the holder's ID number, category, grade.
        (_, "certificate_suffix") if line.row.id_number().len() == 18 => format!("{}{text}", line.row.id_number()),
        _ => text.to_owned(),
    }
}

fn whole(shape: &Shape, bureau: Bureau, number: i64) -> Cell {
    if bureau == Bureau::Disabled && shape.field.name() == "grade" {
        return Cell::Text(habit::grade(number));
    }
    if !habit::in_yuan(&shape.header) {
        return if bureau.transport() == Transport::Xlsx { exact(number) } else { Cell::Text(number.to_string()) };
    }
    let yuan = format!("{}.{:02}", number / 100, number % 100);
    match bureau.transport() {
        Transport::Xlsx => yuan.parse().map_or(Cell::Text(yuan), Cell::Number),
        _ => Cell::Text(yuan),
    }
}

/// A whole number as a spreadsheet's number, where that loses nothing.
fn exact(number: i64) -> Cell {
    i32::try_from(number).map_or_else(|_| Cell::Text(number.to_string()), |n| Cell::Number(f64::from(n)))
}

type Cells = Vec<Cell>;

fn csv(
    shapes: &[Shape],
    lines: impl Iterator<Item = anyhow::Result<Cells>>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut writer = plain(out);
    writer.write_record(shapes.iter().map(|shape| &shape.header))?;
    for line in lines {
        for cell in line? {
            match cell {
                Cell::Text(text) => writer.write_field(text)?,
                Cell::Number(number) => writer.write_field(number.to_string())?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()?;
    Ok(())
}

fn plain<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out)
}

/// Encodes what passes. GB18030 holds every character of Unicode; anything lost would be our fault.
struct Gb18030<W> {
    out: W,
    /// The first bytes of a character whose others have not come yet.
    begun: Vec<u8>,
}

impl<W: Write> Write for Gb18030<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.begun) {
            Ok(_) => self.begun.len(),
            Err(fault) if fault.error_len().is_none() => fault.valid_up_to(),
            Err(fault) => return Err(io::Error::other(fault)),
        };
        let text = std::str::from_utf8(&self.begun[..whole]).map_err(io::Error::other)?;
        let (encoded, _, lost) = encoding_rs::GB18030.encode(text);
        if lost {
            return Err(io::Error::other("a character does not fit GB18030"));
        }
        self.out.write_all(&encoded)?;
        self.begun.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> Gb18030<W> {
    fn end(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.begun.is_empty(), "the table ends within a character");
        Ok(())
    }
}

fn xlsx(
    shapes: &[Shape],
    lines: impl Iterator<Item = anyhow::Result<Cells>>,
    as_of: NaiveDate,
    out: &mut (impl Write + Send),
) -> anyhow::Result<()> {
    let mut book = rust_xlsxwriter::Workbook::new();
    // Not the moment of writing: the same batch is the same file, byte for byte.
    let made = ExcelDateTime::from_ymd(u16::try_from(as_of.year())?, u8::try_from(as_of.month())?, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let sheet = book.add_worksheet_with_constant_memory()?;
    for (at, shape) in shapes.iter().enumerate() {
        sheet.write_string(0, u16::try_from(at)?, &shape.header)?;
    }
    for (line, row) in lines.zip(1..) {
        for (cell, at) in line?.into_iter().zip(0..) {
            match cell {
                Cell::Text(text) if text.is_empty() => {}
                Cell::Text(text) => {
                    sheet.write_string(row, at, text)?;
                }
                Cell::Number(number) => {
                    sheet.write_number(row, at, number)?;
                }
            }
        }
    }
    book.save_to_writer(out)?;
    Ok(())
}

/// A small CSV of fixed headers, as bureaus hand in receipts and feedback.
pub fn form(headers: &[&str], lines: &[Vec<String>]) -> anyhow::Result<Vec<u8>> {
    let mut writer = plain(Vec::new());
    writer.write_record(headers)?;
    for line in lines {
        writer.write_record(line)?;
    }
    writer.into_inner().map_err(|e| anyhow::anyhow!("cannot write the table: {e}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::{
        calendar,
        city::{City, Settings},
        plan,
        thresholds::Thresholds,
    };

    #[test]
    fn every_file_bureau_s_batch_becomes_a_file_in_its_own_form() {
        let city = City::build(Settings { seed: 1, households: 400, days: 10 }, Thresholds::default());
        for bureau in Bureau::ALL.into_iter().filter(|b| b.transport() != Transport::Grpc) {
            for day in [calendar::start(), calendar::plus(calendar::start(), 1)] {
                for batch in plan::batches(&city, bureau, day).unwrap() {
                    let (name, bytes) = file(&batch).unwrap();
                    assert!(name.starts_with(&format!("{}__62", batch.dataset.name())), "{name}");
                    match bureau.transport() {
                        Transport::Xlsx => assert_eq!(&bytes[..2], b"PK"),
                        Transport::CsvGb18030 => assert!(std::str::from_utf8(&bytes).is_err()),
                        _ => assert!(std::str::from_utf8(&bytes).unwrap().lines().count() > batch.lines.len()),
                    }
                }
            }
        }
    }

    #[test]
    fn yuan_and_certificate_numbers_are_written_the_bureaus_way() {
        assert!(habit::in_yuan("缴费基数（元）") && habit::in_yuan("救助资金(元)") && !habit::in_yuan("学费分"));
    }
}
