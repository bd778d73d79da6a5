//! What became of a batch, written where the bureau looks: refused rows, signed receipts and the result in one
//! transaction, the result last. A reader who sees the result sees all of it; one that is there is never written again.
//! Messages name the column and the remedy, never the value.

use minqing_kit::Error;
use minqing_proto::minqing::{
    bureau::v1::{Batch, Receipt},
    types::v1::RowError,
};

use super::{
    control::{self, Control},
    database::Link,
    holds, source,
    sql::{Sql, Value, cast, or_null},
    take::Taken,
};
use crate::{
    Result,
    core::Core,
    receipt,
    report::{Outcome, Told},
    row::Cell,
    store,
};

const ERRORS_A_PAGE: i64 = 2_000;
const LINKED: &str = "linked";
/// Refused rows written by one statement.
const ROWS_A_STATEMENT: usize = 250;
/// Receipts written by one statement; each is a kilobyte or two.
const RECEIPTS_A_STATEMENT: usize = 100;

/// A refused row as it is written.
struct Line {
    row: u32,
    column: String,
    reason: String,
    zh: String,
    en: String,
}

/// Writes the result of a batch, once.
pub async fn tell(core: &Core, link: &mut Link, control: &Control, taken: &Taken) -> Result<()> {
    if holds(link, "mq_batch_result", "batch_no", &control.batch_no).await? {
        return Ok(());
    }
    link.begin().await?;
    if control.span.is_none() {
        as_it_was(link, control).await?;
    }
    let mut lines = Lines { control, seqs: &taken.seqs };
    match &taken.outcome {
        Outcome::Batch(batch, _) => tell_batch(core, link, batch, &mut lines).await?,
        Outcome::Form(sent, told, _) => lines.write(link, lines_of_form(*sent, told)).await?,
        Outcome::Refused(_) => {}
    }
    for some in taken.outcome.receipts().chunks(RECEIPTS_A_STATEMENT) {
        link.execute(receipts(link, control, some)?).await?;
    }
    let counts_linked = source::has_column(link, "mq_batch_result", LINKED).await?;
    let time = core.cx.clock.now().with_timezone(&china()).format("%Y-%m-%d %H:%M:%S").to_string();
    link.execute(result(link, control, &taken.outcome, &time, counts_linked)).await?;
    link.end().await
}

/// A control row altered since it was read announces another batch, which this result is not of. One that is gone
/// takes nothing back.
async fn as_it_was(link: &mut Link, control: &Control) -> Result<()> {
    match control::again(link, &control.batch_no).await? {
        Some(now) if now != *control => Err(Error::conflict(
            "CONTROL_ROW_CHANGED",
            "the control row was altered while its batch was taken; it is read again",
            "处理期间控制行被修改，将重新读取",
        )),
        _ => Ok(()),
    }
}

/// Those of these batches that have a result, with the reason of the refused ones.
pub async fn results(link: &mut Link, numbers: &[String]) -> Result<Vec<(String, String)>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let no = cast(link.dialect(), "batch_no");
    let mut sql = Sql::new(link.dialect(), &format!("select {no}, reason from mq_batch_result where batch_no in ("));
    for (at, number) in numbers.iter().enumerate() {
        sql = sql.add(if at == 0 { "" } else { ", " }).value(number.as_str());
    }
    let text = |cell: Option<&Cell>| if let Some(Cell::Text(text)) = cell { text.clone() } else { String::new() };
    let found = link.ask(sql.add(")")).await?;
    Ok(found.iter().map(|row| (text(row.first()), text(row.get(1)))).filter(|(no, _)| numbers.contains(no)).collect())
}

fn china() -> chrono::FixedOffset {
    chrono::FixedOffset::east_opt(8 * 3_600).unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc))
}

async fn tell_batch(core: &Core, link: &mut Link, batch: &Batch, lines: &mut Lines<'_>) -> Result<()> {
    let id = minqing_kit::id::parse_name("batches", &batch.name, "name")?;
    let mut after = 0;
    loop {
        let mut conn = core.cx.db.acquire().await?;
        let errors = store::row_errors(&mut conn, id, after, ERRORS_A_PAGE).await?;
        drop(conn);
        let Some(last) = errors.last() else { return Ok(()) };
        after = last.row;
        lines.write(link, errors.into_iter().map(line_of_row).collect()).await?;
    }
}

