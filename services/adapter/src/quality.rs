//! What the rows of one batch say of their feed: empty values by column, refusals by reason, agreement with the register.
//! Monitoring keeps it for each batch. Counts only, over every row that came.

use std::collections::BTreeMap;

use minqing_proto::minqing::monitoring::v1::{BatchQuality, EmptyColumn, RefusedRows};

use crate::{
    row::{Fault, RawRow, schema::Schema},
    spool::{Match, Probe},
};

/// Counts of a batch under way.
#[derive(Debug, Default)]
pub struct Tally {
    /// Rows in which a column was empty, by its place.
    empty: Vec<u32>,
    compared: u32,
    agreeing: u32,
}

impl Tally {
    /// Counts a row's empty values.
    pub fn note(&mut self, row: &mut RawRow<'_>) {
        for place in row.empty_columns() {
            if self.empty.len() <= place {
                self.empty.resize(place + 1, 0);
            }
            self.empty[place] += 1;
        }
    }

    /// Counts the persons whom the register knows under a name that the batch gives. `matches` answers `probes` one by
    /// one; the probes of a person stand together.
    pub fn compare(&mut self, probes: &[Probe], matches: &[Match]) {
        let mut at = 0;
        for person in probes.chunk_by(|a, b| a.person_key == b.person_key) {
            let found = &matches[at..at + person.len()];
            at += person.len();
            self.compared += 1;
            self.agreeing += u32::from(found.iter().any(|m| m.linked.is_some() || (m.known && m.name_agrees)));
        }
    }

    /// The same as monitoring's message, always in the same order.
    pub fn told(&self, schema: &Schema, faults: &[Fault], linked: usize) -> BatchQuality {
        let mut refused = BTreeMap::new();
        for fault in faults {
            *refused.entry(fault.reason as i32).or_insert(0) += 1;
        }
        let empty = schema.columns.iter().zip(&self.empty).filter(|(_, rows)| **rows > 0);
        BatchQuality {
            refused: refused.into_iter().map(|(reason, rows)| RefusedRows { reason, rows }).collect(),
            empty: empty
                .map(|(c, rows)| EmptyColumn { field: c.field.name().to_owned(), rows: count(*rows) })
                .collect(),
            persons_compared: count(self.compared),
            persons_agreeing: count(self.agreeing),
            linked: Some(i32::try_from(linked).unwrap_or(i32::MAX)),
        }
    }
}

fn count(rows: u32) -> i32 {
    i32::try_from(rows).unwrap_or(i32::MAX)
}
