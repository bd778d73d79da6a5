//! Units a pack may declare. Money is in fen, per what a chain of words says: fen/person/month.

use crate::{error::Fault, kind::Kind};

const PER: [&str; 14] = [
    "person",
    "household",
    "day",
    "month",
    "quarter",
    "semester",
    "year",
    "hour",
    "case",
    "event",
    "settlement",
    "course",
    "square_metre",
    "house",
];
const WHOLE: [&str; 13] = [
    "years",
    "months",
    "days",
    "working_days",
    "hours",
    "count",
    "percent",
    "permille",
    "grade",
    "level",
    "square_metres",
    "decimetres",
    "minutes",
];

/// Refuses a unit that the kind cannot have.
pub(super) fn unit_of(kind: Kind, unit: &str) -> Result<(), Fault> {
    match kind {
        Kind::Money => {
            let mut parts = unit.split('/');
            if parts.next() == Some("fen") && parts.all(|part| PER.contains(&part)) {
                return Ok(());
            }
            Err(unknown(unit, &format!("money: fen, or fen/x with x of {}", PER.join(", "))))
        }
        Kind::Integer if WHOLE.contains(&unit) => Ok(()),
        Kind::Integer => Err(unknown(unit, &format!("whole numbers: {}", WHOLE.join(", ")))),
        _ if unit.is_empty() => Ok(()),
        _ => Err(unknown(unit, "only money and whole numbers have a unit")),
    }
}

fn unknown(unit: &str, hint: &str) -> Fault {
    Fault::new(format!("wrong unit: `{unit}`"), format!("单位“{unit}”不合规")).hint(hint)
}
