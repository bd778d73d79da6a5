//! XLSX in bounded memory: the archive is inflated once into nothing to see how large it really is; only then the
//! first sheet is read cell by cell, never as a grid, since a grid of two far cells would fill the memory.

use std::io::{self, BufReader, Read, Seek, Write};

use calamine::{DataRef, Reader as _, Xlsx};

use super::{
    Refusal,
    archive::directory,
    read::{self, MAX_COLUMNS, Sink, unreadable},
    refusal,
};
use crate::row::Cell;

/// Inflated size of everything in the archive.
const MAX_INFLATED: u64 = 256 * 1024 * 1024;
/// Bytes of the shortest shared text, `<si/>`.
const SHORTEST_TEXT: u64 = 5;
/// Highest row a sheet can have; blank lines count here, not among the rows.
const MAX_SHEET_ROW: u32 = 1_048_576;

/// Reads the first sheet.
pub fn lines<R: Read + Seek>(open: impl Fn() -> io::Result<R>, sink: &mut dyn Sink) -> Result<(), Refusal> {
    guard(BufReader::new(open().map_err(|_| unreadable())?))?;
    sheet(BufReader::new(open().map_err(|_| unreadable())?), sink)
}

fn bomb() -> Refusal {
    refusal(
        "FILE_TOO_LARGE",
        "the workbook is larger than 256 MiB when unpacked; split it or send CSV",
        "工作簿解压后超过 256 MiB，请拆分或改用 CSV",
    )
}

/// Refuses an archive that unpacks to more than it may, by what it says and by what it does.
pub fn guard(input: impl Read + Seek) -> Result<(), Refusal> {
    guard_within(input, MAX_INFLATED)
}

fn guard_within(mut input: impl Read + Seek, limit: u64) -> Result<(), Refusal> {
    if directory::claims_too_many(&mut input).map_err(|_| unreadable())? {
        return Err(bomb());
    }
    let mut archive = zip::ZipArchive::new(input).map_err(|_| unreadable())?;
    let mut left = limit;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|_| unreadable())?;
        if entry.size() > left {
            return Err(bomb());
        }
        let texts = entry.name_raw().to_ascii_lowercase().ends_with(b"sharedstrings.xml");
        let mut claims = Claims::default();
        let mut entry = entry.by_ref().take(left + 1);
        let inflated = if texts { io::copy(&mut entry, &mut claims) } else { io::copy(&mut entry, &mut io::sink()) };
        let inflated = inflated.map_err(|_| unreadable())?;
        left = left.checked_sub(inflated).ok_or_else(bomb)?;
        // The reader makes room for as many texts as are claimed, and ends the process when there is none.
        if claims.highest > inflated / SHORTEST_TEXT {
            return Err(unreadable());
        }
    }
    Ok(())
}

/// Notes the highest number of texts that shared texts claim to be, wherever the attribute stands.
#[derive(Default)]
struct Claims {
    highest: u64,
    /// The number under way, once the attribute's name was met.
    number: Option<u64>,
    /// Bytes of the name met so far.
    met: usize,
    before: u8,
}

impl Claims {
    const NAME: &[u8] = b"uniqueCount";

    fn byte(&mut self, byte: u8) {
        match self.number {
            Some(number) if byte.is_ascii_digit() => {
                let number = number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                self.number = Some(number);
                self.highest = self.highest.max(number);
            }
            Some(0) if byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\'' | b'+') => (),
            _ => {
                self.number = None;
                self.met = match self.met {
                    met if byte == Self::NAME[met] => met + 1,
                    // The name's first letter stands in it again.
                    met if met > 1 && [self.before, byte] == Self::NAME[..2] => 2,
                    _ => usize::from(byte == Self::NAME[0]),
                };
                if self.met == Self::NAME.len() {
                    (self.met, self.number) = (0, Some(0));
                }
            }
        }
        self.before = byte;
    }
}

