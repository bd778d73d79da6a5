//! How many entries an archive's directory claims, before a reader makes room for them: a claim costs nothing to write,
//! the room for it costs memory.

use std::io::{self, Read, Seek, SeekFrom};

/// More entries than any workbook or archive that is taken has.
pub const MAX_ENTRIES: u64 = 1_000;
const END: &[u8; 4] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR: &[u8; 4] = b"PK\x06\x07";
const LOCATOR_BYTES: usize = 20;
const END64: &[u8; 4] = b"PK\x06\x06";
/// Up to its number of entries.
const END64_BYTES: usize = 40;
/// What the end record, its locator and the longest comment take.
const TAIL: u64 = (LOCATOR_BYTES + END_BYTES + 65_535) as u64;
const CHUNK: usize = 1024 * 1024;

/// Whether any end record in the archive claims more than [`MAX_ENTRIES`] entries.
pub fn claims_too_many(input: &mut (impl Read + Seek)) -> io::Result<bool> {
    let length = input.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(TAIL);
    input.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    input.by_ref().take(TAIL).read_to_end(&mut tail)?;
    // Locators of 64-bit end records, by their places in the file.
    let mut locators = Vec::new();
    for at in places(&tail, END).filter(|at| at + END_BYTES <= tail.len()) {
        let claimed = u16::from_le_bytes([tail[at + 10], tail[at + 11]]);
        let locator = at.checked_sub(LOCATOR_BYTES).filter(|l| tail[*l..].starts_with(LOCATOR));
        locators.extend(locator.map(|locator| start + locator as u64));
        // The highest number in this field may say that the 64-bit record tells.
        if u64::from(claimed) > MAX_ENTRIES && (claimed != u16::MAX || locator.is_none()) {
            return Ok(true);
        }
    }
    if locators.is_empty() { Ok(false) } else { claims_in_64(input, &locators) }
}

/// Looks for 64-bit end records that reach up to one of the locators; they may stand anywhere before it.
fn claims_in_64(input: &mut (impl Read + Seek), locators: &[u64]) -> io::Result<bool> {
    input.seek(SeekFrom::Start(0))?;
    let mut window = Vec::new();
    let mut begin = 0;
    loop {
        let read = input.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
        for at in places(&window, END64).filter(|at| at + END64_BYTES <= window.len()) {
            let end = (begin + at as u64).saturating_add(12).saturating_add(number(&window[at + 4..]));
            let claimed = number(&window[at + 24..]).max(number(&window[at + 32..]));
            if claimed > MAX_ENTRIES && locators.contains(&end) {
                return Ok(true);
            }
        }
        if read == 0 {
            return Ok(false);
        }
        let done = window.len().saturating_sub(END64_BYTES - 1);
        window.drain(..done);
        begin += done as u64;
    }
}

fn places<'a>(bytes: &'a [u8], mark: &'a [u8; 4]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(mark.len()).enumerate().filter(move |(_, found)| found == mark).map(|(at, _)| at)
}

/// Eight bytes, little-endian; the callers have looked that they are there.
fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(u64::MAX, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::io::Cursor;

    use super::*;

    fn end(entries: u16) -> Vec<u8> {
        let mut record = [END.as_slice(), &[0; END_BYTES - 4]].concat();
        record[8..10].copy_from_slice(&entries.to_le_bytes());
        record[10..12].copy_from_slice(&entries.to_le_bytes());
        record
    }

    /// A 64-bit end record of so many bytes, some of them extensible, its locator and an end record.
    fn end_in_64(entries: u64, extensible: usize) -> Vec<u8> {
        let mut record = [END64.as_slice(), &vec![0; 52 + extensible]].concat();
        record[4..12].copy_from_slice(&(44 + extensible as u64).to_le_bytes());
        record[32..40].copy_from_slice(&entries.to_le_bytes());
        [record, LOCATOR.to_vec(), vec![0; LOCATOR_BYTES - 4], end(u16::MAX)].concat()
    }

    fn too_many(bytes: &[u8]) -> bool {
        claims_too_many(&mut Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn a_claim_is_seen_wherever_its_record_stands() {
        for bytes in [end(3), end_in_64(3, 0), end_in_64(3, 70_000), Vec::new(), b"PK\x05\x06".to_vec()] {
            assert!(!too_many(&bytes));
        }
        assert!(too_many(&end(1_001)));
        assert!(too_many(&end(u16::MAX)), "no 64-bit record tells otherwise");
        for extensible in [0, 1, 70_000, 3 * CHUNK] {
            assert!(too_many(&end_in_64(200_000_000, extensible)), "{extensible}");
        }
        // Across the border of two chunks, and before a comment.
        for before in [CHUNK - 39, CHUNK - 3, 2 * CHUNK - 20] {
            let bytes = [vec![0; before], end_in_64(1_001, 0), vec![b'x'; 65_535]].concat();
            assert!(too_many(&bytes), "{before}");
        }
    }
}
