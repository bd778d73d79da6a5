//! Signed receipts: the same for the same batch, on every transport, and good for exactly what they were given for.

use minqing_adapter::receipt::{
    self, Keys, RowsDigest, canonical, statement,
    verify::{Verdict, check, read},
};
use minqing_kit::keys::{SigningKey, signing::hex};
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeReferralsRequest, BatchHeader, DigestForm, GetBatchRequest, GetReceiptRequest, Receipt, ReceiptKind,
        SenderSignature, SignatureAlgorithm,
    },
    types::v1::{BatchMode, Bureau},
};
use proptest::prelude::*;
use prost::Message as _;
use prost_types::Any;
use sha2::{Digest as _, Sha256};
use tonic::Code;
use uuid::Uuid;

use crate::{
    mesh::{Mesh, header},
    referral::{issue, issued},
    rows::{any, csv, id_number, student, table},
};

fn digest(rows: &[Any]) -> [u8; 32] {
    let mut digest = RowsDigest::default();
    rows.iter().for_each(|row| digest.row(row));
    digest.finish()
}

#[tokio::test]
async fn a_batch_over_grpc_gets_one_receipt_that_stands_without_the_mesh() {
    let mesh = Mesh::start(minqing_adapter_education::bureau()).await;
    let mut bad = student(3);
    bad.stage = "?".into();
    let rows: Vec<_> = [student(1), student(2), bad].iter().map(any).collect();
    let header = header("student_enrolment", rows.len());
    let answer = mesh.submit(&header, &rows).await.unwrap();
    let (batch, receipt) = (answer.batch.clone().unwrap(), answer.receipt.clone().unwrap());
    assert_eq!(receipt.subject, batch.name);
    assert_eq!((receipt.sent, receipt.accepted, receipt.refused, receipt.changed), (3, 2, 1, 2));
    assert_eq!((receipt.bureau(), receipt.kind()), (Bureau::Education, ReceiptKind::Batch));
    assert_eq!((receipt.division_code.as_str(), receipt.issued_time), ("621202000000", batch.completed_time));

    let (receipt, key) = (answer.receipt.clone().unwrap(), &mesh.adapter.receipt_key);
    assert_eq!(check(&receipt, key, Some(digest(&rows)), None), Verdict::Good);
    assert_eq!(check(&receipt, key, Some(digest(&rows[..2])), None), Verdict::OtherRows);
    let other = SigningKey::generate().unwrap();
    assert_eq!(check(&receipt, other.public(), Some(digest(&rows)), None), Verdict::OtherKey);

    let again = mesh.submit(&header, &rows).await.unwrap().receipt.unwrap();
    assert_eq!(again.encode_to_vec(), receipt.encode_to_vec(), "byte for byte");
    let mut client = mesh.client();
    let got = client.get_batch(GetBatchRequest { name: batch.name }).await.unwrap().into_inner();
    assert_eq!(got.receipt.unwrap().encode_to_vec(), receipt.encode_to_vec());
    let asked = GetReceiptRequest { name: receipt.name.clone() };
    let got = client.get_receipt(asked).await.unwrap().into_inner();
    assert_eq!(got.receipt.unwrap().encode_to_vec(), receipt.encode_to_vec());
    let none = client.get_receipt(GetReceiptRequest { name: format!("receipts/{}", Uuid::nil()) }).await;
    assert_eq!(none.unwrap_err().code(), Code::NotFound);
    assert!(!mesh.database_holds(&id_number(1)).await);
}

#[tokio::test]
async fn a_file_gets_its_receipt_beside_its_result_and_the_same_again() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let content = csv(&table(&[student(1), student(2)]));
    let name = "student_enrolment__621202__2026-10-26__snapshot__B1.csv";
    mesh.take_file(name, &content).await;
    let text = mesh.read("result", &format!("{name}.receipt.json"));
    assert!(!text.contains(&id_number(1)) && !text.contains("张三"));
    let receipts = read(&text).unwrap();
    let (receipt, key) = (&receipts[0], &mesh.adapter.receipt_key);
    assert_eq!(receipt.digest, hex(&Sha256::digest(&content)), "as sha256sum has it");
    assert_eq!(check(receipt, key, Some(Sha256::digest(&content).into()), None), Verdict::Good);

    mesh.take_file(name, &content).await;
    assert_eq!(mesh.read("result", &format!("{name}.receipt.json")), text);

    let changed = String::from_utf8(content).unwrap().replacen("高一", "高二", 1);
    assert_eq!(check(receipt, key, Some(Sha256::digest(changed).into()), None), Verdict::OtherRows);
    let edited = read(&text.replace("\"sent\": 2", "\"sent\": 3")).unwrap();
    assert_eq!(check(&edited[0], key, None, None), Verdict::Changed);
    for wrong in ["", "[]", "{\"sent\": \"x\"}", "{\"unheard\": 1}", "no"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    // A file refused whole is no batch, so there is nothing to sign for.
    mesh.take_file("junk.csv", b"x\n").await;
    assert!(!mesh.files("result").contains(&"junk.csv.receipt.json".to_owned()));
}

