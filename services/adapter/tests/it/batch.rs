//! Batches over gRPC: whole or not at all, the same again when sent again.

use std::sync::atomic::Ordering;

use minqing_proto::minqing::{
    bureau::{
        education::v1::StudentEnrolment,
        health::v1::{DeathCertificate, MajorDisease},
        v1::{BatchHeader, GetBatchRequest, ListRowErrorsRequest},
    },
    types::v1::BatchMode,
};
use prost::Message as _;
use tonic::Code;

use crate::{
    mesh::{Mesh, header},
    rows::{any, id_number, student},
};

#[tokio::test]
async fn what_goes_on_holds_no_identity_and_nothing_that_is_left_out() {
    let mesh = Mesh::start(minqing_adapter_health::bureau()).await;
    let disease = MajorDisease {
        id_number: id_number(1),
        name: "张三".into(),
        division_code: "621202".into(),
        disease_code: "c34900".into(),
        list_code: "肺癌".into(),
        diagnosed_on: "2026-10-01".into(),
        hospital_code: "H1".into(),
    };
    mesh.submit(&header("major_disease", 1), &[any(&disease)]).await.unwrap();
    // The same person by the old number of 15 digits, and the same code in another spelling: the same record.
    let id = id_number(1);
    let old = DeathCertificate {
        id_number: format!("{}{}", &id[..6], &id[8..17]),
        name: "张三".into(),
        division_code: "621202001000".into(),
        certificate_no: "D1".into(),
        died_on: "2026-10-25".into(),
        cause_class: "1".into(),
    };
    let mut second = header("death_certificate", 1);
    second.request_id = uuid::Uuid::from_u128(7).to_string();
    mesh.submit(&second, &[any(&old)]).await.unwrap();

    let parts = mesh.monitor.parts.lock().unwrap().clone();
    let body = MajorDisease::decode(parts[0].records[0].body.as_slice()).unwrap();
    let wanted = MajorDisease {
        division_code: "621202000000".into(),
        diagnosed_on: "2026-10-01".into(),
        hospital_code: "H1".into(),
        ..Default::default()
    };
    assert_eq!(body, wanted);
    assert_eq!(parts[0].records[0].division_code, "621202000000");
    let body = DeathCertificate::decode(parts[1].records[0].body.as_slice()).unwrap();
    assert_eq!((body.cause_class.as_str(), body.certificate_no.as_str()), ("", "D1"));
    if id_number(1)[6..8] == *"19" {
        assert_eq!(parts[0].records[0].person_key, parts[1].records[0].person_key);
    }
    let closes = mesh.monitor.closes.lock().unwrap();
    assert_eq!(closes[0].batch.as_ref().unwrap().division_code, "621202000000");
    assert_eq!(closes[0].accepted, 1);
}

#[tokio::test]
async fn a_batch_sent_again_after_a_crash_does_the_same_again() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let rows: Vec<_> =
        (0..2_100).map(|n| any(&StudentEnrolment { school_code: format!("S{n}"), ..student(n % 900) })).collect();
    let header = header("student_enrolment", rows.len());
    mesh.monitor.away_from.store(2, Ordering::SeqCst);
    let failed = mesh.submit(&header, &rows).await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    let first = mesh.monitor.parts.lock().unwrap().clone();
    assert_eq!(first.len(), 1);
    assert!(mesh.monitor.closes.lock().unwrap().is_empty());

    mesh.monitor.away_from.store(0, Ordering::SeqCst);
    let answer = mesh.submit(&header, &rows).await.unwrap();
    let parts = mesh.monitor.parts.lock().unwrap().clone();
    assert_eq!(parts.len(), 1 + 3);
    assert_eq!(parts[1], first[0], "the part sent before is the same message");
    assert_eq!(mesh.monitor.records.lock().unwrap().len(), 2_100);

    // A further repeat is answered from memory.
    let matches = mesh.register.matches.load(Ordering::SeqCst);
    assert_eq!(mesh.submit(&header, &rows).await.unwrap(), answer);
    assert_eq!(mesh.monitor.parts.lock().unwrap().len(), 4);
    assert_eq!(mesh.register.matches.load(Ordering::SeqCst), matches);

    // The same id for other rows is a mistake.
    let mut other = rows.clone();
    other.swap(0, 1);
    let reused = mesh.submit(&header, &other).await.unwrap_err();
    assert_eq!(reused.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_batch_whose_end_was_lost_is_ended_even_when_the_register_has_changed() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let rows: Vec<_> = (0..30).map(|n| any(&student(n))).collect();
    let mut header = header("student_enrolment", rows.len());
    header.mode = BatchMode::Snapshot as i32;
    mesh.monitor.lose_a_close();
    assert_eq!(mesh.submit(&header, &rows).await.unwrap_err().code(), Code::DeadlineExceeded);

    // Unchanged, the repeat finds everything done; changed, it is a batch of its own.
    mesh.on_file(&id_number(3), "李四", uuid::Uuid::from_u128(1));
    let answer = mesh.submit(&header, &rows).await.unwrap();
    assert_eq!(answer.batch.as_ref().unwrap().refused, 1);
    assert_eq!(mesh.submit(&header, &rows).await.unwrap(), answer);
    let closes = mesh.monitor.closes.lock().unwrap();
    assert_eq!(closes.iter().map(|c| c.accepted).collect::<Vec<_>>(), [30, 29]);
}

