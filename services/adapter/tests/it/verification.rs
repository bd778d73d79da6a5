//! Verification requests by each transport: name and ID number of authorised persons alone, kept nowhere; answers taken one by
//! one with the same outcome on every way.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use minqing_adapter::receipt::verify::{Verdict, check};
use minqing_kit::client::request_for;
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeVerificationsRequest, AnswerVerificationRequest, FetchVerificationsRequest,
        FetchVerificationsResponse, GetReceiptRequest, Receipt, ReceiptKind, VerificationAnswer,
        exchange_service_client::ExchangeServiceClient,
    },
    identification::v1::{IssuedPerson, ItemAnswer, VerificationCancelled, VerificationIssued},
    types::v1::{Bureau, VerificationOutcome, VerificationType},
};
use minqing_test_kit::until;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    bureau_db::SERVERS,
    bureaus::all,
    mesh::{Mesh, header},
    peers::Person,
    rows::{any, id_number, student},
    tables::{begin, until_caught_up},
};

fn issued(n: u128, persons: &[&Person]) -> VerificationIssued {
    let person = |p: &&Person| IssuedPerson {
        person_key: p.person_key.clone(),
        household: p.household.clone(),
        authorisation: format!("SQ-{}", p.id_number.chars().last().unwrap()),
        valid_until: "2026-11-30".into(),
    };
    VerificationIssued {
        verification: format!("verifications/{}", Uuid::from_u128(n)),
        bureau: Bureau::Education as i32,
        r#type: VerificationType::MinimumLiving as i32,
        persons: persons.iter().map(person).collect(),
        datasets: vec!["student_enrolment".into()],
        requested_on: "2026-10-26".into(),
        due_on: "2026-11-02".into(),
    }
}

async fn issue(mesh: &Mesh, event: &VerificationIssued) {
    mesh.identification_tells(&event.verification, event).await;
}

async fn cancel(mesh: &Mesh, of: &VerificationIssued) {
    let cancelled = VerificationCancelled {
        verification: of.verification.clone(),
        bureau: of.bureau,
        cancelled_on: "2026-10-26".into(),
    };
    mesh.identification_tells(&of.verification, &cancelled).await;
}

async fn fetch(mesh: &Mesh, n: u128) -> FetchVerificationsResponse {
    let asked =
        FetchVerificationsRequest { request_id: Uuid::from_u128(n).to_string(), page_size: 10, lease_seconds: 60 };
    let asked = request_for(Some("verification"), None, asked);
    mesh.client().fetch_verifications(asked).await.unwrap().into_inner()
}

/// Two persons of one household and one of another.
fn family(mesh: &Mesh) -> [Person; 3] {
    let (home, elsewhere) = (Uuid::from_u128(77), Uuid::from_u128(78));
    [
        mesh.on_file(&id_number(1), "张三一", home),
        mesh.on_file(&id_number(2), "张母", home),
        mesh.on_file(&id_number(3), "李四", elsewhere),
    ]
}

async fn keeps_no_identity(mesh: &Mesh) {
    for text in [id_number(1), id_number(3), "张三一".to_owned(), "李四".to_owned()] {
        assert!(!mesh.database_holds(&text).await, "{text}");
    }
}

/// A batch that carries what was found.
async fn send_batch(mesh: &Mesh) {
    mesh.submit(&header("student_enrolment", 1), &[any(&student(1))]).await.unwrap();
}

/// Cells of the answers every transport sends: verification, ID number, dataset, outcome, batch, reason.
fn lines(of: &VerificationIssued) -> Vec<[String; 6]> {
    let other = format!("verifications/{}", Uuid::from_u128(99));
    let line = |cells: [&str; 6]| cells.map(str::to_owned);
    let (name, first, second, third) = (of.verification.as_str(), id_number(1), id_number(2), id_number(3));
    vec![
        line([name, &first, "student_enrolment", "有记录", "B-1", ""]),
        line([name, &second, "学籍信息", "无记录", "", ""]),
        line([name, &third, "student_enrolment", "无法核对", "", "SCHOOL_MOVED"]),
        line([&other, &first, "student_enrolment", "无记录", "", ""]),
        line([name, &id_number(4), "student_enrolment", "无记录", "", ""]),
        line([name, "62120219800101001", "student_enrolment", "无记录", "", ""]),
        line([name, &first, "tuition_aid", "无记录", "", ""]),
        line([name, &first, "student_enrolment", "有记录", "B-9", ""]),
        line([name, &first, "student_enrolment", "无记录", "", ""]),
    ]
}

