//! Rows to send, typed and as texts.

use minqing_proto::{contract, minqing::bureau::education::v1::StudentEnrolment};
use prost_reflect::{ReflectMessage, Value};
use prost_types::Any;

/// A valid ID number of the n-th person.
pub fn id_number(n: u32) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let body = format!("621202{}{:02}{:02}{:03}", 1980 + n % 30, 1 + n % 12, 1 + n % 28, n % 1000);
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
}

pub fn student(n: u32) -> StudentEnrolment {
    StudentEnrolment {
        id_number: id_number(n),
        name: format!("张三{n}"),
        division_code: "621202001".to_owned(),
        stage: "senior_high".to_owned(),
        school_code: "S-1".to_owned(),
        grade: "高一".to_owned(),
        boarding: n.is_multiple_of(2),
        enrolled_on: "2026-09-01".to_owned(),
        status: "enrolled".to_owned(),
    }
}

pub fn any<M: ReflectMessage>(row: &M) -> Any {
    Any { type_url: format!("type.googleapis.com/{}", row.descriptor().full_name()), value: row.encode_to_vec() }
}

/// Headers and lines of texts, as a bureau's program would export them.
pub fn table<M: ReflectMessage>(rows: &[M]) -> Vec<Vec<String>> {
    let message = rows[0].descriptor();
    let fields: Vec<_> = message.fields().collect();
    let mut lines = vec![fields.iter().map(|f| contract::column(f).unwrap().header).collect()];
    for row in rows {
        let row = row.transcode_to_dynamic();
        let text = |f| match row.get_field(f).as_ref() {
            Value::String(text) => text.clone(),
            Value::Bool(truth) => if *truth { "是" } else { "否" }.to_owned(),
            Value::I64(number) => number.to_string(),
            Value::I32(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
        lines.push(fields.iter().map(text).collect());
    }
    lines
}

pub fn csv(lines: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).unwrap();
    }
    writer.into_inner().unwrap()
}

pub fn xlsx(lines: &[Vec<String>]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, line) in lines.iter().enumerate() {
        for (column, text) in line.iter().enumerate() {
            sheet.write_string(u32::try_from(row).unwrap(), u16::try_from(column).unwrap(), text).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}