#[tokio::test]
async fn a_referral_keeps_its_first_receipt() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
    issue(&mesh, &issued(1, &person, false)).await.unwrap();
    issue(&mesh, &issued(2, &person, false)).await.unwrap();
    let names = [1, 2, 3].map(|n| format!("referrals/{}", Uuid::from_u128(n)));
    let sign = |n: u128, operator: &str| AcknowledgeReferralsRequest {
        request_id: Uuid::from_u128(n).to_string(),
        referrals: vec![names[0].clone(), names[2].clone()],
        operator: operator.to_owned(),
    };
    let mut client = mesh.client();
    let first = client.acknowledge_referrals(sign(9, "u-1")).await.unwrap().into_inner();
    let receipt = first.results[0].receipt.clone().unwrap();
    assert!(first.results[1].receipt.is_none(), "nothing was signed for");
    assert_eq!((receipt.operator.as_str(), receipt.as_of.as_str()), ("u-1", "2026-10-26"));
    assert_eq!(check(&receipt, &mesh.adapter.receipt_key, None, None), Verdict::Good);
    mesh.adapter.clock.advance_days(1);
    let later = client.acknowledge_referrals(sign(10, "u-2")).await.unwrap().into_inner();
    assert_eq!(later.results[0].receipt.as_ref().unwrap().encode_to_vec(), receipt.encode_to_vec());
    let got = client.get_receipt(GetReceiptRequest { name: receipt.name.clone() }).await.unwrap().into_inner();
    assert_eq!(got.receipt.unwrap(), receipt);

    let lines = format!("转介编号,签收人\n{},u-3\n{},u-3\n", names[0], names[1]);
    mesh.take_file("receipt_1.csv", lines.as_bytes()).await;
    let told = read(&mesh.read("result", "receipt_1.csv.receipt.json")).unwrap();
    assert_eq!(told.iter().map(|r| r.operator.as_str()).collect::<Vec<_>>(), ["u-1", "u-3"]);
    assert!(told.iter().all(|r| check(r, &mesh.adapter.receipt_key, None, None) == Verdict::Good));
}

fn signed(header: &BatchHeader, rows: &[Any], key: &SigningKey) -> BatchHeader {
    let said = Receipt {
        bureau: Bureau::Education as i32,
        batch_no: header.batch_no.clone(),
        dataset: header.dataset.clone(),
        mode: header.mode,
        division_code: "621202000000".to_owned(),
        as_of: header.as_of.clone(),
        sent: header.row_count,
        digest: hex(&digest(rows)),
        ..Receipt::default()
    };
    let key_id = key.public().id().to_owned();
    let signature = key.sign(statement(&said, &key_id).unwrap().as_bytes());
    let algorithm = SignatureAlgorithm::Ed25519 as i32;
    BatchHeader { signature: Some(SenderSignature { algorithm, key_id, signature }), ..header.clone() }
}

#[tokio::test]
async fn a_senders_signature_is_checked_when_its_key_is_known() {
    let key = SigningKey::generate().unwrap();
    let mesh = Mesh::with_sender(minqing_adapter_education::bureau(), key.public()).await;
    let rows: Vec<_> = (0..3).map(|n| any(&student(n))).collect();
    let plain = header("student_enrolment", rows.len());

    let good = signed(&plain, &rows, &key);
    let stranger = signed(&plain, &rows, &SigningKey::generate().unwrap());
    let mut unknown = good.clone();
    unknown.signature.as_mut().unwrap().algorithm = 7;
    let other_rows = signed(&plain, &rows[1..], &key);
    let other_day = BatchHeader { as_of: "2026-10-25".into(), ..good.clone() };
    for wrong in [stranger, unknown, other_rows, other_day] {
        let refused = mesh.submit(&wrong, &rows).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{}", refused.message());
        assert!(refused.message().contains("sign"), "{}", refused.message());
    }
    assert!(mesh.monitor.parts.lock().unwrap().is_empty(), "nothing of a wrong batch goes on");

    let receipt = mesh.submit(&good, &rows).await.unwrap().receipt.unwrap();
    let own = &mesh.adapter.receipt_key;
    assert_eq!(check(&receipt, own, Some(digest(&rows)), Some(key.public())), Verdict::Good);
    assert_eq!(check(&receipt, own, None, Some(own)), Verdict::OtherSender);
    let unsigned = BatchHeader { request_id: Uuid::from_u128(4).to_string(), ..plain };
    assert!(mesh.submit(&unsigned, &rows).await.unwrap().receipt.unwrap().sender_key_id.is_empty());
}

