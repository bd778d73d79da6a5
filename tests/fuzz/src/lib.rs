//! One function a decoder: it takes any bytes, lets the decoder have them, and checks what must hold whatever they are.
//! A panic, a stack or a memory that overflows, and a property that does not hold are findings. The same functions run
//! on every build over seeds and mutations, and under libFuzzer for as long as one likes.

#![expect(clippy::unwrap_used, reason = "a target's panic is its finding")]

mod archives;
mod bureaus;
mod gateway;
mod policy;
mod receipts;
mod rows;
mod seeds;
mod tables;
mod texts;

use std::{fs, io, path::Path};

use minqing_adapter::files::Refusal;

pub use archives::zip;
pub use bureaus::bureau_yaml;
pub use gateway::gateway_json;
pub use policy::{policy_expression, policy_yaml};
pub use receipts::receipt;
pub use rows::{proto_batch, proto_row};
pub use tables::{csv, form, table_rows, xlsx, xlsx_parts};
pub use texts::{id_number, names, values};

/// A decoder under test.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Inputs to begin with: good ones, and the known edges.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: &[Target] = &[
    Target { name: "csv", run: csv, seeds: seeds::csv },
    Target { name: "xlsx", run: xlsx, seeds: seeds::xlsx },
    Target { name: "xlsx_parts", run: xlsx_parts, seeds: seeds::xlsx_parts },
    Target { name: "zip", run: zip, seeds: seeds::zip },
    Target { name: "form", run: form, seeds: seeds::form },
    Target { name: "table_rows", run: table_rows, seeds: seeds::table_rows },
    Target { name: "proto_row", run: proto_row, seeds: seeds::proto_row },
    Target { name: "proto_batch", run: proto_batch, seeds: seeds::proto_batch },
    Target { name: "receipt", run: receipt, seeds: seeds::receipt },
    Target { name: "id_number", run: id_number, seeds: seeds::id_number },
    Target { name: "values", run: values, seeds: seeds::values },
    Target { name: "names", run: names, seeds: seeds::names },
    Target { name: "policy_yaml", run: policy_yaml, seeds: seeds::policy_yaml },
    Target { name: "policy_expression", run: policy_expression, seeds: seeds::policy_expression },
    Target { name: "bureau_yaml", run: bureau_yaml, seeds: seeds::bureau_yaml },
    Target { name: "gateway_json", run: gateway_json, seeds: seeds::gateway_json },
];

/// Writes a target's seeds into a folder, for a fuzzer to begin with.
pub fn plant(target: &str, folder: &Path) -> io::Result<()> {
    let found = TARGETS.iter().find(|t| t.name == target).ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(folder)?;
    for (n, seed) in (found.seeds)().iter().enumerate() {
        fs::write(folder.join(format!("seed-{n:03}")), seed)?;
    }
    Ok(())
}

/// A refusal says why, in two languages.
fn has_a_reason(refusal: &Refusal) {
    let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    assert!(!refusal.reason.is_empty() && refusal.reason.chars().all(word), "{refusal:?}");
    assert!(!refusal.en.is_empty() && refusal.zh.chars().any(|c| c > '\u{4e00}'), "{refusal:?}");
}
