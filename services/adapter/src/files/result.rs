//! Files for the bureau, written so that a reader sees all of one or nothing: under another name first, synced, then
//! renamed. Only the owner of the folder can read them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Longest name of a file kept; result files add a suffix.
const MAX_NAME: usize = 200;

/// A CSV file under writing, UTF-8 with a mark so that spreadsheet programs show Chinese.
pub struct Table {
    writer: csv::Writer<BufWriter<File>>,
    part: PathBuf,
    path: PathBuf,
}

impl Table {
    /// Starts `name` in `folder`.
    pub fn create(folder: &Path, name: &str) -> io::Result<Table> {
        let path = folder.join(name);
        let part = folder.join(format!("{name}.part"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all("\u{feff}".as_bytes())?;
        let writer = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::CRLF)
            .from_writer(BufWriter::new(file));
        Ok(Table { writer, part, path })
    }

    pub fn line<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let cells: Vec<_> = cells.into_iter().map(harmless).collect();
        self.writer.write_record(&cells).map_err(io::Error::other)
    }

    /// Makes the file appear under its name.
    pub fn finish(self) -> io::Result<()> {
        let file = self.writer.into_inner().map_err(|e| io::Error::other(e.to_string()))?;
        file.into_inner().map_err(|e| io::Error::other(e.to_string()))?.sync_all()?;
        fs::rename(&self.part, &self.path)?;
        sync_folder(&self.path)
    }
}

/// Writes a small file whole.
pub fn write_whole(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let (path, part) = (folder.join(name), folder.join(format!("{name}.part")));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, &path)?;
    sync_folder(&path)
}

/// Makes a rename last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A text a spreadsheet program would run as a formula is marked as text; numbers with a sign are left.
fn harmless(text: &str) -> String {
    let formula = text.starts_with(['=', '@', '+', '-', '\t', '\r']);
    let number =
        text.trim_start_matches(['+', '-']).chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '.' | '-'));
    if formula && !number { format!("'{text}") } else { text.to_owned() }
}

/// Name of the file that tells what became of another.
pub fn result_name(name: &str) -> String {
    format!("{}.result.csv", cut(name))
}

/// Name of the file with the signed receipts for another.
pub fn receipt_name(name: &str) -> String {
    format!("{}.receipt.json", cut(name))
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_finished_table_is_there_whole_and_only_for_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut table = Table::create(folder.path(), "x.csv").unwrap();
        table.line(["姓名", "=1+1", "-5"]).unwrap();
        assert!(!folder.path().join("x.csv").exists());
        table.finish().unwrap();
        let path = folder.path().join("x.csv");
        assert_eq!(fs::read_to_string(&path).unwrap(), "\u{feff}姓名,'=1+1,-5\r\n");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_long_chinese_name_is_cut_at_a_character() {
        assert!(result_name(&"镇".repeat(100)).len() <= MAX_NAME + 11);
    }
}
