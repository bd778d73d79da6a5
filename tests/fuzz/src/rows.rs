//! Rows of a dataset and batches of them, as protobuf messages.

use std::sync::LazyLock;

use chrono::NaiveDate;
use minqing_adapter::{
    RawRow,
    receipt::RowsDigest,
    row::{
        Checks, CleanRow, Doubtful, Fault, Outcome, doubt,
        schema::{About, Schema},
    },
};
use minqing_kit::keys::{self, Keyring};
use minqing_proto::minqing::bureau::v1::{SubmitBatchRequest, submit_batch_request::Part};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use prost_types::Any;

/// Every dataset of every bureau.
pub static SCHEMAS: LazyLock<Vec<Schema>> =
    LazyLock::new(|| minqing_bureaus::all().flat_map(|bureau| Schema::all(bureau).unwrap()).collect());
static KEYS: LazyLock<Keyring> = LazyLock::new(Keyring::generate);

/// The first two bytes choose a dataset, the rest is for it.
pub fn choose(data: &[u8]) -> Option<(&'static Schema, &[u8])> {
    let (which, rest) = data.split_first_chunk()?;
    Some((&SCHEMAS[usize::from(u16::from_be_bytes(*which)) % SCHEMAS.len()], rest))
}

pub fn checks() -> Checks<'static> {
    let today = NaiveDate::from_ymd_opt(2026, 10, 26).unwrap();
    Checks { keys: &KEYS, today, knows: &|_| true, county: 0, searches: true }
}

/// Checks a row as a batch of its dataset would.
pub fn judge(schema: &Schema, number: u32, row: RawRow<'_>) {
    match row.judge(number, &checks()) {
        Outcome::Clean(clean) => good(schema, &clean),
        Outcome::Doubtful(doubtful) => in_doubt(schema, number, &doubtful),
        Outcome::Refused(fault) => told(schema, number, &fault),
    }
}

/// A row that may be meant for somebody is refused like any other, and has all that taking it needs.
fn in_doubt(schema: &Schema, number: u32, doubtful: &Doubtful) {
    told(schema, number, &doubtful.fault);
    assert!(!doubtful.candidates.is_empty() && doubtful.candidates.len() <= keys::MOST_CANDIDATES);
    assert!(!doubtful.name_key.is_nil() && doubtful.candidates.iter().all(|c| c.person_key != doubtful.number_key));
    if let Some(texts) = doubt::key_texts(schema, &doubtful.body) {
        assert_eq!(texts, doubtful.key_texts, "the key reads back from what goes on");
    }
}

/// A good row goes on without what it must not carry, and can be read by whoever gets it.
fn good(schema: &Schema, clean: &CleanRow) {
    let body = DynamicMessage::decode(schema.message.clone(), clean.body.as_slice()).unwrap();
    assert_eq!(body.unknown_fields().count(), 0);
    for column in schema.columns.iter().filter(|column| column.cleared) {
        assert!(!body.has_field(&column.field), "{} goes on", column.field.full_name());
    }
    assert_eq!(body.encode_to_vec(), clean.body, "one row, one form");
    let named = matches!(schema.about, About::Person { .. });
    assert!(clean.person_key.is_nil() != named && clean.name_key.is_nil() != named);
    if let Some(texts) = doubt::key_texts(schema, &clean.body) {
        let key = doubt::record_key(schema, &KEYS, &texts, clean.person_key);
        assert_eq!(key, clean.record_key, "the key reads back from what goes on");
    }
    assert!(clean.division < 1_000_000_000_000 && (named || schema.about.fits(clean.division)));
}

fn told(schema: &Schema, number: u32, fault: &Fault) {
    let error = fault.explain(schema);
    assert_eq!(fault.row, number);
    assert!(error.reason != 0 && !error.message.is_empty() && !error.message_zh.is_empty(), "{error:?}");
}

/// A row message of a chosen dataset.
pub fn proto_row(data: &[u8]) {
    let Some((schema, value)) = choose(data) else { return };
    let type_url = format!("type.googleapis.com/{}", schema.message.full_name());
    match RawRow::of_any(schema, 1, &Any { type_url, value: value.to_vec() }) {
        Ok(row) => judge(schema, 1, row),
        Err(fault) => told(schema, 1, &fault),
    }
}

/// A message of a batch's stream.
pub fn proto_batch(data: &[u8]) {
    let Ok(message) = SubmitBatchRequest::decode(data) else { return };
    let again = SubmitBatchRequest::decode(message.encode_to_vec().as_slice()).unwrap();
    assert_eq!(again, message);
    if let Some(Part::Rows(rows)) = message.part {
        let (mut first, mut second) = (RowsDigest::default(), RowsDigest::default());
        for row in &rows.rows {
            first.row(row);
            let named = row.type_url.rsplit('/').next().unwrap_or_default();
            if let Some(schema) = SCHEMAS.iter().find(|schema| schema.message.full_name() == named)
                && let Ok(row) = RawRow::of_any(schema, 1, row)
            {
                judge(schema, 1, row);
            }
        }
        rows.rows.iter().for_each(|row| second.row(row));
        assert_eq!(first.finish(), second.finish());
    }
}
