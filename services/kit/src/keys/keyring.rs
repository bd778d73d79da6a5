//! The mesh's secrets: keyed hashes that stand for people, and the keys that seal personal text at rest.
//!
//! A sealed text is `[algorithm][key version][nonce, 12][ciphertext and tag]`, bound to its subject and its field: a
//! row moved to another person, or a value moved to another column, does not open.

use std::{collections::BTreeMap, fmt, path::Path};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac as _};
use rand::{TryRngCore as _, rngs::OsRng};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use super::{IdNumber, Secret, names, plain_number};
use crate::error::{Error, Result};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
/// First byte of a sealed text: AES-256-GCM under a key derived per subject.
const AES_256_GCM: u8 = 1;

type Key = Zeroizing<[u8; KEY_LEN]>;

/// Where nonces and keys come from.
pub trait Randomness: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Randomness for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        OsRng.try_fill_bytes(bytes).expect("the operating system gives random bytes");
    }
}

/// The mesh's secrets.
pub struct Keyring {
    person_key_version: u8,
    person_key_secret: Key,
    name_key_secret: Key,
    data_keys: BTreeMap<u8, Key>,
    current: u8,
    random: Box<dyn Randomness>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "first_version")]
    person_key_version: u8,
    person_key_secret: String,
    name_key_secret: String,
    data_keys: BTreeMap<u8, String>,
    current: u8,
}

fn first_version() -> u8 {
    1
}

impl Drop for File {
    fn drop(&mut self) {
        self.person_key_secret.zeroize();
        self.name_key_secret.zeroize();
        self.data_keys.values_mut().for_each(|key| key.zeroize());
    }
}

impl Keyring {
    /// New secrets for a new mesh.
    pub fn generate() -> Keyring {
        let random = OsRandom;
        let key = || {
            let mut key = Zeroizing::new([0; KEY_LEN]);
            random.fill(key.as_mut());
            key
        };
        Keyring {
            person_key_version: first_version(),
            person_key_secret: key(),
            name_key_secret: key(),
            data_keys: BTreeMap::from([(1, key())]),
            current: 1,
            random: Box::new(random),
        }
    }