/// Which lines are refused, from 1, and for which field.
const REFUSED: [(usize, &str, &str); 6] = [
    (4, "verification", "核对编号"),
    (5, "id_number", "身份证号"),
    (6, "id_number", "身份证号"),
    (7, "dataset", "数据集"),
    (8, "batch_no", "批次号"),
    (9, "outcome", "核对结果"),
];

fn answer([verification, id_number, dataset, outcome, batch_no, reason_code]: [String; 6]) -> VerificationAnswer {
    let outcome = match outcome.as_str() {
        "有记录" => VerificationOutcome::Found,
        "无记录" => VerificationOutcome::NothingFound,
        _ => VerificationOutcome::Cannot,
    };
    VerificationAnswer { verification, id_number, dataset, outcome: outcome.into(), batch_no, reason_code }
}

fn taken(mesh: &Mesh) -> BTreeMap<[String; 3], ItemAnswer> {
    mesh.checks.answers.lock().unwrap().clone()
}

/// What every transport leads to.
fn assert_taken(mesh: &Mesh, of: &VerificationIssued) {
    let taken = taken(mesh);
    let of_person = |n: usize| {
        let key = [of.verification.clone(), of.persons[n].person_key.clone(), "student_enrolment".to_owned()];
        let answer = &taken[&key];
        (answer.outcome(), answer.batch_no.as_str(), answer.reason_code.as_str())
    };
    assert_eq!(taken.len(), 3);
    assert_eq!(of_person(0), (VerificationOutcome::Found, "B-1", ""));
    assert_eq!(of_person(1), (VerificationOutcome::NothingFound, "", ""));
    assert_eq!(of_person(2), (VerificationOutcome::Cannot, "", "SCHOOL_MOVED"));
}

#[tokio::test]
async fn a_verification_is_fetched_on_lease_answered_line_by_line_and_its_identities_never_kept() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let persons = family(&mesh);
    let event = issued(1, &[&persons[0], &persons[1], &persons[2]]);
    issue(&mesh, &event).await;
    issue(&mesh, &VerificationIssued { bureau: Bureau::Hr as i32, ..issued(2, &[&persons[0]]) }).await;

    let mut client = mesh.client();
    let asked = FetchVerificationsRequest { request_id: Uuid::from_u128(1).to_string(), ..Default::default() };
    assert_eq!(client.fetch_verifications(asked).await.unwrap_err().code(), Code::InvalidArgument, "no purpose");
    let first = fetch(&mesh, 1).await;
    assert_eq!(first.verifications.len(), 1);
    let one = &first.verifications[0];
    let seen: Vec<_> = one.persons.iter().map(|p| (p.id_number.as_str(), p.name.as_str())).collect();
    let ids = [id_number(1), id_number(2), id_number(3)];
    assert_eq!(seen.len(), 3);
    assert!(["张三一", "张母", "李四"].iter().zip(&ids).all(|(name, id)| seen.contains(&(id.as_str(), *name))));
    assert!(one.persons.iter().all(|p| p.authorisation.starts_with("SQ-") && p.authorised_until == "2026-11-30"));
    assert_eq!((one.type_title.as_str(), one.due_on.as_str(), one.attempt), ("最低生活保障", "2026-11-02", 1));
    assert_eq!(one.datasets, ["student_enrolment"]);
    assert_eq!(*mesh.register.reveals.lock().unwrap(), [event.verification.clone(), event.verification.clone()]);
    assert_eq!(mesh.register.authorisations.lock().unwrap().len(), 3);
    assert_eq!(fetch(&mesh, 1).await, first, "a repeat gets the same");
    assert!(fetch(&mesh, 2).await.verifications.is_empty(), "leased");
    keeps_no_identity(&mesh).await;

    send_batch(&mesh).await;
    let request = AnswerVerificationRequest {
        request_id: Uuid::from_u128(9).to_string(),
        answers: lines(&event).into_iter().map(answer).collect(),
    };
    mesh.checks.away.store(true, Ordering::SeqCst);
    assert_eq!(client.answer_verification(request.clone()).await.unwrap_err().code(), Code::Unavailable);
    mesh.checks.away.store(false, Ordering::SeqCst);
    let told = client.answer_verification(request.clone()).await.unwrap().into_inner();
    let refused: Vec<_> = (1..).zip(&told.results).filter(|(_, r)| !r.accepted).collect();
    assert_eq!(refused.iter().map(|(n, r)| (*n, r.field.as_str())).collect::<Vec<_>>(), REFUSED.map(|r| (r.0, r.1)));
    for (_, r) in refused {
        assert!(!r.reason.is_empty() && !r.message.is_empty() && !r.message_zh.is_empty());
        assert!(!r.message.contains("6212") && !r.message_zh.contains("6212"), "never the value");
    }
    assert_eq!(client.answer_verification(request).await.unwrap().into_inner(), told);
    assert_taken(&mesh, &event);
    let mut admin = mesh.adapter.db.admin().await.unwrap();
    let state: String = sqlx::query_scalar("select state from adapter_education.delivery where kind = 'verification'")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(state, "done", "who answers has it");
    keeps_no_identity(&mesh).await;
}

