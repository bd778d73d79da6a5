//! Exact numbers and the two roundings PostgreSQL has: half away from zero for `round` and `::bigint`, and none.

use num_rational::Ratio;
use num_traits::{CheckedAdd, CheckedDiv, CheckedMul, CheckedSub};

use crate::error::Fault;

/// An exact number, below [`LIMIT`] above and below the fraction bar.
pub(crate) type Exact = Ratio<i128>;

/// Keeps every step of the arithmetic clear of `i128::MIN`, whose negative does not exist.
const LIMIT: i128 = 1 << 126;
/// Digits after the point that a text may have or need.
const PLACES: u32 = 30;

/// Operators on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// The result, or a fault when it grows too large or the divisor is zero.
pub(super) fn apply(a: &Exact, operation: Operation, b: &Exact) -> Result<Exact, Fault> {
    if operation == Operation::Divide && *b.numer() == 0 {
        return Err(Fault::new("division by zero", "除数为零"));
    }
    let result = match operation {
        Operation::Add => a.checked_add(b),
        Operation::Subtract => a.checked_sub(b),
        Operation::Multiply => a.checked_mul(b),
        Operation::Divide => a.checked_div(b),
    };
    result.filter(|found| found.numer().abs() < LIMIT && *found.denom() < LIMIT).ok_or_else(too_large)
}

pub(super) fn sum(numbers: impl IntoIterator<Item = Exact>) -> Result<Exact, Fault> {
    let mut total = Exact::from_integer(0);
    for number in numbers {
        total = apply(&total, Operation::Add, &number)?;
    }
    Ok(total)
}

/// Rounded half away from zero to a `bigint`.
pub(super) fn whole(number: &Exact) -> Result<i64, Fault> {
    i64::try_from(number.round().to_integer()).map_err(|_| too_large())
}

/// Reads digits with an optional sign and point; nothing else, so neither exponents nor `NaN`.
pub(super) fn parse(text: &str) -> Result<Exact, Fault> {
    let wrong = || Fault::new(format!("`{text}` is no number"), format!("“{text}”不是数字"));
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{before}{after}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let places = u32::try_from(after.len()).ok().filter(|places| *places <= PLACES).ok_or_else(too_large)?;
    let numerator: i128 = all.parse().ok().filter(|found| *found < LIMIT).ok_or_else(too_large)?;
    Ok(Exact::new(sign * numerator, 10_i128.pow(places)))
}

/// The shortest decimal text; a fault when the digits do not end.
pub(super) fn print(number: &Exact) -> Result<String, Fault> {
    let endless = || Fault::new("the digits of the number do not end", "数字为无限小数").hint("round it first");
    let places = (0..=PLACES).find(|places| 10_i128.pow(*places) % number.denom() == 0).ok_or_else(endless)?;
    let scale = 10_i128.pow(places);
    let digits = number.numer().checked_mul(&(scale / number.denom())).ok_or_else(too_large)?;
    let sign = if digits < 0 { "-" } else { "" };
    let (before, after) = (digits.unsigned_abs() / scale.unsigned_abs(), digits.unsigned_abs() % scale.unsigned_abs());
    if places == 0 {
        return Ok(format!("{sign}{before}"));
    }
    let width = places as usize;
    Ok(format!("{sign}{before}.{after:0width$}"))
}

pub(super) fn too_large() -> Fault {
    Fault::new("the number grows too large", "数字过大")
}
