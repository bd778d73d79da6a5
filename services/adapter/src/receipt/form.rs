//! The texts that are signed: fixed lines in a fixed order, documented in `receipt.proto`, so that any program can
//! build them from the fields alone. Pure.

use minqing_kit::keys::signing::hex;
use minqing_proto::minqing::{
    bureau::v1::{DigestForm, Receipt, ReceiptKind, SignatureAlgorithm},
    types::v1::{BatchMode, Bureau},
};

/// Why a receipt has no signed form: the field that holds what no line can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprintable(pub &'static str);

impl std::fmt::Display for Unprintable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "field {} has a value that no receipt can have", self.0)
    }
}

struct Lines(String);

impl Lines {
    fn put(&mut self, field: &'static str, value: &str) -> Result<(), Unprintable> {
        if value.chars().any(char::is_control) {
            return Err(Unprintable(field));
        }
        self.0.extend([field, "=", value, "\n"]);
        Ok(())
    }

    fn word(&mut self, field: &'static str, word: Option<String>) -> Result<(), Unprintable> {
        self.put(field, &word.ok_or(Unprintable(field))?)
    }
}

/// The text that an adapter signs.
pub fn canonical(r: &Receipt) -> Result<String, Unprintable> {
    let mut lines = Lines("minqing-receipt-v1\n".to_owned());
    lines.word("kind", ReceiptKind::try_from(r.kind).ok().and_then(|v| word(v.as_str_name(), "RECEIPT_KIND_")))?;
    lines.word("bureau", bureau(r.bureau))?;
    lines.put("subject", &r.subject)?;
    lines.put("batch_no", &r.batch_no)?;
    lines.put("dataset", &r.dataset)?;
    lines.word("mode", mode(r.mode))?;
    lines.put("division_code", &r.division_code)?;
    lines.put("as_of", &r.as_of)?;
    lines.put("sent", &r.sent.to_string())?;
    lines.put("accepted", &r.accepted.to_string())?;
    lines.put("refused", &r.refused.to_string())?;
    lines.put("changed", &r.changed.to_string())?;
    let form = DigestForm::try_from(r.digest_form).ok();
    lines.word("digest_form", form.and_then(|v| word(v.as_str_name(), "DIGEST_FORM_")))?;
    lines.put("digest", &r.digest)?;
    lines.put("issued_time", &r.issued_time)?;
    lines.put("operator", &r.operator)?;
    lines.put("sender_key_id", &r.sender_key_id)?;
    lines.put("sender_signature", &hex(&r.sender_signature))?;
    let algorithm = SignatureAlgorithm::try_from(r.algorithm).ok();
    lines.word("algorithm", algorithm.and_then(|v| word(v.as_str_name(), "SIGNATURE_ALGORITHM_")))?;
    lines.put("key_id", &r.key_id)?;
    Ok(lines.0)
}

/// The text that a bureau signs for a batch it sends, rebuilt from the batch's receipt.
pub fn statement(r: &Receipt, key_id: &str) -> Result<String, Unprintable> {
    let mut lines = Lines("minqing-batch-v1\n".to_owned());
    lines.word("bureau", bureau(r.bureau))?;
    lines.put("batch_no", &r.batch_no)?;
    lines.put("dataset", &r.dataset)?;
    lines.word("mode", mode(r.mode))?;
    lines.put("division_code", &r.division_code)?;
    lines.put("as_of", &r.as_of)?;
    lines.put("row_count", &r.sent.to_string())?;
    lines.put("digest", &r.digest)?;
    lines.put("algorithm", "ed25519")?;
    lines.put("key_id", key_id)?;
    Ok(lines.0)
}

fn bureau(value: i32) -> Option<String> {
    Bureau::try_from(value).ok().and_then(|v| word(v.as_str_name(), "BUREAU_"))
}

fn mode(value: i32) -> Option<String> {
    BatchMode::try_from(value).ok().and_then(|v| word(v.as_str_name(), "BATCH_MODE_"))
}

/// An enum value as the signed text writes it.
fn word(name: &str, prefix: &str) -> Option<String> {
    let word = name.strip_prefix(prefix)?;
    Some(if word == "UNSPECIFIED" { String::new() } else { word.to_ascii_lowercase() })
}
