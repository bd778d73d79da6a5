//! Rows: good ones are taken, bad ones refused one by one with their place, reason and remedy, and never the value.

use minqing_proto::minqing::{
    bureau::v1::{ColumnKind, DatasetColumn, DatasetDescription, ListRowErrorsRequest, SubmitBatchResponse},
    options::v1::ColumnFormat,
    types::v1::{RowError, RowReason},
};
use prost_types::Any;

use crate::{
    person::Person,
    report::said,
    row::{Row, Value, options},
    session::{Notebook, Refusal, Session, anys, has_chinese},
};

pub async fn valid(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let rows = session.rows(dataset, "valid", 3);
    let answer = session.submit(&session.header(dataset, "valid", rows.len()), &anys(&rows)).await;
    let mend = said(
        "accept rows that fit the columns you list, also of people the register does not know; give a column an example when its value must fit another column",
        "凡符合所列栏目要求的行均应接收（底册中没有的人员也应接收）；取值受其他栏目约束的，请给出 example",
    );
    let Some(answer) = book.answered(said("the batch is answered", "批次有答复"), answer, mend.clone()) else {
        return book;
    };
    let batch = answer.batch.unwrap_or_default();
    let came = format!(
        "sent {}, accepted {}, refused {}, changed {}; {}",
        batch.sent,
        batch.accepted,
        batch.refused,
        batch.changed,
        told(&answer.errors)
    );
    let counts = (batch.sent, batch.accepted, batch.refused, batch.changed) == (3, 3, 0, 3);
    book.expect(counts, said("sent 3, accepted 3, refused 0, changed 3", "报送 3、接收 3、退回 0、变化 3"), came, mend);
    let empty = session.submit(&session.header(dataset, "empty", 0), &[]).await;
    let mend =
        said("take an empty batch of changes: it says that nothing changed", "应接收无数据行的增量批次：表示无变化");
    book.answered(said("an empty batch is taken", "空批次可接收"), empty, mend);
    book
}

/// A row, where and why it must be refused; no field: at the row as a whole. What was planted must not come back.
struct Bad {
    row: Row,
    field: String,
    reason: RowReason,
    planted: String,
}

pub async fn bad(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut book = Notebook::default();
    let bad = spoiled(session, dataset);
    let good = session.rows(dataset, "beside", bad.len() as u64);
    // A good row before each bad one; then the first good row again, which is a duplicate.
    let mut rows: Vec<Row> = good.iter().zip(&bad).flat_map(|(good, bad)| [good.clone(), bad.row.clone()]).collect();
    rows.extend(good.first().cloned());
    let header = session.header(dataset, "bad", rows.len());
    let answer = session.submit(&header, &anys(&rows)).await;
    let mend = said("refuse bad rows by themselves and take the others", "逐行退回不合格数据，其余照常接收");
    let Some(answer) = book.answered(said("the batch is answered", "批次有答复"), answer, mend.clone()) else {
        return book;
    };
    let accepted = answer.batch.as_ref().map_or(0, |b| b.accepted);
    book.expect(
        usize::try_from(accepted) == Ok(good.len()),
        said(format!("the {} good rows are accepted", good.len()), format!("{} 行合格数据全部接收", good.len())),
        format!("accepted {accepted}; {}", told(&answer.errors)),
        mend,
    );
    for (at, bad) in bad.iter().enumerate() {
        one(&mut book, dataset, (at * 2 + 2, bad), &answer);
    }
    let last = rows.len();
    let duplicate = at_row(&answer.errors, last).is_some_and(|e| e.reason() == RowReason::DuplicateRow);
    let mend = said("refuse the second row of one key within a batch", "同一批次内主键重复的，退回后出现的行");
    let expected =
        said(format!("row {last} is refused with DUPLICATE_ROW"), format!("第 {last} 行以 DUPLICATE_ROW 退回"));
    book.expect(duplicate, expected, told(&answer.errors), mend);
    listed(session, &mut book, &answer).await;
    book
}