    /// Reads the secrets from a file.
    pub fn load(path: &Path) -> anyhow::Result<Keyring> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Keyring::from_json(&Zeroizing::new(text)).with_context(|| format!("{} holds no keyring", path.display()))
    }

    /// Writes the secrets to a new file that only its owner can read; an existing file is never overwritten.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(self.to_json()?.as_bytes())?;
        file.sync_all()?;
        Ok(())
    }

    /// Reads the secrets from JSON.
    pub fn from_json(text: &str) -> anyhow::Result<Keyring> {
        // serde's own text would quote what it read.
        let file: File = serde_json::from_str(text)
            .map_err(|e| anyhow::anyhow!("not the expected JSON at line {} column {}", e.line(), e.column()))?;
        let data_keys: BTreeMap<u8, Key> =
            file.data_keys.iter().map(|(version, key)| Ok((*version, decode(key)?))).collect::<anyhow::Result<_>>()?;
        ensure!(data_keys.contains_key(&file.current), "current names no data key");
        Ok(Keyring {
            person_key_version: file.person_key_version,
            person_key_secret: decode(&file.person_key_secret)?,
            name_key_secret: decode(&file.name_key_secret)?,
            data_keys,
            current: file.current,
            random: Box::new(OsRandom),
        })
    }

    fn to_json(&self) -> anyhow::Result<Zeroizing<String>> {
        let file = File {
            person_key_version: self.person_key_version,
            person_key_secret: BASE64.encode(self.person_key_secret.as_ref()),
            name_key_secret: BASE64.encode(self.name_key_secret.as_ref()),
            data_keys: self.data_keys.iter().map(|(version, key)| (*version, BASE64.encode(key.as_ref()))).collect(),
            current: self.current,
        };
        Ok(Zeroizing::new(serde_json::to_string_pretty(&file)?))
    }

    /// Takes nonces from another source.
    pub fn with_randomness(mut self, random: impl Randomness) -> Keyring {
        self.random = Box::new(random);
        self
    }

    /// Which generation of person keys this keyring makes.
    pub fn person_key_version(&self) -> u8 {
        self.person_key_version
    }

    /// The pseudonym of a person, the same for every bureau.
    pub fn person_key(&self, id: &IdNumber) -> Uuid {
        let version = [self.person_key_version];
        keyed(&self.person_key_secret, "minqing/person", &[&version, id.expose().as_bytes()])
    }

    /// The pseudonym of a name: what [`names::plain`] leaves out does not count.
    pub fn name_key(&self, name: &str) -> Uuid {
        keyed(&self.name_key_secret, "minqing/name", &[names::plain(name).as_bytes()])
    }

    /// What stands for a text that is no ID number, so that the same text is known again. No person's key is like it.
    pub fn faulty_number_key(&self, text: &str) -> Uuid {
        keyed(&self.person_key_secret, "minqing/faulty-number", &[plain_number(text).as_bytes()])
    }

    /// The pseudonym of a record made of several parts, such as a dataset row's natural key.
    pub fn record_key(&self, parts: &[&str]) -> Uuid {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        keyed(&self.person_key_secret, "minqing/record", &parts)
    }

    /// Seals a personal text for its subject and field.
    pub fn seal(&self, subject: Uuid, field: &str, plain: &str) -> Vec<u8> {
        self.seal_bytes(subject, field, plain.as_bytes())
    }

    /// As [`Keyring::seal`], for bytes that need be no text.
    pub fn seal_bytes(&self, subject: Uuid, field: &str, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(2 + NONCE_LEN + plain.len() + TAG_LEN);
        sealed.extend_from_slice(&[AES_256_GCM, self.current]);
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        sealed.extend_from_slice(&nonce);
        let data_key = self.data_keys.get(&self.current).expect("the current data key was checked at loading");
        let bound = bound(subject, field);
        let ciphertext = cipher(data_key, self.current, subject)
            .encrypt((&nonce).into(), Payload { msg: plain, aad: &bound })
            .expect("what is in memory is shorter than the 64 GiB that GCM seals");
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens a sealed text; one that was sealed for another subject or field does not open.
    pub fn open(&self, subject: Uuid, field: &str, sealed: &[u8]) -> Result<Secret> {
        let mut plain = self.open_bytes(subject, field, sealed)?;
        String::from_utf8(std::mem::take(&mut *plain))
            .map(Secret::new)
            .map_err(|_| Error::bug(anyhow::anyhow!("a sealed {field} does not open: not text")))
    }

    /// Opens what [`Keyring::seal_bytes`] sealed; the bytes are wiped when dropped.
    pub fn open_bytes(&self, subject: Uuid, field: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let broken = |what: &'static str| Error::bug(anyhow::anyhow!("a sealed {field} does not open: {what}"));
        let (header, rest) = sealed.split_first_chunk::<2>().ok_or_else(|| broken("too short"))?;
        let [algorithm, version] = *header;
        if algorithm != AES_256_GCM {
            return Err(broken("unknown algorithm"));
        }
        let data_key = self.data_keys.get(&version).ok_or_else(|| broken("unknown key version"))?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(|| broken("too short"))?;
        let bound = bound(subject, field);
        let plain = cipher(data_key, version, subject)
            .decrypt(nonce.into(), Payload { msg: ciphertext, aad: &bound })
            .map_err(|_| broken("not sealed for this place"))?;
        Ok(Zeroizing::new(plain))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current).finish_non_exhaustive()
    }
}

fn decode(text: &str) -> anyhow::Result<Key> {
    let bytes = Zeroizing::new(BASE64.decode(text.trim()).map_err(|_| anyhow::anyhow!("a key is not base64"))?);
    let key: [u8; KEY_LEN] =
        bytes.as_slice().try_into().map_err(|_| anyhow::anyhow!("a key is not {KEY_LEN} bytes long"))?;
    Ok(Zeroizing::new(key))
}

