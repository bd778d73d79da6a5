//! What an adapter tells monitoring of the quality of a batch.

use std::collections::BTreeMap;

use minqing_proto::minqing::{
    bureau::education::v1::StudentEnrolment, monitoring::v1::CloseBatchRequest, types::v1::RowReason,
};
use uuid::Uuid;

use crate::{
    mesh::{Mesh, header},
    rows::{any, csv, id_number, student, table},
};

fn closed(mesh: &Mesh) -> CloseBatchRequest {
    mesh.monitor.closes.lock().unwrap().last().unwrap().clone()
}

fn refused(close: &CloseBatchRequest) -> BTreeMap<RowReason, i32> {
    close.quality.as_ref().unwrap().refused.iter().map(|r| (r.reason(), r.rows)).collect()
}

fn empty(close: &CloseBatchRequest) -> BTreeMap<String, i32> {
    close.quality.as_ref().unwrap().empty.iter().map(|e| (e.field.clone(), e.rows)).collect()
}

/// An ID number that begins so and is good by its check digit.
fn born(body: &str) -> String {
    let all = (0..=9).map(|digit| format!("{body}{digit}")).chain([format!("{body}X")]);
    all.into_iter().find(|id| minqing_kit::keys::IdNumber::parse(id).is_ok()).unwrap()
}

/// Rows with one fault each beside good ones.
fn dirty() -> Vec<StudentEnrolment> {
    let bad_check = |n: u32| {
        let id = id_number(n);
        let last = if id.ends_with('1') { '2' } else { '1' };
        StudentEnrolment { id_number: format!("{}{last}", &id[..17]), ..student(n) }
    };
    let mut rows: Vec<_> = (0..20).map(student).collect();
    rows.extend([bad_check(30), bad_check(31)]);
    rows.push(StudentEnrolment { division_code: "621202999".into(), ..student(32) });
    rows.push(StudentEnrolment { enrolled_on: "2099-09-01".into(), ..student(33) });
    rows.push(StudentEnrolment { id_number: born("62120219000307001"), ..student(34) });
    rows.push(StudentEnrolment { name: " ".into(), grade: String::new(), ..student(35) });
    rows.push(StudentEnrolment { grade: String::new(), ..student(36) });
    rows.push(StudentEnrolment { name: "李四".into(), school_code: "S-2".into(), ..student(0) });
    rows
}

#[tokio::test]
async fn refusals_by_reason_empty_columns_and_agreement_are_told_whichever_way_the_rows_came() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    for n in 0..15 {
        mesh.on_file(&id_number(n), &student(n).name, Uuid::from_u128(1));
    }
    mesh.on_file(&id_number(15), "王五", Uuid::from_u128(1));
    let rows = dirty();
    let typed: Vec<_> = rows.iter().map(any).collect();
    mesh.submit(&header("student_enrolment", rows.len()), &typed).await.unwrap();
    let close = closed(&mesh);
    let wanted = [
        (RowReason::IdNumberCheckDigit, 2),
        (RowReason::DivisionUnknown, 1),
        (RowReason::DateInFuture, 1),
        (RowReason::AgeImplausible, 1),
        (RowReason::RequiredValueMissing, 1),
        (RowReason::IdNameConflict, 2),
    ];
    assert_eq!(refused(&close), wanted.into());
    assert_eq!(close.refused, 8);
    // A refused row's empty values count as well: they are what was sent.
    assert_eq!(empty(&close), [("name".to_owned(), 1), ("grade".to_owned(), 2)].into());
    let quality = close.quality.as_ref().unwrap();
    assert_eq!((quality.persons_compared, quality.persons_agreeing), (21, 15), "0 to 19 and 36; 15 is another's name");

    let name = "student_enrolment__621202__2026-10-20__changes__F1.csv";
    mesh.drop_file(name, &csv(&table(&rows)));
    mesh.adapter.running.reconcile_once("files").await.unwrap();
    let by_file = closed(&mesh);
    assert_eq!(refused(&by_file), refused(&close));
    assert_eq!(by_file.quality, close.quality);
}

#[tokio::test]
async fn another_spelling_of_a_name_is_told_apart_from_another_name() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    mesh.on_file(&id_number(1), "张峰", Uuid::from_u128(1));
    mesh.on_file(&id_number(2), "张峰", Uuid::from_u128(1));
    let named = |n: u32, name: &str, school: &str| {
        any(&StudentEnrolment { name: name.into(), school_code: school.into(), ..student(n) })
    };
    let rows = [
        named(1, "张峯", "S-1"),
        named(2, "张锋", "S-1"),
        // Persons nobody has on file: the batch's first spelling counts.
        named(3, "李國", "S-1"),
        named(3, "李国", "S-2"),
        named(4, "李国", "S-1"),
        named(4, "李华", "S-2"),
    ];
    let answer = mesh.submit(&header("student_enrolment", rows.len()), &rows).await.unwrap();
    let told: Vec<_> = answer.errors.iter().map(|e| (e.row, e.reason())).collect();
    let (variant, other) = (RowReason::NameVariant, RowReason::IdNameConflict);
    assert_eq!(told, [(1, variant), (2, other), (4, variant), (6, other)]);
    assert!(answer.errors[0].message_zh.contains("异体字") && answer.errors[2].message_zh.contains("第 3 行"));
    assert_eq!(refused(&closed(&mesh)), [(variant, 2), (other, 2)].into());
}

#[tokio::test]
async fn a_holder_of_a_hundred_and_twenty_years_is_taken_and_one_of_a_hundred_and_twenty_one_is_not() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    // On 2026-10-26.
    let row = |id: String, n: u32| any(&StudentEnrolment { id_number: id, ..student(n) });
    let rows = [
        row(born("62120219051027001"), 1),
        row(born("62120219051026001"), 2),
        row(born("62120220261026001"), 3),
        row(born("62120220261027001"), 4),
    ];
    let answer = mesh.submit(&header("student_enrolment", rows.len()), &rows).await.unwrap();
    let told: Vec<_> = answer.errors.iter().map(|e| (e.row, e.reason(), e.field.as_str())).collect();
    assert_eq!(told, [(2, RowReason::AgeImplausible, "id_number"), (4, RowReason::AgeImplausible, "id_number")]);
}

#[tokio::test]
async fn a_batch_of_which_no_row_is_good_is_told_all_the_same() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let rows: Vec<_> = (0..3).map(|n| any(&StudentEnrolment { division_code: "1".into(), ..student(n) })).collect();
    mesh.submit(&header("student_enrolment", 3), &rows).await.unwrap();
    let close = closed(&mesh);
    assert_eq!((close.parts, close.accepted, close.refused), (0, 0, 3));
    assert_eq!(refused(&close), [(RowReason::DivisionUnknown, 3)].into());
}