fn one(book: &mut Notebook, dataset: &DatasetDescription, (row, bad): (usize, &Bad), answer: &SubmitBatchResponse) {
    let error = at_row(&answer.errors, row);
    let header = dataset.columns.iter().find(|c| c.field == bad.field).map(|c| options(c).header).unwrap_or_default();
    let reason = bad.reason.as_str_name().trim_start_matches("ROW_REASON_");
    let place = error.is_some_and(|e| e.field == bad.field && e.header == header && e.reason() == bad.reason);
    let came =
        error.map_or_else(|| format!("第 {row} 行未退回 row {row} was not refused"), |e| told(std::slice::from_ref(e)));
    book.expect(
        place,
        said(format!("row {row}: {reason} at {}", bad.field), format!("第 {row} 行因“{header}”以 {reason} 退回")),
        came,
        said(
            "check each column as ListDatasets describes it and name its field and header",
            "按 ListDatasets 所述逐栏校验，并写明字段与栏目名",
        ),
    );
    if let Some(error) = error {
        let texts = !error.message.is_empty() && has_chinese(&error.message_zh);
        let mend = said("say in English and in Chinese what is wrong and what to do", "用中英文写明问题与改法");
        book.expect(
            texts,
            said(format!("row {row} has a remedy in both languages"), format!("第 {row} 行附中英文改法")),
            "",
            mend,
        );
        let leaks = [&error.message, &error.message_zh]
            .iter()
            .any(|text| !bad.planted.is_empty() && text.contains(&bad.planted));
        let mend = said("name the column, never the value: answers are kept in logs", "只写栏目名，不得写入原值");
        let came = "答复中出现了原值 the answer holds the value";
        book.expect(
            !leaks,
            said(format!("row {row}: the value does not come back"), format!("第 {row} 行答复不含原值")),
            came,
            mend,
        );
    }
}

async fn listed(session: &Session<'_>, book: &mut Notebook, answer: &SubmitBatchResponse) {
    let parent = answer.batch.as_ref().map(|b| b.name.clone()).unwrap_or_default();
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = ListRowErrorsRequest { parent: parent.clone(), page_size: 3, page_token };
        match session.client().list_row_errors(asked).await.map_err(Refusal::of) {
            Ok(page) => {
                let page = page.into_inner();
                all.extend(page.errors);
                page_token = page.next_page_token;
            }
            Err(refusal) => {
                let expected = said("ListRowErrors answers", "ListRowErrors 有答复");
                book.expect(false, expected, refusal.text(), said("serve ListRowErrors", "实现 ListRowErrors"));
                return;
            }
        }
        if page_token.is_empty() || all.len() > answer.errors.len() {
            break;
        }
    }
    let came = format!("{} of {}", all.len(), answer.errors.len());
    let mend = said("keep refused rows and give them page by page, in order", "保存退回行并按序分页提供");
    book.expect(
        all == answer.errors,
        said("ListRowErrors lists the same rows", "ListRowErrors 与答复一致"),
        came,
        mend,
    );
}

/// Every fault that the dataset's columns allow, one row each.
fn spoiled(session: &Session<'_>, dataset: &DatasetDescription) -> Vec<Bad> {
    let (maker, mut n) = (session.maker(dataset), session.seed(&format!("spoiled {}", crate::session::name(dataset))));
    let mut all = Vec::new();
    for column in &dataset.columns {
        for (value, reason) in faults(column, session.target.today) {
            n += 1;
            let person = Person::nth(n);
            let mut row = maker.row(&person, n);
            let value = if reason == RowReason::IdNumberCheckDigit { Value::Text(person.misspelt()) } else { value };
            let planted = match &value {
                Value::Text(text) => text.clone(),
                Value::Number(_) | Value::Truth(_) => String::new(),
            };
            row.set(column, value);
            all.push(Bad { row, field: column.field.clone(), reason, planted });
        }
    }
    all
}

fn faults(column: &DatasetColumn, today: chrono::NaiveDate) -> Vec<(Value, RowReason)> {
    let of = options(column);
    let text = |text: &str, reason| (Value::Text(text.to_owned()), reason);
    let mut all = Vec::new();
    if column.kind() == ColumnKind::Number {
        all.extend(of.max.and_then(|max| max.checked_add(1)).map(|n| (Value::Number(n), RowReason::OutOfRange)));
        all.extend(of.min.and_then(|min| min.checked_sub(1)).map(|n| (Value::Number(n), RowReason::OutOfRange)));
        return all;
    }
    if column.kind() == ColumnKind::Truth {
        return all;
    }
    if of.required {
        all.push(text("", RowReason::RequiredValueMissing));
    }
    match of.format() {
        ColumnFormat::IdNumber => {
            all.push(text("62120219", RowReason::IdNumberMalformed));
            all.push(text("-", RowReason::IdNumberCheckDigit));
        }
        ColumnFormat::Division => all.push(text("990000999", RowReason::DivisionUnknown)),
        ColumnFormat::Date => {
            all.push((Value::Text((today + chrono::Days::new(3)).to_string()), RowReason::DateInFuture));
            all.push(text("2026-02-30", RowReason::DateMalformed));
        }
        ColumnFormat::AnyDate => all.push(text("2026-02-30", RowReason::DateMalformed)),
        ColumnFormat::Month => all.push(text("2026-13", RowReason::DateMalformed)),
        ColumnFormat::Unspecified if !of.code_table.is_empty() => {
            all.push(text("不在表内的代码", RowReason::CodeUnknown))
        }
        ColumnFormat::Unspecified => {
            let length = usize::try_from(of.max_length).unwrap_or(200);
            all.push((Value::Text("长".repeat(length + 1)), RowReason::TextTooLong));
        }
        ColumnFormat::Name => (),
    }
    all
}

