//! Repeats, cuts and order: the same request does the same again, and what is older replaces nothing.

use chrono::Days;
use futures::{StreamExt as _, stream};
use minqing_proto::minqing::bureau::v1::{DatasetDescription, SubmitBatchResponse};

use crate::{
    person::Person,
    report::said,
    session::{Notebook, Session, anys, messages, name},
};

pub async fn duplicate(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let rows = anys(&session.rows(dataset, "duplicate", 3));
    let header = session.header(dataset, "duplicate", rows.len());
    let first = session.submit(&header, &rows).await;
    let again = session.submit(&header, &rows).await;
    let mend = said(
        "keep the answer under the request id and give it again for the same request",
        "按 request_id 保存答复，同一请求再次到达时原样返回",
    );
    let same = matches!((&first, &again), (Ok(a), Ok(b)) if a == b);
    let came = [&first, &again].map(|a| a.as_ref().map_or_else(|r| r.text(), counts)).join(" | ");
    book.expect(same, said("the same answer, byte for byte", "两次答复完全相同"), came, mend.clone());
    let mut other = rows.clone();
    other.swap(0, 1);
    let what = said("the same request id with other rows", "同一 request_id、不同数据行");
    let reuse = said("compare the whole request with the one the id stands for", "核对 request_id 对应的完整请求");
    book.refused(&what, session.submit(&header, &other).await, &["REQUEST_ID_REUSED"], reuse);
    let third = session.submit(&header, &rows).await;
    let same = matches!((&first, &third), (Ok(a), Ok(b)) if a == b);
    book.expect(same, said("the first answer stands after that", "此后首次答复仍然有效"), "another answer", mend);
    book
}

pub async fn resume(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let rows = anys(&session.rows(dataset, "resume", 400));
    let header = session.header(dataset, "resume", rows.len());
    // The header and the first half; the end comes too early.
    let half = messages(&header, &rows).into_iter().take(2).collect::<Vec<_>>();
    let what = said("a stream that ends before its row_count", "未达到 row_count 即结束的批次");
    let mend = said("take nothing of a batch that did not come whole", "批次不完整时整批不接收");
    book.refused(&what, session.send(stream::iter(half.clone())).await, &["ROW_COUNT_MISMATCH"], mend.clone());
    // The same, and then the connection is given up in the middle.
    let cut = session.send(stream::iter(half).chain(stream::pending()));
    let _ = tokio::time::timeout(std::time::Duration::from_millis(300), cut).await;
    let whole = session.submit(&header, &rows).await;
    let expected = said("the same request id is taken whole after a cut", "断开后以同一 request_id 可完整重报");
    if let Some(answer) = book.answered(expected.clone(), whole, mend.clone()) {
        let batch = answer.batch.clone().unwrap_or_default();
        let met = (batch.accepted, batch.changed) == (400, 400);
        book.expect(met, expected, counts(&answer), mend);
    }
    book
}

pub async fn out_of_order(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let (maker, seed) = (session.maker(dataset), session.seed(&format!("order {}", name(dataset))));
    let changes = maker.changes();
    if changes.is_empty() {
        book.skipped = true;
        book.note = Some(said(
            "every column is part of the key or left out, so no row can change",
            "所有栏目均为主键或不外传，无可变更的值",
        ));
        return book;
    }
    let person = |n: usize| (Person::nth(seed + n as u64), seed + n as u64);
    let base: Vec<_> = (0..changes.len()).map(|n| maker.row(&person(n).0, person(n).1)).collect();
    let newer: Vec<_> = base
        .iter()
        .zip(changes)
        .map(|(row, (column, value))| {
            let mut row = row.clone();
            row.set(column, value);
            row
        })
        .collect();
    let (base, newer) = (anys(&base), anys(&newer));
    let mut came = Vec::new();
    for (what, rows, days) in
        [("order-1", &base, 3), ("order-2", &newer, 1), ("order-3", &base, 3), ("order-4", &newer, 1)]
    {
        let mut header = session.header(dataset, what, rows.len());
        header.as_of = (session.target.today - Days::new(days)).to_string();
        let answer = session.submit(&header, rows).await;
        let mend = said("take a batch of any past day", "应接收任一过去日期的批次");
        let Some(answer) = book.answered(said("the batch is answered", "批次有答复"), answer, mend) else {
            return book;
        };
        let batch = answer.batch.unwrap_or_default();
        came.push((batch.accepted, batch.changed));
    }
    let words = format!("(accepted, changed): {came:?}");
    // Changes that the adapter's own checks refuse do not count; the others must have been seen.
    let newer_changed = came.get(1).is_some_and(|(accepted, changed)| *changed >= 1 && changed == accepted);
    let mend = said("count a row with another value as changed", "取值不同的行应计为变化");
    book.expect(
        newer_changed,
        said("the second batch, two days newer, changes its rows", "第二批（晚两天）引起变化"),
        words.clone(),
        mend,
    );
    let stands = came.get(2).is_some_and(|c| c.1 == 0) && came.get(3).is_some_and(|c| c.1 == 0);
    let mend = said(
        "compare as_of: older data never replace newer ones, and changed is 0",
        "按 as_of 比较：旧数据不得覆盖新数据，变化计 0",
    );
    let expected = said(
        "the third batch, older than the second, changes nothing, and the fourth finds the second unchanged",
        "第三批（早于第二批）不引起变化，第四批与第二批一致",
    );
    book.expect(stands, expected, words, mend);
    book
}

pub async fn clock_skew(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let rows = anys(&session.rows(dataset, "skew", 1));
    let today = session.target.today;
    let mend = said("refuse data of a day that has not come", "拒绝未来日期的数据");
    let mut future = session.header(dataset, "skew-future", 1);
    future.as_of = (today + Days::new(2)).to_string();
    let what = said("an as_of of the day after tomorrow", "数据日期为后天的批次");
    book.refused(&what, session.submit(&future, &rows).await, &["INVALID_BATCH_HEADER"], mend);
    for (what, days) in [("skew-today", 0), ("skew-yesterday", 1)] {
        let mut header = session.header(dataset, what, 1);
        header.as_of = (today - Days::new(days)).to_string();
        let answer = session.submit(&header, &rows).await;
        let mend = said(
            "clocks differ by minutes: take today and yesterday; business days are China Standard Time",
            "时钟会有分钟级偏差：应接收当天与前一天；日期按北京时间",
        );
        book.answered(
            said(format!("an as_of {days} days ago is taken"), format!("数据日期为 {days} 天前的批次可接收")),
            answer,
            mend,
        );
    }
    book
}

fn counts(answer: &SubmitBatchResponse) -> String {
    let batch = answer.batch.clone().unwrap_or_default();
    format!("{} accepted {}, refused {}, changed {}", batch.name, batch.accepted, batch.refused, batch.changed)
}
