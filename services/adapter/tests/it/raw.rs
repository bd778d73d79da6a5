//! What was sent, as it came: sealed before anything else, run again to the same answer, gone when its days are over.

use std::sync::atomic::Ordering;

use encoding_rs::GB18030;
use minqing_adapter::receipt::verify::read;
use minqing_proto::minqing::{
    bureau::{
        education::v1::StudentEnrolment,
        v1::{
            BatchHeader, Receipt, ReplayBatchRequest, ReplayBatchResponse, SubmitBatchResponse,
            replay_service_client::ReplayServiceClient,
        },
    },
    types::v1::RowReason,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    mesh::{Mesh, header},
    rows::{any, csv, id_number, student, table, xlsx},
};

pub async fn replay(mesh: &Mesh, n: u128, batch: &str) -> Result<ReplayBatchResponse, Status> {
    let mut client = ReplayServiceClient::new(mesh.adapter.as_caller("operator/admin").unwrap());
    let asked = ReplayBatchRequest { request_id: Uuid::from_u128(n).to_string(), name: batch.to_owned() };
    let mut asked = minqing_kit::client::request_for(None, None, asked);
    asked.set_timeout(std::time::Duration::from_secs(60));
    client.replay_batch(asked).await.map(tonic::Response::into_inner)
}

async fn kept(mesh: &Mesh) -> (i64, i64) {
    let mut conn = mesh.adapter.running.context.db.acquire().await.unwrap();
    let sql = "select (select count(*) from raw), (select count(*) from raw_piece)";
    sqlx::query_as(sql).fetch_one(&mut *conn).await.unwrap()
}

/// Everything of an answer but the names that a batch of its own has to have.
fn plain(mut answer: SubmitBatchResponse) -> SubmitBatchResponse {
    let batch = answer.batch.as_mut().unwrap();
    batch.name.clear();
    let receipt = answer.receipt.as_mut().unwrap();
    *receipt = Receipt { name: String::new(), subject: String::new(), signature: Vec::new(), ..receipt.clone() };
    answer
}

fn as_submitted(answer: ReplayBatchResponse) -> SubmitBatchResponse {
    SubmitBatchResponse { batch: answer.batch, errors: answer.errors, receipt: answer.receipt, notes: answer.notes }
}

#[tokio::test]
async fn a_batch_run_again_gets_the_answer_that_sending_it_anew_gets() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let mut bad = student(3);
    bad.stage = "?".into();
    let mut rows: Vec<_> = [student(1), student(2), bad].iter().map(any).collect();
    rows.push(prost_types::Any { type_url: "x/minqing.unheard".into(), value: vec![0xff; 10] });
    let header = header("student_enrolment", rows.len());
    let first = mesh.submit(&header, &rows).await.unwrap();
    assert_eq!(kept(&mesh).await, (1, 1));
    for text in [id_number(1), id_number(3), "张三1".to_owned(), "高一".to_owned()] {
        assert!(!mesh.database_holds(&text).await, "{text}");
    }

    // The register has learnt of another name since: today's answer is another one, and the same both ways.
    mesh.on_file(&id_number(2), "李四", Uuid::from_u128(1));
    let name = first.batch.as_ref().unwrap().name.clone();
    let again = as_submitted(replay(&mesh, 50, &name).await.unwrap());
    let anew = BatchHeader { request_id: Uuid::from_u128(51).to_string(), ..header.clone() };
    let anew = mesh.submit(&anew, &rows).await.unwrap();
    assert_eq!(plain(again.clone()), plain(anew));
    assert_eq!(again.batch.as_ref().unwrap().refused, 3);
    assert!(again.errors.iter().any(|e| e.reason() == RowReason::IdNameConflict));
    assert_ne!(again.batch.as_ref().unwrap().name, name, "a batch of its own");
    assert_eq!(as_submitted(replay(&mesh, 50, &name).await.unwrap()), again, "a repeat gets the first answer");

    let mut bureau = ReplayServiceClient::new(mesh.adapter.as_caller("bureau/education").unwrap());
    let asked = ReplayBatchRequest { request_id: Uuid::from_u128(52).to_string(), name };
    assert_eq!(bureau.replay_batch(asked).await.unwrap_err().code(), Code::PermissionDenied);
    let unknown = replay(&mesh, 53, &format!("batches/{}", Uuid::nil())).await.unwrap_err();
    assert_eq!(unknown.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_file_of_any_kind_is_run_again_from_the_bytes_that_came() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let mut bad = student(3);
    bad.division_code = "621202987".into();
    let lines = table(&[student(1), bad, student(5)]);
    let gb = GB18030.encode(&String::from_utf8(csv(&lines)).unwrap()).0.into_owned();
    for (no, (ending, content)) in [("csv", csv(&lines)), ("csv", gb), ("xlsx", xlsx(&lines))].into_iter().enumerate() {
        let name = format!("student_enrolment__621202__2026-10-26__snapshot__{no}.{ending}");
        let told = mesh.take_file(&name, &content).await;
        let receipt = read(&mesh.read("result", &format!("{name}.receipt.json"))).unwrap().remove(0);
        let again = replay(&mesh, 60 + no as u128, &receipt.subject).await.unwrap();
        let batch = again.batch.unwrap();
        assert_eq!((batch.sent, batch.accepted, batch.refused), (3, 2, 1));
        assert_eq!(again.errors[0].row.to_string(), told.lines[0].0);
        assert_eq!(again.receipt.unwrap().digest, receipt.digest);
    }
    assert_eq!(kept(&mesh).await.0, 3);
    for text in [id_number(1), id_number(3), "张三1".to_owned(), "621202987".to_owned()] {
        assert!(!mesh.database_holds(&text).await, "{text}");
    }
}