impl Write for Claims {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.iter().for_each(|byte| self.byte(*byte));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the first sheet of a workbook that passed the guard.
pub fn sheet(input: impl Read + Seek, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let mut book = Xlsx::new(input).map_err(|_| unreadable())?;
    let first = book.sheet_names().first().cloned().ok_or_else(unreadable)?;
    let mut cells = book.worksheet_cells_reader(&first).map_err(|_| unreadable())?;
    let mut lines = Lines { sink, header_at: None, width: 0, at: 0, cells: Vec::new() };
    while let Some(cell) = cells.next_cell().map_err(|_| unreadable())? {
        let (row, column) = cell.get_position();
        lines.cell(row, column, cell_of(cell.get_value()))?;
    }
    lines.end_of_line()?;
    if lines.header_at.is_none() {
        return Err(refusal(
            "FILE_EMPTY",
            "the first sheet is empty; it must hold at least the header line",
            "首个工作表为空，至少应有表头行",
        ));
    }
    Ok(())
}

fn cell_of(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::Text(text.clone()),
        DataRef::SharedString(text) => Cell::Text((*text).to_owned()),
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::Bool(truth) => Cell::Truth(*truth),
        DataRef::DateTime(time) => time.as_datetime().map_or(Cell::Unreadable, |t| Cell::Date(t.date())),
        DataRef::Error(_) => Cell::Unreadable,
    }
}

/// Gathers the cells of one line; the sheet gives them in order.
struct Lines<'a> {
    sink: &'a mut dyn Sink,
    /// Row of the header in the sheet.
    header_at: Option<u32>,
    width: usize,
    at: u32,
    cells: Vec<Cell>,
}

impl Lines<'_> {
    fn cell(&mut self, row: u32, column: u32, cell: Cell) -> Result<(), Refusal> {
        if row > MAX_SHEET_ROW || row < self.at {
            return Err(unreadable());
        }
        if row > self.at {
            self.end_of_line()?;
            self.at = row;
        }
        if cell == Cell::Empty {
            return Ok(());
        }
        let column = column as usize;
        if column >= MAX_COLUMNS {
            return Err(refusal("TOO_MANY_COLUMNS", "the sheet has more than 256 columns", "工作表超过 256 列"));
        }
        if column >= self.cells.len() {
            self.cells.resize(column + 1, Cell::Empty);
        }
        self.cells[column] = cell;
        Ok(())
    }

    fn end_of_line(&mut self) -> Result<(), Refusal> {
        let cells = std::mem::take(&mut self.cells);
        if cells.iter().all(is_blank) {
            return Ok(());
        }
        let Some(header_at) = self.header_at else {
            let header: Vec<_> = cells.iter().map(text_of).collect();
            self.width = read::check_header(&header, self.sink)?;
            self.header_at = Some(self.at);
            return Ok(());
        };
        let row = read::next(self.at - header_at - 1)?;
        let fits = cells.iter().skip(self.width).all(is_blank);
        let mut cells = cells;
        cells.resize(self.width, Cell::Empty);
        self.sink.line(row, fits.then_some(cells))
    }
}

