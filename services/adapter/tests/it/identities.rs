//! Rows whose number or name is at fault: refused with a remedy, taken once a person has decided, refused again when that
//! is undone. The register never sees a text in the clear.

use minqing_kit::keys::IdNumber;
use minqing_proto::minqing::{
    bureau::{
        education::v1::StudentEnrolment,
        v1::{GetBatchRequest, ReplayBatchRequest, replay_service_client::ReplayServiceClient},
    },
    registry::v1::DoubtKind,
    types::v1::RowReason,
};
use prost_types::Any;
use uuid::Uuid;

use crate::{
    archives::{packed, take},
    bureau_db::SERVERS,
    mesh::{Mesh, header},
    proposals::review,
    rows::{any, csv, id_number, student, table},
    tables::{begin, until_caught_up},
};

/// The number with another last character.
fn bad_check(id: &str) -> String {
    format!("{}{}", &id[..17], if id.ends_with('1') { '2' } else { '1' })
}

fn named(id: &str, name: &str, school: &str) -> StudentEnrolment {
    StudentEnrolment { id_number: id.into(), name: name.into(), school_code: school.into(), ..student(1) }
}

fn keys_of(mesh: &Mesh, typed: &str, name: &str) -> (String, String) {
    let keys = &mesh.adapter.keys;
    let number = match IdNumber::parse(typed) {
        Ok(id) => keys.person_key(&id),
        Err(_) => keys.faulty_number_key(typed),
    };
    (number.to_string(), keys.name_key(name).to_string())
}

fn fresh(n: usize) -> minqing_proto::minqing::bureau::v1::BatchHeader {
    let request_id = Uuid::from_u128(0x0198_1111_0000_7000_8000_0000_0000_0000 + n as u128).to_string();
    let mut header = header("student_enrolment", 1);
    (header.request_id, header.batch_no) = (request_id, format!("B-{n}"));
    header
}

