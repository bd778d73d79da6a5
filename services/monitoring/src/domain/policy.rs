//! How a pack comes into use: one person proposes it, another who has read the very same contents approves it.

use super::refusal::Refusal;

/// Longest reason, in characters.
const REASON: usize = 1_000;
/// Most files of a pack, and most bytes of one.
const FILES: usize = 200;
const FILE_BYTES: usize = 2 << 20;

/// Who does something: the certificate, and the person at the console where the call names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub identity: String,
    pub operator: Option<String>,
}

impl Person {
    /// The account name is the console's word only, so it can show that two are one person but never that they are
    /// two: for that the certificates have to differ.
    fn may_be(&self, other: &Person) -> bool {
        let same_account = self.operator.is_some() && self.operator == other.operator;
        self.identity == other.identity || same_account
    }
}

/// A proposal as it stands.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub content_hash: String,
    pub proposed_by: Person,
    pub approved: bool,
}

impl Proposal {
    /// Whether the person, who has read the contents of this hash, may approve it. The order matters: who may not
    /// approve learns nothing more.
    pub fn approve(&self, by: &Person, content_hash: &str) -> Result<(), Refusal> {
        if self.approved {
            return Err(Refusal::AlreadyApproved);
        }
        if self.proposed_by.may_be(by) {
            return Err(Refusal::SamePerson);
        }
        if self.content_hash != content_hash {
            return Err(Refusal::OtherContents);
        }
        Ok(())
    }
}

/// The reason of a proposal, trimmed.
pub fn reason(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Refusal::ReasonMissing),
        1..=REASON => Ok(text.to_owned()),
        _ => Err(Refusal::ReasonTooLong { most: REASON }),
    }
}

/// A content hash: 64 hexadecimal digits in lower case.
pub fn content_hash(text: &str) -> Result<String, Refusal> {
    let good = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if good { Ok(text.to_owned()) } else { Err(Refusal::Hash) }
}

/// Checks the names and sizes of a pack's files before anything is written to disk.
pub fn files<'a>(files: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> Result<(), Refusal> {
    if files.len() > FILES {
        return Err(Refusal::TooManyFiles { most: FILES });
    }
    let mut seen = std::collections::BTreeSet::new();
    for (index, (path, text)) in files.enumerate() {
        if !is_path(path) {
            return Err(Refusal::File { index, wrong: "must be name.yaml or folder/name.yaml" });
        }
        if !seen.insert(path) {
            return Err(Refusal::File { index, wrong: "is there twice" });
        }
        if text.len() > FILE_BYTES {
            return Err(Refusal::File { index, wrong: "has more than 2 MiB" });
        }
    }
    Ok(())
}

/// A file of the pack's folder or of a folder in it: nothing that could lead elsewhere.
fn is_path(path: &str) -> bool {
    let plain = |name: &str| {
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        first && rest && name.len() <= 80
    };
    let Some(stem) = path.strip_suffix(".yaml") else { return false };
    match stem.split_once('/') {
        Some((folder, name)) => plain(folder) && plain(name),
        None => plain(stem),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn person(identity: &str, operator: Option<&str>) -> Person {
        Person { identity: identity.into(), operator: operator.map(str::to_owned) }
    }

    fn proposal() -> Proposal {
        let proposed_by = person("operator/city", Some("zhang"));
        Proposal { content_hash: "a".repeat(64), proposed_by, approved: false }
    }

    #[test]
    fn another_person_with_the_same_contents_approves() {
        let hash = "a".repeat(64);
        proposal().approve(&person("operator/admin", Some("li")), &hash).unwrap();
        proposal().approve(&person("operator/admin", None), &hash).unwrap();
    }

    #[test]
    fn one_certificate_or_one_account_is_one_person() {
        let hash = "a".repeat(64);
        for same in [person("operator/city", Some("li")), person("operator/admin", Some("zhang"))] {
            assert_eq!(proposal().approve(&same, &hash), Err(Refusal::SamePerson), "{same:?}");
        }
    }

    #[test]
    fn other_contents_and_a_second_approval_are_refused() {
        let by = person("operator/admin", None);
        assert_eq!(proposal().approve(&by, &"b".repeat(64)), Err(Refusal::OtherContents));
        let approved = Proposal { approved: true, ..proposal() };
        assert_eq!(approved.approve(&by, &"a".repeat(64)), Err(Refusal::AlreadyApproved));
    }

    #[test]
    fn a_file_name_leads_nowhere_else() {
        for good in ["pack.yaml", "indicators/a.yaml", "facts/base-2.yaml"] {
            files([(good, "")].into_iter()).unwrap();
        }
        for bad in [
            "",
            ".yaml",
            "/pack.yaml",
            "../pack.yaml",
            "a/../b.yaml",
            "a/b/c.yaml",
            "a\\b.yaml",
            "a.yml",
            "a/.yaml",
            "A.yaml",
            "a.yaml/b",
        ] {
            assert!(files([(bad, "")].into_iter()).is_err(), "{bad}");
        }
        assert!(files([("a.yaml", ""), ("a.yaml", "")].into_iter()).is_err());
    }

    #[test]
    fn a_reason_is_required_and_short() {
        assert_eq!(reason("  标准调整 ").unwrap(), "标准调整");
        assert_eq!(reason(" "), Err(Refusal::ReasonMissing));
        assert!(reason(&"字".repeat(1_000)).is_ok() && reason(&"字".repeat(1_001)).is_err());
        assert!(content_hash(&"0f".repeat(32)).is_ok());
        assert!(content_hash("0F").is_err() && content_hash(&"0F".repeat(32)).is_err());
    }
}
