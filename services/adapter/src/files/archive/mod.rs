//! A ZIP with several files: looked through whole first, then each member is taken in as if it had been dropped alone.
//! Nothing the archive says of itself is believed: what comes out is counted while it comes.

pub mod directory;
mod name;
pub mod take;

use std::{
    collections::HashSet,
    io::{self, Read, Seek, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::{Refusal, read::MAX_FILE, refusal};

/// Most files in one archive.
pub const MAX_MEMBERS: usize = 100;
/// Most that all members together may be, unpacked.
pub const MAX_TOTAL: u64 = 1024 * 1024 * 1024;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its place in the archive.
    pub at: usize,
    /// A plain file name, no folder in it.
    pub name: String,
}

/// Whether a dropped file is an archive, by its name.
pub fn is_archive(name: &str) -> bool {
    ends_in(name, &[".zip"])
}

fn ends_in(name: &str, endings: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Looks through an archive whole; its members in the order of their names, or why it is not taken.
pub fn members(input: impl Read + Seek) -> Result<Vec<Member>, Refusal> {
    members_within(input, MAX_FILE, MAX_TOTAL)
}

fn members_within(input: impl Read + Seek, each: u64, total: u64) -> Result<Vec<Member>, Refusal> {
    // A third party's reader, as for XLSX: should it panic on some archive, the archive is at fault.
    catch_unwind(AssertUnwindSafe(|| look_through(input, each, total))).unwrap_or_else(|_| Err(unreadable()))
}

fn look_through(mut input: impl Read + Seek, each: u64, total: u64) -> Result<Vec<Member>, Refusal> {
    if directory::claims_too_many(&mut input).map_err(|_| unreadable())? {
        return Err(too_many());
    }
    let mut archive = ZipArchive::new(input).map_err(|_| unreadable())?;
    if archive.has_duplicate_names() {
        return Err(duplicate());
    }
    if archive.is_empty() {
        let (en, zh) = ("the ZIP holds no file", "压缩包内没有文件");
        return Err(refusal("ARCHIVE_EMPTY", en, zh));
    }
    if archive.len() > MAX_MEMBERS {
        return Err(too_many());
    }
    let mut members = Vec::new();
    let mut names = HashSet::new();
    for at in 0..archive.len() {
        let place = format!("第{}个文件 (file {})", at + 1, at + 1);
        let name = plain_name(&archive, at).map_err(|refusal| refusal.of_column(&place))?;
        if !names.insert(name.clone()) {
            return Err(duplicate().of_column(&place));
        }
        members.push(Member { at, name });
    }
    let mut left = total;
    for member in &members {
        let most = each.min(left);
        left -= inflate(&mut archive, member.at, most, &mut io::sink()).map_err(|fault| fault.refusal(member.at))?;
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(members)
}

/// A member's name, if it is one that a dropped file could have.
fn plain_name<R: Read + Seek>(archive: &ZipArchive<R>, at: usize) -> Result<String, Refusal> {
    let entry = archive.by_index_data(at).map_err(|_| unreadable())?;
    if entry.encrypted() {
        let (en, zh) = ("the ZIP is encrypted; send it without a password", "压缩包已加密，请不加密码重新报送");
        return Err(refusal("ARCHIVE_ENCRYPTED", en, zh));
    }
    if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        let (en, zh) = (
            "the ZIP is packed by a method that is not read; pack it with the usual one (deflate)",
            "压缩算法不受支持，请用常规方式（deflate）压缩",
        );
        return Err(refusal("ARCHIVE_METHOD", en, zh));
    }
    let name = name::decode(entry.name_raw(), name::says_utf8(entry.flags().as_u16()));
    let name = name.ok_or_else(|| {
        bad_name("a name is neither UTF-8 nor GB18030", "压缩包内文件名的编码既非 UTF-8 也非 GB18030")
    })?;
    if name.contains(['/', '\\']) {
        let (en, zh) = (
            "the ZIP holds a folder or a path; pack the files alone, without their folder",
            "压缩包内含文件夹或路径，请直接压缩文件，不要压缩文件夹",
        );
        return Err(refusal("ARCHIVE_FOLDER", en, zh));
    }
    if !entry.is_file() || !name::is_plain(&name) {
        let (en, zh) = (
            "a name is no name of an ordinary file: 1 to 200 bytes, no control characters, no colon",
            "压缩包内有不是普通文件的名称：应为 1 至 200 字节，不含控制字符和冒号",
        );
        return Err(bad_name(en, zh));
    }
    if ends_in(&name, &[".zip", ".rar", ".7z", ".tar", ".gz"]) {
        let (en, zh) =
            ("the ZIP holds another archive; pack the files themselves", "压缩包内还有压缩包，请直接压缩文件");
        return Err(refusal("ARCHIVE_NESTED", en, zh));
    }
    Ok(name)
}

/// Writes a member of an archive that was looked through.
pub fn unpack(input: impl Read + Seek, at: usize, to: &mut impl Write) -> io::Result<()> {
    let unpacked = catch_unwind(AssertUnwindSafe(|| {
        let mut archive = ZipArchive::new(input).map_err(Fault::Damaged)?;
        inflate(&mut archive, at, MAX_FILE, to)
    }));
    match unpacked {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(Fault::Damaged(ZipError::Io(error)))) => Err(error),
        Ok(Err(_)) | Err(_) => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

/// Why a member does not come out.
enum Fault {
    Damaged(ZipError),
    TooLarge,
}

impl Fault {
    fn refusal(&self, at: usize) -> Refusal {
        let place = format!("第{}个文件 (file {})", at + 1, at + 1);
        match self {
            Fault::TooLarge => refusal(
                "ARCHIVE_TOO_LARGE",
                "the ZIP unpacks to more than 256 MiB a file or 1 GiB in all; split it",
                "压缩包解压后单个文件超过 256 MiB 或合计超过 1 GiB，请拆分",
            ),
            Fault::Damaged(_) => unreadable(),
        }
        .of_column(&place)
    }
}

/// How much came out; never more than one chunk above `most` is written.
fn inflate<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    at: usize,
    most: u64,
    to: &mut impl Write,
) -> Result<u64, Fault> {
    let mut entry = archive.by_index(at).map_err(Fault::Damaged)?;
    let inflated = io::copy(&mut entry.by_ref().take(most.saturating_add(1)), to);
    let inflated = inflated.map_err(|error| Fault::Damaged(ZipError::Io(error)))?;
    if inflated > most { Err(Fault::TooLarge) } else { Ok(inflated) }
}

fn unreadable() -> Refusal {
    refusal(
        "ARCHIVE_UNREADABLE",
        "the ZIP cannot be read or is cut; pack it again and send it whole",
        "压缩包无法读取或不完整，请重新压缩后完整报送",
    )
}

fn too_many() -> Refusal {
    refusal("ARCHIVE_TOO_MANY", "the ZIP holds more than 100 files; split it", "压缩包内超过 100 个文件，请拆分")
}

fn duplicate() -> Refusal {
    let (en, zh) = ("two files in the ZIP have the same name", "压缩包内有同名文件");
    refusal("ARCHIVE_DUPLICATE_NAME", en, zh)
}

fn bad_name(en: &str, zh: &str) -> Refusal {
    refusal("ARCHIVE_NAME", en, zh)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::io::Cursor;

    use proptest::prelude::*;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn packed(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refused(bytes: &[u8]) -> String {
        members(Cursor::new(bytes)).unwrap_err().reason
    }

    #[test]
    fn members_come_by_name_and_out_as_they_went_in() {
        let bytes = packed(&[("b.csv", b"2\n"), ("a.csv", b"1\n")]);
        let found = members(Cursor::new(&bytes)).unwrap();
        assert_eq!(found.iter().map(|m| (m.name.as_str(), m.at)).collect::<Vec<_>>(), [("a.csv", 1), ("b.csv", 0)]);
        let mut out = Vec::new();
        unpack(Cursor::new(&bytes), found[0].at, &mut out).unwrap();
        assert_eq!(out, b"1\n");
    }

    #[test]
    fn what_comes_out_is_counted_whatever_the_archive_says() {
        let zeros = vec![0; 1024 * 1024];
        let mut bytes = packed(&[("a.csv", &zeros), ("b.csv", &zeros)]);
        assert!(bytes.len() < 16 * 1024);
        let within = |bytes: &[u8], each, total| members_within(Cursor::new(bytes), each, total).map_err(|r| r.reason);
        assert_eq!(within(&bytes, 1 << 20, 2 << 20).unwrap().len(), 2);
        assert_eq!(within(&bytes, (1 << 20) - 1, 2 << 20).unwrap_err(), "ARCHIVE_TOO_LARGE");
        assert_eq!(within(&bytes, 1 << 20, (2 << 20) - 1).unwrap_err(), "ARCHIVE_TOO_LARGE");
        // The directory says 10 bytes.
        let at = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
        bytes[at + 24..at + 28].copy_from_slice(&10u32.to_le_bytes());
        assert!(within(&bytes, (1 << 20) - 1, 2 << 20).is_err());
    }

    #[test]
    fn a_cut_or_changed_archive_is_unreadable() {
        let bytes = packed(&[("a.csv", b"1\n"), ("b.csv", &[7; 5000])]);
        for end in [0, 1, 30, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(refused(&bytes[..end]), "ARCHIVE_UNREADABLE", "{end}");
        }
        let mut changed = bytes.clone();
        let at = changed.windows(2).position(|w| w == b"1\n").unwrap_or(36);
        changed[at] ^= 1;
        assert_eq!(refused(&changed), "ARCHIVE_UNREADABLE");
    }

    proptest! {
        #[test]
        fn no_change_of_an_archive_makes_the_reader_panic(at in 0usize..300, byte in any::<u8>(), end in 0usize..300) {
            let mut bytes = packed(&[("a.csv", b"1,2\n3,4\n"), ("b.csv", b"x\n")]);
            let (at, end) = (at % bytes.len(), end % bytes.len());
            bytes[at] = byte;
            for bytes in [&bytes[..], &bytes[..end]] {
                if let Ok(found) = members(Cursor::new(bytes)) {
                    for member in found {
                        unpack(Cursor::new(bytes), member.at, &mut io::sink()).unwrap();
                    }
                }
            }
        }
    }
}
