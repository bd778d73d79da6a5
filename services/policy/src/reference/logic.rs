//! Three-valued logic: unknown stays unknown unless the known part decides.

use super::value::Value;
use crate::error::Fault;

/// `and`: one false decides.
pub(super) fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// `or`: one true decides.
pub(super) fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    not(and(not(a), not(b)))
}

pub(super) fn not(a: Option<bool>) -> Option<bool> {
    a.map(|value| !value)
}

pub(super) fn equal(a: &Value, b: &Value) -> Result<Option<bool>, Fault> {
    Ok(a.order(b)?.map(|order| order.is_eq()))
}

/// Two unknowns are not distinct, unknown and known are.
pub(super) fn distinct(a: &Value, b: &Value) -> Result<bool, Fault> {
    match (a, b) {
        (Value::Unknown, Value::Unknown) => Ok(false),
        _ => Ok(equal(a, b)? != Some(true)),
    }
}

pub(super) fn between(value: &Value, low: &Value, high: &Value) -> Result<Option<bool>, Fault> {
    let above = value.order(low)?.map(|order| order.is_ge());
    let below = value.order(high)?.map(|order| order.is_le());
    Ok(and(above, below))
}

/// Found decides; not found is unknown while any member of the list is.
pub(super) fn among(value: &Value, list: &[Value]) -> Result<Option<bool>, Fault> {
    let mut found = Some(false);
    for item in list {
        found = or(found, equal(value, item)?);
    }
    Ok(found)
}