#[tokio::test]
async fn a_cut_batch_leaves_nothing_behind() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let rows: Vec<_> = (0..5).map(|n| any(&student(n))).collect();
    let cut = mesh.submit(&header("student_enrolment", 6), &rows).await.unwrap_err();
    assert_eq!(cut.code(), Code::InvalidArgument);
    assert!(mesh.monitor.parts.lock().unwrap().is_empty());
    assert!(mesh.monitor.closes.lock().unwrap().is_empty());

    let more = mesh.submit_without_end(&header("student_enrolment", 4), &rows).await.unwrap_err();
    assert!(more.message().contains("4 rows were announced and 5 came"), "{}", more.message());

    let changes: [fn(&mut BatchHeader); 9] = [
        |h| h.request_id = "1".into(),
        |h| h.batch_no.clear(),
        |h| h.dataset = "settlement".into(),
        |h| h.mode = 0,
        |h| h.division_code = "621299".into(),
        |h| h.division_code = "621200".into(),
        |h| h.as_of = "2026-10-27".into(),
        |h| h.row_count = -1,
        |h| h.row_count = 600_001,
    ];
    for change in changes {
        let mut header = header("student_enrolment", 5);
        change(&mut header);
        let refused = mesh.submit(&header, &rows).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{header:?}");
    }
    let foreign = mesh.adapter.as_caller("bureau/health").unwrap();
    let mut foreign = minqing_proto::minqing::bureau::v1::exchange_service_client::ExchangeServiceClient::new(foreign);
    let refused = foreign.get_batch(GetBatchRequest { name: String::new() }).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_snapshot_that_could_hardly_be_read_ends_nothing() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let mut header = header("student_enrolment", 8);
    header.mode = BatchMode::Snapshot as i32;
    let row = |n: u32, bad: bool| {
        let mut row = student(n);
        if bad {
            row.stage = "?".into();
        }
        any(&row)
    };
    let send = async |id: u128, bad: u32| {
        let mut header = header.clone();
        header.request_id = uuid::Uuid::from_u128(id).to_string();
        let rows: Vec<_> = (0..8).map(|n| row(n, n < bad)).collect();
        mesh.submit(&header, &rows).await.unwrap()
    };
    send(1, 0).await;
    send(2, 2).await;
    let none = send(3, 8).await;
    let closes = mesh.monitor.closes.lock().unwrap().clone();
    let modes: Vec<_> = closes.iter().map(|c| c.batch.as_ref().unwrap().mode()).collect();
    assert_eq!(modes, [BatchMode::Snapshot, BatchMode::Changes, BatchMode::Changes]);
    // By these counts monitoring knows that nothing was delivered.
    assert_eq!((closes[2].accepted, closes[2].refused), (0, 8));
    assert_eq!(none.batch.as_ref().unwrap().refused, 8);

    // Refused rows are listed page by page.
    let mut client = mesh.client();
    let name = none.batch.unwrap().name;
    let got = client.get_batch(GetBatchRequest { name: name.clone() }).await.unwrap().into_inner();
    assert_eq!(got.batch.unwrap().sent, 8);
    let (mut rows, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = ListRowErrorsRequest { parent: name.clone(), page_size: 3, page_token };
        let page = client.list_row_errors(asked).await.unwrap().into_inner();
        rows.extend(page.errors.iter().map(|e| e.row));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(rows, [1, 2, 3, 4, 5, 6, 7, 8]);
    let unknown = client.get_batch(GetBatchRequest { name: format!("batches/{}", uuid::Uuid::nil()) }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}
