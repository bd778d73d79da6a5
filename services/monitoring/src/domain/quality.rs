//! What an adapter found of a batch: counted by reason and column, and the few numbers that indicators about feeds read.
//! What the adapter did not tell stays unknown.

use std::collections::BTreeMap;

use minqing_proto::minqing::{
    monitoring::v1::{BatchQuality, CloseBatchRequest},
    types::v1::RowReason,
};

use super::{error::Fault, record::Dataset};

/// Quality of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    pub received: i32,
    pub refused: i32,
    pub found: Option<Found>,
}

/// What the adapter told beside the bare counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows by the reason's name, `ID_NUMBER_CHECK_DIGIT`.
    pub refused: BTreeMap<String, i32>,
    /// Rows by the field's name.
    pub empty: BTreeMap<String, i32>,
    pub compared: i32,
    pub agreeing: i32,
    /// Rows taken by an operator's decision although number or name is at fault; unknown of older adapters.
    pub linked: Option<i32>,
    pub nulls: Option<Nulls>,
}

/// The column that is furthest above its limit of empty values, or nearest to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nulls {
    pub field: String,
    /// Rounded up, so that it is above a limit whenever the exact share is.
    pub permille: i32,
    pub limit: i32,
}

impl Quality {
    /// Whether no row could be used: such a batch says nothing, so its feed does not count as delivered.
    pub fn is_unusable(&self) -> bool {
        self.received > 0 && self.received == self.refused
    }
}

impl Found {
    /// Rows refused for one of the reasons.
    pub fn rows(&self, reasons: &[RowReason]) -> i32 {
        reasons.iter().filter_map(|reason| self.refused.get(&word(*reason))).sum()
    }
}

/// Reasons that say: not an ID number by GB 11643.
pub const BAD_ID: [RowReason; 2] = [RowReason::IdNumberCheckDigit, RowReason::IdNumberMalformed];
/// Reasons that say: no date or age that can be.
pub const BAD_DATE: [RowReason; 2] = [RowReason::DateInFuture, RowReason::AgeImplausible];

/// A reason's name without its prefix.
pub fn word(reason: RowReason) -> String {
    reason.as_str_name().trim_start_matches("ROW_REASON_").to_owned()
}

/// Reads and checks what a request tells.
pub fn read(request: &CloseBatchRequest, dataset: &Dataset) -> Result<Quality, Fault> {
    let (accepted, refused) = (request.accepted, request.refused);
    let received = accepted.checked_add(refused).filter(|_| accepted >= 0 && refused >= 0);
    let received = received.ok_or(Fault::Quality("accepted and refused must be counts of rows"))?;
    let found = request.quality.as_ref().map(|told| found(told, (received, refused), dataset)).transpose()?;
    Ok(Quality { received, refused, found })
}

fn found(told: &BatchQuality, (received, refused): (i32, i32), dataset: &Dataset) -> Result<Found, Fault> {
    let (compared, agreeing) = (told.persons_compared, told.persons_agreeing);
    let mut found = Found { compared, agreeing, linked: told.linked, ..Found::default() };
    if found.agreeing < 0 || found.agreeing > found.compared || found.compared > received {
        return Err(Fault::Quality("persons must be 0 <= agreeing <= compared <= rows"));
    }
    if found.linked.is_some_and(|linked| !(0..=received - refused).contains(&linked)) {
        return Err(Fault::Quality("linked must be 0 <= linked <= accepted"));
    }
    for one in &told.refused {
        // A newer adapter may have reasons that are not known here yet.
        let name = RowReason::try_from(one.reason).map_or_else(|_| format!("{}", one.reason), word);
        if one.reason == 0 || one.rows < 1 || found.refused.insert(name, one.rows).is_some() {
            return Err(Fault::Quality("each reason must be set and have its rows once"));
        }
    }
    if found.refused.values().map(|rows| i64::from(*rows)).sum::<i64>() != i64::from(refused) {
        return Err(Fault::Quality("the rows by reason must make up the rows refused"));
    }
    for one in &told.empty {
        let fits = dataset.field(&one.field).is_some() && (1..=received).contains(&one.rows);
        if !fits || found.empty.insert(one.field.clone(), one.rows).is_some() {
            return Err(Fault::Quality("each empty column must be one of the dataset and have its rows once"));
        }
    }
    found.nulls = worst(&found.empty, received, dataset);
    Ok(found)
}