#[tokio::test]
async fn who_has_a_verification_that_is_called_off_is_told_until_it_is_signed_for_and_nobody_else_gets_it() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let [person, ..] = family(&mesh);
    let (had, unsent, kept) = (issued(1, &[&person]), issued(2, &[&person]), issued(3, &[&person]));
    issue(&mesh, &had).await;
    assert_eq!(fetch(&mesh, 1).await.verifications.len(), 1);
    issue(&mesh, &unsent).await;
    issue(&mesh, &kept).await;
    cancel(&mesh, &had).await;
    cancel(&mesh, &unsent).await;
    assert!(fetch(&mesh, 1).await.verifications.is_empty(), "a repeat leaves out what was called off");
    let next = fetch(&mesh, 2).await;
    assert_eq!(next.verifications.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), [kept.verification.as_str()]);
    assert_eq!(next.withdrawn, std::slice::from_ref(&had.verification));
    let sign = AcknowledgeVerificationsRequest {
        request_id: Uuid::from_u128(9).to_string(),
        verifications: vec![had.verification.clone(), kept.verification.clone(), "verifications/x".into()],
        operator: "edu-7".into(),
    };
    let mut client = mesh.client();
    let signed = client.acknowledge_verifications(sign.clone()).await.unwrap().into_inner();
    assert_eq!(signed.results.iter().map(|r| r.accepted).collect::<Vec<_>>(), [true, true, false]);
    assert!(!signed.results[2].message_zh.is_empty() && signed.results[2].receipt.is_none());
    for (result, name) in signed.results.iter().zip([&had.verification, &kept.verification]) {
        let receipt = result.receipt.as_ref().unwrap();
        assert_eq!(
            (&receipt.subject, receipt.kind(), receipt.operator.as_str()),
            (name, ReceiptKind::Verification, "edu-7")
        );
        assert_eq!((receipt.as_of.as_str(), receipt.bureau()), ("2026-10-26", Bureau::Education));
        assert_eq!(check(receipt, &mesh.adapter.receipt_key, None, None), Verdict::Good);
        let other = Receipt { operator: "edu-8".into(), ..receipt.clone() };
        assert_eq!(check(&other, &mesh.adapter.receipt_key, None, None), Verdict::Changed);
        let asked = GetReceiptRequest { name: receipt.name.clone() };
        assert_eq!(client.get_receipt(asked).await.unwrap().into_inner().receipt.as_ref(), Some(receipt));
    }
    assert_eq!(client.acknowledge_verifications(sign).await.unwrap().into_inner(), signed);
    assert!(fetch(&mesh, 3).await.withdrawn.is_empty());
    // Somebody else signs on another day: the first receipt stays.
    mesh.adapter.clock.advance_days(1);
    let again = AcknowledgeVerificationsRequest {
        request_id: Uuid::from_u128(10).to_string(),
        verifications: vec![kept.verification.clone()],
        operator: "edu-8".into(),
    };
    let again = client.acknowledge_verifications(again).await.unwrap().into_inner();
    assert_eq!(again.results[0].receipt, signed.results[1].receipt);
}