#[tokio::test]
async fn a_faulty_number_stays_refused_and_says_that_somebody_on_file_may_be_meant() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let good = id_number(1);
    let person = mesh.on_file(&good, "张三1", Uuid::from_u128(1));
    mesh.on_file(&id_number(2), "李四", Uuid::from_u128(2));
    let swapped = format!("{}{}{}{}", &good[..5], &good[6..7], &good[5..6], &good[7..]);
    let typed = [bad_check(&good), swapped, good[1..].to_owned(), bad_check(&id_number(2)), bad_check(&good)];
    let rows: Vec<Any> = typed.iter().zip(1..).map(|(id, n)| any(&named(id, "张三1", &format!("S-{n}")))).collect();
    let mut header = header("student_enrolment", rows.len());
    header.batch_no = "B-7".into();
    let answer = mesh.submit(&header, &rows).await.unwrap();

    assert_eq!(answer.batch.as_ref().unwrap().accepted, 0, "nothing is mended by itself");
    let told: Vec<_> = answer.errors.iter().map(|e| (e.row, e.reason())).collect();
    let (digit, form) = (RowReason::IdNumberCheckDigit, RowReason::IdNumberMalformed);
    assert_eq!(told.iter().map(|t| t.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!((told[0].1, told[2].1, told[3].1), (digit, form, digit));
    let (number, name) = keys_of(&mesh, &typed[0], "张三1");
    let wanted = review(&number, &name, &person.person_key);
    for at in [0, 1, 2, 4] {
        assert!(answer.errors[at].message.contains("one person on file under this name"), "{:?}", answer.errors[at]);
        assert!(answer.errors[at].message_zh.contains("身份复核 identityReviews/"));
    }
    assert!(answer.errors[0].message.ends_with(&wanted) && answer.errors[4].message.ends_with(&wanted));
    assert!(!answer.errors[3].message.contains("review"), "another name's number is nobody's business");
    let text = format!("{:?}", answer.errors);
    assert!(typed.iter().all(|id| !text.contains(id.as_str())) && !text.contains(&good) && !text.contains("张三1"));

    let doubts = mesh.register.doubts.lock().unwrap().clone();
    assert_eq!(doubts.len(), 4, "an alias is asked about once");
    let opened = mesh.adapter.keys.open(number.parse().unwrap(), "id_number", &doubts[0].number_sealed).unwrap();
    assert_eq!(opened.expose(), typed[0]);
    assert!(doubts.iter().all(|d| d.kind() == DoubtKind::Number && !d.candidates.is_empty() && d.row > 0));
    assert!(!mesh.database_holds(&typed[0]).await && !mesh.database_holds("张三1").await);
}

#[tokio::test]
async fn a_row_with_a_second_fault_is_refused_for_the_first_column_and_nobody_is_asked() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    mesh.on_file(&id_number(1), "张三1", Uuid::from_u128(1));
    let row = named(&bad_check(&id_number(1)), "张三1", "S-1");
    let rows = [
        any(&StudentEnrolment { stage: "不详".into(), ..row.clone() }),
        any(&StudentEnrolment { name: String::new(), ..row }),
    ];
    let answer = mesh.submit(&header("student_enrolment", rows.len()), &rows).await.unwrap();
    let told: Vec<_> = answer.errors.iter().map(|e| (e.reason(), e.field.as_str())).collect();
    assert_eq!(told, [(RowReason::IdNumberCheckDigit, "id_number"); 2]);
    assert!(mesh.register.doubts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_link_takes_the_row_as_the_persons_and_says_so_and_undoing_it_refuses_the_row_again() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let good = id_number(1);
    let person = mesh.on_file(&good, "张三1", Uuid::from_u128(1));
    let typed = bad_check(&good);
    let rows = [any(&named(&typed, "张三1", "S-1"))];
    let alias = keys_of(&mesh, &typed, "张三1");
    let refused = mesh.submit(&fresh(1), &rows).await.unwrap();
    assert_eq!((refused.errors.len(), refused.notes.len()), (1, 0));

    mesh.register.links.lock().unwrap().insert(alias.clone(), person.person_key.clone());
    let taken = mesh.submit(&fresh(2), &rows).await.unwrap();
    let batch = taken.batch.unwrap();
    assert_eq!((batch.accepted, batch.refused, batch.linked), (1, 0, 1));
    assert_eq!(taken.notes.len(), 1);
    assert!(taken.notes[0].row == 1 && taken.notes[0].message_zh.contains("请在源头更正"));
    let got = mesh.client().get_batch(GetBatchRequest { name: batch.name }).await.unwrap().into_inner();
    assert_eq!(got.batch.unwrap().linked, 1);
    let told = |mesh: &Mesh| mesh.monitor.closes.lock().unwrap().last().unwrap().quality.as_ref().unwrap().linked;
    assert_eq!(told(&mesh), Some(1));
    // The record is the one that the right number would give, so a correction at the source finds it.
    let right = mesh.submit(&fresh(3), &[any(&named(&good, "张三1", "S-1"))]).await.unwrap();
    assert_eq!((right.batch.unwrap().linked, told(&mesh)), (0, Some(0)));
    let records = mesh.monitor.records.lock().unwrap().clone();
    assert_eq!(records.len(), 1);
    assert!(records.values().all(|r| r.person_key == person.person_key));

    let name = "student_enrolment__621202__2026-10-20__changes__F1.csv";
    let told = mesh.take_file(name, &csv(&table(&[named(&typed, "张三1", "S-2")]))).await;
    assert!(told.text.contains("按已确认身份接收 linked,1") && told.lines.is_empty(), "{}", told.text);

    // What came before the decision is taken by a replay.
    let mut replay = ReplayServiceClient::new(mesh.adapter.as_caller("operator/admin").unwrap());
    let request = ReplayBatchRequest { request_id: Uuid::from_u128(9).to_string(), name: refused.batch.unwrap().name };
    let again = replay.replay_batch(request).await.unwrap().into_inner();
    assert_eq!(again.batch.unwrap().linked, 1);

    mesh.register.links.lock().unwrap().clear();
    let undone = mesh.submit(&fresh(4), &rows).await.unwrap();
    assert_eq!((undone.batch.unwrap().accepted, undone.errors[0].reason()), (0, RowReason::IdNumberCheckDigit));
}

#[tokio::test]
async fn a_name_is_linked_to_the_holder_of_the_number_or_to_a_member_of_the_household() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let (one, other) = (id_number(1), id_number(2));
    let holder = mesh.on_file(&one, "张峰", Uuid::from_u128(1));
    let sibling = mesh.on_file(&other, "张兰", Uuid::from_u128(1));
    let rows = [any(&named(&one, "张峯", "S-1")), any(&named(&one, "张兰", "S-2")), any(&named(&one, "王五", "S-3"))];
    let mut first = fresh(1);
    first.row_count = 3;
    let refused = mesh.submit(&first, &rows).await.unwrap();
    let told: Vec<_> = refused.errors.iter().map(|e| e.reason()).collect();
    assert_eq!(told, [RowReason::NameVariant, RowReason::IdNameConflict, RowReason::IdNameConflict]);
    for (error, words) in
        refused.errors.iter().zip(["confirm that it is the same", "same household", "two names under"])
    {
        assert!(error.message.contains(words), "{error:?}");
    }
    let doubts = mesh.register.doubts.lock().unwrap().clone();
    let opened = |at: usize| {
        let doubt = doubts.iter().find(|d| d.row == i32::try_from(at).unwrap()).unwrap();
        let number: Uuid = doubt.number_key.parse().unwrap();
        mesh.adapter.keys.open(number, "name", &doubt.name_sealed).unwrap().expose().to_owned()
    };
    assert_eq!([opened(1), opened(2), opened(3)], ["张峯", "张兰", "王五"]);

    let decided = [
        (keys_of(&mesh, &one, "张峯"), holder.person_key.clone()),
        (keys_of(&mesh, &one, "张兰"), sibling.person_key.clone()),
    ];
    mesh.register.links.lock().unwrap().extend(decided);
    let mut second = fresh(2);
    second.row_count = 3;
    let taken = mesh.submit(&second, &rows).await.unwrap();
    assert_eq!(taken.notes.iter().map(|n| n.row).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(taken.errors.iter().map(|e| e.row).collect::<Vec<_>>(), [3]);
    let mut third = fresh(3);
    third.row_count = 2;
    let right = [any(&named(&one, "张峰", "S-1")), any(&named(&other, "张兰", "S-2"))];
    mesh.submit(&third, &right).await.unwrap();
    let records = mesh.monitor.records.lock().unwrap().clone();
    assert_eq!(records.len(), 2, "the keys are those of the right numbers");
    let persons: Vec<_> = records.values().map(|r| r.person_key.clone()).collect();
    assert!(persons.contains(&holder.person_key) && persons.contains(&sibling.person_key));
}

#[tokio::test]
async fn a_linked_row_beside_the_right_one_is_a_duplicate() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let good = id_number(1);
    let person = mesh.on_file(&good, "张三1", Uuid::from_u128(1));
    let typed = bad_check(&good);
    mesh.register.links.lock().unwrap().insert(keys_of(&mesh, &typed, "张三1"), person.person_key);
    let mut both = fresh(1);
    both.row_count = 2;
    let rows = [any(&named(&good, "张三1", "S-1")), any(&named(&typed, "张三1", "S-1"))];
    let answer = mesh.submit(&both, &rows).await.unwrap();
    assert_eq!(answer.batch.unwrap().linked, 0);
    assert_eq!(answer.errors.iter().map(|e| (e.row, e.reason())).collect::<Vec<_>>(), [(2, RowReason::DuplicateRow)]);
}

