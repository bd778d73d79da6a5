//! The contract's calls, who may make them, and the receipts they give.

use minqing_adapter::receipt::verify::{self, Verdict};
use minqing_kit::{client, keys::signing::hex, tls::dev::Ca};
use minqing_proto::minqing::{
    bureau::v1::{
        AcknowledgeReferralsRequest, AnswerVerificationRequest, AnswerVerificationResponse, BatchHeader,
        DatasetDescription, DigestForm, FeedbackRecord, FetchIdentityListRequest, FetchReferralsRequest,
        FetchVerificationsRequest, GetBatchRequest, GetReceiptRequest, ListDatasetsRequest, ListRowErrorsRequest,
        ReceiptKind, ReportFeedbackRequest, VerificationAnswer,
    },
    types::v1::VerificationOutcome,
};
use prost_types::Any;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    edge,
    report::said,
    row::options,
    session::{Notebook, Refusal, Session, anys, messages, name, part},
};
use futures::stream;

/// Spoils one field of a header.
type Spoil = fn(&mut BatchHeader);

pub async fn spec(session: &Session<'_>) -> Notebook {
    let mut book = Notebook::default();
    for dataset in &session.datasets {
        described(&mut book, dataset);
    }
    unknown_names(session, &mut book).await;
    headers(session, &mut book).await;
    handover(session, &mut book).await;
    verifications(session, &mut book).await;
    book
}

fn described(book: &mut Notebook, dataset: &DatasetDescription) {
    let columns = &dataset.columns;
    let whole = !columns.is_empty()
        && columns.iter().all(|c| c.number > 0 && c.kind != 0 && !options(c).header.is_empty())
        && columns.iter().all(|c| options(c).code_table.is_empty() || !c.codes.is_empty())
        && columns.iter().any(|c| options(c).key);
    let mend = said(
        "give each column its field, number, kind and header, coded ones their codes, and mark the key",
        "逐栏给出字段、编号、类型、栏目名，代码栏给出代码表，并标明主键",
    );
    let expected = said(format!("{} is described whole", name(dataset)), format!("{} 描述完整", name(dataset)));
    book.expect(whole, expected, format!("{} columns", columns.len()), mend);
}

async fn unknown_names(session: &Session<'_>, book: &mut Notebook) {
    let mut client = session.client();
    let id = Uuid::nil();
    let mend = said("answer NOT_FOUND for a name that does not exist", "名称不存在时应答 NOT_FOUND");
    let batch = client.get_batch(GetBatchRequest { name: format!("batches/{id}") }).await.map_err(Refusal::of);
    book.refused(&said("an unknown batch", "不存在的批次"), batch, &["BATCH_NOT_FOUND"], mend.clone());
    let asked = ListRowErrorsRequest { parent: format!("batches/{id}"), ..Default::default() };
    let errors = client.list_row_errors(asked).await.map_err(Refusal::of);
    book.refused(
        &said("refused rows of an unknown batch", "不存在批次的退回行"),
        errors,
        &["BATCH_NOT_FOUND"],
        mend.clone(),
    );
    let receipt = client.get_receipt(GetReceiptRequest { name: format!("receipts/{id}") }).await.map_err(Refusal::of);
    book.refused(&said("an unknown receipt", "不存在的回执"), receipt, &["RECEIPT_NOT_FOUND"], mend);
}

async fn headers(session: &Session<'_>, book: &mut Notebook) {
    let Some(dataset) = session.datasets.first() else { return };
    let rows = anys(&session.rows(dataset, "spec", 1));
    let good = session.header(dataset, "spec", 1);
    let mend = said("check the header before anything else and name its field", "先校验批次头并指明字段");
    let changes: [(&str, Spoil); 7] = [
        ("dataset", |h| h.dataset = "no_such_dataset".to_owned()),
        ("request_id", |h| h.request_id = "1".to_owned()),
        ("batch_no", |h| h.batch_no.clear()),
        ("mode", |h| h.mode = 0),
        ("division_code", |h| h.division_code = "990000".to_owned()),
        ("as_of", |h| h.as_of = "yesterday".to_owned()),
        ("row_count", |h| h.row_count = -1),
    ];
    for (field, change) in changes {
        let mut header = good.clone();
        change(&mut header);
        let what = said(format!("a header with a wrong {field}"), format!("{field} 有误的批次头"));
        book.refused(&what, session.submit(&header, &rows).await, &["INVALID_BATCH_HEADER"], mend.clone());
    }
    let mend = said("the first message is the header, every further one rows", "首条消息为批次头，其后均为数据行");
    let none = session.send(stream::iter([part(&rows)])).await;
    book.refused(&said("a stream without header", "没有批次头的流"), none, &["HEADER_MISSING"], mend.clone());
    let twice = session.send(stream::iter([messages(&good, &[]), messages(&good, &[])].concat())).await;
    book.refused(&said("a second header", "第二个批次头"), twice, &["ROWS_EXPECTED"], mend);
}