fn line_of_row(e: RowError) -> Line {
    Line {
        row: u32::try_from(e.row).unwrap_or_default(),
        reason: e.reason().as_str_name().trim_start_matches("ROW_REASON_").to_owned(),
        column: e.header,
        zh: e.message_zh,
        en: e.message,
    }
}

/// What is about no line of the form gets the numbers after the last line's.
fn lines_of_form(sent: usize, told: &[Told]) -> Vec<Line> {
    let mut beyond = u32::try_from(sent).unwrap_or(u32::MAX);
    let mut place = |row: u32| {
        beyond += u32::from(row == 0);
        if row == 0 { beyond } else { row }
    };
    let line = |told: &Told| Line {
        row: place(told.row),
        column: told.column.clone(),
        reason: told.reason.to_owned(),
        zh: told.zh.clone(),
        en: told.en.clone(),
    };
    told.iter().map(line).collect()
}

/// Where refused rows are written to, and which row of the bureau's table each is.
struct Lines<'a> {
    control: &'a Control,
    seqs: &'a [i64],
}

impl Lines<'_> {
    async fn write(&mut self, link: &mut Link, lines: Vec<Line>) -> Result<()> {
        for some in lines.chunks(ROWS_A_STATEMENT) {
            let mut sql = Sql::new(
                link.dialect(),
                "insert into mq_row_result (batch_no, row_no, mq_seq, column_name, reason, message_zh, message) values ",
            );
            for (at, line) in some.iter().enumerate() {
                let place = usize::try_from(line.row).unwrap_or_default().checked_sub(1);
                let seq = place.and_then(|place| self.seqs.get(place)).copied();
                sql = sql.add(if at == 0 { "(" } else { ", (" }).value(self.control.batch_no.as_str());
                sql = sql.add(", ").value(i64::from(line.row)).add(", ").value(Value::Whole(seq));
                for text in [&line.column, &line.reason, &line.zh, &line.en] {
                    sql = sql.add(", ").value(text.as_str());
                }
                sql = sql.add(")");
            }
            link.execute(sql).await?;
        }
        Ok(())
    }
}

fn receipts(link: &Link, control: &Control, receipts: &[Receipt]) -> Result<Sql> {
    let mut sql = Sql::new(link.dialect(), "insert into mq_signed_receipt (batch_no, subject, receipt) values ");
    for (at, one) in receipts.iter().enumerate() {
        let json = receipt::to_json(std::slice::from_ref(one)).map_err(Error::bug)?;
        let json = String::from_utf8(json).map_err(Error::bug)?;
        sql = sql.add(if at == 0 { "(" } else { ", (" }).value(control.batch_no.as_str());
        sql = sql.add(", ").value(one.subject.as_str()).add(", ").value(json.as_str()).add(")");
    }
    Ok(sql)
}

/// `counts_linked`: the bureau's table has the column, which those made before it do not.
fn result(link: &Link, control: &Control, outcome: &Outcome, time: &str, counts_linked: bool) -> Sql {
    let none = || Value::Whole(None);
    let count = |n: usize| Value::Whole(i64::try_from(n).ok());
    let (word, batch, counts) = match outcome {
        Outcome::Batch(b, _) => {
            ("taken", b.name.as_str(), [b.sent.into(), b.accepted.into(), b.refused.into(), b.changed.into()])
        }
        Outcome::Form(sent, told, _) => {
            let refused = Told::lines(told);
            ("taken", "", [count(*sent), count(sent - refused), count(refused), none()])
        }
        Outcome::Refused(_) => ("refused", "", [none(), none(), none(), none()]),
    };
    let why = match outcome {
        Outcome::Refused(r) => [r.reason.as_str(), &r.column, &r.zh, &r.en],
        _ => [""; 4],
    };
    let linked = match outcome {
        Outcome::Batch(batch, _) => i64::from(batch.linked).into(),
        _ => none(),
    };
    let (column, linked) = if counts_linked { (", linked", Some(linked)) } else { ("", None) };
    let mut sql = Sql::new(
        link.dialect(),
        &format!(
            "insert into mq_batch_result (batch_no, outcome, batch, sent, accepted, refused, changed, \
               reason, column_name, message_zh, message{column}, finished_at) values ("
        ),
    )
    .value(control.batch_no.as_str())
    .add(", ")
    .value(word)
    .add(", ")
    .value(or_null(batch));
    for value in counts.into_iter().chain(why.into_iter().map(or_null)).chain(linked) {
        sql = sql.add(", ").value(value);
    }
    sql.add(", ").time(time).add(")")
}
