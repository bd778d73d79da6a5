//! Signatures that anyone can check who has the public key, without asking the mesh: Ed25519 (RFC 8032), keys in the
//! usual PEM forms, so that `openssl genpkey -algorithm ed25519` makes one and `openssl pkeyutl -verify -rawin` checks
//! a signature. A key is named by its public half, so no list of names can go wrong.

use std::{fmt, path::Path};

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::{
    encoding::AsBigEndian as _,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const KEY_LEN: usize = 32;
const PUBLIC_LABEL: &str = "PUBLIC KEY";
const PRIVATE_LABEL: &str = "PRIVATE KEY";
/// SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410).
const PUBLIC_DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// PKCS #8 version 1 of an Ed25519 key up to its 32 bytes (RFC 8410).
const PRIVATE_DER: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Bytes of the public key's digest that name it.
const ID_BYTES: usize = 8;
const PEM_LINE: usize = 64;

/// File of the private key in a folder of keys.
pub const SIGNING_FILE: &str = "signing.pem";
/// File of its public half beside it.
pub const PUBLIC_FILE: &str = "public.pem";

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    Ed25519,
}

/// A key that signs. Prints as its name only.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    bytes: [u8; KEY_LEN],
    id: String,
}

impl SigningKey {
    /// A new key.
    pub fn generate() -> anyhow::Result<SigningKey> {
        let pair = Ed25519KeyPair::generate().map_err(|_| anyhow::anyhow!("no signing key could be made"))?;
        SigningKey::of(pair)
    }

    fn of(pair: Ed25519KeyPair) -> anyhow::Result<SigningKey> {
        let public = VerifyingKey::of_bytes(pair.public_key().as_ref())?;
        Ok(SigningKey { pair, public })
    }

    /// Reads `signing.pem` in a folder.
    pub fn load(folder: &Path) -> anyhow::Result<SigningKey> {
        let path = folder.join(SIGNING_FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        SigningKey::from_pem(&Zeroizing::new(text)).with_context(|| format!("{} holds no signing key", path.display()))
    }

    /// Reads a PKCS #8 key.
    pub fn from_pem(text: &str) -> anyhow::Result<SigningKey> {
        let der = unpem(text, PRIVATE_LABEL)?;
        let pair = Ed25519KeyPair::from_pkcs8(&der)
            .map_err(|_| anyhow::anyhow!("not an Ed25519 key; make one with: openssl genpkey -algorithm ed25519"))?;
        SigningKey::of(pair)
    }

    fn to_pem(&self) -> anyhow::Result<Zeroizing<String>> {
        let seed = self.pair.seed().map_err(|_| anyhow::anyhow!("the signing key cannot be written"))?;
        let seed = seed.as_be_bytes().map_err(|_| anyhow::anyhow!("the signing key cannot be written"))?;
        let mut der = Zeroizing::new(PRIVATE_DER.to_vec());
        der.extend_from_slice(seed.as_ref());
        Ok(Zeroizing::new(pem(&der, PRIVATE_LABEL)))
    }

    /// Writes `signing.pem`, for its owner only, and `public.pem` into a folder; an existing key is never overwritten.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
        let path = folder.join(SIGNING_FILE);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        ensure!(!path.exists(), "{} is there already", path.display());
        // The public half first: where the private one is, both are.
        std::fs::write(folder.join(PUBLIC_FILE), self.public.to_pem())?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(self.to_pem()?.as_bytes())?;
        file.sync_all()?;
        Ok(())
    }

    pub fn scheme(&self) -> SignatureScheme {
        SignatureScheme::Ed25519
    }

    /// The public half.
    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs; the same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl VerifyingKey {
    fn of_bytes(bytes: &[u8]) -> anyhow::Result<VerifyingKey> {
        let bytes: [u8; KEY_LEN] =
            bytes.try_into().map_err(|_| anyhow::anyhow!("a public key is not {KEY_LEN} bytes long"))?;
        let digest = Sha256::digest([PUBLIC_DER.as_slice(), &bytes].concat());
        Ok(VerifyingKey { bytes, id: hex(&digest[..ID_BYTES]) })
    }

    /// Reads a key from a file.
    pub fn load(path: &Path) -> anyhow::Result<VerifyingKey> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        VerifyingKey::from_pem(&text).with_context(|| format!("{} holds no public key", path.display()))
    }

    /// Reads a SubjectPublicKeyInfo.
    pub fn from_pem(text: &str) -> anyhow::Result<VerifyingKey> {
        let der = unpem(text, PUBLIC_LABEL)?;
        match der.strip_prefix(&PUBLIC_DER) {
            Some(bytes) => VerifyingKey::of_bytes(bytes),
            None => bail!("not an Ed25519 public key"),
        }
    }

    pub fn to_pem(&self) -> String {
        pem(&[PUBLIC_DER.as_slice(), &self.bytes].concat(), PUBLIC_LABEL)
    }

    /// The key's name: 16 hexadecimal digits of the digest of its DER form.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id)
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn pem(der: &[u8], label: &str) -> String {
    let body = Zeroizing::new(BASE64.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The one block of a PEM text; what stands around it is a comment.
fn unpem(text: &str, label: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(body, _)| body);
    let body = body.with_context(|| format!("no PEM block {label}"))?;
    let joined: Zeroizing<String> = Zeroizing::new(body.chars().filter(|c| !c.is_whitespace()).collect());
    let der = BASE64.decode(joined.as_bytes()).map_err(|_| anyhow::anyhow!("the PEM block is not base64"))?;
    ensure!(!der.is_empty(), "the PEM block is empty");
    Ok(Zeroizing::new(der))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// RFC 8032, section 7.1, test 2, as OpenSSL writes the key.
    const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_standards_own_example_is_signed_as_the_standard_says() {
        let der = [PRIVATE_DER.as_slice(), &unhex(SEED)].concat();
        let key = SigningKey::from_pem(&format!("made by hand\n{}", pem(&der, PRIVATE_LABEL))).unwrap();
        assert_eq!(key.public().bytes.as_slice(), unhex(PUBLIC));
        assert_eq!(hex(&key.sign(&[0x72])), SIGNATURE);
        assert!(key.public().verify(&[0x72], &unhex(SIGNATURE)));
        assert!(!key.public().verify(&[0x73], &unhex(SIGNATURE)));
    }

    #[test]
    fn a_saved_key_is_private_and_reads_back() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        key.save(folder.path()).unwrap();
        let mode = std::fs::metadata(folder.path().join(SIGNING_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(SigningKey::generate().unwrap().save(folder.path()).is_err(), "a key was overwritten");
        let read = SigningKey::load(folder.path()).unwrap();
        assert_eq!(read.sign(b"x"), key.sign(b"x"));
        assert_eq!(read.public().id().len(), 16);
        assert_eq!(VerifyingKey::load(&folder.path().join(PUBLIC_FILE)).unwrap(), *key.public());
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public().id()));
    }

    #[test]
    fn a_broken_key_is_refused_without_quoting_it() {
        for broken in ["", "c2VjcmV0", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"] {
            let error = format!("{:#}", SigningKey::from_pem(broken).unwrap_err());
            assert!(!error.contains("c2VjcmV0"), "{error}");
            assert!(VerifyingKey::from_pem(broken).is_err());
        }
    }
}