#[tokio::test]
async fn an_authorisation_that_has_run_out_opens_nothing() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let persons = family(&mesh);
    let mut event = issued(1, &[&persons[0], &persons[1]]);
    event.persons[0].valid_until = "2026-10-25".into();
    issue(&mesh, &event).await;
    let shown = fetch(&mesh, 1).await.verifications.remove(0);
    assert_eq!((shown.persons.len(), shown.persons[0].id_number.clone()), (1, id_number(2)));
    mesh.adapter.clock.advance_days(60);
    let asked = mesh.register.reveals.lock().unwrap().len();
    assert!(fetch(&mesh, 1).await.verifications.is_empty());
    assert_eq!(mesh.register.reveals.lock().unwrap().len(), asked, "the register is not even asked");
}

#[tokio::test]
async fn an_office_answers_for_its_own_datasets_and_fetches_nothing() {
    let outside = all().into_iter().find(|b| b.name == "outside").unwrap();
    let mesh = Mesh::start(outside).await;
    let [person, ..] = family(&mesh);
    let datasets = outside.datasets;
    let of = |office: &str| datasets.iter().find(|d| d.starts_with(office)).unwrap().to_string();
    let (own, foreign) = (of("police_"), of("tax_"));
    let event = VerificationIssued {
        bureau: Bureau::Outside as i32,
        datasets: vec![own.clone(), foreign.clone()],
        ..issued(1, &[&person])
    };
    issue(&mesh, &event).await;
    let mut office = ExchangeServiceClient::new(mesh.adapter.as_caller("bureau/outside/police").unwrap());
    let asked = FetchVerificationsRequest { request_id: Uuid::from_u128(1).to_string(), ..Default::default() };
    let refused: Status = office.fetch_verifications(request_for(Some("verification"), None, asked)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(fetch(&mesh, 2).await.verifications[0].datasets.len(), 2);
    let answers = [own, foreign].map(|dataset| {
        answer([event.verification.clone(), id_number(1), dataset, "无记录".into(), String::new(), String::new()])
    });
    let request = AnswerVerificationRequest { request_id: Uuid::from_u128(3).to_string(), answers: answers.to_vec() };
    let told = office.answer_verification(request).await.unwrap().into_inner().results;
    assert_eq!((told[0].accepted, told[1].accepted, told[1].field.as_str()), (true, false, "dataset"));
}

#[tokio::test]
async fn a_verification_goes_out_as_a_file_and_is_answered_and_called_off_by_file() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let persons = family(&mesh);
    let event = issued(1, &[&persons[0], &persons[1], &persons[2]]);
    let unsent = issued(2, &[&persons[0]]);
    issue(&mesh, &event).await;
    assert_eq!(mesh.adapter.running.carry_once().await.unwrap(), 1);
    let id = Uuid::from_u128(1);
    assert_eq!(mesh.files("outbox"), [format!("verification_{id}.csv")]);
    let text = mesh.read("outbox", &format!("verification_{id}.csv"));
    for part in
        ["核对编号", "授权书编号", &id_number(3), "李四", "SQ-", "2026-11-02", "student_enrolment", "最低生活保障"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("13800000000") && !text.contains("龙坪"), "no phone, no address");

    send_batch(&mesh).await;
    let mut file = "核对编号,身份证号,数据集,核对结果,批次号,原因代码\n".to_owned();
    file.extend(lines(&event).iter().map(|line| line.join(",") + "\n"));
    mesh.checks.away.store(true, Ordering::SeqCst);
    mesh.drop_file("verification_1.csv", file.as_bytes());
    assert!(!mesh.adapter.running.reconcile_once("files").await.unwrap().caught_up);
    mesh.checks.away.store(false, Ordering::SeqCst);
    mesh.until_caught_up().await;
    let told = mesh.told("verification_1.csv");
    let seen: Vec<_> = told.lines.iter().map(|l| (l.0.parse().unwrap(), l.1.as_str())).collect();
    assert_eq!(seen, REFUSED.map(|r| (r.0, r.2)), "{}", told.text);
    assert!(!told.text.contains("6212"));
    assert_taken(&mesh, &event);

    issue(&mesh, &unsent).await;
    for of in [&event, &unsent] {
        cancel(&mesh, of).await;
    }
    mesh.adapter.running.carry_once().await.unwrap();
    let names = [format!("verification_{id}.csv"), format!("verification_withdrawn_{id}.csv")];
    assert_eq!(mesh.files("outbox"), names);
    let text = mesh.read("outbox", &names[1]);
    assert!(text.contains(&event.verification) && !text.contains(&id_number(1)), "{text}");
    keeps_no_identity(&mesh).await;
}

