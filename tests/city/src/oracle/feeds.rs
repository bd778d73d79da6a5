//! Quality of feeds, worked out from what the bureaus sent: rows and defects of each batch, in the order of their days.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minqing_proto::minqing::types::v1::RowReason;

use crate::{
    dataset::Dataset,
    division::County,
    feed_plant,
    indicator::Indicator,
    plan::{Batch, Mode, Origin},
    thresholds::{Beside, Thresholds},
};

/// Share of empty values that required columns may have, permille; what the contract says.
const EMPTY_LIMIT: u64 = 50;

/// A batch as its feed remembers it.
#[derive(Clone, Debug)]
struct Sent {
    as_of: NaiveDate,
    mode: Mode,
    rows: u64,
    /// People of its readable rows, and those among them whom the register does not know.
    people: u64,
    strangers: u64,
    defects: BTreeMap<i32, u64>,
}

impl Sent {
    fn agreement_permille(&self) -> Option<u64> {
        ((self.people - self.strangers) * 1000).checked_div(self.people)
    }

    fn rows_with(&self, reasons: &[RowReason]) -> u64 {
        reasons.iter().filter_map(|reason| self.defects.get(&(*reason as i32))).sum()
    }
}

/// What came of each feed so far, oldest first; of one day in the order of arrival.
#[derive(Debug, Default)]
pub struct Feeds {
    sent: BTreeMap<(Dataset, County), Vec<Sent>>,
}

impl Feeds {
    pub fn note(&mut self, batch: &Batch) {
        let mut defects = BTreeMap::new();
        for (_, reason) in batch.defects() {
            *defects.entry(reason as i32).or_insert(0) += 1;
        }
        let strangers = batch.lines.iter().filter(|line| line.origin == Origin::Stranger).count() as u64;
        let sent = Sent {
            as_of: batch.as_of,
            mode: batch.mode,
            rows: batch.lines.len() as u64,
            people: feed_plant::people(&batch.lines) as u64 + strangers,
            strangers,
            defects,
        };
        let all = self.sent.entry((batch.dataset, batch.county)).or_default();
        all.insert(all.partition_point(|other| other.as_of <= sent.as_of), sent);
    }

    /// Indicators that hold of a feed by its newest batch. Nobody sends ages beyond measure.
    pub fn faults(&self, feed: (Dataset, County), lines: &Thresholds) -> Vec<Indicator> {
        use RowReason::{
            DateInFuture, DivisionUnknown, IdNameConflict, IdNumberCheckDigit, IdNumberMalformed, NameVariant,
            RequiredValueMissing,
        };
        let Some((newest, before)) = self.sent.get(&feed).and_then(|all| all.split_last()) else { return Vec::new() };
        let any = |reasons: &[RowReason]| newest.rows_with(reasons) > 0;
        let holds = [
            (Indicator::Q02, swings(newest, before, &lines.beside)),
            (Indicator::Q03, any(&[IdNumberCheckDigit, IdNumberMalformed])),
            (Indicator::Q04, any(&[IdNameConflict])),
            (Indicator::Q05, any(&[NameVariant])),
            (Indicator::Q06, any(&[DivisionUnknown])),
            (Indicator::Q07, newest.rows_with(&[RequiredValueMissing]) * 1000 > EMPTY_LIMIT * newest.rows),
            (Indicator::Q08, any(&[DateInFuture])),
            (Indicator::Q09, newest.agreement_permille().is_some_and(|share| share < lines.offices.agreement_permille)),
        ];
        holds.into_iter().filter(|(_, holds)| *holds).map(|(indicator, _)| indicator).collect()
    }
}

/// Whether the number of rows is too far from the mean of the three batches of its mode before it.
fn swings(newest: &Sent, before: &[Sent], lines: &Beside) -> bool {
    let three: Vec<u64> = before.iter().rev().filter(|b| b.mode == newest.mode).take(3).map(|b| b.rows).collect();
    if three.len() < 3 {
        return false;
    }
    // Thirds are rounded to the nearest.
    let mean = (three.iter().sum::<u64>() * 2 + 3) / 6;
    newest.rows.max(mean) >= lines.volume_least_rows
        && newest.rows.abs_diff(mean) * 100 > lines.volume_swing_percent * mean
}
