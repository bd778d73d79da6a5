//! The rows of a table batch as one text: what is sealed before a row is looked at, what a receipt's digest is over,
//! and what is read again. It is CSV as PostgreSQL's `copy … to stdout (format csv, header, force_quote *)` writes it:
//! a line of headers, then `mq_seq` and the other columns in the table's order, every value quoted, an absent one left
//! empty, each line ended by one line feed. So a bureau can make the same bytes from its own rows.

use std::io::Read;

use crate::{
    files::{
        Refusal,
        read::{Sink, next, unreadable},
    },
    row::Cell,
};

/// Adds the line of headers.
pub fn header<'a>(to: &mut Vec<u8>, columns: impl Iterator<Item = &'a str>) {
    for (at, name) in columns.enumerate() {
        if at > 0 {
            to.push(b',');
        }
        if name.is_empty() || name.contains([',', '"', '\n', '\r']) {
            quoted(to, name);
        } else {
            to.extend_from_slice(name.as_bytes());
        }
    }
    to.push(b'\n');
}

/// Adds a row.
pub fn row(to: &mut Vec<u8>, cells: &[Cell]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            to.push(b',');
        }
        match cell {
            Cell::Text(text) => quoted(to, text),
            Cell::Empty => {}
            // As a file's bytes that no character set explains.
            _ => quoted(to, "\u{fffd}"),
        }
    }
    to.push(b'\n');
}

fn quoted(to: &mut Vec<u8>, text: &str) {
    to.push(b'"');
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            to.extend_from_slice(b"\"\"");
        }
        to.extend_from_slice(part.as_bytes());
    }
    to.push(b'"');
}

/// Reads such a text into `sink`, without the sequence numbers.
pub fn read(input: impl Read, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(input);
    let (mut record, mut rows) = (csv::StringRecord::new(), None);
    while reader.read_record(&mut record).map_err(|_| unreadable())? {
        let values = record.iter().skip(1);
        match rows {
            None => {
                sink.header(&values.map(str::to_owned).collect::<Vec<_>>())?;
                rows = Some(0);
            }
            Some(before) => {
                let row = next(before)?;
                sink.line(row, Some(values.map(|text| Cell::Text(text.to_owned())).collect()))?;
                rows = Some(row);
            }
        }
    }
    rows.map(|_| ()).ok_or_else(unreadable)
}

/// Only the sequence numbers of such a text, by row.
pub fn seqs(input: impl Read) -> Result<Vec<i64>, Refusal> {
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(input);
    let (mut record, mut seqs) = (csv::ByteRecord::new(), Vec::new());
    while reader.read_byte_record(&mut record).map_err(|_| unreadable())? {
        let seq = record.get(0).and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse().ok());
        seqs.push(seq.ok_or_else(unreadable)?);
    }
    Ok(seqs)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>, Vec<Vec<String>>);

    impl Sink for Seen {
        fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
            self.0 = header.to_vec();
            Ok(())
        }

        fn line(&mut self, row: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal> {
            let text = |cell| if let Cell::Text(text) = cell { text } else { String::new() };
            self.1.push(cells.unwrap().into_iter().map(text).collect());
            assert_eq!(row as usize, self.1.len());
            Ok(())
        }
    }

    fn text(t: &str) -> Cell {
        Cell::Text(t.to_owned())
    }

    #[test]
    fn the_text_is_what_copy_would_write() {
        let mut bytes = Vec::new();
        header(&mut bytes, ["mq_seq", "姓名", "a,b"].into_iter());
        row(&mut bytes, &[text("1"), text("张\"三\""), Cell::Empty]);
        row(&mut bytes, &[text("-2"), text(""), Cell::Unreadable]);
        let expected = "mq_seq,姓名,\"a,b\"\n\"1\",\"张\"\"三\"\"\",\n\"-2\",\"\",\"\u{fffd}\"\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn whatever_the_values_are_they_are_read_as_they_were(
            names in proptest::collection::vec(any::<String>(), 1..4),
            rows in proptest::collection::vec((any::<i64>(), proptest::collection::vec(proptest::option::of(any::<String>()), 3)), 0..6),
        ) {
            let mut bytes = Vec::new();
            header(&mut bytes, std::iter::once("mq_seq").chain(names.iter().map(String::as_str)));
            for (seq, values) in &rows {
                let mut cells = vec![text(&seq.to_string())];
                let cell = |v: &Option<String>| v.as_deref().map_or(Cell::Empty, text);
                cells.extend(values.iter().take(names.len()).map(cell));
                row(&mut bytes, &cells);
            }
            let mut seen = Seen::default();
            read(bytes.as_slice(), &mut seen).unwrap();
            prop_assert_eq!(&seen.0, &names);
            let expected: Vec<Vec<_>> = rows
                .iter()
                .map(|(_, v)| v.iter().take(names.len()).map(|v| v.clone().unwrap_or_default()).collect())
                .collect();
            prop_assert_eq!(seen.1, expected);
            prop_assert_eq!(seqs(bytes.as_slice()).unwrap(), rows.iter().map(|r| r.0).collect::<Vec<_>>());
        }
    }
}
