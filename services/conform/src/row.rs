//! A row of any dataset, from what the adapter itself tells of it: no contract of the dataset is needed, so the kit
//! fills rows of bureaus it has never heard of.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use minqing_proto::minqing::{
    bureau::v1::{ColumnKind, DatasetColumn, DatasetDescription},
    options::v1::{Column, ColumnFormat, Mask, PersonalClass},
};
use prost::encoding::{bool, int64, string};
use prost_types::Any;

use crate::person::Person;

/// Room kept below a column's greatest number and below the longest text.
const LATER: u64 = 3_650;

/// One value as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// A row under the kit's hands.
#[derive(Clone)]
pub struct Row {
    message_type: String,
    values: BTreeMap<u32, Value>,
}

impl Row {
    pub fn set(&mut self, column: &DatasetColumn, value: Value) {
        self.values.insert(number(column), value);
    }

    /// As it goes over the wire.
    pub fn any(&self) -> Any {
        let mut bytes = Vec::new();
        for (number, value) in &self.values {
            // An empty text is not written, as in any proto3 message; 0 and no are, since an `optional` column tells them
            // from not known and any other column reads them as what they are.
            match value {
                Value::Text(text) if !text.is_empty() => string::encode(*number, text, &mut bytes),
                Value::Text(_) => (),
                Value::Number(whole) => int64::encode(*number, whole, &mut bytes),
                Value::Truth(truth) => bool::encode(*number, truth, &mut bytes),
            }
        }
        Any { type_url: format!("type.googleapis.com/{}", self.message_type), value: bytes }
    }
}

fn number(column: &DatasetColumn) -> u32 {
    u32::try_from(column.number).unwrap_or_default()
}

/// The options of a column; those of none when the adapter gave none.
pub fn options(column: &DatasetColumn) -> Column {
    column.column.clone().unwrap_or_default()
}

/// Makes good rows of one dataset.
#[derive(Clone)]
pub struct Maker<'a> {
    pub dataset: &'a DatasetDescription,
    pub county: &'a str,
    pub today: NaiveDate,
}

impl Maker<'_> {
    pub fn column(&self, format: ColumnFormat) -> Option<&DatasetColumn> {
        self.dataset.columns.iter().find(|c| options(c).format() == format)
    }

    /// A good row about a person; `n` makes its texts its own.
    pub fn row(&self, person: &Person, n: u64) -> Row {
        let values = self.dataset.columns.iter().map(|c| (number(c), self.value(c, person, n))).collect();
        Row { message_type: self.dataset.message_type.clone(), values }
    }

    fn value(&self, column: &DatasetColumn, person: &Person, n: u64) -> Value {
        let of = options(column);
        let text = if !of.example.is_empty() {
            of.example.clone()
        } else if let Some(code) = column.codes.first() {
            code.standard.clone()
        } else {
            match of.format() {
                ColumnFormat::IdNumber => person.id_number.clone(),
                ColumnFormat::Name => person.name.clone(),
                ColumnFormat::Division => self.county.to_owned(),
                ColumnFormat::Date => self.day(10),
                ColumnFormat::AnyDate => (self.today + Days::new(LATER)).to_string(),
                ColumnFormat::Month => self.day(31).get(..7).unwrap_or_default().to_owned(),
                ColumnFormat::Unspecified => last_digits(n, of.max_length),
            }
        };
        match column.kind() {
            ColumnKind::Text | ColumnKind::Unspecified => Value::Text(text),
            ColumnKind::Truth => Value::Truth(of.example != "0"),
            ColumnKind::Number => {
                let wanted = of.example.parse().unwrap_or(1);
                Value::Number(i64::max(wanted, of.min.unwrap_or(i64::MIN)).min(of.max.unwrap_or(i64::MAX)))
            }
        }
    }

    fn day(&self, before: u64) -> String {
        (self.today - Days::new(before)).to_string()
    }

    /// Other values of columns that are no part of the key and go on to the mesh; which of them the adapter takes
    /// depends on its checks between columns.
    pub fn changes(&self) -> Vec<(&DatasetColumn, Value)> {
        let mut all = Vec::new();
        for column in &self.dataset.columns {
            let (of, label) = (options(column), column.label.unwrap_or_default());
            let kept = !of.key && label.mask() != Mask::Omit && label.personal() != PersonalClass::Identity;
            if !kept || !of.example.is_empty() {
                continue;
            }
            let text = match (column.kind(), of.format()) {
                (ColumnKind::Truth, _) => {
                    all.push((column, Value::Truth(false)));
                    continue;
                }
                (ColumnKind::Number, _) => {
                    let more = i64::max(1, of.min.unwrap_or(i64::MIN)).saturating_add(1);
                    if of.max.is_none_or(|max| more <= max) {
                        all.push((column, Value::Number(more)));
                    }
                    continue;
                }
                (_, ColumnFormat::Division) => continue,
                (_, ColumnFormat::Date) => {
                    // Earlier and later: a span must not end before it begins.
                    all.push((column, Value::Text(self.day(9))));
                    self.day(11)
                }
                (_, ColumnFormat::AnyDate) => (self.today + Days::new(LATER + 1)).to_string(),
                (_, ColumnFormat::Month) => self.day(62).get(..7).unwrap_or_default().to_owned(),
                _ if !of.code_table.is_empty() => match column.codes.get(1) {
                    Some(code) => code.standard.clone(),
                    None => continue,
                },
                _ => last_digits(7, of.max_length),
            };
            all.push((column, Value::Text(text)));
        }
        all
    }
}

/// Eight digits, or as many as the column holds.
fn last_digits(n: u64, longest: i32) -> String {
    let digits = format!("{:08}", n % 100_000_000);
    let longest = usize::try_from(longest).ok().filter(|n| *n > 0).unwrap_or(digits.len());
    digits.get(digits.len().saturating_sub(longest)..).unwrap_or_default().to_owned()
}