pub async fn drift(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut rows = anys(&session.rows(dataset, "drift", 4));
    let unknown: &[u8] = &[0xfa, 0xff, 0x07, 0x01, b'x']; // field 16383, a text
    rows[1].value.extend_from_slice(unknown);
    rows[2].type_url = "type.googleapis.com/minqing.bureau.nobody.v1.Nothing".to_owned();
    let expected = [(2, &[RowReason::UnknownColumn][..]), (3, &[RowReason::RowUnreadable][..])];
    let mend = said(
        "refuse a row that holds a field or a type you do not know: what is dropped in silence looks as if it had been taken in",
        "含未知字段或未知类型的行应退回：静默丢弃会让报送方误以为已接收",
    );
    others_go_on(session, dataset, ("drift", rows), &expected, mend).await
}

pub async fn poison(session: &Session<'_>, dataset: &DatasetDescription) -> Notebook {
    let mut rows = anys(&session.rows(dataset, "poison", 6));
    rows[1].value = vec![0xff; 40];
    let half = rows[2].value.len() - 1;
    rows[2].value.truncate(half);
    rows[3].value = vec![0x0a, 0x02, 0xc3, 0x28]; // field 1, no UTF-8
    rows[4].value = vec![b'x'; 70 * 1024];
    let unreadable = &[RowReason::RowUnreadable][..];
    let expected = [(2, unreadable), (3, unreadable), (4, unreadable), (5, unreadable)];
    let mend = said(
        "a row that cannot be decoded is refused by itself; go on with the next",
        "无法解析的行单独退回，继续处理后续行",
    );
    others_go_on(session, dataset, ("poison", rows), &expected, mend).await
}

async fn others_go_on(
    session: &Session<'_>,
    dataset: &DatasetDescription,
    (what, rows): (&str, Vec<Any>),
    expected: &[(usize, &[RowReason])],
    mend: crate::report::Said,
) -> Notebook {
    let mut book = Notebook::default();
    let answer = session.submit(&session.header(dataset, what, rows.len()), &rows).await;
    let Some(answer) = book.answered(said("the batch is answered", "批次有答复"), answer, mend.clone()) else {
        return book;
    };
    for (row, reasons) in expected {
        let error = at_row(&answer.errors, *row);
        let met =
            error.is_some_and(|e| reasons.contains(&e.reason()) && !e.message.is_empty() && has_chinese(&e.message_zh));
        let words: Vec<_> = reasons.iter().map(RowReason::as_str_name).collect();
        let words = words.join(" / ");
        let expected = said(format!("row {row} is refused with {words}"), format!("第 {row} 行以 {words} 退回"));
        book.expect(met, expected, told(&answer.errors), mend.clone());
    }
    let good = rows.len() - expected.len();
    let accepted = answer.batch.as_ref().map_or(0, |b| b.accepted);
    let expected = said(format!("the other {good} rows are accepted"), format!("其余 {good} 行接收"));
    book.expect(usize::try_from(accepted) == Ok(good), expected, format!("accepted {accepted}"), mend);
    book
}

fn at_row(errors: &[RowError], row: usize) -> Option<&RowError> {
    errors.iter().find(|e| usize::try_from(e.row) == Ok(row))
}

/// Refused rows in short.
fn told(errors: &[RowError]) -> String {
    let one =
        |e: &RowError| format!("{}:{}:{}", e.row, e.field, e.reason().as_str_name().trim_start_matches("ROW_REASON_"));
    if errors.is_empty() {
        "无退回行 no row was refused".to_owned()
    } else {
        errors.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}