#[tokio::test]
async fn a_verification_goes_out_as_rows_and_is_answered_and_called_off_by_rows() {
    for dialect in SERVERS {
        let (db, mesh) = begin(dialect).await;
        let persons = family(&mesh);
        let event = issued(1, &[&persons[0], &persons[1], &persons[2]]);
        issue(&mesh, &event).await;
        db.run("alter table mq_verification rename to aside").await;
        mesh.adapter.running.carry_once().await.unwrap();
        assert!(
            mesh.register.reveals.lock().unwrap().is_empty(),
            "nobody is looked at for a database that is not ready"
        );
        db.run("alter table aside rename to mq_verification").await;
        let columns = ["item_no", "dataset", "type_title", "authorised_until", "requested_on", "due_on"];
        let rest = "from mq_verification order by item_no";
        until("the verification to be written", async || {
            mesh.adapter.running.carry_once().await.unwrap();
            (!db.texts(&columns, rest).await.is_empty()).then_some(())
        })
        .await;
        let rows = db.texts(&columns, rest).await;
        assert_eq!(rows.len(), 3, "{dialect:?}");
        assert_eq!(rows[0], ["1", "student_enrolment", "最低生活保障", "2026-11-30", "2026-10-26", "2026-11-02"]);
        let found = db
            .texts(
                &["name", "authorisation"],
                &format!("{} {}", "from mq_verification where id_number =", quoted(&id_number(3))),
            )
            .await;
        assert_eq!((found.len(), found[0][0].as_str()), (1, "李四"));

        send_batch(&mesh).await;
        let header = ["verification", "id_number", "dataset", "outcome", "batch_no", "reason_code"];
        let mut table = vec![header.map(str::to_owned).to_vec()];
        table.extend(lines(&event).into_iter().map(|line| line.to_vec()));
        db.insert("verification_answer", ("mq_batch_no", "V-1"), 1, &table).await;
        db.announce("V-1", "verification_answer", "", table.len() - 1).await;
        until_caught_up(&mesh).await;
        let refused = db.refused("V-1").await;
        let seen: Vec<_> = refused.iter().map(|r| (r[0].parse().unwrap(), r[2].as_str())).collect();
        assert_eq!(seen, REFUSED.map(|r| (r.0, r.2)), "{dialect:?} {refused:?}");
        assert_eq!(db.counts("V-1").await, ["9", "3", "6", "∅"]);
        assert_taken(&mesh, &event);

        cancel(&mesh, &event).await;
        mesh.adapter.running.carry_once().await.unwrap();
        let off = db.texts(&["verification", "withdrawn_on"], "from mq_verification_withdrawn").await;
        assert_eq!(off, [[event.verification.clone(), "2026-10-26".to_owned()]]);
        keeps_no_identity(&mesh).await;
    }
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}
