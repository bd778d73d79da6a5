//! Checking a receipt without the mesh: who holds the receipt, the adapter's public key and what was sent learns
//! whether all three belong together, and if not, which of them does not.

use anyhow::Context as _;
use minqing_kit::keys::{VerifyingKey, signing::hex};
use minqing_proto::{
    DESCRIPTOR_POOL,
    minqing::bureau::v1::{DigestForm, Receipt, SignatureAlgorithm},
};
use prost_reflect::DynamicMessage;
use serde_json::Value;

use super::{
    digest,
    form::{canonical, statement},
};

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that was given fits together.
    Good,
    /// Another key has signed it: it may be genuine, this key cannot tell.
    OtherKey,
    /// The key is the one it names, and a field or the signature is not as it was signed.
    Changed,
    /// The receipt is genuine and was given for other rows.
    OtherRows,
    /// The receipt is genuine; the sender's signature in it is not of the key given.
    OtherSender,
    /// Signed with an algorithm, or in a form, this program does not know.
    Unknown,
}

impl Verdict {
    /// Stable word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Good => "GOOD",
            Verdict::OtherKey => "OTHER_KEY",
            Verdict::Changed => "CHANGED",
            Verdict::OtherRows => "OTHER_ROWS",
            Verdict::OtherSender => "OTHER_SENDER",
            Verdict::Unknown => "UNKNOWN_FORM",
        }
    }

    pub fn text(self) -> (&'static str, &'static str) {
        match self {
            Verdict::Good => ("回执有效", "the receipt is genuine"),
            Verdict::OtherKey => ("该回执由另一把密钥签名，请换用对应的公钥", "another key signed it; use that key"),
            Verdict::Changed => ("回执签发后被改动", "the receipt was changed after it was signed"),
            Verdict::OtherRows => {
                ("回执真实，但所给数据与签收数据不符", "the receipt is genuine, but for other rows than these")
            }
            Verdict::OtherSender => (
                "回执真实，但其中的报送方签名不属于所给公钥",
                "the receipt is genuine, but its sender's signature is not of this key",
            ),
            Verdict::Unknown => {
                ("签名算法或格式未知，请升级本程序", "algorithm or form is not known here; use a newer program")
            }
        }
    }
}

/// Checks one receipt; `rows` is the SHA-256 of the file or of the rows' canonical form, when they are at hand.
pub fn check(receipt: &Receipt, key: &VerifyingKey, rows: Option<[u8; 32]>, sender: Option<&VerifyingKey>) -> Verdict {
    if receipt.algorithm() != SignatureAlgorithm::Ed25519 {
        // Another word in the place of a known one is a change as long as the known one makes the signature fit.
        let known = Receipt { algorithm: SignatureAlgorithm::Ed25519 as i32, ..receipt.clone() };
        return if fits(&known, key) { Verdict::Changed } else { Verdict::Unknown };
    }
    if receipt.key_id != key.id() {
        // The name of the key may be what was changed.
        let named = Receipt { key_id: key.id().to_owned(), ..receipt.clone() };
        return if fits(&named, key) { Verdict::Changed } else { Verdict::OtherKey };
    }
    if !fits(receipt, key) {
        return Verdict::Changed;
    }
    if let Some(id) = receipt.subject.split('/').nth(1)
        && receipt.name != format!("{}/{id}", super::RECEIPTS)
    {
        return Verdict::Changed;
    }
    if matches!(receipt.digest_form(), DigestForm::Referral | DigestForm::Verification)
        && receipt.digest != hex(&digest::of_signature(&receipt.subject, &receipt.operator))
    {
        return Verdict::OtherRows;
    }
    if rows.is_some_and(|rows| receipt.digest != hex(&rows)) {
        return Verdict::OtherRows;
    }
    match sender {
        Some(sender) if !signed_by(receipt, sender) => Verdict::OtherSender,
        _ => Verdict::Good,
    }
}

fn fits(receipt: &Receipt, key: &VerifyingKey) -> bool {
    canonical(receipt).is_ok_and(|text| key.verify(text.as_bytes(), &receipt.signature))
}

fn signed_by(receipt: &Receipt, sender: &VerifyingKey) -> bool {
    receipt.sender_key_id == sender.id()
        && statement(receipt, sender.id()).is_ok_and(|text| sender.verify(text.as_bytes(), &receipt.sender_signature))
}

/// Reads a receipt file: canonical proto JSON, one receipt or a list of them. A field that no receipt has is a fault.
pub fn read(text: &str) -> anyhow::Result<Vec<Receipt>> {
    let all = match serde_json::from_str(text).map_err(|e| anyhow::anyhow!("not JSON, line {}", e.line()))? {
        Value::Array(all) => all,
        one => vec![one],
    };
    anyhow::ensure!(!all.is_empty(), "no receipt in it");
    all.into_iter().map(of_json).collect()
}

fn of_json(value: Value) -> anyhow::Result<Receipt> {
    let message =
        DESCRIPTOR_POOL.get_message_by_name("minqing.bureau.v1.Receipt").context("no contract of receipts")?;
    DynamicMessage::deserialize(message, value)
        .ok()
        .and_then(|read| read.transcode_to().ok())
        .context("not a receipt as the contract has it")
}
