//! Batches taken back by the bureau: once, for good, by number or name, over gRPC and by a file.

use std::sync::atomic::Ordering;

use minqing_proto::minqing::bureau::v1::{
    Batch, BatchHeader, BatchState, GetBatchRequest, GetBatchResponse, WithdrawBatchRequest, WithdrawBatchResponse,
    exchange_service_client::ExchangeServiceClient,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    mesh::{Mesh, header},
    raw::replay,
    rows::{any, csv, student, table},
};

fn asking(n: u128, batch: &str) -> WithdrawBatchRequest {
    WithdrawBatchRequest {
        request_id: Uuid::from_u128(n).to_string(),
        batch: batch.to_owned(),
        reason: "误报上学期数据".to_owned(),
        operator: "edu-7".to_owned(),
    }
}

async fn withdraw(mesh: &Mesh, request: WithdrawBatchRequest) -> Result<WithdrawBatchResponse, Status> {
    mesh.client().withdraw_batch(request).await.map(tonic::Response::into_inner)
}

fn reason(status: &Status) -> &'static str {
    minqing_kit::Error::from(status.clone()).reason()
}

/// Sends two students as a batch of a number.
async fn send(mesh: &Mesh, n: u128, batch_no: &str) -> Result<Batch, Status> {
    let rows = [any(&student(1)), any(&student(2))];
    let header = BatchHeader {
        request_id: Uuid::from_u128(n).to_string(),
        batch_no: batch_no.to_owned(),
        ..header("student_enrolment", rows.len())
    };
    mesh.submit(&header, &rows).await.map(|answer| answer.batch.unwrap())
}

async fn got(mesh: &Mesh, batch: &Batch) -> GetBatchResponse {
    mesh.client().get_batch(GetBatchRequest { name: batch.name.clone() }).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_batch_is_withdrawn_once_and_shows_when_why_and_by_whom() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let batch = send(&mesh, 1, "B-1").await.unwrap();
    let before = got(&mesh, &batch).await;
    assert_eq!((before.state(), before.withdrawal.clone()), (BatchState::Taken, None));

    let done = withdraw(&mesh, asking(10, "B-1")).await.unwrap();
    let withdrawal = done.withdrawal.clone().unwrap();
    assert_eq!((withdrawal.reason.as_str(), withdrawal.operator.as_str()), ("误报上学期数据", "edu-7"));
    assert_eq!((withdrawal.records, done.batch.unwrap()), (2, batch.clone()));
    let after = got(&mesh, &batch).await;
    assert_eq!((after.state(), after.withdrawal), (BatchState::Withdrawn, Some(withdrawal.clone())));
    assert_eq!(after.receipt, before.receipt, "it was taken all the same");

    // Again: the same request, and another one with other words.
    assert_eq!(withdraw(&mesh, asking(10, "B-1")).await.unwrap().withdrawal, Some(withdrawal.clone()));
    let other = WithdrawBatchRequest { reason: "另一原因".into(), ..asking(11, &batch.name) };
    assert_eq!(withdraw(&mesh, other.clone()).await.unwrap().withdrawal, Some(withdrawal));
    let reused = WithdrawBatchRequest { request_id: Uuid::from_u128(10).to_string(), ..other };
    assert_eq!(reason(&withdraw(&mesh, reused).await.unwrap_err()), "REQUEST_ID_REUSED");
    let id = batch.name.trim_start_matches("batches/").to_owned();
    assert_eq!(*mesh.monitor.withdrawn.lock().unwrap(), [id]);

    let mut admin = mesh.adapter.db.admin().await.unwrap();
    let audited: i64 = sqlx::query_scalar(
        "select count(*) from adapter_education.audit where subject = $1 and 'withdrawn' = any(fields)",
    )
    .bind(&batch.name)
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(audited, 2);
}

#[tokio::test]
async fn the_number_of_a_withdrawn_batch_is_used_up_for_its_day() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let batch = send(&mesh, 1, "B-1").await.unwrap();
    withdraw(&mesh, asking(10, "B-1")).await.unwrap();
    let parts = mesh.monitor.parts.lock().unwrap().len();
    for n in [1, 2] {
        let refused = send(&mesh, n, "B-1").await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "BATCH_WITHDRAWN"));
    }
    assert_eq!(reason(&replay(&mesh, 3, &batch.name).await.unwrap_err()), "BATCH_WITHDRAWN");
    assert_eq!(mesh.monitor.parts.lock().unwrap().len(), parts);
    // The right one under a new number; and bureaus that number day by day go on.
    send(&mesh, 4, "B-2").await.unwrap();
    let other_day = BatchHeader {
        request_id: Uuid::from_u128(5).to_string(),
        as_of: "2026-10-25".into(),
        ..header("student_enrolment", 1)
    };
    mesh.submit(&other_day, &[any(&student(1))]).await.unwrap();
}