fn sample() -> (tempfile::TempDir, SigningKey, Receipt) {
    let folder = tempfile::tempdir().unwrap();
    SigningKey::generate().unwrap().save(folder.path()).unwrap();
    let keys = Keys::load(Some(folder.path())).unwrap();
    let receipt = Receipt {
        name: format!("receipts/{}", Uuid::from_u128(5)),
        kind: ReceiptKind::Batch as i32,
        bureau: Bureau::Education as i32,
        subject: format!("batches/{}", Uuid::from_u128(5)),
        batch_no: "甲-1".into(),
        dataset: "student_enrolment".into(),
        mode: BatchMode::Snapshot as i32,
        division_code: "621202000000".into(),
        as_of: "2026-10-26".into(),
        sent: 12,
        accepted: 10,
        refused: 2,
        changed: 9,
        digest_form: DigestForm::File as i32,
        digest: hex(&[7; 32]),
        issued_time: "2026-10-26T01:00:00Z".into(),
        ..Receipt::default()
    };
    let receipt = keys.sign(receipt).unwrap();
    let key = SigningKey::load(folder.path()).unwrap();
    (folder, key, receipt)
}

#[test]
fn the_signed_text_is_the_one_the_contract_documents() {
    let (_folder, key, receipt) = sample();
    let wanted = format!(
        "minqing-receipt-v1\nkind=batch\nbureau=education\nsubject={}\nbatch_no=甲-1\ndataset=student_enrolment\n\
         mode=snapshot\ndivision_code=621202000000\nas_of=2026-10-26\nsent=12\naccepted=10\nrefused=2\nchanged=9\n\
         digest_form=file\ndigest={}\nissued_time=2026-10-26T01:00:00Z\noperator=\nsender_key_id=\n\
         sender_signature=\nalgorithm=ed25519\nkey_id={}\n",
        receipt.subject,
        hex(&[7; 32]),
        key.public().id()
    );
    assert_eq!(canonical(&receipt).unwrap(), wanted);
    // The words cover the fields: one line each but for name and signature, and the line that names the form.
    let message = prost_reflect::ReflectMessage::descriptor(&receipt);
    let fields: Vec<_> =
        message.fields().map(|f| f.name().to_owned()).filter(|n| n != "name" && n != "signature").collect();
    let lines: Vec<_> = wanted.lines().skip(1).map(|l| l.split('=').next().unwrap().to_owned()).collect();
    assert_eq!(lines, fields);
    assert!(canonical(&Receipt { batch_no: "a\nsent=1".into(), ..receipt.clone() }).is_err());
    let written = String::from_utf8(receipt::to_json(std::slice::from_ref(&receipt)).unwrap()).unwrap();
    assert_eq!(read(&written).unwrap(), [receipt]);
}

#[test]
fn every_changed_field_is_noticed() {
    let (_folder, key, receipt) = sample();
    let changes: [fn(&mut Receipt); 22] = [
        |r| r.name.push('x'),
        |r| r.kind = 2,
        |r| r.bureau = 2,
        |r| r.subject.push('x'),
        |r| r.batch_no.push('x'),
        |r| r.dataset.clear(),
        |r| r.mode = 2,
        |r| r.division_code.push('0'),
        |r| r.as_of = "2026-10-27".into(),
        |r| r.sent = 13,
        |r| r.accepted = 11,
        |r| r.refused = 1,
        |r| r.changed = 8,
        |r| r.digest_form = 1,
        |r| r.digest = hex(&[8; 32]),
        |r| r.issued_time.push('x'),
        |r| r.operator = "u".into(),
        |r| r.sender_key_id = "k".into(),
        |r| r.sender_signature = vec![1],
        |r| r.algorithm = 9,
        |r| r.key_id = "0".repeat(16),
        |r| r.signature[5] ^= 1,
    ];
    assert_eq!(check(&receipt, key.public(), None, None), Verdict::Good);
    for (at, change) in changes.iter().enumerate() {
        let mut changed = receipt.clone();
        change(&mut changed);
        assert_eq!(check(&changed, key.public(), None, None), Verdict::Changed, "field {}", at + 1);
    }
}

proptest! {
    #[test]
    fn any_changed_byte_of_the_signed_text_fails(at in 0usize..10_000, by in 1u8..=255, cut in proptest::bool::ANY) {
        let (_folder, key, receipt) = sample();
        let mut text = canonical(&receipt).unwrap().into_bytes();
        let at = at % text.len();
        if cut {
            text.remove(at);
        } else {
            text[at] = text[at].wrapping_add(by);
        }
        prop_assert!(!key.public().verify(&text, &receipt.signature));
    }
}
