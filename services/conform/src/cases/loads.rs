//! Too much and too slow: a clear refusal, and everybody else is still served.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use minqing_proto::minqing::bureau::v1::{DatasetDescription, ListDatasetsRequest};
use prost_types::Any;

use crate::{
    report::said,
    session::{Notebook, Refusal, Session, anys, messages, part},
};

/// A small call is to be answered within this, whatever else goes on.
const SOON: Duration = Duration::from_secs(4);

pub async fn oversized(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let rows = anys(&session.rows(dataset, "oversized", 1));
    let whole = |n: i32| usize::try_from(n).unwrap_or_default();
    let mend = said(
        "hold to the limits you list: refuse what is above them at once, and go on",
        "遵守所列限额：超限即拒绝，服务不中断",
    );

    let many = vec![Any { value: Vec::new(), ..rows[0].clone() }; whole(session.limits.rows_per_message) + 1];
    let header = session.header(dataset, "over-rows", many.len());
    let start = messages(&header, &[]);
    let what = said("a message with one row too many", "单条消息行数超限");
    let sent = session.send(stream::iter(start).chain(stream::iter([part(&many)]))).await;
    book.refused(&what, sent, &["PART_TOO_LARGE"], mend.clone());

    let heavy = vec![
        Any { value: vec![0x7a; 60 * 1024], ..rows[0].clone() };
        whole(session.limits.bytes_per_message) / (60 * 1024) + 1
    ];
    let header = session.header(dataset, "over-bytes", heavy.len());
    let what = said("a message with too many bytes", "单条消息字节数超限");
    let sent = session.send(stream::iter(messages(&header, &[])).chain(stream::iter([part(&heavy)]))).await;
    book.refused(&what, sent, &["PART_TOO_LARGE"], mend.clone());

    let mut header = session.header(dataset, "over-batch", 0);
    header.row_count = session.limits.rows_per_batch.saturating_add(1);
    let what = said("a batch that announces too many rows", "声明行数超限的批次");
    book.refused(
        &what,
        session.submit(&header, &rows).await,
        &["INVALID_BATCH_HEADER", "BATCH_TOO_LARGE"],
        mend.clone(),
    );

    let answer = session.submit(&session.header(dataset, "over-after", 1), &rows).await;
    book.answered(said("the adapter goes on", "服务仍正常"), answer, mend);
    book
}

pub async fn slow(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let count = session.limits.batches_at_once.clamp(1, 16) + 1;
    let idle = u64::try_from(session.limits.idle_seconds_when_awaited).unwrap_or(5).clamp(1, 60);
    // Each sends its header and some rows, and then nothing more.
    let stalled = (0..count).map(|n| {
        let what = format!("stalled-{n}");
        let rows = anys(&session.rows(dataset, &what, 2));
        let mut header = session.header(dataset, &what, rows.len());
        header.row_count += 1;
        session.send(stream::iter(messages(&header, &rows)).chain(stream::pending()))
    });
    let work = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        let small = session.client().list_datasets(ListDatasetsRequest::default()).await.map_err(Refusal::of);
        let small = (small.map(|_| ()), began.elapsed());
        let rows = anys(&session.rows(dataset, "beside-slow", 5));
        let limit = Duration::from_secs(idle * 2 + 10);
        let batch =
            tokio::time::timeout(limit, session.submit(&session.header(dataset, "beside-slow", 5), &rows)).await;
        (small, batch, limit)
    };
    let all = futures::future::join_all(stalled);
    let ((small, took), batch, limit) = tokio::select! {
        done = work => done,
        _ = all => {
            let expected = said("other calls are served", "其他调用正常");
            book.expect(false, expected, "every slow stream ended before a whole batch was answered", said("end a silent stream only after the time you list", "仅在所列时间后结束静默流"));
            return book;
        }
    };
    let mend = said(
        "end a stream that sends nothing once another waits (BATCH_IDLE), and keep small calls apart from batches",
        "有批次等待时结束静默的流（BATCH_IDLE），小请求不受批次影响",
    );
    let expected = said(
        format!("a small call is answered within {} s beside {count} stalled batches", SOON.as_secs()),
        format!("{count} 个停滞批次时，小请求 {} 秒内答复", SOON.as_secs()),
    );
    let came = small.as_ref().map_or_else(Refusal::text, |()| format!("{} ms", took.as_millis()));
    book.expect(small.is_ok() && took < SOON, expected, came, mend.clone());
    let expected = said(
        format!("a whole batch is taken within {} s", limit.as_secs()),
        format!("完整批次 {} 秒内接收", limit.as_secs()),
    );
    match batch {
        Ok(answer) => drop(book.answered(expected, answer, mend)),
        Err(_) => drop(book.expect(false, expected, "超时 no answer in time", mend)),
    }
    let (slow, meanwhile) = crate::edge::slow_reader(session).await;
    let mend = said(
        "answer others while one reader does not read: buffer little, time out",
        "一方不读取答复时照常服务他人：少缓冲、设超时",
    );
    let expected = said("others are served while a reader takes nothing of its answer", "一方不读取答复时其他调用正常");
    book.expect(slow.is_ok() && meanwhile, expected, slow.err().map(|e| format!("{e:#}")).unwrap_or_default(), mend);
    book
}
