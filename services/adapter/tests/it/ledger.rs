//! A bureau's own ledger as a file and as rows: each record that differs is told with its line.

use minqing_proto::minqing::{
    feedback::v1::{CompareLedgerRequest, Feedback},
    types::v1::FeedbackDecision,
};

use crate::{
    bureau_db::SERVERS,
    mesh::{Mesh, Told},
    tables::{begin, until_caught_up},
};

/// What the mesh took of the month.
fn taken(mesh: &Mesh) {
    let record = |no: &str, programme: &str, decision: FeedbackDecision, amount_fen| Feedback {
        record_no: no.to_owned(),
        programme: programme.to_owned(),
        decision: decision.into(),
        amount_fen,
        ..Default::default()
    };
    *mesh.books.records.lock().unwrap() = vec![
        record("F-1", "P-JY-04", FeedbackDecision::Granted, 150_000),
        record("F-2", "P-JY-04", FeedbackDecision::Refused, 0),
        record("F-3", "P-JY-05", FeedbackDecision::Granted, 8_000),
        record("F-9", "P-JY-06", FeedbackDecision::Granted, 700),
    ];
}

const LEDGER: [[&str; 5]; 4] = [
    ["202610", "P-JY-04", "F-1", "已救助", "150000"],
    ["2026-10", "P-JY-04", "F-2", "不予救助", ""],
    ["2026-10", "P-JY-05", "F-3", "给予救助", "9000"],
    ["2026-10", "P-JY-05", "F-4", "给予救助", "100"],
];

fn file(lines: &[[&str; 5]]) -> Vec<u8> {
    let lines: Vec<_> = lines.iter().map(|l| l.join(",")).collect();
    format!("月份,项目代码,记录编号,处理结果,救助金额分\n{}\n", lines.join("\n")).into_bytes()
}

/// As the contract has it: two lines, their sums of what was granted, and the digest of the sorted numbers.
fn is_the_month(asked: &CompareLedgerRequest) {
    let lines: Vec<_> = asked.lines.iter().map(|l| (l.programme.as_str(), l.count, l.amount_fen)).collect();
    assert_eq!((asked.month.as_str(), lines), ("2026-10", vec![("P-JY-04", 2, 150_000), ("P-JY-05", 2, 9_100)]));
    // sha256sum of "F-1\nF-2".
    assert_eq!(asked.lines[0].digest, "b5415fe961ccca8594b8d8f883b86253d3f22ddfd5218ee696ccca2f531088ad");
}

fn reasons(told: &Told) -> Vec<(&str, &str, &str)> {
    told.lines.iter().map(|(row, column, reason)| (row.as_str(), column.as_str(), reason.as_str())).collect()
}

const DIFFERS: [(&str, &str); 3] =
    [("记录编号", "MISSING_IN_LEDGER"), ("救助金额分", "CONTENT_DIFFERS"), ("记录编号", "MISSING_IN_MESH")];

#[tokio::test]
async fn a_ledger_file_is_answered_with_every_record_that_differs() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    taken(&mesh);
    let told = mesh.take_file("ledger_2026-10.csv", &file(&LEDGER)).await;
    is_the_month(&mesh.books.ledgers.lock().unwrap()[0]);
    let expected: Vec<_> = ["", "3", "4"].into_iter().zip(DIFFERS).map(|(row, (c, r))| (row, c, r)).collect();
    assert_eq!(reasons(&told), expected);
    assert!(told.text.contains("接收 accepted,2") && told.text.contains("退回 refused,2"), "{}", told.text);
    assert!(told.text.contains("F-9") && told.text.contains("8000 分、已救助"), "{}", told.text);

    mesh.books.records.lock().unwrap().truncate(2);
    let told = mesh.take_file("ledger_again.csv", &file(&LEDGER[..2])).await;
    assert_eq!(reasons(&told), []);
}

#[tokio::test]
async fn a_ledger_with_a_line_that_cannot_be_read_is_not_compared() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    taken(&mesh);
    let mut lines = LEDGER.to_vec();
    lines.extend([
        ["2026-13", "P-JY-05", "F-5", "已救助", "1"],
        ["2026-10", "P-JY-05", "F-4", "已救助", "1"],
        ["2026-10", "P-JY-05", "F-6", "也许", "1"],
        ["2026-10", "P-JY-05", "F-7", "已救助", "-1"],
        ["2026-10", "", "F-8", "已救助", "1"],
    ]);
    let told = mesh.take_file("ledger_1.csv", &file(&lines)).await;
    let columns = [("5", "月份"), ("6", "记录编号"), ("7", "处理结果"), ("8", "救助金额分"), ("9", "项目代码")];
    let mut expected = vec![("", "", "LEDGER_INCOMPLETE")];
    expected.extend(columns.map(|(row, column)| (row, column, "REFUSED")));
    assert_eq!(reasons(&told), expected, "{}", told.text);
    let told = mesh.take_file("ledger_none.csv", &file(&[])).await;
    assert_eq!(reasons(&told), [("", "", "LEDGER_INCOMPLETE")]);
    assert!(mesh.books.ledgers.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_ledger_in_rows_is_answered_in_rows() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        taken(&mesh);
        let mut lines = vec![["month", "programme", "record_no", "decision", "amount_fen"].map(str::to_owned).to_vec()];
        lines.extend(LEDGER.map(|line| line.map(|cell| if cell.is_empty() { "0" } else { cell }.to_owned()).to_vec()));
        db.insert("ledger", ("mq_batch_no", "L-1"), 1, &lines).await;
        db.announce("L-1", "ledger", "", 4).await;
        until_caught_up(&mesh).await;
        is_the_month(&mesh.books.ledgers.lock().unwrap()[0]);
        assert_eq!(db.counts("L-1").await, ["4", "2", "2", "∅"], "{dialect:?}");
        let refused = db.refused("L-1").await;
        let seen: Vec<_> = refused.iter().map(|r| [r[0].as_str(), &r[1], &r[2], &r[3]]).collect();
        let places = [["5", "∅"], ["3", "7"], ["4", "10"]];
        let mut expected: Vec<_> = places.iter().zip(DIFFERS).map(|(p, (c, r))| [p[0], p[1], c, r]).collect();
        expected.rotate_left(1);
        assert_eq!(seen, expected, "{dialect:?}");
    }
}
