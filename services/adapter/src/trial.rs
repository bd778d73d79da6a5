//! A file of samples through an adapter's checks, without a mesh: for the tests of a bureau's crate. The register is not
//! asked and every division is known; all else is as in a batch.

use std::io::Cursor;

use chrono::NaiveDate;
use minqing_kit::keys::Keyring;
use minqing_proto::minqing::types::v1::{RowError, RowReason};

use crate::{
    bureau::Bureau,
    files::{
        Refusal,
        name::Format,
        read::{self, Sink},
        table::{Mapping, map_header},
    },
    row::{Cell, Checks, Fault, schema::Schema},
};

/// What became of a file's rows.
#[derive(Debug, Default)]
pub struct Trial {
    pub good: u32,
    pub errors: Vec<RowError>,
}

/// Checks a CSV or XLSX file of a dataset; the error is why the whole file would be refused.
pub fn file(bureau: Bureau, dataset: &str, bytes: &[u8], today: NaiveDate) -> Result<Trial, String> {
    let schema = Schema::of(bureau, dataset)?;
    let told = |refusal: Refusal| format!("{}: {}", refusal.reason, refusal.en);
    let look = read::look_through(bytes).map_err(|e| e.to_string())?;
    let format = if bytes.starts_with(b"PK") { Format::Xlsx } else { Format::Csv };
    let mut sink = Rows { schema: &schema, keys: Keyring::generate(), today, mapping: None, trial: Trial::default() };
    read::read_from(|| Ok(Cursor::new(bytes)), format, &look, &mut sink).map_err(told)?;
    Ok(sink.trial)
}

struct Rows<'a> {
    schema: &'a Schema,
    keys: Keyring,
    today: NaiveDate,
    mapping: Option<Mapping>,
    trial: Trial,
}

impl Sink for Rows<'_> {
    fn header(&mut self, header: &[String]) -> Result<(), Refusal> {
        self.mapping = Some(map_header(self.schema, header)?);
        Ok(())
    }

    fn line(&mut self, row: u32, cells: Option<Vec<Cell>>) -> Result<(), Refusal> {
        let checks = Checks { keys: &self.keys, today: self.today, knows: &|_| true, county: 0, searches: false };
        let outcome = match (&self.mapping, cells) {
            (Some(mapping), Some(cells)) => mapping.row(self.schema, cells).check(row, &checks).map(|_| ()),
            _ => Err(Fault::new(row, None, RowReason::RowUnreadable)),
        };
        match outcome {
            Ok(()) => self.trial.good += 1,
            Err(fault) => self.trial.errors.push(fault.explain(self.schema)),
        }
        Ok(())
    }
}
