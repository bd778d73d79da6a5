//! The watched folder: encodings, damaged files, files dropped twice, services that are away.

use std::sync::atomic::Ordering;

use encoding_rs::GB18030;
use minqing_proto::minqing::types::v1::BatchMode;

use crate::{
    mesh::Mesh,
    rows::{csv, id_number, student, table, xlsx},
};

fn name(batch_no: &str, ending: &str) -> String {
    format!("student_enrolment__621202__2026-10-26__snapshot__{batch_no}.{ending}")
}

#[tokio::test]
async fn one_table_in_every_encoding_is_the_same_records() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let mut rows: Vec<_> = (1..=20).map(student).collect();
    rows[0].name = "𠮷㐂".into();
    rows[1].name = "䶮某·买买提".into();
    let lines = table(&rows);
    let utf8 = csv(&lines);
    let text = String::from_utf8(utf8.clone()).unwrap();
    let bom = [b"\xef\xbb\xbf".as_slice(), &utf8].concat();
    let gb = GB18030.encode(&text).0.into_owned();
    assert!(String::from_utf8(gb.clone()).is_err());
    let mut seen = Vec::new();
    for (no, ending, content) in [("1", "csv", utf8), ("2", "csv", bom), ("3", "csv", gb), ("4", "xlsx", xlsx(&lines))]
    {
        let told = mesh.take_file(&name(no, ending), &content).await;
        assert!(told.lines.is_empty(), "{}", told.text);
        seen.push(std::mem::take(&mut *mesh.monitor.records.lock().unwrap()));
    }
    assert_eq!(seen[0].len(), 20);
    assert!(seen.iter().all(|s| *s == seen[0]));
    let closes = mesh.monitor.closes.lock().unwrap();
    assert!(closes.iter().all(|c| c.batch.as_ref().unwrap().mode() == BatchMode::Snapshot));
}

#[tokio::test]
async fn a_file_dropped_again_is_the_same_batch() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let content = csv(&table(&[student(1), student(2)]));
    let first = mesh.take_file(&name("1", "csv"), &content).await;
    let parts = mesh.monitor.parts.lock().unwrap().len();
    let second = mesh.take_file(&name("1", "csv"), &content).await;
    assert_eq!(first.text, second.text);
    assert_eq!(mesh.monitor.parts.lock().unwrap().len(), parts);
    // Another content under the same name is another batch.
    mesh.take_file(&name("1", "csv"), &csv(&table(&[student(3)]))).await;
    assert_eq!(mesh.monitor.parts.lock().unwrap().len(), parts + 1);
}

#[tokio::test]
async fn a_file_waits_while_a_service_is_away_and_unfinished_files_are_left_alone() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    mesh.monitor.away_from.store(1, Ordering::SeqCst);
    mesh.drop_file(&name("1", "csv"), &csv(&table(&[student(1)])));
    let inbox = mesh.folder.as_ref().unwrap().path().join("inbox");
    std::fs::write(inbox.join("half.csv.part"), b"x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", inbox.join(name("2", "csv"))).unwrap();
    let pass = mesh.adapter.running.reconcile_once("files").await.unwrap();
    assert!(!pass.caught_up);
    assert_eq!(mesh.files("taken"), [name("1", "csv")]);
    assert!(mesh.files("result").is_empty());

    mesh.monitor.away_from.store(0, Ordering::SeqCst);
    mesh.until_caught_up().await;
    assert_eq!(mesh.files("done"), [name("1", "csv")]);
    assert_eq!(mesh.files("inbox").len(), 2);
}

