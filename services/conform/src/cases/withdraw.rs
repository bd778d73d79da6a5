//! A batch taken back: it counts no more, its number is used up, and whoever asks again gets the first answer.

use minqing_proto::minqing::bureau::v1::{
    BatchState, DatasetDescription, GetBatchRequest, WithdrawBatchRequest, WithdrawBatchResponse,
};
use tonic::Response;

use crate::{
    report::said,
    session::{Notebook, Refusal, Session, anys},
};

pub async fn withdraw(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let rows = anys(&session.rows(dataset, "withdraw", 3));
    // The number is used up afterwards: another run on the same day needs another.
    let mut header = session.header(dataset, "withdraw", rows.len());
    header.batch_no = format!("conform-withdraw-{}", session.target.run.simple());
    let mend = said("take a batch of good rows", "应接收合格批次");
    let taken = book.answered(said("the batch is taken", "批次已接收"), session.submit(&header, &rows).await, mend);
    let Some(batch) = taken.and_then(|answer| answer.batch) else { return book };

    let nobody = said("a batch that there is not", "不存在的批次");
    let mend = said("look the batch up first", "先查找该批次");
    let unknown = format!("batches/{}", session.id("withdraw nobody"));
    book.refused(&nobody, ask(session, "nobody", &unknown).await, &["BATCH_NOT_FOUND"], mend);

    let mend = said(
        "take back what the batch did and keep reason, operator and time with it",
        "撤回该批次的全部影响，并保存原因、经办人和时间",
    );
    let first = ask(session, "first", &batch.name).await;
    let Some(first) = book.answered(said("the batch is withdrawn", "批次已撤回"), first, mend.clone()) else {
        return book;
    };
    let again = ask(session, "first", &batch.name).await;
    let came = again.as_ref().map_or_else(Refusal::text, |a| format!("{:?}", a.withdrawal));
    let same = again.is_ok_and(|again| again == first);
    book.expect(same, said("the same request gets the same answer", "同一请求得到同一答复"), came, mend.clone());
    let other = ask(session, "other", &batch.name).await;
    let came = other.as_ref().map_or_else(Refusal::text, |a| format!("{:?}", a.withdrawal));
    let same = other.is_ok_and(|other| other.withdrawal == first.withdrawal);
    book.expect(same, said("another request gets the first withdrawal", "另一请求得到首次撤回"), came, mend.clone());

    let got = session.client().get_batch(GetBatchRequest { name: batch.name.clone() }).await;
    let got = got.map(Response::into_inner).map_err(Refusal::of);
    let came = got.as_ref().map_or_else(Refusal::text, |got| got.state().as_str_name().to_owned());
    let met = got.is_ok_and(|got| got.state() == BatchState::Withdrawn && got.withdrawal == first.withdrawal);
    book.expect(met, said("GetBatch says that it is withdrawn, and why", "GetBatch 说明已撤回及原因"), came, mend);

    let what = said("the number of a withdrawn batch", "已撤回批次的批次号");
    let mend = said("refuse it, also under the same request id", "拒绝，同一 request_id 亦然");
    book.refused(&what, session.submit(&header, &rows).await, &["BATCH_WITHDRAWN"], mend);
    book
}

async fn ask(session: &Session<'_>, request: &str, batch: &str) -> Result<WithdrawBatchResponse, Refusal> {
    let request = WithdrawBatchRequest {
        request_id: session.id(&format!("withdraw {request}")),
        batch: batch.to_owned(),
        reason: "符合性检验 conformance".to_owned(),
        operator: "conformance".to_owned(),
    };
    session.client().withdraw_batch(request).await.map(Response::into_inner).map_err(Refusal::of)
}