/// Referrals, answers and lists, without taking any: what a run of the kit leases would be missing elsewhere.
async fn handover(session: &Session<'_>, book: &mut Notebook) {
    let mut client = session.client();
    let mend = said(
        "hand personal data out for the purpose the contract names only (minqing-purpose)",
        "仅按接口规定的用途（minqing-purpose）提供个人信息",
    );
    let referrals = FetchReferralsRequest { request_id: session.id("referrals"), page_size: 1, lease_seconds: 10 };
    let none = client.fetch_referrals(referrals.clone()).await.map_err(Refusal::of);
    book.refused(
        &said("referrals without a purpose", "未注明用途领取转介单"),
        none,
        &["PURPOSE_REQUIRED"],
        mend.clone(),
    );
    let other = client::request_for(Some("audit"), None, referrals);
    let other = client.fetch_referrals(other).await.map_err(Refusal::of);
    book.refused(
        &said("referrals for another purpose", "以其他用途领取转介单"),
        other,
        &["PURPOSE_NOT_ALLOWED"],
        mend.clone(),
    );
    let list = client.fetch_identity_list(FetchIdentityListRequest::default()).await.map_err(Refusal::of);
    book.refused(&said("the identity list without a purpose", "未注明用途查询名单"), list, &["PURPOSE_REQUIRED"], mend);

    let name = format!("referrals/{}", Uuid::nil());
    let asked = AcknowledgeReferralsRequest {
        request_id: session.id("sign"),
        referrals: vec![name.clone()],
        operator: "conform".to_owned(),
    };
    let signed = client.acknowledge_referrals(asked).await.map(tonic::Response::into_inner).map_err(Refusal::of);
    let mend = said(
        "answer for each referral by itself; one that is not there is not accepted",
        "逐件答复；不存在的转介单不予签收",
    );
    let expected =
        said("a signature for an unknown referral is answered and not accepted", "签收不存在的转介单：有答复且不接受");
    let came = signed.as_ref().map_or_else(Refusal::text, |a| format!("{} results", a.results.len()));
    let met = signed.is_ok_and(|a| matches!(a.results.as_slice(), [one] if !one.accepted && !one.message.is_empty()));
    book.expect(met, expected, came, mend.clone());
    let record = FeedbackRecord { record_no: "conform-1".to_owned(), referral: name, ..Default::default() };
    let asked = ReportFeedbackRequest { request_id: session.id("feedback"), records: vec![record] };
    let told = client.report_feedback(asked).await.map(tonic::Response::into_inner).map_err(Refusal::of);
    let expected = said("an answer to an unknown referral is refused by itself", "对不存在转介单的反馈：逐条退回");
    let came = told.as_ref().map_or_else(Refusal::text, |a| format!("{} results", a.results.len()));
    book.expect(told.is_ok_and(|a| matches!(a.results.as_slice(), [one] if !one.accepted)), expected, came, mend);
}

/// Verification requests, without taking any.
async fn verifications(session: &Session<'_>, book: &mut Notebook) {
    let mut client = session.client();
    let mend = said(
        "hand verification requests out for the purpose verification only (minqing-purpose)",
        "仅按用途 verification（minqing-purpose）下发核对单",
    );
    let asked = FetchVerificationsRequest { request_id: session.id("verifications"), page_size: 1, lease_seconds: 10 };
    let none = client.fetch_verifications(asked).await.map_err(Refusal::of);
    let what = said("verifications without a purpose", "未注明用途领取核对单");
    book.refused(&what, none, &["PURPOSE_REQUIRED"], mend);
    let answer = VerificationAnswer {
        verification: format!("verifications/{}", Uuid::nil()),
        outcome: VerificationOutcome::NothingFound.into(),
        ..Default::default()
    };
    let asked = AnswerVerificationRequest { request_id: session.id("verified"), answers: vec![answer] };
    let told = client.answer_verification(asked).await.map(tonic::Response::into_inner).map_err(Refusal::of);
    let mend =
        said("answer for each item by itself; one never requested is not taken", "逐项答复；未下发的核对不予接收");
    let expected = said("an answer to an unknown verification is refused by itself", "对不存在核对单的答复：逐条退回");
    let came = told.as_ref().map_or_else(Refusal::text, |a| format!("{} results", a.results.len()));
    let refused = |a: AnswerVerificationResponse| matches!(a.results.as_slice(), [one] if !one.accepted && !one.message.is_empty() && !one.message_zh.is_empty());
    book.expect(told.is_ok_and(refused), expected, came, mend);
}