#[tokio::test]
async fn much_is_kept_in_pieces_and_a_piece_in_another_place_is_noticed() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let long = |n: u32| StudentEnrolment { school_code: "S".repeat(3_000), ..student(n) };
    // Too long a text is refused row by row; what was sent is kept all the same.
    let rows: Vec<_> = (0..800).map(|n| any(&long(n))).collect();
    let header = header("student_enrolment", rows.len());
    let sent: Vec<_> = rows.chunks(300).collect();
    let first = mesh.submit_in(&header, &sent).await.unwrap();
    assert_eq!(kept(&mesh).await, (1, 3));
    let name = first.batch.unwrap().name;
    let again = replay(&mesh, 70, &name).await.unwrap();
    assert_eq!((again.batch.unwrap().refused, again.receipt.unwrap().digest), (800, first.receipt.unwrap().digest));

    let mut conn = mesh.adapter.running.context.db.acquire().await.unwrap();
    let swap = "update raw_piece p set sealed = o.sealed from raw_piece o where p.raw_id = o.raw_id \
                and p.piece_no = 0 and o.piece_no = 1";
    sqlx::query(swap).execute(&mut *conn).await.unwrap();
    assert_eq!(replay(&mesh, 71, &name).await.unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn what_became_no_batch_is_not_kept_and_what_did_goes_when_its_days_are_over() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let rows: Vec<_> = (0..3).map(|n| any(&student(n))).collect();
    let plain = header("student_enrolment", rows.len());
    mesh.monitor.away_from.store(1, Ordering::SeqCst);
    assert!(mesh.submit(&plain, &rows).await.is_err());
    mesh.monitor.away_from.store(0, Ordering::SeqCst);
    let cut = BatchHeader { row_count: 4, ..plain.clone() };
    assert!(mesh.submit(&cut, &rows).await.is_err());
    assert_eq!(kept(&mesh).await, (0, 0));
    let name = mesh.submit(&plain, &rows).await.unwrap().batch.unwrap().name;
    mesh.submit(&plain, &rows).await.unwrap();
    assert_eq!(kept(&mesh).await, (1, 1), "a repeat keeps nothing more");

    let pass = async || mesh.adapter.running.reconcile_once("raw").await.unwrap().did;
    mesh.adapter.clock.advance_days(34);
    assert_eq!(pass().await, 0);
    mesh.adapter.clock.advance_days(2);
    // An attempt whose process died is swept by its age.
    let mut conn = mesh.adapter.running.context.db.acquire().await.unwrap();
    let died = "insert into raw (id, transport, header, received_at, stored_at) \
                values (gen_random_uuid(), 'rows', '', '2026-12-01', clock_timestamp() - interval '2 hours')";
    sqlx::query(died).execute(&mut *conn).await.unwrap();
    assert_eq!(pass().await, 2);
    assert_eq!(kept(&mesh).await, (0, 0));
    let gone = replay(&mesh, 80, &name).await.unwrap_err();
    assert_eq!(gone.code(), Code::FailedPrecondition);
    assert!(gone.message().contains("kept"), "{}", gone.message());
}
