//! An empty table of a dataset for the bureau's staff or an integrator: the contract's headers, every column set to
//! text so that a spreadsheet program keeps ID numbers as they are typed. For a bureau's DBA, the tables of the exchange.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use crate::row::schema::{Form, Schema};
pub use crate::tables::Dialect;

/// The tables every bureau of the table exchange has, with the adapter's privileges.
pub fn exchange_ddl(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => include_str!("../ddl/postgres.sql"),
        Dialect::MySql => include_str!("../ddl/mysql.sql"),
    }
}

/// How a table tells which rows the adapter is to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the number of a batch that a control row announces.
    Numbered,
    /// By a mark up to which a county's rows are final.
    Feed,
}

/// A dataset's table for the exchange. A bureau may give a view of the same name instead, with other plain types.
pub fn ddl(schema: &Schema, dialect: Dialect, way: Way) -> String {
    let table = format!("mq_{}", schema.name());
    let (own, kind) = match way {
        Way::Numbered => ("mq_batch_no", "varchar(64)"),
        Way::Feed => ("mq_county", "varchar(12)"),
    };
    let mut text = format!("-- {}\ncreate table {table} (\n", schema.dataset.title);
    text.push_str(&format!("    mq_seq bigint not null,\n    {own} {kind} not null,\n"));
    for column in &schema.columns {
        let kind = match column.form {
            Form::Number => "bigint".to_owned(),
            Form::Truth => "boolean".to_owned(),
            Form::Date | Form::AnyDate => "date".to_owned(),
            // Wider than the contract: what is too long is told by the row checks, not lost in the bureau's program.
            _ => format!("varchar({})", column.max_length + 55),
        };
        text.push_str(&format!("    {} {kind},\n", column.field.name()));
    }
    text.push_str(&format!("    constraint {table}_pk primary key ({own}, mq_seq)\n)"));
    if dialect == Dialect::MySql {
        text.push_str(" default character set utf8mb4 collate utf8mb4_bin");
    }
    text.push_str(&format!(";\ngrant select on {table} to minqing_exchange;\n"));
    text
}

/// The dataset's headers as a CSV line, UTF-8 with a mark.
pub fn csv(schema: &Schema) -> String {
    let headers: Vec<_> = schema.columns.iter().map(|c| c.header.as_str()).collect();
    format!("\u{feff}{}\r\n", headers.join(","))
}

/// The dataset's headers as an XLSX workbook.
pub fn xlsx(schema: &Schema) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let text = Format::new().set_num_format("@");
    let sheet = book.add_worksheet().set_name("数据")?;
    for (at, column) in schema.columns.iter().enumerate() {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        sheet.set_column_format(at, &text)?;
        sheet.write_string(0, at, &column.header)?;
    }
    book.save_to_buffer()
}