fn worst(empty: &BTreeMap<String, i32>, received: i32, dataset: &Dataset) -> Option<Nulls> {
    let limited = dataset.fields.iter().filter_map(|field| {
        let rows = i64::from(empty.get(&field.name).copied().unwrap_or(0));
        let permille = (rows * 1000 + i64::from(received) - 1).checked_div(i64::from(received))?;
        Some(Nulls { field: field.name.clone(), permille: i32::try_from(permille).ok()?, limit: field.null_limit? })
    });
    // Of equals the first in the contract's order.
    limited.fold(None, |worst: Option<Nulls>, next| match worst {
        Some(worst) if worst.permille - worst.limit >= next.permille - next.limit => Some(worst),
        _ => Some(next),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use minqing_proto::minqing::monitoring::v1::{EmptyColumn, RefusedRows};

    use super::*;
    use crate::domain::record;

    fn dataset() -> Dataset {
        let all = record::datasets().unwrap();
        all.into_iter().find(|d| d.name == "unemployment").unwrap()
    }

    fn told(accepted: i32, refused: &[(RowReason, i32)], empty: &[(&str, i32)]) -> CloseBatchRequest {
        CloseBatchRequest {
            accepted,
            refused: refused.iter().map(|r| r.1).sum(),
            quality: Some(BatchQuality {
                refused: refused.iter().map(|(r, rows)| RefusedRows { reason: (*r).into(), rows: *rows }).collect(),
                empty: empty.iter().map(|(f, rows)| EmptyColumn { field: (*f).into(), rows: *rows }).collect(),
                ..BatchQuality::default()
            }),
            ..CloseBatchRequest::default()
        }
    }

    #[test]
    fn the_column_most_above_its_limit_is_the_one_shown_and_a_share_is_rounded_up() {
        let request = told(997, &[(RowReason::RequiredValueMissing, 3)], &[("name", 2), ("id_number", 51)]);
        let nulls = read(&request, &dataset()).unwrap().found.unwrap().nulls.unwrap();
        assert_eq!(nulls, Nulls { field: "id_number".into(), permille: 51, limit: 50 });
        let request = told(1999, &[(RowReason::RequiredValueMissing, 1)], &[("name", 101)]);
        let nulls = read(&request, &dataset()).unwrap().found.unwrap().nulls.unwrap();
        assert_eq!((nulls.field.as_str(), nulls.permille), ("name", 51), "50.5 is above 50");
    }

    #[test]
    fn an_empty_batch_has_no_share_of_anything_and_is_not_unusable() {
        let quality = read(&told(0, &[], &[]), &dataset()).unwrap();
        assert_eq!(quality.found.as_ref().unwrap().nulls, None);
        assert!(!quality.is_unusable());
        assert!(read(&told(0, &[(RowReason::RowUnreadable, 2)], &[]), &dataset()).unwrap().is_unusable());
    }

    #[test]
    fn nothing_told_is_unknown_and_counts_that_cannot_be_are_refused() {
        let bare = CloseBatchRequest { accepted: 3, refused: 1, ..CloseBatchRequest::default() };
        assert_eq!(read(&bare, &dataset()).unwrap(), Quality { received: 4, refused: 1, found: None });
        let mut short = told(1, &[(RowReason::CodeUnknown, 2)], &[]);
        short.refused = 3;
        let mut many = told(1, &[], &[]);
        many.quality.as_mut().unwrap().persons_compared = 2;
        let mut linked = told(2, &[], &[]);
        linked.quality.as_mut().unwrap().linked = Some(3);
        let negative = CloseBatchRequest { accepted: -1, ..CloseBatchRequest::default() };
        for request in
            [short, many, linked, negative, told(5, &[], &[("no_such_field", 1)]), told(5, &[], &[("name", 6)])]
        {
            assert!(matches!(read(&request, &dataset()), Err(Fault::Quality(_))));
        }
    }
}
