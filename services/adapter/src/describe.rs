//! What an adapter tells of itself: its datasets as it reads them, and its limits. From this alone a program in any
//! language can fill a row.

use minqing_proto::{
    contract,
    minqing::bureau::v1::{BatchLimits, ColumnKind, DatasetCode, DatasetColumn, DatasetDescription},
};

use crate::{
    places::{BATCHES_AT_ONCE, IDLE, IDLE_WHEN_AWAITED},
    row::schema::{Column, Form, Schema},
    spool::MAX_ROWS,
};

/// A dataset with its columns.
pub fn dataset(schema: &Schema) -> DatasetDescription {
    DatasetDescription {
        dataset: Some(schema.dataset.clone()),
        message_type: schema.message.full_name().to_owned(),
        columns: schema.columns.iter().map(|c| column(schema, c)).collect(),
    }
}

fn column(schema: &Schema, column: &Column) -> DatasetColumn {
    let mut options = contract::column(&column.field).unwrap_or_default();
    options.max_length = i32::try_from(column.max_length).unwrap_or(i32::MAX);
    let table = schema.bureau.code_tables.iter().find(|t| column.form == Form::Code && t.name == options.code_table);
    let code = |(standard, local): &(&str, &[&str])| DatasetCode {
        standard: (*standard).to_owned(),
        local: local.iter().map(|l| (*l).to_owned()).collect(),
    };
    let kind = match column.form {
        Form::Number => ColumnKind::Number,
        Form::Truth => ColumnKind::Truth,
        _ => ColumnKind::Text,
    };
    DatasetColumn {
        field: column.field.name().to_owned(),
        number: i32::try_from(column.field.number()).unwrap_or_default(),
        kind: kind as i32,
        label: contract::label(&column.field),
        codes: table.map(|t| t.entries.iter().map(code).collect()).unwrap_or_default(),
        column: Some(options),
        may_be_unknown: column.may_be_unknown(),
    }
}

/// How much it takes.
pub fn limits(rows_per_message: usize, bytes_per_message: usize) -> BatchLimits {
    let whole = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    BatchLimits {
        rows_per_message: whole(rows_per_message),
        bytes_per_message: whole(bytes_per_message),
        rows_per_batch: i32::try_from(MAX_ROWS).unwrap_or(i32::MAX),
        batches_at_once: whole(BATCHES_AT_ONCE),
        idle_seconds_when_awaited: i32::try_from(IDLE_WHEN_AWAITED.as_secs()).unwrap_or(i32::MAX),
        idle_seconds: i32::try_from(IDLE.as_secs()).unwrap_or(i32::MAX),
    }
}