fn is_blank(cell: &Cell) -> bool {
    match cell {
        Cell::Empty => true,
        Cell::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn text_of(cell: &Cell) -> String {
    if let Cell::Text(text) = cell { text.clone() } else { String::new() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::io::Cursor;

    use proptest::prelude::*;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[derive(Default)]
    struct Headers(Vec<String>);

    impl Sink for Headers {
        fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
            self.0 = header.to_vec();
            Ok(())
        }

        fn line(&mut self, _: u32, _: Option<Vec<Cell>>) -> Result<(), Refusal> {
            Ok(())
        }
    }

    fn archive(entries: &[(&str, &[u8], u64)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes, times) in entries {
            writer
                .start_file(*name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated))
                .unwrap();
            for _ in 0..*times {
                writer.write_all(bytes).unwrap();
            }
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_zip_bomb_is_refused_before_it_is_opened() {
        let zeros = vec![0; 1024 * 1024];
        let bomb = archive(&[("xl/worksheets/sheet1.xml", &zeros, 6)]);
        assert!(bomb.len() < 64 * 1024);
        assert_eq!(guard_within(Cursor::new(&bomb), 5 << 20).unwrap_err().reason, "FILE_TOO_LARGE");
        assert!(guard(Cursor::new(&bomb)).is_ok());
    }

    #[test]
    fn a_zip_bomb_that_lies_about_its_size_is_refused_too() {
        let zeros = vec![0; 1024 * 1024];
        let mut bomb = archive(&[("a", &zeros, 6)]);
        // The directory at the end says 10 bytes.
        let at = bomb.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        bomb[at + 24..at + 28].copy_from_slice(&10u32.to_le_bytes());
        assert!(guard_within(Cursor::new(&bomb), 5 << 20).is_err());
    }

    #[test]
    fn an_archive_of_very_many_entries_is_refused() {
        let names: Vec<_> = (0..1_100).map(|n| n.to_string()).collect();
        let entries: Vec<(&str, &[u8], u64)> = names.iter().map(|n| (n.as_str(), b"x".as_slice(), 1)).collect();
        assert_eq!(guard(Cursor::new(archive(&entries))).unwrap_err().reason, "FILE_TOO_LARGE");
    }

    /// A workbook around the XML of its rows and shared texts.
    fn book(xml: &str, shared: &str) -> Vec<u8> {
        let sheet = format!("<worksheet><sheetData>{xml}</sheetData></worksheet>");
        archive(&[
            (
                "_rels/.rels",
                br#"<Relationships><Relationship Type="x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
                1,
            ),
            ("xl/workbook.xml", br#"<workbook><sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>"#, 1),
            (
                "xl/_rels/workbook.xml.rels",
                br#"<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/s.xml"/></Relationships>"#,
                1,
            ),
            ("xl/worksheets/s.xml", sheet.as_bytes(), 1),
            ("xl/sharedStrings.xml", shared.as_bytes(), 1),
        ])
    }

    #[test]
    fn the_workbook_that_is_mangled_below_is_read_when_whole() {
        let mut seen = Headers::default();
        let row = "<row><c t=\"s\"><v>0</v></c><c t=\"inlineStr\"><is><t>b</t></is></c></row>";
        sheet(Cursor::new(book(row, "<sst uniqueCount=\"1\"><si><t>a</t></si></sst>")), &mut seen).unwrap();
        assert_eq!(seen.0, ["a", "b"]);
    }

    #[test]
    fn shared_texts_that_claim_to_be_more_than_they_are_refuse_the_workbook_before_room_is_made() {
        for claim in [
            "uniqueCount=\"100000000000\"",
            "uniqueCount \n =   '18446744073709551615'",
            "uniquniqueCount=\"1\" uniqueCount=\"9000\"",
            "count=\"1\" uniqueCount=\"99999999999999999999999\"",
        ] {
            let bytes = book("", &format!("<sst {claim}><si><t>a</t></si></sst>"));
            let refused = lines(|| Ok(Cursor::new(&bytes)), &mut Headers::default());
            assert_eq!(refused.unwrap_err().reason, "FILE_UNREADABLE", "{claim}");
        }
        let mut claims = Claims::default();
        claims.write_all(b"uniquniqueCount='12' uniqueCoun uniqueCount=x").unwrap();
        assert_eq!(claims.highest, 12);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = guard(Cursor::new(&bytes));
            let _ = sheet(Cursor::new(bytes), &mut Headers::default());
        }

        #[test]
        fn no_sheet_makes_the_reader_panic(xml in "[<>/a-z0-9=\" ]{0,300}", shared in "[<>/a-z ]{0,100}") {
            let _ = sheet(Cursor::new(book(&xml, &format!("<sst>{shared}</sst>"))), &mut Headers::default());
        }
    }
}
