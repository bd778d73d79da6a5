//! Reads a table file line by line into cells, in bounded memory, whatever the bytes are: CSV in UTF-8 or GB18030,
//! XLSX. The file is looked through once first (size, digest, encoding, signs that it was cut).

use std::{
    cell::Cell as Counter,
    fs::File,
    io::{self, Read, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    rc::Rc,
};

use encoding_rs::{Decoder, DecoderResult, GB18030, UTF_8};
use sha2::{Digest as _, Sha256};

use super::{Refusal, name::Format, refusal, xlsx};
use crate::{row::Cell, spool::MAX_ROWS};

pub const MAX_FILE: u64 = 256 * 1024 * 1024;
pub const MAX_LINE: usize = 1024 * 1024;
/// More columns than any dataset has, less than what would hurt.
pub const MAX_COLUMNS: usize = 256;
const CHUNK: usize = 64 * 1024;

/// Takes what a file holds.
pub trait Sink {
    /// The first line.
    fn header(&mut self, header: &[String]) -> Result<(), Refusal>;
    /// Every further line that is not blank, numbered from 1; `None` for one whose cells do not fit the header.
    fn line(&mut self, row: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal>;
}

/// What the first look found.
#[derive(Debug)]
pub struct Look {
    pub digest: [u8; 32],
    pub size: u64,
    utf8: bool,
    longest_line: usize,
    even_quotes: bool,
    ends_with_newline: bool,
}

impl Look {
    /// Refuses what is too large to be read.
    pub fn check_size(&self) -> Result<(), Refusal> {
        if self.size > MAX_FILE {
            return Err(refusal(
                "FILE_TOO_LARGE",
                "the file is larger than 256 MiB; split it",
                "文件超过 256 MiB，请拆分",
            ));
        }
        Ok(())
    }
}

pub fn unreadable() -> Refusal {
    refusal(
        "FILE_UNREADABLE",
        "the file cannot be read; write it again and send it whole",
        "文件无法读取，请重新导出后完整报送",
    )
}

/// Looks through the file once.
pub fn look(path: &Path) -> io::Result<Look> {
    look_through(File::open(path)?.take(MAX_FILE + 1))
}

/// Looks through what was a file once.
pub fn look_through(mut input: impl Read) -> io::Result<Look> {
    let mut digest = Sha256::new();
    let mut decoder = UTF_8.new_decoder_without_bom_handling();
    let mut scratch = vec![0; CHUNK * 4];
    let mut buffer = vec![0; CHUNK];
    let mut look =
        Look { digest: [0; 32], size: 0, utf8: true, longest_line: 0, even_quotes: true, ends_with_newline: false };
    let mut line = 0;
    loop {
        let read = input.read(&mut buffer)?;
        let chunk = &buffer[..read];
        if look.utf8 {
            let (result, _, _) = decoder.decode_to_utf8_without_replacement(chunk, &mut scratch, read == 0);
            look.utf8 = result == DecoderResult::InputEmpty;
        }
        let Some(last) = chunk.last() else { break };
        look.ends_with_newline = *last == b'\n';
        digest.update(chunk);
        look.size += read as u64;
        for byte in chunk {
            line = if *byte == b'\n' { 0 } else { line + 1 };
            look.longest_line = look.longest_line.max(line);
            look.even_quotes ^= *byte == b'"';
        }
    }
    look.digest = digest.finalize().into();
    Ok(look)
}

/// Reads the file into `sink`.
pub fn read(path: &Path, format: Format, look: &Look, sink: &mut dyn Sink) -> Result<(), Refusal> {
    read_from(|| File::open(path), format, look, sink)
}

/// As [`read`], from anything that can be opened again.
pub fn read_from<R: Read + Seek>(
    open: impl Fn() -> io::Result<R>,
    format: Format,
    look: &Look,
    sink: &mut dyn Sink,
) -> Result<(), Refusal> {
    if look.size == 0 {
        return Err(refusal(
            "FILE_EMPTY",
            "the file is empty; it must hold at least the header line",
            "文件为空，至少应有表头行",
        ));
    }
    look.check_size()?;
    match format {
        Format::Csv => {
            check_csv(look)?;
            let file = open().map_err(|_| unreadable())?;
            csv_lines(file, look.utf8, sink)
        }
        // A third party's reader of a third party's format: should it panic on some file, the file is at fault.
        Format::Xlsx => {
            catch_unwind(AssertUnwindSafe(|| xlsx::lines(&open, sink))).unwrap_or_else(|_| Err(unreadable()))
        }
    }
}

fn check_csv(look: &Look) -> Result<(), Refusal> {
    if look.longest_line > MAX_LINE {
        return Err(refusal(
            "LINE_TOO_LONG",
            "a line is longer than 1 MiB; this is no table of the dataset",
            "存在超过 1 MiB 的行，不是数据集表格",
        ));
    }
    if !look.ends_with_newline {
        let (en, zh) = (
            "the file does not end with a line end, so it may be cut; send it whole",
            "文件末尾没有换行，可能不完整，请完整报送",
        );
        return Err(refusal("FILE_CUT", en, zh));
    }
    if !look.even_quotes {
        let (en, zh) = (
            "a quotation mark is never closed, so the file may be cut; send it whole",
            "引号未闭合，文件可能不完整，请完整报送",
        );
        return Err(refusal("FILE_CUT", en, zh));
    }
    Ok(())
}

/// Reads CSV bytes of any origin.
pub fn csv_lines(input: impl Read, utf8: bool, sink: &mut dyn Sink) -> Result<(), Refusal> {
    let budget = Rc::new(Counter::new(0));
    let encoding = if utf8 { UTF_8 } else { GB18030 };
    let decoding = Decoding::new(input, encoding.new_decoder_with_bom_removal(), Rc::clone(&budget));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(decoding);
    let mut record = csv::StringRecord::new();
    let mut width = None;
    let mut row = 0;
    loop {
        // A quoted value may hold line ends, so the bound on lines is no bound on records.
        budget.set(2 * MAX_LINE);
        if !reader.read_record(&mut record).map_err(|_| unreadable())? {
            break;
        }
        match width {
            None => {
                let header: Vec<_> = record.iter().map(str::to_owned).collect();
                width = Some(check_header(&header, sink)?);
            }
            Some(width) => {
                row = next(row)?;
                if record.iter().all(|c| c.trim().is_empty()) {
                    continue;
                }
                let extra = record.iter().skip(width).any(|c| !c.trim().is_empty());
                let fits = record.len() >= width && !extra;
                let cells = || record.iter().take(width).map(|c| Cell::Text(c.to_owned())).collect();
                sink.line(row, fits.then(cells))?;
            }
        }
    }
    if width.is_none() {
        Err(refusal("FILE_EMPTY", "the file holds no header line", "文件没有表头行"))
    } else {
        Ok(())
    }
}

pub fn next(row: u32) -> Result<u32, Refusal> {
    if row >= MAX_ROWS {
        return Err(refusal(
            "FILE_TOO_LARGE",
            "the file holds more than 600,000 rows; split it",
            "文件超过 60 万行，请拆分",
        ));
    }
    Ok(row + 1)
}

/// Hands the header on without the empty cells behind it; how many columns it has.
pub fn check_header(header: &[String], sink: &mut dyn Sink) -> Result<usize, Refusal> {
    let width = header.iter().rposition(|h| !h.trim().is_empty()).map_or(0, |last| last + 1);
    if width > MAX_COLUMNS {
        return Err(refusal("TOO_MANY_COLUMNS", "the file has more than 256 columns", "文件超过 256 列"));
    }
    sink.header(&header[..width])?;
    Ok(width)
}

/// Any encoding as UTF-8, with a budget of bytes that the reader of records renews.
struct Decoding<R> {
    input: R,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
    budget: Rc<Counter<usize>>,
}

impl<R: Read> Decoding<R> {
    fn new(input: R, decoder: Decoder, budget: Rc<Counter<usize>>) -> Decoding<R> {
        Decoding { input, decoder, raw: vec![0; CHUNK], text: Vec::new(), given: 0, ended: false, budget }
    }

    fn refill(&mut self) -> io::Result<()> {
        while self.given == self.text.len() && !self.ended {
            let read = self.input.read(&mut self.raw)?;
            self.ended = read == 0;
            let room = self.decoder.max_utf8_buffer_length(read).unwrap_or(CHUNK * 4);
            self.text.resize(room, 0);
            let (_, _, written, _) = self.decoder.decode_to_utf8(&self.raw[..read], &mut self.text, self.ended);
            self.text.truncate(written);
            self.given = 0;
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.refill()?;
        let count = out.len().min(self.text.len() - self.given);
        let left = self.budget.get().checked_sub(count);
        self.budget.set(left.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "record too long"))?);
        out[..count].copy_from_slice(&self.text[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Seen {
        header: Vec<String>,
        lines: Vec<(u32, Option<Vec<Cell>>)>,
    }

    impl Sink for Seen {
        fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
            self.header = header.to_vec();
            Ok(())
        }

        fn line(&mut self, row: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal> {
            self.lines.push((row, cells));
            Ok(())
        }
    }

    fn csv(bytes: &[u8]) -> (Look, Result<Seen, Refusal>) {
        let look = look_through(bytes).unwrap();
        let mut seen = Seen::default();
        let done = check_csv(&look).and_then(|()| csv_lines(bytes, look.utf8, &mut seen));
        (look, done.map(|()| seen))
    }

    fn texts(line: &(u32, Option<Vec<Cell>>)) -> Vec<String> {
        line.1.clone().unwrap().into_iter().map(|c| if let Cell::Text(t) = c { t } else { String::new() }).collect()
    }

    #[test]
    fn utf8_with_and_without_bom_and_gb18030_give_the_same_cells() {
        let table = "姓名,地址\n𠮷野㐂,龙坪镇\n䶮某,“外”\n";
        let plain = csv(table.as_bytes()).1.unwrap();
        let bom = csv(format!("\u{feff}{table}").as_bytes()).1.unwrap();
        let (gb, _, lost) = GB18030.encode(table);
        assert!(!lost);
        let (look, gb) = csv(&gb);
        assert!(!look.utf8);
        let gb = gb.unwrap();
        for seen in [&plain, &bom, &gb] {
            assert_eq!(seen.header, ["姓名", "地址"]);
            assert_eq!(texts(&seen.lines[0]), ["𠮷野㐂", "龙坪镇"]);
            assert_eq!(texts(&seen.lines[1]), ["䶮某", "“外”"]);
        }
    }

    #[test]
    fn a_cut_file_is_refused_and_a_ragged_line_told() {
        assert_eq!(csv(b"a,b\n1,2\n3,").1.err().unwrap().reason, "FILE_CUT");
        assert_eq!(csv(b"a,b\n1,\"2\n").1.err().unwrap().reason, "FILE_CUT");
        let seen = csv(b"a,b\n1\n1,2,\n,\n1,2,3\n").1.unwrap();
        let told: Vec<_> = seen.lines.iter().map(|(row, cells)| (*row, cells.is_some())).collect();
        assert_eq!(told, [(1, false), (2, true), (4, false)]);
    }

    #[test]
    fn a_line_or_a_quoted_value_without_end_is_refused_before_it_fills_the_memory() {
        let mut long = b"a,b\n".to_vec();
        long.resize(10 * 1024 * 1024, b'x');
        long.push(b'\n');
        assert_eq!(csv(&long).1.err().unwrap().reason, "LINE_TOO_LONG");
        let mut quoted = b"a,b\n\"".to_vec();
        quoted.extend(b"xxxxxxxxx\n".repeat(1024 * 1024));
        quoted.extend(b"\",1\n");
        assert_eq!(csv(&quoted).1.err().unwrap().reason, "FILE_UNREADABLE");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = csv(&bytes);
        }
    }
}
