//! Writes a batch as the bureau's file: XLSX with numbers as numbers, CSV in GB18030 or UTF-8, named as the watched
//! folder wants it.

use anyhow::Context as _;
use minqing_proto::{
    contract,
    minqing::options::v1::{Column, ColumnFormat},
};
use prost_reflect::{FieldDescriptor, Value};

use crate::{
    dataset::{Bureau, Dataset, Transport, date, iso},
    habit,
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
    let bureau = batch.dataset.bureau();
    let shapes = shapes(batch.dataset)?;
    let headers: Vec<String> = shapes.iter().map(|s| s.header.clone()).collect();
    let lines: Vec<Vec<Cell>> = batch.lines.iter().map(|line| cells(&shapes, bureau, line)).collect();
    let (ending, bytes) = match bureau.transport() {
        Transport::Xlsx => ("xlsx", xlsx(&headers, &lines)?),
        Transport::CsvGb18030 => ("csv", gb18030(&csv(&headers, &lines)?)?),
        _ => ("csv", csv(&headers, &lines)?.into_bytes()),
    };
    let mode = batch.mode.text();
    let as_of = iso(batch.as_of);
    // A file with a header alone proves nothing unless its name says that there is nothing.
    let rows = if batch.lines.is_empty() { "__0" } else { "" };
    Ok((
        format!("{}__{}__{as_of}__{mode}__{}{rows}.{ending}", batch.dataset.name(), batch.county, batch.batch_no),
        bytes,
    ))
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

fn csv(headers: &[String], lines: &[Vec<Cell>]) -> anyhow::Result<String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(headers)?;
    for line in lines {
        writer.write_record(line.iter().map(|cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
        }))?;
    }
    let bytes = writer.into_inner().map_err(|e| anyhow::anyhow!("cannot write the table: {e}"))?;
    Ok(String::from_utf8(bytes)?)
}

/// GB18030 holds every character of Unicode; anything lost would be our fault.
fn gb18030(text: &str) -> anyhow::Result<Vec<u8>> {
    let (bytes, _, lost) = encoding_rs::GB18030.encode(text);
    anyhow::ensure!(!lost, "a character does not fit GB18030");
    Ok(bytes.into_owned())
}

fn xlsx(headers: &[String], lines: &[Vec<Cell>]) -> anyhow::Result<Vec<u8>> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory()?;
    for (at, header) in headers.iter().enumerate() {
        sheet.write_string(0, u16::try_from(at)?, header)?;
    }
    for (n, line) in lines.iter().enumerate() {
        let row = u32::try_from(n + 1)?;
        for (at, cell) in line.iter().enumerate() {
            let at = u16::try_from(at)?;
            match cell {
                Cell::Text(text) if text.is_empty() => {}
                Cell::Text(text) => {
                    sheet.write_string(row, at, text)?;
                }
                Cell::Number(number) => {
                    sheet.write_number(row, at, *number)?;
                }
            }
        }
    }
    Ok(book.save_to_buffer()?)
}

/// A small CSV of fixed headers, as bureaus hand in receipts and feedback.
pub fn form(headers: &[&str], lines: &[Vec<String>]) -> anyhow::Result<Vec<u8>> {
    let headers: Vec<String> = headers.iter().map(|h| (*h).to_owned()).collect();
    let lines: Vec<Vec<Cell>> = lines.iter().map(|l| l.iter().cloned().map(Cell::Text).collect()).collect();
    Ok(csv(&headers, &lines)?.into_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use super::*;
    use crate::{
        calendar,
        city::{City, Settings},
        oracle::Oracle,
        plan,
        thresholds::Thresholds,
    };

    #[test]
    fn every_file_bureau_s_batch_becomes_a_file_in_its_own_form() {
        let city = Arc::new(City::build(Settings { seed: 1, households: 400, days: 10 }, Thresholds::default()));
        let oracle = Oracle::new(Arc::clone(&city));
        for bureau in Bureau::ALL.into_iter().filter(|b| b.transport() != Transport::Grpc) {
            for day in [calendar::start(), calendar::plus(calendar::start(), 1)] {
                for batch in plan::batches(&city, &oracle, bureau, day) {
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
