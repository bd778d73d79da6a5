//! A pack as one run of bytes: the name and the text of each of its files, each after its length, in the order of the
//! names. The same files give the same bytes, and their SHA-256 is the pack's content hash: an archive kept for years
//! can be shown to be whole, and read again as if its folder were still there.

use std::{collections::BTreeMap, fs, path::PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Fault;

/// Bytes of a length, big-endian.
const LENGTH: usize = size_of::<u64>();

/// Where the files of a pack are.
pub(crate) enum Files {
    /// In a folder.
    Folder(PathBuf),
    /// Text by name, from an archive.
    Archive(BTreeMap<String, String>),
}

impl Files {
    /// Takes an archive apart; its names must ascend, so that no file hides another.
    pub fn of_archive(archive: &[u8]) -> Result<Files, Fault> {
        let damaged = || Fault::new("is not an archive of a policy pack", "不是政策包存档");
        let mut files = BTreeMap::new();
        let mut rest = archive;
        while !rest.is_empty() {
            let name = part(&mut rest).ok_or_else(damaged)?;
            let text = part(&mut rest).ok_or_else(damaged)?;
            if files.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return Err(damaged());
            }
            files.insert(name, text);
        }
        Ok(Files::Archive(files))
    }

    /// Bytes of a file; 0 when there is none.
    pub fn size(&self, file: &str) -> u64 {
        match self {
            Files::Folder(dir) => fs::metadata(dir.join(file)).map_or(0, |found| found.len()),
            Files::Archive(texts) => texts.get(file).map_or(0, |text| text.len() as u64),
        }
    }

    /// A file's text, or why it cannot be had.
    pub fn read(&self, file: &str) -> Result<String, String> {
        match self {
            Files::Folder(dir) => fs::read_to_string(dir.join(file)).map_err(|error| error.to_string()),
            Files::Archive(texts) => texts.get(file).cloned().ok_or_else(|| "the archive does not hold it".to_owned()),
        }
    }

    /// `<kind>.yaml` and the files of the folder `<kind>`, in the order of their names.
    pub fn of_kind(&self, kind: &str) -> Vec<String> {
        let single = format!("{kind}.yaml");
        let mut files: Vec<String> = match self {
            Files::Folder(dir) => {
                let names = fs::read_dir(dir.join(kind)).into_iter().flatten();
                let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
                let names = names.filter(|name| name.ends_with(".yaml")).map(|name| format!("{kind}/{name}"));
                names.chain(dir.join(&single).exists().then_some(single)).collect()
            }
            Files::Archive(texts) => {
                let inside = |file: &str| {
                    let name = file.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/'));
                    name.is_some_and(|name| name.ends_with(".yaml") && !name.contains('/'))
                };
                texts.keys().filter(|file| **file == single || inside(file)).cloned().collect()
            }
        };
        files.sort();
        files
    }
}

/// The next length and what it counts; `None` when the bytes end early or are no text.
fn part(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (text, after) = after.split_at_checked(length)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

/// The archive of files given as name and text, in the order of their names.
pub(crate) fn archive<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut archive = Vec::new();
    for part in files.into_iter().flat_map(|(name, text)| [name, text]) {
        archive.extend((part.len() as u64).to_be_bytes());
        archive.extend(part.as_bytes());
    }
    archive
}

/// SHA-256 of an archive, hexadecimal.
pub(crate) fn hash(archive: &[u8]) -> String {
    Sha256::digest(archive).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use crate::{Pack, PackErrors};

    use super::*;

    fn folder() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pack"))
    }

    fn pack() -> Pack {
        Pack::load(folder()).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn files(archive: &[u8]) -> BTreeMap<String, String> {
        let Ok(Files::Archive(files)) = Files::of_archive(archive) else { panic!("no archive") };
        files
    }

    fn rewritten(change: impl FnOnce(&mut BTreeMap<String, String>)) -> Result<Pack, PackErrors> {
        let mut files = files(pack().archive());
        change(&mut files);
        Pack::from_archive(&archive(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))))
    }

    #[test]
    fn a_pack_from_its_archive_says_what_the_folder_said() {
        let (pack, again) = (pack(), pack());
        assert_eq!(pack.archive(), again.archive());
        let again = Pack::from_archive(pack.archive()).unwrap();
        assert_eq!(again.archive(), pack.archive());
        assert_eq!(hash(pack.archive()), pack.content_hash());
        assert_eq!((again.content_hash(), again.version_tag()), (pack.content_hash(), pack.version_tag()));
        assert_eq!(again.assessment_sql(), pack.assessment_sql());
        assert_eq!(again.screening_sql(), pack.screening_sql());
        assert_eq!(again.facts_told().sql(), pack.facts_told().sql());
    }

    #[test]
    fn an_archive_passes_the_checks_of_a_folder() {
        let text = rewritten(|files| drop(files.remove("calendar.yaml"))).unwrap_err().to_string();
        assert!(text.contains("calendar.yaml"), "{text}");
        let text = rewritten(|files| {
            let head = files["pack.yaml"].replace("name: ", "nmae: ");
            files.insert("pack.yaml".to_owned(), head);
        });
        let text = text.unwrap_err().to_string();
        assert!(text.contains("unknown field `nmae`"), "{text}");
    }

    #[test]
    fn bytes_that_are_no_archive_are_refused_with_a_reason() {
        let whole = pack().archive().to_vec();
        let twice = [whole.as_slice(), whole.as_slice()].concat();
        let too_long = [u64::MAX.to_be_bytes().as_slice(), whole.as_slice()].concat();
        for damaged in [b"longnan".as_slice(), &whole[..whole.len() - 1], &twice, &too_long] {
            let errors = Pack::from_archive(damaged).unwrap_err();
            assert_eq!(errors.0.len(), 1, "{errors}");
            assert!(!errors.0[0].problem_zh.is_empty());
        }
        let errors = Pack::from_archive(b"").unwrap_err();
        assert!(errors.to_string().contains("pack.yaml"), "{errors}");
    }

    #[test]
    fn an_archive_holds_nothing_but_the_packs_own_files() {
        let stranger = |files: &mut BTreeMap<String, String>| drop(files.insert("notes.txt".to_owned(), String::new()));
        let text = rewritten(stranger).unwrap_err().to_string();
        assert!(text.contains("a file that is none of a pack's"), "{text}");
    }
}
