//! Where a row that cannot be decoded breaks, so that its sender is told the column.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::schema::{Scalar, Schema};

/// Place of the column at which decoding fails; `None` when it fails elsewhere.
pub fn broken_column(schema: &Schema, mut bytes: &[u8]) -> Option<usize> {
    while !bytes.is_empty() {
        let (number, wire) = decode_key(&mut bytes).ok()?;
        let place = schema.numbered(number);
        let text = place.is_some_and(|p| schema.columns[p].scalar == Scalar::Text);
        let fits = match place {
            Some(_) if text && wire == WireType::LengthDelimited => is_text(&mut bytes),
            Some(_) if text || wire != WireType::Varint => false,
            _ => skip_field(wire, number, &mut bytes, DecodeContext::default()).is_ok(),
        };
        if !fits {
            return place;
        }
    }
    None
}

/// Reads one text; false when it is cut or no UTF-8.
fn is_text(bytes: &mut &[u8]) -> bool {
    let Some(length) = decode_varint(bytes).ok().and_then(|n| usize::try_from(n).ok()) else { return false };
    let Some((text, rest)) = bytes.split_at_checked(length) else { return false };
    *bytes = rest;
    std::str::from_utf8(text).is_ok()
}