pub async fn certificates(session: &Session<'_>) -> Notebook {
    let mut book = Notebook::default();
    let own = &session.target.identity;
    let tls13: &[&'static rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
    let mend = said(
        "TLS 1.3 with client certificates of the mesh's authority, and nothing else",
        "仅接受 TLS 1.3 且须出示本平台 CA 签发的客户端证书",
    );
    let came = "连接被接受 the connection was let in";
    let met = edge::is_let_in(session, tls13, Some(own)).await;
    book.expect(met, said("the bureau's own certificate is let in", "本部门证书可连接"), "refused", mend.clone());
    let none = edge::is_let_in(session, tls13, None).await;
    book.expect(!none, said("no certificate, no connection", "无证书不可连接"), came, mend.clone());
    let old = edge::is_let_in(session, &[&rustls::version::TLS12], Some(own)).await;
    book.expect(!old, said("TLS 1.2 is refused", "拒绝 TLS 1.2"), came, mend.clone());
    let stranger = Ca::new("stranger").and_then(|ca| ca.issue(&format!("bureau/{}", session.bureau), &["client"]));
    if let Ok(stranger) = stranger {
        let let_in = edge::is_let_in(session, tls13, Some(&stranger)).await;
        book.expect(!let_in, said("another authority's certificate is refused", "拒绝其他 CA 的证书"), came, mend);
    }
    let Some(other) = &session.target.other else {
        book.note = Some(said(
            "another bureau's certificate was not tried: give --other-tls-dir",
            "未检验其他部门的证书：请给出 --other-tls-dir",
        ));
        return book;
    };
    let mend = said(
        "serve the bureau of your own certificate only, by the URI in the caller's",
        "仅服务本部门，按调用方证书中的 URI 判断",
    );
    let what = said("another bureau's certificate", "其他部门的证书");
    match edge::client_as(session, other) {
        Ok(mut client) => {
            let answer = client.list_datasets(ListDatasetsRequest::default()).await.map_err(Refusal::of);
            book.refused(&what, answer, &["METHOD_NOT_ALLOWED", "PERMISSION_DENIED"], mend);
        }
        Err(error) => drop(book.expect(false, what, format!("{error:#}"), mend)),
    }
    book
}

pub async fn receipts(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let rows = anys(&session.rows(dataset, "receipts", 3));
    let header = session.header(dataset, "receipts", rows.len());
    let mend = said("sign every batch taken, as receipt.proto documents", "每个接收的批次均按 receipt.proto 签发回执");
    let answer = session.submit(&header, &rows).await;
    let Some(answer) = book.answered(said("the batch is answered", "批次有答复"), answer, mend.clone()) else {
        return book;
    };
    let batch = answer.batch.unwrap_or_default();
    let receipt = answer.receipt.unwrap_or_default();
    let counts = (receipt.sent, receipt.accepted, receipt.refused, receipt.changed);
    let met = receipt.kind() == ReceiptKind::Batch
        && receipt.subject == batch.name
        && (&receipt.batch_no, &receipt.dataset, &receipt.as_of) == (&header.batch_no, &header.dataset, &header.as_of)
        && counts == (batch.sent, batch.accepted, batch.refused, batch.changed);
    book.expect(
        met,
        said("the receipt says what the batch says", "回执与批次一致"),
        format!("{} {counts:?}", receipt.subject),
        mend.clone(),
    );
    let own = digest(&rows);
    let met = receipt.digest_form() == DigestForm::Rows && receipt.digest == hex(&own);
    let expected = said(format!("the digest of the rows is {}", hex(&own)), format!("数据摘要为 {}", hex(&own)));
    let how = said(
        "SHA-256 over each row's type name and bytes, each behind its length in 4 bytes, big-endian",
        "对每行的类型名与字节（各以 4 字节大端长度为前缀）计算 SHA-256",
    );
    book.expect(met, expected, receipt.digest.clone(), how);
    let mut client = session.client();
    let got = client.get_receipt(GetReceiptRequest { name: receipt.name.clone() }).await;
    let same = got.is_ok_and(|g| g.into_inner().receipt.as_ref() == Some(&receipt));
    book.expect(
        same,
        said("GetReceipt gives the same receipt", "GetReceipt 返回同一回执"),
        "another, or none",
        mend.clone(),
    );
    let got = client.get_batch(GetBatchRequest { name: batch.name.clone() }).await.map(tonic::Response::into_inner);
    let same = got.is_ok_and(|g| g.receipt.as_ref() == Some(&receipt) && g.batch.as_ref() == Some(&batch));
    book.expect(
        same,
        said("GetBatch gives the same batch and receipt", "GetBatch 返回同一批次与回执"),
        "another, or none",
        mend.clone(),
    );
    match &session.target.receipt_key {
        Some(key) => {
            let verdict = verify::check(&receipt, key, Some(own), None);
            book.expect(
                verdict == Verdict::Good,
                said("the signature fits the public key", "签名与公钥相符"),
                verdict.text().1,
                mend,
            );
        }
        None => {
            book.note =
                Some(said("the signature was not checked: give --receipt-key", "未核验签名：请给出 --receipt-key"));
        }
    }
    book
}

/// As the contract documents it, not by the adapter's own code.
fn digest(rows: &[Any]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for row in rows {
        let name = row.type_url.rsplit('/').next().unwrap_or_default();
        for part in [name.as_bytes(), row.value.as_slice()] {
            digest.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            digest.update(part);
        }
    }
    digest.finalize().into()
}
