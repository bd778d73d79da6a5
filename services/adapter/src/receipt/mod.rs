//! Signed receipts: what an adapter got and what became of it, in a text that anyone can rebuild and check without
//! the mesh. `form` builds that text and is pure, `verify` checks receipts for people who hold one, `store` keeps them;
//! here a process's keys sign and a bureau's signature is looked at.

mod digest;
mod form;
pub mod store;
pub mod verify;

use std::{collections::HashMap, path::Path};

use anyhow::Context as _;
use minqing_kit::{
    Error,
    db::Work,
    keys::{SigningKey, VerifyingKey, signing::hex},
};
use minqing_proto::minqing::{
    bureau::v1::{DigestForm, Receipt, ReceiptKind, SenderSignature, SignatureAlgorithm},
    types::v1::{BatchMode, Bureau},
};
use prost_reflect::ReflectMessage as _;

pub use self::{
    digest::{RowsDigest, append_row},
    form::{canonical, statement},
};
use crate::Result;

/// Public keys of the bureau in the folder of keys: every file whose name begins so and ends in `.pem`.
const SENDER_PREFIX: &str = "bureau";
/// Collection of receipts' names.
pub const RECEIPTS: &str = "receipts";

/// The keys of one adapter's process.
pub struct Keys {
    own: SigningKey,
    /// Its bureau's; several while one replaces another.
    senders: Vec<VerifyingKey>,
}

/// What came, as the transport saw it.
#[derive(Clone, Debug)]
pub struct Received {
    pub form: DigestForm,
    pub digest: [u8; 32],
    /// The sender's own signature, not yet checked.
    pub signature: Option<SenderSignature>,
    /// Where it is stored as it came; none for what is run again.
    pub raw: Option<uuid::Uuid>,
}

impl Keys {
    /// Reads a folder of keys.
    pub fn load(folder: Option<&Path>) -> anyhow::Result<Keys> {
        let folder = folder.context("MINQING_SIGNING_DIR is not set; set the folder that holds signing.pem")?;
        let read = || -> anyhow::Result<Keys> {
            let mut senders = Vec::new();
            for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(SENDER_PREFIX) && name.ends_with(".pem") {
                    senders.push(VerifyingKey::load(&path)?);
                }
            }
            Ok(Keys { own: SigningKey::load(folder)?, senders })
        };
        read().context("the signing keys cannot be used; check MINQING_SIGNING_DIR")
    }

    /// Signs a receipt whose other fields are set.
    pub fn sign(&self, mut receipt: Receipt) -> Result<Receipt> {
        receipt.algorithm = SignatureAlgorithm::Ed25519 as i32;
        self.own.public().id().clone_into(&mut receipt.key_id);
        let text = canonical(&receipt).map_err(|fault| Error::bug(anyhow::anyhow!("a receipt's {fault}")))?;
        receipt.signature = self.own.sign(text.as_bytes());
        Ok(receipt)
    }

    /// Checks the sender's signature on a batch; gives it back when it was checked and is good. Without a key of the
    /// bureau nothing can be checked, and an unsigned batch is as good as it was before there were signatures.
    fn check_sender(&self, receipt: &Receipt, signature: Option<&SenderSignature>) -> Result<Option<SenderSignature>> {
        let Some(given) = signature.filter(|_| !self.senders.is_empty()) else { return Ok(None) };
        if given.algorithm() != SignatureAlgorithm::Ed25519 {
            let (en, zh) = (
                "the batch is signed with an algorithm that is not known here; use ed25519",
                "批次签名算法不受支持，请使用 ed25519",
            );
            return Err(Error::invalid("SIGNATURE_ALGORITHM_UNKNOWN", en, zh).field("header.signature.algorithm", en));
        }
        let Some(key) = self.senders.iter().find(|k| k.id() == given.key_id) else {
            let (en, zh) = (
                "the batch is signed with a key that is not registered for this bureau; register its public key, or send unsigned",
                "批次签名所用密钥未登记，请先登记公钥，或不签名报送",
            );
            return Err(Error::invalid("SIGNATURE_KEY_UNKNOWN", en, zh).field("header.signature.key_id", en));
        };
        let text =
            statement(receipt, &given.key_id).map_err(|fault| Error::bug(anyhow::anyhow!("a batch's {fault}")))?;
        if key.verify(text.as_bytes(), &given.signature) {
            return Ok(Some(given.clone()));
        }
        let (en, zh) = (
            "the batch's signature does not fit its header and rows; nothing was taken in, sign what is sent and send it again",
            "批次签名与批次头或数据行不符，整批未接收，请对实际报送内容重新签名后再报送",
        );
        Err(Error::invalid("SIGNATURE_WRONG", en, zh).field("header.signature", en))
    }

    /// The start of a batch's receipt: what is known before anything is done with the rows. Refuses a batch whose
    /// sender signed for something else.
    pub fn begin(&self, announced: Receipt, received: &Received) -> Result<Receipt> {
        let mut receipt = Receipt {
            kind: ReceiptKind::Batch as i32,
            digest_form: received.form as i32,
            digest: hex(&received.digest),
            ..announced
        };
        if let Some(sender) = self.check_sender(&receipt, received.signature.as_ref())? {
            receipt.sender_key_id = sender.key_id;
            receipt.sender_signature = sender.signature;
        }
        Ok(receipt)
    }
}