fn mac(key: &[u8; KEY_LEN], domain: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    // Lengths go in too, so that no two lists of parts run into the same bytes.
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// 128 bits of the MAC as a UUID of version 8 (six of them say so).
fn keyed(key: &[u8; KEY_LEN], domain: &str, parts: &[&[u8]]) -> Uuid {
    let mac = mac(key, domain, parts);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&mac[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn cipher(data_key: &[u8; KEY_LEN], version: u8, subject: Uuid) -> Aes256Gcm {
    let key = mac(data_key, "minqing/seal", &[&[AES_256_GCM, version], subject.as_bytes()]);
    Aes256Gcm::new((&*key).into())
}

fn bound(subject: Uuid, field: &str) -> Vec<u8> {
    let mut bound = subject.as_bytes().to_vec();
    bound.extend_from_slice(field.as_bytes());
    bound
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn fifteen_and_eighteen_digits_give_the_same_person_key() {
        let keyring = Keyring::generate();
        let old = IdNumber::parse("110105491231002").unwrap();
        let new = IdNumber::parse("11010519491231002x").unwrap();
        assert_eq!(keyring.person_key(&old), keyring.person_key(&new));
        assert_ne!(keyring.person_key(&old), Keyring::generate().person_key(&old));
        assert_eq!(keyring.person_key(&old).get_version_num(), 8);
    }

    #[test]
    fn a_name_has_one_key_however_it_is_typed() {
        let keyring = Keyring::generate();
        let key = keyring.name_key("阿依古丽·买买提");
        for spelling in ["阿依古丽•买买提", "阿依古丽・买买提", " 阿依古丽 · 买买提\u{3000}", "阿依古丽买买提"]
        {
            assert_eq!(keyring.name_key(spelling), key, "{spelling}");
        }
        assert_ne!(keyring.name_key("阿依古丽"), key);
        assert_ne!(keyring.record_key(&["ab", "c"]), keyring.record_key(&["a", "bc"]));
    }

    #[test]
    fn a_sealed_text_opens_only_for_its_subject_and_field() {
        let keyring = Keyring::generate();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = keyring.seal(one, "phone", "13993912345");
        assert_eq!(keyring.open(one, "phone", &sealed).unwrap().expose(), "13993912345");
        assert!(keyring.open(other, "phone", &sealed).is_err());
        assert!(keyring.open(one, "account", &sealed).is_err());
        assert!(Keyring::generate().open(one, "phone", &sealed).is_err());
        assert_ne!(sealed, keyring.seal(one, "phone", "13993912345"));
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert!(keyring.open(one, "phone", &broken).is_err(), "byte {at}");
            assert!(keyring.open(one, "phone", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_saved_keyring_is_private_and_opens_what_an_older_key_sealed() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        let keyring = Keyring::generate();
        let sealed = keyring.seal(Uuid::nil(), "name", "张三");
        keyring.save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(keyring.save(&path).is_err(), "a keyring was overwritten");

        let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        json["data_keys"]["2"] = BASE64.encode([7; KEY_LEN]).into();
        json["current"] = 2.into();
        let rotated = Keyring::from_json(&json.to_string()).unwrap();
        assert_eq!(rotated.open(Uuid::nil(), "name", &sealed).unwrap().expose(), "张三");
        assert_eq!(rotated.seal(Uuid::nil(), "name", "张三")[1], 2);
    }

    #[test]
    fn a_broken_keyring_is_refused_without_quoting_it() {
        for broken in ["", "{}", r#"{"person_key_secret":"c2VjcmV0","name_key_secret":"","data_keys":{},"current":1}"#]
        {
            let error = format!("{:#}", Keyring::from_json(broken).unwrap_err());
            assert!(!error.contains("c2VjcmV0"));
        }
        assert_eq!(format!("{:?}", Keyring::generate()), "Keyring { current: 1, .. }");
    }
}