#[tokio::test]
async fn a_damaged_file_is_refused_whole_with_the_reason() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let good = csv(&table(&[student(1), student(2)]));
    let whole = xlsx(&table(&[student(1), student(2)]));
    let mut long = good.clone();
    long.resize(10 * 1024 * 1024, b'x');
    long.push(b'\n');
    let cases: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("empty", "csv", Vec::new(), "FILE_EMPTY"),
        ("empty", "xlsx", Vec::new(), "FILE_EMPTY"),
        ("cut", "csv", good[..good.len() - 9].to_vec(), "FILE_CUT"),
        ("cut", "xlsx", whole[..whole.len() - 200].to_vec(), "FILE_UNREADABLE"),
        ("long", "csv", long, "LINE_TOO_LONG"),
        ("junk", "xlsx", b"no archive".to_vec(), "FILE_UNREADABLE"),
        (
            "utf16",
            "csv",
            [b"\xff\xfe".as_slice(), &"身份证号\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()]
                .concat(),
            "FILE_CUT",
        ),
    ];
    for (no, ending, content, reason) in cases {
        let told = mesh.take_file(&name(no, ending), &content).await;
        assert_eq!(told.refused_for(), reason, "{no}.{ending}");
    }
    for bad in ["any.csv", "student_enrolment.txt", "settlement__621202__2026-10-26__changes__1.csv"] {
        assert!(!mesh.take_file(bad, &good).await.refused_for().is_empty());
    }
    let count = "student_enrolment__621202__2026-10-26__changes__1__3.csv";
    assert_eq!(mesh.take_file(count, &good).await.refused_for(), "ROW_COUNT_MISMATCH");
    assert!(mesh.monitor.parts.lock().unwrap().is_empty());
    let mut conn = mesh.adapter.running.context.db.acquire().await.unwrap();
    let states: Vec<(String, i64)> = sqlx::query_as("select state, count(*) from file group by state order by state")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(states, [("refused".to_owned(), 11)]);
}

#[tokio::test]
async fn a_wrong_header_refuses_the_file_and_names_the_column_but_no_persons_data() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let mut lines = table(&[student(1)]);
    lines[0].push("=家长电话".into());
    lines[1].push("13800000000".into());
    let told = mesh.take_file(&name("extra", "csv"), &csv(&lines)).await;
    assert_eq!(told.refused_for(), "UNKNOWN_COLUMN");
    assert_eq!(told.lines[0].1, "'=家长电话");
    assert!(!told.text.contains("138"));

    let mut lines = table(&[student(1)]);
    for line in &mut lines {
        line.remove(6);
    }
    let told = mesh.take_file(&name("missing", "csv"), &csv(&lines)).await;
    assert_eq!((told.refused_for(), told.lines[0].1.as_str()), ("REQUIRED_VALUE_MISSING", "是否寄宿"));

    // Without a header line the first person stands where the header should.
    let told = mesh.take_file(&name("headless", "csv"), &csv(&table(&[student(1), student(2)])[1..])).await;
    assert_eq!(told.refused_for(), "UNKNOWN_COLUMN");
    assert!(!told.text.contains(&id_number(1)) && !told.text.contains("张三"));

    // A header alone renews the feed and ends nothing.
    let told = mesh.take_file(&name("none", "csv"), &csv(&table(&[student(1)])[..1])).await;
    assert!(told.lines.is_empty());
    let closes = mesh.monitor.closes.lock().unwrap();
    assert_eq!(closes[0].batch.as_ref().unwrap().mode(), BatchMode::Changes);
}

#[tokio::test]
async fn a_spreadsheet_keeps_dates_and_numbers_but_loses_id_numbers() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let lines = table(&[student(1), student(2), student(3)]);
    let mut book = rust_xlsxwriter::Workbook::new();
    let date = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    let sheet = book.add_worksheet();
    for (row, line) in lines.iter().enumerate() {
        // A title line and a blank line are usual above and between.
        let at = u32::try_from(if row > 2 { row + 1 } else { row }).unwrap();
        for (column, text) in line.iter().enumerate() {
            let column = u16::try_from(column).unwrap();
            match (row, column) {
                (1.., 7) => {
                    let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 9, 1).unwrap();
                    sheet.write_datetime_with_format(at, column, &day, &date).unwrap();
                }
                (1.., 2) => drop(sheet.write_number(at, column, 621_202_001.0).unwrap()),
                (1.., 3) => drop(sheet.write_number(at, column, 3.0).unwrap()),
                (1.., 6) => drop(sheet.write_boolean(at, column, true).unwrap()),
                (3, 0) => drop(sheet.write_number(at, column, 6.212_021_990_010_112e17).unwrap()),
                _ => drop(sheet.write_string(at, column, text).unwrap()),
            }
        }
    }
    let told = mesh.take_file(&name("cells", "xlsx"), &book.save_to_buffer().unwrap()).await;
    let seen: Vec<_> = told.lines.iter().map(|l| (l.0.as_str(), l.2.as_str())).collect();
    assert_eq!(seen, [("4", "NUMERIC_ID_CELL")], "{}", told.text);
    assert_eq!(mesh.monitor.records.lock().unwrap().len(), 2);
}
