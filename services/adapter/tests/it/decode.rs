//! Every reason a row can be refused for, and the same answer for the same fault on every transport.

use minqing_proto::minqing::{
    bureau::education::v1::{SchoolCost, StudentEnrolment},
    types::v1::{RowError, RowReason},
};
use uuid::Uuid;

use crate::{
    mesh::{Mesh, header},
    rows::{any, csv, id_number, student, table, xlsx},
};

fn spoiled(n: u32, change: impl FnOnce(&mut StudentEnrolment)) -> StudentEnrolment {
    let mut row = student(n);
    change(&mut row);
    row
}

fn wrong_check_digit(id: &str) -> String {
    let last = if id.ends_with('1') { '2' } else { '1' };
    format!("{}{last}", &id[..17])
}

/// Rows and what each must be refused for, at which field.
fn faulty() -> Vec<(StudentEnrolment, Option<(&'static str, RowReason)>)> {
    vec![
        (student(1), None),
        (spoiled(2, |r| r.name.clear()), Some(("name", RowReason::RequiredValueMissing))),
        (
            spoiled(3, |r| r.id_number = wrong_check_digit(&r.id_number)),
            Some(("id_number", RowReason::IdNumberCheckDigit)),
        ),
        (spoiled(4, |r| r.id_number = "62120219".into()), Some(("id_number", RowReason::IdNumberMalformed))),
        (spoiled(5, |r| r.name = "李四".into()), Some(("name", RowReason::IdNameConflict))),
        (spoiled(6, |r| r.division_code = "621202987".into()), Some(("division_code", RowReason::DivisionUnknown))),
        (spoiled(7, |r| r.enrolled_on = "2026-10-27".into()), Some(("enrolled_on", RowReason::DateInFuture))),
        (spoiled(8, |r| r.enrolled_on = "2026-02-30".into()), Some(("enrolled_on", RowReason::DateMalformed))),
        (spoiled(9, |r| r.stage = "不详".into()), Some(("stage", RowReason::CodeUnknown))),
        (spoiled(10, |r| r.grade = "高".repeat(21)), Some(("grade", RowReason::TextTooLong))),
        (student(1), Some(("", RowReason::DuplicateRow))),
        (spoiled(1, |r| r.name = "王五".into()), Some(("name", RowReason::IdNameConflict))),
        (spoiled(11, |r| r.division_code = "621221100".into()), Some(("division_code", RowReason::Inconsistent))),
        (spoiled(12, |r| r.grade = "高\u{7}一".into()), Some(("grade", RowReason::RowUnreadable))),
        (spoiled(13, |r| r.school_code = "Ｓ－１ ".into()), None),
        (spoiled(14, |r| r.stage = "普通高中".into()), None),
        (spoiled(15, |r| r.enrolled_on = "2026年9月1日".into()), None),
    ]
}

fn told(errors: &[RowError]) -> Vec<(i32, String, RowReason)> {
    errors.iter().map(|e| (e.row, e.field.clone(), e.reason())).collect()
}

#[tokio::test]
async fn the_same_fault_gets_the_same_answer_on_every_transport() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    mesh.on_file(&id_number(5), "张三5", Uuid::from_u128(5));
    let (rows, expected): (Vec<_>, Vec<_>) = faulty().into_iter().unzip();
    let expected: Vec<_> = expected
        .into_iter()
        .enumerate()
        .filter_map(|(n, e)| e.map(|(field, reason)| (i32::try_from(n + 1).unwrap(), field.to_owned(), reason)))
        .collect();

    let typed: Vec<_> = rows.iter().map(any).collect();
    let answer = mesh.submit(&header("student_enrolment", typed.len()), &typed).await.unwrap();
    assert_eq!(told(&answer.errors), expected);
    let batch = answer.batch.unwrap();
    assert_eq!((batch.sent, batch.accepted, batch.refused), (17, 4, 13));

    let lines = table(&rows);
    for (name, content) in [("csv", csv(&lines)), ("xlsx", xlsx(&lines))] {
        // An archive cannot hold the control character.
        let name = format!("student_enrolment__621202__2026-10-26__changes__{name}.{name}");
        let result = mesh.take_file(&name, &content).await;
        let seen: Vec<_> = result.lines.iter().map(|(row, _, reason)| (row.parse().unwrap(), reason.clone())).collect();
        let wanted: Vec<_> = answer
            .errors
            .iter()
            .map(|e| (e.row, e.reason().as_str_name().trim_start_matches("ROW_REASON_").to_owned()))
            .collect();
        assert_eq!(seen, wanted, "{name}");
        for error in &answer.errors {
            assert!(result.text.contains(&error.message) && result.text.contains(&error.message_zh), "{error:?}");
        }
    }

    // No value of a refused row is told, kept or sent on.
    let texts = format!("{:?}", answer.errors);
    for value in ["李四", "王五", "不详", "621202987", "2026-02-30"] {
        assert!(!texts.contains(value), "{value}");
        assert!(!mesh.database_holds(value).await, "{value}");
    }
    for row in &rows {
        assert!(!mesh.database_holds(&row.id_number).await);
    }
}

fn cost(n: u32) -> SchoolCost {
    SchoolCost {
        id_number: id_number(n),
        name: format!("张三{n}"),
        division_code: "621202001207".to_owned(),
        school_year: "2026-2027".to_owned(),
        stage: "senior_high".to_owned(),
        tuition_fen: 120_000,
        lodging_fen: 0,
        books_fen: 30_050,
        aid_fen: 0,
    }
}

#[tokio::test]
async fn numbers_are_read_in_fen_and_yuan_and_refused_when_they_are_none() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let mut typed = vec![any(&cost(1)), any(&SchoolCost { tuition_fen: 20_000_001, ..cost(2) })];
    typed.push(any(&student(3)));
    typed.push(prost_types::Any { type_url: typed[0].type_url.clone(), value: vec![0xff; 10] });
    let answer = mesh.submit(&header("school_cost", 4), &typed).await.unwrap();
    let wanted = [
        (2, "tuition_fen".to_owned(), RowReason::OutOfRange),
        (3, String::new(), RowReason::RowUnreadable),
        (4, String::new(), RowReason::RowUnreadable),
    ];
    assert_eq!(told(&answer.errors), wanted);
    let sent = mesh.monitor.records.lock().unwrap().values().next().unwrap().clone();

    // The same row in yuan, with the school year as the register writes it, is the same record.
    let mut lines = table(&[cost(1), cost(2), cost(4), cost(5), cost(6)]);
    for name in &mut lines[0] {
        *name = name.replace('分', "（元）");
    }
    for line in &mut lines[1..] {
        line[3] = "2026—2027学年".to_owned();
        line[5] = "1,200.00".to_owned();
        line[7] = "３００.５".to_owned();
    }
    lines[2][5] = "约三千".to_owned();
    lines[3][5] = "1200.005".to_owned();
    lines[4][5] = String::new();
    lines[5][0] = "6.21202E+17".to_owned();
    let result = mesh.take_file("在校费用__621202__20261026__增量__1.csv", &csv(&lines)).await;
    let seen: Vec<_> = result.lines.iter().map(|l| (l.0.as_str(), l.2.as_str())).collect();
    let wanted = [
        ("2", "NUMBER_MALFORMED"),
        ("3", "NUMBER_MALFORMED"),
        ("4", "REQUIRED_VALUE_MISSING"),
        ("5", "NUMERIC_ID_CELL"),
    ];
    assert_eq!(seen, wanted);
    let records = mesh.monitor.records.lock().unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records.values().next().unwrap(), &sent);
}
