//! The folder's other direction: referrals and lists out, receipts and feedback in.

use std::sync::atomic::Ordering;

use minqing_proto::minqing::types::v1::FeedbackDecision;
use uuid::Uuid;

use crate::{
    mesh::Mesh,
    referral::{end, issue, issued},
    rows::id_number,
};

#[tokio::test]
async fn a_referral_goes_out_as_a_file_and_its_receipt_and_feedback_come_back_as_files() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
    issue(&mesh, &issued(1, &person, false)).await.unwrap();
    assert_eq!(mesh.adapter.running.carry_once().await.unwrap(), 1);
    let id = Uuid::from_u128(1);
    assert_eq!(mesh.files("outbox"), [format!("referral_{id}.csv")]);
    let text = mesh.read("outbox", &format!("referral_{id}.csv"));
    for part in ["转介编号", &id_number(1), "张三一", "L3", "2026-11-20", ",+8613800000000,", ",'=龙坪镇"] {
        assert!(text.contains(part), "{part} in {text}");
    }

    let receipt = format!("转介编号,签收人\nreferrals/{id},u-1\nreferrals/{},u-1\n,u-1\n", Uuid::from_u128(2));
    mesh.books.away.store(true, Ordering::SeqCst);
    mesh.drop_file("receipt_1.csv", receipt.as_bytes());
    assert!(!mesh.adapter.running.reconcile_once("files").await.unwrap().caught_up);
    assert_eq!(mesh.files("taken"), ["receipt_1.csv"]);
    mesh.books.away.store(false, Ordering::SeqCst);
    mesh.until_caught_up().await;
    let told = mesh.told("receipt_1.csv");
    let lines: Vec<_> = told.lines.iter().map(|l| (l.0.as_str(), l.1.as_str())).collect();
    assert_eq!(lines, [("2", "转介编号"), ("3", "")]);
    assert_eq!(mesh.books.receipts.lock().unwrap().len(), 1);

    let feedback = format!(
        "记录编号,转介编号,身份证号,项目代码,处理结果,救助金额(元),办理日期\n\
         F-1,referrals/{id},,P-JY-04,已救助,\"1,500.00\",20261026\n\
         F-2,,{},P-JY-04,给予救助,80,2026/10/26\n\
         F-3,referrals/{id},,P-JY-04,也许,80,2026/10/26\n",
        id_number(1)
    );
    let told = mesh.take_file("feedback_1.csv", feedback.as_bytes()).await;
    let lines: Vec<_> = told.lines.iter().map(|l| (l.0.as_str(), l.1.as_str())).collect();
    assert_eq!(lines, [("3", "处理结果")], "{}", told.text);
    assert!(!told.text.contains(&id_number(1)));
    let records = mesh.books.records.lock().unwrap().clone();
    assert_eq!(records.iter().map(|r| r.amount_fen).collect::<Vec<_>>(), [150_000, 8_000]);
    assert!(!mesh.database_holds(&id_number(1)).await);
}

#[tokio::test]
async fn a_referral_file_whose_data_were_withdrawn_is_followed_by_one_that_says_so() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let person = mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
    let (sent, unsent) = (issued(1, &person, false), issued(2, &person, false));
    issue(&mesh, &sent).await.unwrap();
    mesh.adapter.running.carry_once().await.unwrap();
    issue(&mesh, &unsent).await.unwrap();
    for referral in [&sent, &unsent] {
        end(&mesh, referral, FeedbackDecision::Withdrawn).await;
    }
    mesh.adapter.running.carry_once().await.unwrap();
    let id = Uuid::from_u128(1);
    assert_eq!(mesh.files("outbox"), [format!("referral_{id}.csv"), format!("withdrawn_{id}.csv")]);
    let text = mesh.read("outbox", &format!("withdrawn_{id}.csv"));
    assert!(text.contains(&sent.referral) && text.contains("2026-10-26"), "{text}");
    assert!(!text.contains(&id_number(1)) && !text.contains("张三"));
}

#[tokio::test]
async fn the_identity_list_is_written_once_a_month() {
    let mesh = Mesh::with_folder(minqing_adapter_education::bureau()).await;
    let pass = async || mesh.adapter.running.reconcile_once("identity_list").await.unwrap();
    assert_eq!(pass().await.did, 0);
    assert!(mesh.files("outbox").is_empty(), "no list before there are members");
    mesh.on_file(&id_number(1), "张三一", Uuid::from_u128(77));
    mesh.on_file(&id_number(2), "张三二", Uuid::from_u128(77));
    assert_eq!(pass().await.did, 1);
    assert_eq!(pass().await.did, 0);
    assert_eq!(mesh.files("outbox"), ["identity_list_2026-10-26.csv"]);
    let text = mesh.read("outbox", "identity_list_2026-10-26.csv");
    assert!(text.contains(&id_number(1)) && text.contains(&id_number(2)) && text.contains("最低生活保障对象"));
    mesh.adapter.clock.advance_days(10);
    assert_eq!(pass().await.did, 1);
    assert_eq!(mesh.files("outbox").len(), 2);
    assert!(!mesh.database_holds(&id_number(1)).await);
}