#[tokio::test]
async fn a_withdrawal_whose_answer_was_lost_is_done_once() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let batch = send(&mesh, 1, "B-1").await.unwrap();
    mesh.monitor.lose_a_withdrawal.store(true, Ordering::SeqCst);
    let lost = withdraw(&mesh, asking(10, "B-1")).await.unwrap_err();
    assert_eq!(lost.code(), Code::DeadlineExceeded);
    assert_eq!(got(&mesh, &batch).await.state(), BatchState::Taken);
    withdraw(&mesh, asking(10, "B-1")).await.unwrap();
    assert_eq!(got(&mesh, &batch).await.state(), BatchState::Withdrawn);
    assert_eq!(mesh.monitor.withdrawn.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_withdrawn_is_refused_by_name() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let batch = send(&mesh, 1, "B-1").await.unwrap();
    send(&mesh, 2, "B-1").await.unwrap();
    let faults: [(WithdrawBatchRequest, Code, &str); 6] = [
        (asking(10, "B-9"), Code::NotFound, "BATCH_NOT_FOUND"),
        (asking(11, &format!("batches/{}", Uuid::nil())), Code::NotFound, "BATCH_NOT_FOUND"),
        (asking(12, "B-1"), Code::FailedPrecondition, "BATCH_NO_AMBIGUOUS"),
        (WithdrawBatchRequest { reason: " ".into(), ..asking(13, "B-1") }, Code::InvalidArgument, "INVALID_WITHDRAWAL"),
        (
            WithdrawBatchRequest { operator: "x".repeat(65), ..asking(14, "B-1") },
            Code::InvalidArgument,
            "INVALID_WITHDRAWAL",
        ),
        (
            WithdrawBatchRequest { request_id: "1".into(), ..asking(15, "B-1") },
            Code::InvalidArgument,
            "INVALID_REQUEST_ID",
        ),
    ];
    for (request, code, why) in faults {
        let refused = withdraw(&mesh, request).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (code, why));
    }
    // What monitoring refuses is told as it says it, and the batch still counts.
    mesh.monitor.too_old.store(true, Ordering::SeqCst);
    assert_eq!(reason(&withdraw(&mesh, asking(16, &batch.name)).await.unwrap_err()), "BATCH_TOO_OLD");
    assert_eq!(got(&mesh, &batch).await.state(), BatchState::Taken);
    for stranger in ["bureau/health", "operator/city"] {
        let mut client = ExchangeServiceClient::new(mesh.adapter.as_caller(stranger).unwrap());
        let refused = client.withdraw_batch(asking(17, &batch.name)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{stranger}");
    }
    assert!(mesh.monitor.withdrawn.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_file_withdraws_batches_line_by_line() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let file = |no: &str| format!("student_enrolment__621202__2026-10-26__changes__{no}.csv");
    for no in ["F1", "F2"] {
        mesh.take_file(&file(no), &csv(&table(&[student(1)]))).await;
    }
    let batch = send(&mesh, 1, "G1").await.unwrap();
    let line = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let lines = vec![
        line(["批次号", "撤回原因", "经办人"]),
        line(["F1", "误报", "edu-7"]),
        line(["F9", "误报", "edu-7"]),
        line([&batch.name, "误报", "edu-7"]),
        line(["F2", "", "edu-7"]),
    ];
    // Monitoring answers late: the file waits, and what was withdrawn stays so.
    mesh.monitor.lose_a_withdrawal.store(true, Ordering::SeqCst);
    mesh.drop_file("withdraw_1.csv", &csv(&lines));
    assert!(!mesh.adapter.running.reconcile_once("files").await.unwrap().caught_up);
    assert!(!mesh.files("result").contains(&"withdraw_1.csv.result.csv".to_owned()));
    mesh.until_caught_up().await;

    let told = mesh.told("withdraw_1.csv");
    let refused: Vec<_> = told.lines.iter().map(|(row, column, _)| (row.as_str(), column.as_str())).collect();
    assert_eq!(refused, [("2", "批次号"), ("4", "撤回原因")], "{}", told.text);
    assert!(told.text.contains("接收 accepted,2"), "{}", told.text);
    assert_eq!(mesh.monitor.withdrawn.lock().unwrap().len(), 2);
    assert_eq!(got(&mesh, &batch).await.state(), BatchState::Withdrawn);

    // The withdrawn file dropped again does not look as if it counted; the other one does.
    assert_eq!(mesh.take_file(&file("F1"), &csv(&table(&[student(1)]))).await.refused_for(), "BATCH_WITHDRAWN");
    assert!(mesh.take_file(&file("F2"), &csv(&table(&[student(1)]))).await.lines.is_empty());
    let missing = [line(["批次号", "原因", "经办人"])];
    assert_eq!(mesh.take_file("withdraw_2.csv", &csv(&missing)).await.refused_for(), "UNKNOWN_COLUMN");
}
