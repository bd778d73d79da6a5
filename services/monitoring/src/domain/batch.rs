//! A bureau's batch as the caller names it, checked against the datasets and the caller's own bureau.

use std::sync::Arc;

use chrono::NaiveDate;
use minqing_proto::minqing::{
    monitoring::v1::BatchRef,
    types::v1::{BatchMode, Bureau},
};
use uuid::Uuid;

use super::{
    error::Fault,
    record::{Dataset, is_division},
    words,
};

/// A batch.
#[derive(Clone, Debug)]
pub struct Batch {
    pub id: Uuid,
    pub dataset: Arc<Dataset>,
    pub county_code: String,
    /// Rows not sent have ended.
    pub snapshot: bool,
    pub as_of: NaiveDate,
}

impl Batch {
    /// The feed it belongs to, `bureau.dataset@county`.
    pub fn feed(&self) -> String {
        format!("{}.{}@{}", self.dataset.bureau, self.dataset.name, self.county_code)
    }
}

/// Reads and checks a batch. `caller_bureau` is the bureau of the calling adapter.
pub fn read(
    batch: Option<&BatchRef>,
    caller_bureau: &str,
    today: NaiveDate,
    find: impl Fn(&str, &str) -> Option<Arc<Dataset>>,
) -> Result<Batch, Fault> {
    let batch = batch.ok_or(Fault::BatchMissing)?;
    let wrong = |field, wrong| Fault::Batch { field, wrong };
    if batch.bureau() == Bureau::Unspecified {
        return Err(wrong("bureau", "is required"));
    }
    let bureau = words::bureau(batch.bureau());
    if bureau != caller_bureau {
        return Err(Fault::ForeignBureau);
    }
    let dataset = find(&bureau, &batch.dataset).ok_or(Fault::DatasetUnknown)?;
    let id = Uuid::try_parse(&batch.batch_id).map_err(|_| wrong("batch_id", "must be a uuid"))?;
    let snapshot = match batch.mode() {
        BatchMode::Snapshot => true,
        BatchMode::Changes => false,
        BatchMode::Unspecified => return Err(wrong("mode", "is required")),
    };
    let county_code = batch.division_code.clone();
    if !is_division(&county_code) || words::county(&county_code) != county_code || &county_code[4..6] == "00" {
        return Err(wrong("division_code", "must be a county's code of twelve digits"));
    }
    let as_of =
        NaiveDate::parse_from_str(&batch.as_of, "%Y-%m-%d").map_err(|_| wrong("as_of", "must be YYYY-MM-DD"))?;
    if as_of > today {
        return Err(wrong("as_of", "must not lie in the future"));
    }
    Ok(Batch { id, dataset, county_code, snapshot, as_of })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::domain::record;

    fn good() -> BatchRef {
        BatchRef {
            batch_id: Uuid::from_u128(1).to_string(),
            bureau: Bureau::Hr.into(),
            dataset: "unemployment".into(),
            mode: BatchMode::Changes.into(),
            division_code: "621202000000".into(),
            as_of: "2026-10-25".into(),
        }
    }

    fn check(batch: &BatchRef, caller: &str) -> Result<Batch, Fault> {
        let all: Vec<_> = record::datasets().unwrap().into_iter().map(Arc::new).collect();
        read(Some(batch), caller, "2026-10-26".parse().unwrap(), |bureau, name| {
            all.iter().find(|d| d.bureau == bureau && d.name == name).cloned()
        })
    }

    #[test]
    fn a_batch_of_the_callers_own_bureau_is_taken() {
        let batch = check(&good(), "hr").unwrap();
        assert!(!batch.snapshot);
        assert_eq!(batch.dataset.name, "unemployment");
    }

    #[test]
    fn another_bureaus_dataset_is_refused() {
        assert_eq!(check(&good(), "health").unwrap_err(), Fault::ForeignBureau);
        let unknown = BatchRef { dataset: "settlement".into(), ..good() };
        assert_eq!(check(&unknown, "hr").unwrap_err(), Fault::DatasetUnknown);
    }

    #[test]
    fn every_other_fault_is_named_by_its_field() {
        let faults = [
            (BatchRef { batch_id: "x".into(), ..good() }, "batch_id"),
            (BatchRef { mode: 0, ..good() }, "mode"),
            (BatchRef { bureau: 0, ..good() }, "bureau"),
            (BatchRef { division_code: "621200000000".into(), ..good() }, "division_code"),
            (BatchRef { division_code: "621202103000".into(), ..good() }, "division_code"),
            (BatchRef { division_code: "武都区武都区武都区武都区".into(), ..good() }, "division_code"),
            (BatchRef { as_of: "2026-10-27".into(), ..good() }, "as_of"),
            (BatchRef { as_of: "yesterday".into(), ..good() }, "as_of"),
        ];
        for (batch, named) in faults {
            let fault = check(&batch, "hr").unwrap_err();
            assert!(matches!(fault, Fault::Batch { field, .. } if field == named), "{named}: {fault:?}");
        }
    }
}
