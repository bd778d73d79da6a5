//! Bytes that are set down while a city is made and read again when its feeds are written. A small city keeps them in
//! memory, a large one in a file without a name, which is gone with the process. What fails while writing is told when
//! writing ends, so that whoever makes a household need not care.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Bytes of a tape's file that are written at once.
const TAIL: usize = 1 << 20;
/// Bytes of one key that are written at once.
const PART: usize = 4096;

/// Bytes one after the other.
pub struct Tape {
    kept: Kept,
    fault: Option<io::Error>,
}

enum Kept {
    Memory(Vec<u8>),
    File { file: File, written: u64, tail: Vec<u8> },
}

impl Tape {
    pub fn memory() -> Tape {
        Tape { kept: Kept::Memory(Vec::new()), fault: None }
    }

    /// In a file of the folder that nobody else can open.
    pub fn file(folder: &Path, name: &str) -> io::Result<Tape> {
        let path = folder.join(name);
        let file = fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        fs::remove_file(&path)?;
        Ok(Tape { kept: Kept::File { file, written: 0, tail: Vec::with_capacity(TAIL) }, fault: None })
    }

    /// Sets bytes down; gives where.
    pub fn append(&mut self, bytes: &[u8]) -> u64 {
        match &mut self.kept {
            Kept::Memory(all) => {
                all.extend_from_slice(bytes);
                (all.len() - bytes.len()) as u64
            }
            Kept::File { file, written, tail } => {
                if tail.len() + bytes.len() > TAIL && self.fault.is_none() {
                    self.fault = file.write_all_at(tail, *written).err();
                    *written += tail.len() as u64;
                    tail.clear();
                }
                tail.extend_from_slice(bytes);
                *written + (tail.len() - bytes.len()) as u64
            }
        }
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        match &self.kept {
            Kept::Memory(all) => all.len() as u64,
            Kept::File { written, tail, .. } => *written + tail.len() as u64,
        }
    }

    /// Ends writing; whatever went wrong is told here.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Kept::File { file, written, tail } = &mut self.kept {
            file.write_all_at(tail, *written)?;
            *written += tail.len() as u64;
            *tail = Vec::new();
        }
        self.fault.take().map_or(Ok(()), Err)
    }

    /// Reads bytes of a finished tape, in place of what the buffer holds.
    pub fn read(&self, at: u64, len: usize, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        match &self.kept {
            Kept::Memory(all) => {
                let begin = usize::try_from(at).map_err(io::Error::other)?;
                let some = all.get(begin..begin + len).ok_or(io::ErrorKind::UnexpectedEof)?;
                into.extend_from_slice(some);
                Ok(())
            }
            Kept::File { file, .. } => {
                into.resize(len, 0);
                file.read_exact_at(into, at)
            }
        }
    }
}

/// Many streams on one tape, by key. In memory are the keys, the places of their parts and less than a part of each.
pub struct Spool<K> {
    tape: Tape,
    streams: BTreeMap<K, Stream>,
}

#[derive(Default)]
struct Stream {
    parts: Vec<(u64, u32)>,
    rest: Vec<u8>,
}

impl Stream {
    fn flush(&mut self, tape: &mut Tape) {
        let len = u32::try_from(self.rest.len()).unwrap_or(u32::MAX);
        self.parts.push((tape.append(&self.rest), len));
        self.rest.clear();
    }
}

impl<K: Ord> Spool<K> {
    pub fn new(tape: Tape) -> Spool<K> {
        Spool { tape, streams: BTreeMap::new() }
    }

    /// Adds bytes to a stream; they are never parted.
    pub fn append(&mut self, key: K, bytes: &[u8]) {
        let stream = self.streams.entry(key).or_default();
        if !stream.rest.is_empty() && stream.rest.len() + bytes.len() > PART {
            stream.flush(&mut self.tape);
        }
        stream.rest.extend_from_slice(bytes);
    }

    pub fn finish(&mut self) -> io::Result<()> {
        for stream in self.streams.values_mut() {
            stream.flush(&mut self.tape);
            stream.rest = Vec::new();
        }
        self.tape.finish()
    }

    pub fn has(&self, key: &K) -> bool {
        self.streams.contains_key(key)
    }

    /// Keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.streams.keys()
    }

    /// A stream's parts one after the other; nothing when there is no such stream.
    pub fn parts(&self, key: &K) -> impl Iterator<Item = io::Result<Vec<u8>>> {
        let parts = self.streams.get(key).map_or(&[][..], |stream| &stream.parts);
        parts.iter().map(|(at, len)| {
            let mut bytes = Vec::new();
            self.tape.read(*at, *len as usize, &mut bytes)?;
            Ok(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn folder() -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("minqing-spool-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_file_gives_back_what_memory_gives_back_and_leaves_no_name() {
        let folder = folder();
        let mut tapes = [Tape::memory(), Tape::file(&folder, "rows").unwrap()];
        let rows: Vec<Vec<u8>> = (0..40_000_u32).map(|n| n.to_le_bytes().repeat(n as usize % 19 + 1)).collect();
        let mut read = Vec::new();
        for tape in &mut tapes {
            let places: Vec<u64> = rows.iter().map(|row| tape.append(row)).collect();
            tape.finish().unwrap();
            for (row, at) in rows.iter().zip(&places) {
                tape.read(*at, row.len(), &mut read).unwrap();
                assert_eq!(&read, row);
            }
            assert_eq!(tape.len(), rows.iter().map(|row| row.len() as u64).sum::<u64>());
            assert!(tape.read(tape.len(), 1, &mut read).is_err());
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn streams_keep_their_order_and_hold_less_than_a_part_in_memory() {
        let mut spool: Spool<u32> = Spool::new(Tape::memory());
        for n in 0..30_000_u32 {
            spool.append(n % 3, &n.to_le_bytes());
            assert!(spool.streams.values().all(|stream| stream.rest.len() <= PART));
        }
        spool.finish().unwrap();
        for key in 0..3 {
            let bytes: Vec<u8> = spool.parts(&key).flat_map(|part| part.unwrap()).collect();
            let told: Vec<u32> = bytes.chunks(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
            assert_eq!(told, (0..30_000).filter(|n| n % 3 == key).collect::<Vec<_>>());
        }
        assert_eq!(spool.parts(&7).count(), 0);
    }
}