#[tokio::test]
async fn exchange_tables_count_linked_rows_and_tables_made_before_they_were_counted_still_get_a_result() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let good = id_number(1);
        let person = mesh.on_file(&good, "张三1", Uuid::from_u128(1));
        let typed = bad_check(&good);
        mesh.register.links.lock().unwrap().insert(keys_of(&mesh, &typed, "张三1"), person.person_key);
        let lines = table(&[named(&typed, "张三1", "S-1"), student(2)]);
        db.send("B-1", "student_enrolment", &lines).await;
        until_caught_up(&mesh).await;
        let linked =
            async |no: &str| db.texts(&["linked"], &format!("from mq_batch_result where batch_no = '{no}'")).await;
        assert_eq!(db.counts("B-1").await, ["2", "2", "0", "2"], "{dialect:?}");
        assert_eq!(linked("B-1").await, [["1"]], "{dialect:?}");
        let close = mesh.monitor.closes.lock().unwrap().last().cloned().unwrap();
        assert_eq!(close.quality.unwrap().linked, Some(1));

        let signed = [["referral", "operator"], ["referrals/x", "u-1"]].map(|line| line.map(str::to_owned).to_vec());
        db.insert("receipt", ("mq_batch_no", "R-1"), 1, &signed).await;
        db.announce("R-1", "receipt", "", 1).await;
        db.announce("B-2", "student_enrolment", "changes", 9).await;
        until_caught_up(&mesh).await;
        assert_eq!(
            [linked("R-1").await, linked("B-2").await],
            [[["∅"]], [["∅"]]],
            "a form and a refused batch link nothing"
        );

        db.run("alter table mq_batch_result drop column linked").await;
        db.insert("student_enrolment", ("mq_batch_no", "B-3"), 100, &lines).await;
        db.announce("B-3", "student_enrolment", "changes", 2).await;
        until_caught_up(&mesh).await;
        assert_eq!(db.counts("B-3").await[..3], ["2", "2", "0"], "{dialect:?}");
    }
}

#[tokio::test]
async fn the_result_of_a_zip_counts_the_linked_rows_of_each_file() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let person = mesh.on_file(&id_number(1), "张三1", Uuid::from_u128(1));
    let typed = bad_check(&id_number(1));
    mesh.register.links.lock().unwrap().insert(keys_of(&mesh, &typed, "张三1"), person.person_key);
    let files = [csv(&table(&[named(&typed, "张三1", "S-1"), student(2)])), csv(&table(&[student(3)]))];
    let names = ["1", "2"].map(|no| format!("student_enrolment__621202__2026-10-26__changes__{no}.csv"));
    let entries: Vec<_> = names.iter().zip(&files).map(|(name, file)| (name.as_bytes(), file.as_slice())).collect();
    take(&mesh, "both.zip", &packed(&entries)).await;
    let text = mesh.read("result", "both.zip.result.csv");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let linked: Vec<_> = reader.records().filter_map(|r| r.unwrap().get(10).map(str::to_owned)).collect();
    assert_eq!(linked, ["按已确认身份接收 rows linked", "1", "0"], "{text}");
}
