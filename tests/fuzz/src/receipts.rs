//! Receipts as messages and as files for people.

use std::sync::LazyLock;

use minqing_adapter::receipt::{
    canonical, statement, to_json,
    verify::{Verdict, check, read},
};
use minqing_kit::keys::SigningKey;
use minqing_proto::minqing::bureau::v1::{Receipt, SignatureAlgorithm};
use prost::Message as _;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

/// A receipt file, or after a zero byte a receipt message.
pub fn receipt(data: &[u8]) {
    if let Some(message) = data.strip_prefix(&[0]) {
        if let Ok(receipt) = Receipt::decode(message) {
            judge(receipt);
        }
    } else if let Ok(text) = std::str::from_utf8(data)
        && let Ok(receipts) = read(text)
    {
        let again = read(std::str::from_utf8(&to_json(&receipts).unwrap()).unwrap()).unwrap();
        assert_eq!(again, receipts, "a receipt is the same after it was written");
        receipts.into_iter().for_each(judge);
    }
}

/// Nothing that our key has not signed is good, and what it has signed is not when a field is changed.
fn judge(receipt: Receipt) {
    assert_ne!(check(&receipt, KEY.public(), None, None), Verdict::Good);
    let _ = statement(&receipt, KEY.public().id());
    let mut signed =
        Receipt { algorithm: SignatureAlgorithm::Ed25519 as i32, key_id: KEY.public().id().to_owned(), ..receipt };
    let Ok(text) = canonical(&signed) else { return };
    signed.signature = KEY.sign(text.as_bytes());
    let verdict = check(&signed, KEY.public(), None, Some(KEY.public()));
    assert_ne!(verdict, Verdict::OtherKey);
    assert_ne!(verdict, Verdict::Unknown);
    for changed in [
        Receipt { batch_no: format!("{}0", signed.batch_no), ..signed.clone() },
        Receipt { sent: signed.sent.wrapping_add(1), ..signed.clone() },
        Receipt { digest: format!("{}0", signed.digest), ..signed.clone() },
        Receipt { signature: signed.signature[1..].to_vec(), ..signed.clone() },
    ] {
        assert_eq!(check(&changed, KEY.public(), None, None), Verdict::Changed);
    }
}
