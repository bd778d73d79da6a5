//! An empty table of a dataset for the bureau's staff or an integrator: the contract's headers, every column set to
//! text so that a spreadsheet program keeps ID numbers as they are typed.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use crate::row::schema::Schema;

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
