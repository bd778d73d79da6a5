//! A row of any dataset, from its message's column options: what the contract says is enough to fill every column but
//! a coded one, whose table the adapter keeps; the caller gives those values.

use std::collections::BTreeMap;

use minqing_proto::{
    contract,
    minqing::options::v1::{Column, ColumnFormat},
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};
use prost_types::Any;

use crate::person::Person;

/// A dataset's row under the kit's hands.
#[derive(Clone)]
pub struct Row(DynamicMessage);

impl Row {
    /// A row about a person. `given` holds values by field: coded columns, and whatever the contract cannot tell.
    /// Dates are `day`, YYYY-MM-DD.
    pub fn of(
        message: &MessageDescriptor,
        person: &Person,
        (division, day): (&str, &str),
        given: &BTreeMap<String, String>,
    ) -> Row {
        let mut row = DynamicMessage::new(message.clone());
        for field in message.fields() {
            let Some(column) = contract::column(&field) else { continue };
            let text = given.get(field.name()).cloned().or_else(|| made(&column, person, division, day));
            if let Some(value) = text.and_then(|text| typed(&field, &column, &text)) {
                row.set_field(&field, value);
            }
        }
        Row(row)
    }

    /// Puts a text into a column that holds one; false when the dataset has no such column.
    pub fn set(&mut self, field: &str, text: &str) -> bool {
        let text = Value::String(text.to_owned());
        self.0.try_set_field_by_name(field, text).is_ok()
    }

    /// As it goes over the wire.
    pub fn any(&self) -> Any {
        let type_url = format!("type.googleapis.com/{}", self.0.descriptor().full_name());
        Any { type_url, value: self.0.encode_to_vec() }
    }
}

fn made(column: &Column, person: &Person, division: &str, day: &str) -> Option<String> {
    if !column.code_table.is_empty() {
        return None;
    }
    Some(match column.format() {
        ColumnFormat::IdNumber => person.id_number.clone(),
        ColumnFormat::Name => person.name.clone(),
        ColumnFormat::Division => division.to_owned(),
        ColumnFormat::Date | ColumnFormat::AnyDate => day.to_owned(),
        ColumnFormat::Month => day.get(..7).unwrap_or(day).to_owned(),
        ColumnFormat::Unspecified => "1".to_owned(),
    })
}

/// The value in the field's own type; a made number is moved into the range allowed.
fn typed(field: &FieldDescriptor, column: &Column, text: &str) -> Option<Value> {
    let number = || {
        let number: i64 = text.parse().ok()?;
        Some(number.max(column.min.unwrap_or(i64::MIN)).min(column.max.unwrap_or(i64::MAX)))
    };
    match field.kind() {
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Bool => Some(Value::Bool(text == "1")),
        Kind::Int64 => number().map(Value::I64),
        Kind::Int32 => number().and_then(|n| i32::try_from(n).ok()).map(Value::I32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_required_column_of_every_dataset_is_filled_but_for_the_coded_ones() {
        for (dataset, message) in contract::datasets() {
            let row = Row::of(&message, &Person::nth(1), ("621202", "2026-10-01"), &BTreeMap::new());
            for field in message.fields() {
                let column = contract::column(&field).unwrap_or_default();
                if column.required && column.code_table.is_empty() && field.kind() == Kind::String {
                    assert!(row.0.has_field(&field), "{}.{} {}", dataset.bureau, dataset.name, field.name());
                }
            }
            assert!(row.any().type_url.ends_with(message.full_name()));
        }
    }
}