/// What a bureau signs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedFor {
    Referral,
    Verification,
}

/// What was signed for and by whom.
pub struct Signed<'a> {
    pub of: SignedFor,
    pub bureau: Bureau,
    pub id: uuid::Uuid,
    pub operator: &'a str,
    pub on: chrono::NaiveDate,
    pub issued_time: String,
}

/// The receipt for a bureau's signature, not yet signed.
pub fn of_signature(signed: Signed<'_>) -> Receipt {
    let (kind, form, collection) = match signed.of {
        SignedFor::Referral => (ReceiptKind::Referral, DigestForm::Referral, "referrals"),
        SignedFor::Verification => (ReceiptKind::Verification, DigestForm::Verification, "verifications"),
    };
    let subject = minqing_kit::id::name(collection, signed.id);
    Receipt {
        name: minqing_kit::id::name(RECEIPTS, signed.id),
        kind: kind as i32,
        bureau: signed.bureau as i32,
        digest_form: form as i32,
        digest: hex(&digest::of_signature(&subject, signed.operator)),
        subject,
        mode: BatchMode::Unspecified as i32,
        as_of: signed.on.to_string(),
        sent: 1,
        accepted: 1,
        issued_time: signed.issued_time,
        operator: signed.operator.to_owned(),
        ..Receipt::default()
    }
}

/// Signs a receipt for each of these that was signed for and gives what is kept, by name of the subject; one that has a
/// receipt keeps its first. With each comes the day of its signature.
pub async fn give(
    work: &mut Work,
    (keys, bureau): (&Keys, Bureau),
    (of, operator): (SignedFor, &str),
    signed: &[(uuid::Uuid, chrono::NaiveDate)],
) -> Result<HashMap<String, Receipt>> {
    let issued_time = work.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let mut receipts = Vec::with_capacity(signed.len());
    for (id, on) in signed {
        let signed = Signed { of, bureau, id: *id, operator, on: *on, issued_time: issued_time.clone() };
        receipts.push((*id, keys.sign(of_signature(signed))?));
    }
    store::insert(work.conn(), &receipts).await?;
    let ids: Vec<_> = signed.iter().map(|(id, _)| *id).collect();
    let kept = store::receipts(work.conn(), &ids).await?;
    Ok(kept.into_iter().map(|receipt| (receipt.subject.clone(), receipt)).collect())
}

/// Receipts as a file for people: canonical proto JSON, one object or, for several, a list.
pub fn to_json(receipts: &[Receipt]) -> anyhow::Result<Vec<u8>> {
    let all: Vec<_> = receipts.iter().map(|r| r.transcode_to_dynamic()).collect();
    let mut text = match all.as_slice() {
        [one] => serde_json::to_vec_pretty(one)?,
        several => serde_json::to_vec_pretty(several)?,
    };
    text.push(b'\n');
    Ok(text)
}
