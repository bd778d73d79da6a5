//! Table files: CSV and XLSX as batches of a dataset, forms, and rows of an exchange table as they are stored.

use std::io::{Cursor, Write as _};

use minqing_adapter::{
    files::{
        Refusal,
        forms::{self, Form, FormSink},
        name::Format,
        read::{self, MAX_COLUMNS, Sink},
        table::{Mapping, map_header},
    },
    row::{Cell, schema::Schema},
    tables::canonical,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    has_a_reason,
    rows::{choose, judge},
};

/// Judges each line as a row of its dataset.
struct Rows<'a> {
    schema: &'a Schema,
    mapping: Option<Mapping>,
    width: usize,
    last: u32,
}

impl Sink for Rows<'_> {
    fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
        assert!(self.mapping.is_none() && header.len() <= MAX_COLUMNS);
        self.width = header.len();
        self.mapping = Some(map_header(self.schema, header)?);
        Ok(())
    }

    fn line(&mut self, row: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal> {
        assert!(row > self.last, "lines are numbered upwards");
        self.last = row;
        let mapping = self.mapping.as_ref().expect("no line goes before the header");
        if let Some(cells) = cells {
            assert_eq!(cells.len(), self.width, "a line fits its header");
            judge(self.schema, row, mapping.row(self.schema, cells));
        }
        Ok(())
    }
}

fn sheet(schema: &Schema, bytes: &[u8], format: Format) {
    let look = read::look_through(bytes).unwrap();
    let mut rows = Rows { schema, mapping: None, width: 0, last: 0 };
    match read::read_from(|| Ok(Cursor::new(bytes)), format, &look, &mut rows) {
        Ok(()) => assert!(rows.mapping.is_some(), "what is taken has a header"),
        Err(refusal) => has_a_reason(&refusal),
    }
}

/// A CSV file of a chosen dataset.
pub fn csv(data: &[u8]) {
    if let Some((schema, bytes)) = choose(data) {
        sheet(schema, bytes, Format::Csv);
    }
}

/// A workbook of a chosen dataset, as the bytes it is.
pub fn xlsx(data: &[u8]) {
    if let Some((schema, bytes)) = choose(data) {
        sheet(schema, bytes, Format::Xlsx);
    }
}

/// A workbook of a chosen dataset, made around the XML of its sheet, its shared texts (with their attributes) and its
/// formats, which end with a zero byte: what is packed and counted gets in a fuzzer's way.
pub fn xlsx_parts(data: &[u8]) {
    if let Some((schema, parts)) = choose(data) {
        sheet(schema, &workbook(parts), Format::Xlsx);
    }
}

pub fn workbook(parts: &[u8]) -> Vec<u8> {
    let mut parts = parts.split(|byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (cells, shared, formats) = (next(), next(), next());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, head, body, tail) in [
        (
            "_rels/.rels",
            r#"<Relationships><Relationship Type="x/relationships/officeDocument" Target="xl/workbook.xml"/>"#,
            &[][..],
            "</Relationships>",
        ),
        (
            "xl/workbook.xml",
            r#"<workbook><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets>"#,
            &[][..],
            "</workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            r#"<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/s.xml"/>"#,
            &[][..],
            "</Relationships>",
        ),
        ("xl/worksheets/s.xml", "<worksheet><sheetData>", cells, "</sheetData></worksheet>"),
        ("xl/sharedStrings.xml", "<sst", shared, "</sst>"),
        ("xl/styles.xml", "<styleSheet>", formats, "</styleSheet>"),
    ] {
        writer.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
        for part in [head.as_bytes(), body, tail.as_bytes()] {
            writer.write_all(part).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A receipt or feedback form.
pub fn form(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    let form = if which % 2 == 0 { Form::Receipt } else { Form::Feedback };
    let format = if bytes.starts_with(b"PK") { Format::Xlsx } else { Format::Csv };
    let look = read::look_through(bytes).unwrap();
    let mut sink = FormSink::new(form.columns());
    match read::read_from(|| Ok(Cursor::new(bytes)), format, &look, &mut sink) {
        Err(refusal) => has_a_reason(&refusal),
        Ok(()) => {
            assert!(sink.lines.windows(2).all(|pair| pair[0].0 < pair[1].0));
            for line in sink.lines.iter().filter_map(|(_, line)| line.as_ref()) {
                assert!(line.values().all(|text| !text.chars().any(char::is_control)), "{line:?}");
                let record = forms::record(line);
                assert_eq!(forms::record(line), record);
                let given = |field| line.get(field).is_some_and(|text| !text.is_empty());
                assert!(given("amount_fen") || given("amount_yuan") || record.amount_fen == 0);
            }
        }
    }
}

/// Rows of an exchange table in the form in which they are stored and signed for.
pub fn table_rows(data: &[u8]) {
    let mut kept = Kept::default();
    match canonical::read(data, &mut kept) {
        Err(refusal) => has_a_reason(&refusal),
        Ok(()) => {
            // What was read is written in one form, which reads back as the same.
            let mut written = Vec::new();
            canonical::header(&mut written, ["mq_seq"].into_iter().chain(kept.header.iter().map(String::as_str)));
            for cells in &kept.lines {
                canonical::row(&mut written, &[&[Cell::Text("1".to_owned())], cells.as_slice()].concat());
            }
            let mut again = Kept::default();
            canonical::read(written.as_slice(), &mut again).unwrap();
            assert_eq!(again, kept);
        }
    }
    if let Err(refusal) = canonical::seqs(data) {
        has_a_reason(&refusal);
    }
}

#[derive(Debug, Default, PartialEq)]
struct Kept {
    header: Vec<String>,
    lines: Vec<Vec<Cell>>,
}

impl Sink for Kept {
    fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
        self.header = header.to_vec();
        Ok(())
    }

    fn line(&mut self, _: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal> {
        self.lines.extend(cells);
        Ok(())
    }
}
